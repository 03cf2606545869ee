"""Clustering keeps its invariants, and a search that covers everything equals exact search in float64."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvdb.errors import LimitError
from kvdb.tree import cluster
from kvdb.tree.descend import descend, exact
from kvdb.tree.merge import merge
from kvdb.tree.score import SPREAD, DotScorer, numpy_kernel
from kvdb.types import LeafId, LeafPage, NodeId, NodePage, SearchLimits


def rows_of(n, dim, seed, *, copies=1):
    """Unit rows in a few bunches, each row `copies` times."""
    rng = np.random.default_rng(seed)
    bunches = rng.normal(size=(max(1, n // 20), dim))
    rows = bunches[rng.integers(0, len(bunches), n)] + 0.4 * rng.normal(size=(n, dim))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return np.repeat(rows, copies, axis=0).astype(np.float16)


class BuiltTree:
    """The pages of a clustering: a root over nodes over leaves; rows divisible by 7 are dead."""

    flat = False

    def __init__(self, vectors, found):
        self.vectors, self.found = vectors, found
        ids = np.arange(len(vectors), dtype=np.uint64)
        sums = np.zeros((len(found.leaf_counts), vectors.shape[1]))
        np.add.at(sums, found.assignment, vectors.astype(np.float64))
        self.centroids = (sums / found.leaf_counts[:, None]).astype(np.float32)
        self.leaves = []
        for leaf in range(len(found.leaf_counts)):
            rows = ids[found.assignment == leaf]
            self.leaves.append(LeafPage(LeafId(leaf), 1, vectors[rows], rows, rows % 7 != 0))

    def root(self):
        counts = np.bincount(self.found.root_of_leaf, weights=self.found.leaf_counts).astype(np.uint64)
        children = np.arange(len(counts), dtype=np.uint32)
        weights = (self.found.root_of_leaf == children[:, None]) * self.found.leaf_counts / counts[:, None]  # [R, L]
        return NodePage(NodeId(0), 1, (weights @ self.centroids).astype(np.float32), children, counts, False)

    def node(self, id):
        children = np.flatnonzero(self.found.root_of_leaf == id)
        counts = self.found.leaf_counts[children].astype(np.uint64)
        return NodePage(id, 1, self.centroids[children], children.astype(np.uint32), counts, True)

    def leaf(self, id):
        return self.leaves[id]

    def leaf_parts(self, id):
        """The page of a leaf in two parts where it can be divided."""
        page = self.leaves[id]
        cut = len(page.rows) // 2
        parts = [slice(0, cut), slice(cut, None)] if cut else [slice(None)]
        return [LeafPage(id, 1, page.vectors[at], page.rows[at], page.live[at]) for at in parts]


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 400), leaf_rows=st.integers(4, 64), seed=st.integers(0, 99), k=st.integers(1, 30))
def test_covering_limits_find_what_float64_finds(n, leaf_rows, seed, k):
    vectors = rows_of(n, 24, seed)
    tree = BuiltTree(vectors, cluster.build(cluster.ArraySource(vectors), leaf_rows=leaf_rows, seed=seed))
    query = np.random.default_rng(seed + 1).normal(size=24)
    query /= np.linalg.norm(query)
    live = [row for row in range(n) if row % 7 != 0]
    wanted = sorted(live, key=lambda row: -float(vectors[row].astype(np.float64) @ query))[:k]
    for found in (
        descend(tree, DotScorer(query), SearchLimits(10_000, 10_000, k)),
        exact(tree, DotScorer(query), k),
    ):
        scores = vectors[found.rows.astype(int)].astype(np.float64) @ query
        np.testing.assert_allclose(found.scores, scores, atol=2e-3)
        np.testing.assert_allclose(scores, [vectors[row].astype(np.float64) @ query for row in wanted], atol=2e-3)
        assert len(set(found.rows.tolist())) == len(wanted)
        assert set(found.rows.tolist()) <= set(live)


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(0, 500), copies=st.integers(1, 3), leaf_rows=st.integers(1, 256), dim=st.integers(2, 40),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_a_clustering_keeps_its_invariants(n, copies, leaf_rows, dim, seed):
    vectors = rows_of(n, dim, seed, copies=copies)
    found = cluster.build(cluster.ArraySource(vectors), leaf_rows=leaf_rows, seed=seed)
    assert len(found.assignment) == len(vectors)
    counts = np.bincount(found.assignment, minlength=len(found.leaf_counts))
    assert counts.tolist() == found.leaf_counts.tolist()
    assert all(0 < count <= cluster.MAX_LEAF_ROWS for count in counts.tolist())
    assert (np.diff(found.root_of_leaf) >= 0).all()
    again = cluster.build(cluster.ArraySource(vectors), leaf_rows=leaf_rows, seed=seed)
    assert (again.assignment == found.assignment).all()


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 300), target=st.integers(1, 256), same=st.booleans(), seed=st.integers(0, 9))
def test_a_split_leaves_no_part_empty_or_overfull(n, target, same, seed):
    vectors = np.repeat(rows_of(1, 16, seed), n, axis=0) if same else rows_of(n, 16, seed)
    counts = np.bincount(cluster.split(vectors, target))
    assert counts.sum() == n
    assert counts.min() > 0
    assert counts.max() <= target


@pytest.mark.parametrize("limits", [SearchLimits(0, 1, 1), SearchLimits(1, 0, 1), SearchLimits(1, 1, 0)])
def test_limits_below_one_are_refused(limits):
    vectors = rows_of(10, 8, 0)
    tree = BuiltTree(vectors, cluster.build(cluster.ArraySource(vectors)))
    with pytest.raises(LimitError, match="1 or more"):
        descend(tree, DotScorer(np.ones(8)), limits)


def test_leaves_are_joined_to_the_mean_size_and_never_beyond_the_most():
    vectors = rows_of(600, 16, 3)
    labels = np.repeat(np.arange(60, dtype=np.int32), 10)
    counts = np.bincount(merge(vectors, labels, 30, 40))
    assert len(counts) <= 20
    assert counts.sum() == 600
    assert 0 < counts.min() <= counts.max() <= 40
    pairs = merge(vectors, labels, 10, 40)
    assert (pairs == labels).all()  # they hold 10 already


def test_of_two_pairs_the_nearer_is_joined():
    angles = np.repeat([0.0, 0.1, 1.0, 1.3], 5)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float16)
    labels = np.repeat(np.arange(4, dtype=np.int32), 5)
    assert merge(vectors, labels, 7, 15)[[0, 5, 10, 15]].tolist() == [0, 0, 1, 2]  # ceil(20 / 7) leaves
    assert merge(vectors, labels, 10, 15)[[0, 5, 10, 15]].tolist() == [0, 0, 1, 1]
    assert merge(vectors, labels, 20, 15)[[0, 5, 10, 15]].tolist() == [0, 0, 1, 1]  # no pair fits any more


def test_a_wide_leaf_is_read_before_a_narrow_one_at_the_same_distance():
    centroids = np.array([[0.5, 0.5], [0.5, 0.0]], np.float32)  # the second is shorter: its rows lie wider
    page = NodePage(NodeId(0), 1, centroids, np.arange(2, dtype=np.uint32), np.full(2, 9, np.uint64), True)
    narrow, wide = DotScorer(np.array([1.0, 0.0])).nodes([page])
    np.testing.assert_allclose([narrow, wide], 0.5 + SPREAD * np.sqrt([0.5, 0.75]), atol=1e-6)
    twice = DotScorer(np.array([2.0, 0.0])).nodes([page])
    np.testing.assert_allclose(twice, [2 * narrow, 2 * wide], atol=1e-6)


def test_the_fast_kernel_leaves_the_threads_of_other_libraries_alone():
    import torch

    before = torch.get_num_threads()
    vectors = rows_of(50, 32, 1)
    scorer = DotScorer(np.ones((3, 32)))
    page = LeafPage(LeafId(0), 1, vectors, np.arange(50, dtype=np.uint64), np.ones(50, bool))
    wanted = np.empty(50, np.float32)
    numpy_kernel(np.ones((1, 32), np.float16), vectors, wanted)
    np.testing.assert_allclose(scorer.leaves([page]), wanted, atol=2e-3)
    assert torch.get_num_threads() == before


def test_the_fast_kernel_can_be_called_for_ever():
    nones = sys.getrefcount(None)
    scorer = DotScorer(np.ones(8))
    page = LeafPage(LeafId(0), 1, rows_of(4, 8, 1), np.arange(4, dtype=np.uint64), np.ones(4, bool))
    for _ in range(2000):
        scorer.leaves([page])
    assert abs(sys.getrefcount(None) - nones) < 1000
