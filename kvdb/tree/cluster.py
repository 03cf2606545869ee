"""Bulk clustering of unit vectors into the leaves of the tree.

    sample -> the space to cluster in (`space`) -> rows projected, float16
           -> k-means of a sample, root by root -> leaf centroids
           -> every row to its nearest leaf, over all roots; overfull leaves divided, tiny ones dissolved; repeated
           -> small leaves joined with their neighbours (`merge`)
           -> leaves grouped under roots by k-means of their centroids, both put in an order that keeps like by like

Invariants: every row is in exactly one leaf; a leaf holds 1 to MAX_LEAF_ROWS rows; the leaves of a root are contiguous;
the same vectors, leaf_rows and seed give the same clustering. Memory: the projected rows (384 bytes a row in FINE),
and blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kvdb.errors import LimitError
from kvdb.tree import kmeans, space
from kvdb.tree.kmeans import Indices
from kvdb.tree.merge import merge
from kvdb.tree.space import Space
from kvdb.types import F16, F32, I32

MAX_LEAF_ROWS = 256
LEAF_ROWS = 128
CHUNK = 65_536  # rows read at a time
SPACE_SAMPLE = 16_384  # rows that the space is fitted to


@dataclass(frozen=True, slots=True)
class Effort:
    """How much work goes into the quality of the leaves."""

    parts: int  # dimensions of the space to cluster in
    clipped: int  # directions of it that are toned down
    samples: int  # training rows, at most
    samples_per_leaf: int
    rounds: int  # of k-means over the training rows
    repairs: int  # of the leaves, each after an assignment of all rows
    exact: int  # leaves up to which a row is compared with every one
    probes: int  # roots whose leaves a row is compared with, where there are more
    merged: float  # leaves are joined until they hold this many times leaf_rows in the mean; 0: they are not


FINE = Effort(192, 32, samples=131_072, samples_per_leaf=64, rounds=8, repairs=5, exact=16_384, probes=8, merged=1.2)
COARSE = Effort(64, 0, samples=65_536, samples_per_leaf=64, rounds=2, repairs=0, exact=1024, probes=2, merged=0)
FINE_ROWS = 300_000  # above this COARSE unless asked otherwise, so that a million rows take seconds


class VectorSource(Protocol):
    """Vectors too many to hold as float32 at once."""

    @property
    def dim(self) -> int: ...

    def __len__(self) -> int: ...

    def take(self, indices: Indices, /) -> F16:
        """The vectors at ascending `indices` [m]: float16 [m, d]."""
        ...

    def chunks(self, size: int, /) -> Iterator[tuple[int, F16]]:
        """All vectors in order, at most `size` at a time: (start, float16 [m, d])."""
        ...


@dataclass(frozen=True, slots=True)
class ArraySource:
    """A VectorSource over one array, in memory or mapped."""

    vectors: F16  # [n, d]

    @property
    def dim(self) -> int:
        return int(self.vectors.shape[1])

    def __len__(self) -> int:
        return len(self.vectors)

    def take(self, indices: Indices, /) -> F16:
        return self.vectors[indices]

    def chunks(self, size: int, /) -> Iterator[tuple[int, F16]]:
        for start in range(0, len(self.vectors), size):
            yield start, self.vectors[start : start + size]


@dataclass(frozen=True, slots=True)
class Clustering:
    """Which leaf each row belongs to, and which root each leaf. Whoever writes the leaves takes their means."""

    assignment: I32  # [n] leaf of each row
    leaf_counts: Indices  # [L]
    root_of_leaf: I32  # [L] ascending
    space: Space | None = None  # that it was made in


def build(
    vectors: VectorSource, *, leaf_rows: int = LEAF_ROWS, seed: int = 0, effort: Effort | None = None
) -> Clustering:
    """Divides `vectors` into leaves of about `leaf_rows` rows under roots.

    `effort` is FINE up to FINE_ROWS rows and COARSE above. FINE costs about 100 microseconds a row and core at 200,000
    rows, and grows with the number of leaves; next to a sentence encoder it is affordable at any size.
    Raises LimitError where leaf_rows is not in 1..MAX_LEAF_ROWS.
    """
    if not 1 <= leaf_rows <= MAX_LEAF_ROWS:
        raise LimitError(f"leaf_rows is {leaf_rows}: a leaf page holds 1 to {MAX_LEAF_ROWS} rows")
    n = len(vectors)
    if n == 0:
        return Clustering(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.int32))
    effort = effort or (FINE if n <= FINE_ROWS else COARSE)
    chosen = _space(vectors, effort, seed)
    points = _projected(vectors, chosen)  # [n, p]
    labels = _leaves(points, leaf_rows, effort, seed)  # [n]
    place, root_of_leaf = _tree_order(*kmeans.means(points, labels, int(labels.max()) + 1), seed)
    assignment = place[labels]  # [n]
    return Clustering(assignment, np.bincount(assignment, minlength=len(place)), root_of_leaf, chosen)


def split(vectors: F16 | F32, target: int) -> I32:
    """Divides the rows of one overfull leaf into parts of at most `target` rows: labels int32 [n] from 0.

    Halves across the longest axis until every part fits. No part is empty, whatever the vectors are.
    """
    if target < 1:
        raise LimitError(f"target is {target}: a part holds at least 1 row")
    return kmeans.halve(vectors, target)


def _space(vectors: VectorSource, effort: Effort, seed: int) -> Space:
    n = len(vectors)
    sample = np.sort(np.random.default_rng(seed).choice(n, size=min(n, SPACE_SAMPLE), replace=False))
    return space.fit(vectors.take(sample), effort.parts, effort.clipped)


def _projected(vectors: VectorSource, chosen: Space) -> F16:
    """All rows in the space to cluster in: float16 [n, p]."""
    points = np.empty((len(vectors), chosen.axes.shape[1]), np.float16)
    for start, chunk in vectors.chunks(CHUNK):
        points[start : start + len(chunk)] = chosen.project(chunk)
    return points


def _leaves(points: F16, leaf_rows: int, effort: Effort, seed: int) -> I32:
    """A leaf for each point [n, p]: labels [n] 0 to L - 1, none empty, none overfull."""
    n = len(points)
    k = -(-n // leaf_rows)
    if k == 1:
        return np.zeros(n, np.int32)
    centroids = _trained(points, k, effort, seed)
    for _ in range(effort.repairs):
        labels = _assigned(points, centroids, effort, seed)
        centroids = _repaired(points, labels, len(centroids), leaf_rows, seed)
    labels = _assigned(points, centroids, effort, seed)
    labels = _capped(points, labels, len(centroids))
    return merge(points, labels, round(leaf_rows * effort.merged), MAX_LEAF_ROWS) if effort.merged else labels


def _trained(points: F16, k: int, effort: Effort, seed: int) -> F32:
    """k centroids [k, p]: random rows, moved by a few rounds of k-means over a sample.

    Random rows, not k-means++ or a k-means of k-means: they are as dense as the rows are, so that leaves come out alike
    in size (docs/tree.md).
    """
    n = len(points)
    size = max(k, min(n, effort.samples_per_leaf * k, effort.samples))
    chosen = np.random.default_rng(seed + 1).choice(n, size=size, replace=False)
    sample, centroids = points[np.sort(chosen)], points[np.sort(chosen[:k])].astype(np.float32)
    for _ in range(effort.rounds):
        labels = _assigned(sample, centroids, effort, seed)
        means, counts = kmeans.means(sample, labels, k)
        centroids = np.where(counts[:, None] > 0, means, centroids)
    return centroids


def _assigned(points: F16, centroids: F32, effort: Effort, seed: int) -> I32:
    """The nearest centroid [k, p] of each point [n, p]: int32 [n]."""
    if len(centroids) <= effort.exact:
        return kmeans.nearest(points, centroids)
    return kmeans.nearest_by_roots(points, centroids, probes=effort.probes, seed=seed)


def _repaired(points: F16, labels: I32, k: int, leaf_rows: int, seed: int) -> F32:
    """The means of the leaves, without the tiny ones and with several for each overfull one."""
    means, counts = kmeans.means(points, labels, k)
    large = counts > MAX_LEAF_ROWS
    kept = [means[~large & (counts >= max(1, leaf_rows // 8))]]
    members = kmeans.groups(labels, k)
    for leaf in np.flatnonzero(large).tolist():
        rows = members[leaf]
        parts = -(-len(rows) * 4 // (MAX_LEAF_ROWS * 3))
        sample = rows[:: -(-len(rows) // (parts * 256))]
        kept.append(kmeans.train(points[sample].astype(np.float32), parts, seed=seed))
    repaired = np.concatenate(kept)
    return repaired if len(repaired) else means


def _capped(points: F16, labels: I32, k: int) -> I32:
    """Labels without gaps, what is still overfull halved."""
    out, free = np.empty_like(labels), 0
    for rows in kmeans.groups(labels, k):
        if len(rows):
            parts = kmeans.halve(points[rows], MAX_LEAF_ROWS)
            out[rows] = parts + free
            free += int(parts.max()) + 1
    return out


def _tree_order(centroids: F32, counts: Indices, seed: int) -> tuple[I32, I32]:
    """The place of each leaf in tree order [L], and the root of each place [L]."""
    count = len(centroids)
    roots = kmeans.train(centroids, max(1, round(count**0.5)), seed=seed)
    roots = roots[_chain(roots)]
    members = [rows for rows in kmeans.groups(kmeans.nearest(centroids, roots), len(roots)) if len(rows)]
    order = np.concatenate([rows[_chain(centroids[rows])] for rows in members])
    place = np.empty(count, np.int32)
    place[order] = np.arange(count, dtype=np.int32)
    return place, np.repeat(np.arange(len(members), dtype=np.int32), [len(rows) for rows in members])


def _chain(points: F32) -> Indices:
    """An order [n] of points [n, p] in which neighbours are similar: from the outermost, always to the nearest left."""
    squares = (points**2).sum(axis=1)  # [n]
    distances = squares[:, None] + squares[None] - 2 * points @ points.T  # [n, n]
    order = np.empty(len(points), np.int64)
    current = int(distances.sum(axis=1).argmax())
    for place in range(len(points)):
        order[place] = current
        distances[:, current] = np.inf
        current = int(distances[current].argmin())
    return order
