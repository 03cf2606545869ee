"""Where in the tree a vector belongs: the leaves whose centroids are nearest, found with a beam."""

from __future__ import annotations

import numpy as np

from kvdb.tables import Reader
from kvdb.types import F16, F32, U32

BEAM = 8  # nodes of each level that are looked into


def nearest_leaves(reader: Reader, vectors: F16) -> U32:
    """The leaf of each vector [n, d] by Euclidean distance, as k-means assigns rows: uint32 [n]."""
    found: U32 = nearest_few(reader, vectors, 1)[:, 0]
    return found


def nearest_few(reader: Reader, vectors: F16 | F32, few: int) -> U32:
    """The `few` nearest leaves of each vector [n, d], nearest first: uint32 [n, few], 0 where there are fewer."""
    wide = vectors.astype(np.float32)  # [n, d]
    frontier = np.full((len(wide), 1), reader.state.root, np.uint32)  # [n, b]
    while True:
        distances = np.full((len(wide), 1), np.inf, np.float32)  # [n, b]
        children = np.zeros((len(wide), 1), np.uint32)  # [n, b]
        level = 1
        for node in np.unique(frontier[frontier > 0]).tolist():
            page = reader.node_record(node)
            level = page.level
            at = np.flatnonzero((frontier == node).any(axis=1))  # [m] vectors that look into this node
            found = (page.centroids**2).sum(axis=1) - 2 * wide[at] @ page.centroids.T  # [m, c]
            ids = np.broadcast_to(page.children, found.shape)
            keep = max(BEAM, few) if level > 1 else few
            if found.shape[1] > keep:
                nearest = np.argpartition(found, keep - 1, axis=1)[:, :keep]
                found, ids = np.take_along_axis(found, nearest, 1), np.take_along_axis(ids, nearest, 1)
            distances, children = _merged(distances, children, at, found, ids, keep)
        if level == 1:
            return _padded(children, few)
        frontier = children


def _padded(children: U32, few: int) -> U32:
    """`children` [n, b] with exactly `few` columns."""
    out = np.zeros((len(children), few), np.uint32)
    width = min(few, children.shape[1])
    out[:, :width] = children[:, :width]
    return out


def _merged(
    distances: np.ndarray, children: np.ndarray, at: np.ndarray, found: np.ndarray, ids: np.ndarray, keep: int
) -> tuple[np.ndarray, np.ndarray]:
    """The `keep` nearest of what was known [n, b] and what was found for the vectors `at` [m, c]."""
    n, width = len(distances), distances.shape[1] + found.shape[1]
    both = np.full((n, width), np.inf, np.float32)
    names = np.zeros((n, width), np.uint32)
    both[:, : distances.shape[1]], names[:, : distances.shape[1]] = distances, children
    both[at, distances.shape[1] :], names[at, distances.shape[1] :] = found, ids
    best = np.argsort(both, axis=1, kind="stable")[:, :keep]
    return np.take_along_axis(both, best, 1), np.take_along_axis(names, best, 1)
