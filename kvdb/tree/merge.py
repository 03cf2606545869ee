"""Small leaves are joined to their neighbours, so that the fixed number of leaves that a search reads holds more rows.

Ward's rule: of all pairs whose rows fit into one leaf, the pair goes first whose union adds least to the summed squared
distance of rows to their leaf's mean.
"""

from __future__ import annotations

import numpy as np

from kvdb.tree import kmeans
from kvdb.types import F16, F32, I32

TOGETHER = 2048  # leaves compared with one another at a time: costs of pairs fill 16 MB


def merge(points: F16, labels: I32, leaf_rows: int, most: int) -> I32:
    """Labels without gaps, after joining until leaves of points [n, p] hold `leaf_rows` in the mean, `most` at most.

    Joins nothing where that is so already, and less where no pair fits.
    """
    means, counts = kmeans.means(points, labels, int(labels.max()) + 1)
    joined = np.arange(len(means))  # [L] the leaf that each went into
    for leaves in _groups(means):
        wanted = -(-int(counts[leaves].sum()) // leaf_rows)
        joined[leaves] = leaves[_ward(means[leaves], counts[leaves].astype(np.float32), wanted, most)]
    _, places = np.unique(joined, return_inverse=True)
    merged: I32 = places.astype(np.int32)[labels]
    return merged


def _groups(means: F32) -> list[kmeans.Indices]:
    """The leaves in groups of neighbours, of at most TOGETHER each."""
    parts = kmeans.halve(means, TOGETHER)
    return kmeans.groups(parts, int(parts.max()) + 1)


def _ward(means: F32, counts: F32, wanted: int, most: int) -> kmeans.Indices:
    """The place [L] that each of `means` [L, p] went into, when no more than `wanted` are left or no pair fits."""
    means, counts = means.copy(), counts.copy()
    joined = np.arange(len(means))  # [L]
    costs = np.stack([_costs(means, counts, place, most) for place in joined.tolist()])  # [L, L]
    for _ in range(len(means) - wanted):
        kept, gone = divmod(int(costs.argmin()), len(means))
        if not np.isfinite(costs[kept, gone]):
            break
        total = counts[kept] + counts[gone]
        means[kept] = (means[kept] * counts[kept] + means[gone] * counts[gone]) / total
        counts[kept], counts[gone] = total, np.inf
        joined[joined == gone] = kept
        costs[gone], costs[:, gone] = np.inf, np.inf
        costs[kept] = costs[:, kept] = _costs(means, counts, kept, most)
    return joined


def _costs(means: F32, counts: F32, place: int, most: int) -> F32:
    """What joining each with the one at `place` adds to the summed squared distances [L]; infinite where it cannot."""
    fits = counts + counts[place] <= most  # [L] false for those that are gone: their count is infinite
    fits[place] = False
    out = np.full(len(means), np.inf, np.float32)
    squares = ((means[fits] - means[place]) ** 2).sum(axis=1)
    out[fits] = squares * counts[fits] * counts[place] / (counts[fits] + counts[place])
    return out
