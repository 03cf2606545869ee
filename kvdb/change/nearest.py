"""Where in the tree a vector belongs: the leaves whose centroids are nearest, found with a beam.

Nearest in the space that the tree was clustered in (kvdb.file.space_record), as the bulk build assigned its rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kvdb.file.tables import Reader
from kvdb.file.toned import TonedTree
from kvdb.types import F16, F32, U32

BEAM = 16  # nodes of each level that are looked into
SINGLE = 4  # up to so many vectors are looked up one by one


def nearest_leaves(reader: Reader, vectors: F16) -> U32:
    """The leaf of each vector [n, d], as k-means assigns rows: uint32 [n]."""
    found: U32 = nearest_few(reader, vectors, 1)[:, 0]
    return found


def nearest_few(reader: Reader, vectors: F16 | F32, few: int) -> U32:
    """The `few` nearest leaves of each vector [n, d], nearest first: uint32 [n, few], 0 where there are fewer."""
    tree = TonedTree(reader)
    wide = tree.vectors(vectors)  # [n, p]
    if len(wide) <= SINGLE:
        rows = [_nearest_of_one(tree, reader.state.root, vector, few) for vector in wide]
        return _padded(rows, few)
    frontier: U32 = np.full((len(wide), 1), reader.state.root, np.uint32)  # [n, b]
    while True:
        if few == 1 and tree.node(int(frontier[0, 0])).level == 1:
            return _nearest_below(tree, frontier, wide)[:, None]
        distances: F32 = np.full((len(wide), 1), np.inf, np.float32)  # [n, b]
        children: U32 = np.zeros((len(wide), 1), np.uint32)  # [n, b]
        level = 1
        for node in np.unique(frontier[frontier > 0]).tolist():
            page = tree.node(node)
            level = page.level
            at = np.flatnonzero((frontier == node).any(axis=1))  # [m] vectors that look into this node
            found = page.squares - 2 * (wide[at] @ page.centroids.T)  # [m, c]
            ids = np.broadcast_to(page.children, found.shape)
            keep = max(BEAM, few) if level > 1 else few
            if found.shape[1] > keep:
                nearest = np.argpartition(found, keep - 1, axis=1)[:, :keep]
                found, ids = np.take_along_axis(found, nearest, 1), np.take_along_axis(ids, nearest, 1)
            distances, children = _merged(distances, children, at, found, ids, keep)
        if level == 1:
            return _padded(list(children), few)
        frontier = children


def _nearest_of_one(tree: TonedTree, root: int, vector: F32, few: int) -> U32:
    """The nearest leaves of one vector [p], nearest first: the same beam without the machinery for many."""
    frontier = [root]
    while True:
        looked = [tree.node(node) for node in frontier]
        distances = np.concatenate([page.squares - 2 * (page.centroids @ vector) for page in looked])  # [c]
        children = np.concatenate([page.children for page in looked])  # [c]
        level = looked[0].level
        keep = max(BEAM, few) if level > 1 else few
        best: U32 = children[np.argsort(distances, kind="stable")[:keep]]
        if level == 1:
            return best
        frontier = best.tolist()


def _nearest_below(tree: TonedTree, frontier: U32, wide: F32) -> U32:
    """The nearest child of the lowest nodes `frontier` [n, b] of each vector [n, p]: [n]."""
    best: F32 = np.full(len(wide), np.inf, np.float32)  # [n]
    out: U32 = np.zeros(len(wide), np.uint32)  # [n]
    for node in np.unique(frontier[frontier > 0]).tolist():
        page = tree.node(node)
        at = np.flatnonzero((frontier == node).any(axis=1))  # [m] vectors that look into this node
        found = page.squares - 2 * (wide[at] @ page.centroids.T)  # [m, c]
        nearest = found.argmin(axis=1)
        distances = found[np.arange(len(at)), nearest]
        nearer = distances < best[at]
        best[at[nearer]], out[at[nearer]] = distances[nearer], page.children[nearest[nearer]]
    return out


def _padded(children: Sequence[U32], few: int) -> U32:
    """Rows of children with exactly `few` columns: [n, few]."""
    out = np.zeros((len(children), few), np.uint32)
    for row, found in zip(out, children, strict=True):
        row[: len(found[:few])] = found[:few]
    return out


def _merged(distances: F32, children: U32, at: NDArray[np.int64], found: F32, ids: U32, keep: int) -> tuple[F32, U32]:
    """The `keep` nearest of what was known [n, b] and what was found for the vectors `at` [m, c]."""
    n, width = len(distances), distances.shape[1] + found.shape[1]
    both = np.full((n, width), np.inf, np.float32)
    names = np.zeros((n, width), np.uint32)
    both[:, : distances.shape[1]], names[:, : distances.shape[1]] = distances, children
    both[at, distances.shape[1] :], names[at, distances.shape[1] :] = found, ids
    best = np.argsort(both, axis=1, kind="stable")[:, :keep]
    return np.take_along_axis(both, best, 1), np.take_along_axis(names, best, 1)
