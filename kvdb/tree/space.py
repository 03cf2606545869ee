"""The space in which rows are clustered: the leading principal directions, the strongest of them toned down.

Key sentences of one relation share a few directions of great variance ("the capital of ..."), and k-means spends its
cells on them. A query and the rows that answer it agree there anyway; what tells the right row from its neighbours is
the rest. So the variance of the strongest directions is clipped at that of the next, only the leading ones
are kept, which makes clustering three times cheaper, and what is left is brought to unit length, so that cells compare
directions. Scores of a search never see this space. Measured in docs/tree.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kvdb.half import widened
from kvdb.types import F16, F32

BLOCK = 2048  # rows whose float32 copies stay in the cache
WIDEST = 100.0  # no direction is toned down by more than this ratio of variances


@dataclass(frozen=True, slots=True)
class Space:
    """A map from the encoder's space: centred, toned down, of unit length."""

    mean: F32  # [d]
    axes: F32  # [d, p] orthogonal, of length at most 1

    def project(self, vectors: F16 | F32) -> F32:
        """Vectors [n, d] in this space: float32 [n, p]."""
        projected = np.empty((len(vectors), self.axes.shape[1]), np.float32)
        for start in range(0, len(vectors), BLOCK):
            part = slice(start, start + BLOCK)
            np.matmul(widened(vectors[part]), self.axes, out=projected[part])
        projected -= self.mean @ self.axes
        lengths = np.sqrt(np.einsum("np,np->n", projected, projected))  # [n]
        projected /= np.maximum(lengths, 1e-6)[:, None]
        return projected


def fit(sample: F16, parts: int, clipped: int) -> Space:
    """The space of at most `parts` dimensions of a sample of the rows: float16 [m, d], m >= 1.

    The `clipped` strongest directions (at most a quarter of those kept) get the variance of the next.
    """
    wide = sample.astype(np.float32)
    mean = wide.mean(axis=0)  # [d]
    wide -= mean
    variances, axes = np.linalg.eigh(wide.T @ wide / np.float32(len(wide)))  # ascending [d], [d, d]
    kept = min(parts, len(variances))
    variances, axes = variances[::-1][:kept], axes[:, ::-1][:, :kept]
    clip = max(float(variances[min(clipped, kept // 4)]), float(variances[0]) / WIDEST, 1e-12)
    scales = np.sqrt(clip / np.maximum(variances, clip))  # [p]
    return Space(mean, np.ascontiguousarray(axes * scales, dtype=np.float32))
