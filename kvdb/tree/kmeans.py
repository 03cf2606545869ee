"""The steps of k-means over rows: training (faiss), assignment to the nearest of many centroids, means, halving.

Assignment to a few thousand centroids is one matrix product; to more it compares a row only with those under the
nearest few of about sqrt(k) roots.
"""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from kvdb.half import widened
from kvdb.types import F16, F32, I32

SCORES = 1 << 22  # similarities held at a time: 16 MB
AXIS_SAMPLE = 1024  # points that a longest axis is found from
AXIS_ROUNDS = 8

Indices = NDArray[np.int64]
Points = F16 | F32


def train(points: F32, k: int, *, seed: int, rounds: int = 10, samples: int = 256) -> F32:
    """k centroids [k, p] of points [m, p], m >= k, trained on at most `samples` points per centroid."""
    means = faiss.Kmeans(
        points.shape[1],
        k,
        niter=rounds,
        seed=seed + 1,
        min_points_per_centroid=1,
        max_points_per_centroid=samples,
    )
    means.train(np.ascontiguousarray(points))
    return np.asarray(means.centroids, np.float32)


def nearest(points: Points, centroids: F32) -> I32:
    """Index of the nearest centroid [k, p] of each point [n, p]: int32 [n]."""
    found: I32 = _nearest_few(points, centroids, 1)[0]
    return found


def nearest_by_roots(points: Points, centroids: F32, *, probes: int, seed: int) -> I32:
    """As `nearest`, but only among the centroids under each point's `probes` nearest of sqrt(k) roots: int32 [n]."""
    roots = train(centroids, round(len(centroids) ** 0.5), seed=seed)  # [r, p]
    members = groups(nearest(centroids, roots), len(roots))
    best = np.full(len(points), -np.inf, np.float32)
    out = np.zeros(len(points), np.int32)
    for probed in _nearest_few(points, roots, probes):
        for leaves, rows in zip(members, groups(probed, len(roots)), strict=True):
            if len(leaves):
                found, scores = _best(widened(points[rows]), centroids[leaves])
                better = scores > best[rows]
                best[rows[better]] = scores[better]
                out[rows[better]] = leaves[found[better]]
    return out


def _nearest_few(points: Points, centroids: F32, few: int) -> I32:
    """Indices of the few nearest centroids [k, p] of each point [n, p], nearest first: int32 [few, n]."""
    few = min(few, len(centroids))
    out = np.empty((few, len(points)), np.int32)
    block = max(1, SCORES // len(centroids))
    squares = (centroids**2).sum(axis=1) / 2  # [k]
    for start in range(0, len(points), block):
        scores = widened(points[start : start + block]) @ centroids.T - squares  # [m, k]
        for place in range(few):
            best = scores.argmax(axis=1)
            out[place, start : start + block] = best
            scores[np.arange(len(best)), best] = -np.inf
    return out


def _best(points: F32, centroids: F32) -> tuple[Indices, F32]:
    """Index [m] of the nearest centroid of each point [m, p], and a score that orders centroids for that point [m]."""
    scores = points @ centroids.T - (centroids**2).sum(axis=1) / 2  # [m, k]
    best = scores.argmax(axis=1)
    return best, scores[np.arange(len(best)), best]


def groups(labels: I32, k: int) -> list[Indices]:
    """The ascending indices of each label 0 to k - 1."""
    return np.split(np.argsort(labels, kind="stable"), np.cumsum(np.bincount(labels, minlength=k))[:-1])


def means(points: Points, labels: I32, k: int) -> tuple[F32, Indices]:
    """Mean [k, p] (zero where empty) and count [k] of the points [n, p] of each label."""
    counts = np.bincount(labels, minlength=k)
    sums = np.zeros((k, points.shape[1]), np.float32)
    add_sums(sums, points, labels)
    return sums / np.maximum(counts, 1).astype(np.float32)[:, None], counts


def add_sums(sums: F32, points: Points, labels: I32) -> None:
    """Adds points [n, p] to the sums [k, p] of their labels, in place."""
    array: NDArray[Any] = np.asarray(points)  # indexing a memmap costs more than the rows of a label
    for label, rows in enumerate(groups(labels, len(sums))):
        if len(rows):
            sums[label] += widened(array[rows]).sum(axis=0)


def halve(points: Points, target: int) -> I32:
    """Labels int32 [n], from 0, of parts of at most `target` points, by equal halves across the longest axis.

    No part is empty, whatever the points are: where they are identical the halves are cut by position.
    """
    labels = np.zeros(len(points), np.int32)
    free, queue = 1, [np.arange(len(points))]
    while queue:
        rows = queue.pop()
        if len(rows) <= target:
            continue
        wide = widened(points[rows])  # [m, p]
        order = rows[np.argsort(wide @ _longest_axis(wide[:: -(-len(wide) // AXIS_SAMPLE)]), kind="stable")]
        first, second = np.sort(order[: len(rows) // 2]), np.sort(order[len(rows) // 2 :])
        labels[second] = free
        free += 1
        queue += [second, first]
    return labels


def _longest_axis(wide: F32) -> F32:
    """The direction [p] of greatest variance of wide [m, p], by power iteration from the outermost point."""
    centred = wide - wide.mean(axis=0)  # [m, p]
    axis: F32 = centred[(centred**2).sum(axis=1).argmax()]  # [p]
    for _ in range(AXIS_ROUNDS):
        axis = centred.T @ (centred @ axis)
        axis /= max(float(np.linalg.norm(axis)), 1e-12)
    return axis
