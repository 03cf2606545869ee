"""The pager: bookkeeping against a model, and results that no budget changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kvdb import LeafPage, SearchLimits
from kvdb.errors import BudgetError
from kvdb.tree.descend import descend
from kvdb.types import LeafId, NodeId, NodePage
from kvdb_sdk.attend.projection import Projection
from kvdb_sdk.select.page_table import PageKey, PageTable
from kvdb_sdk.select.pager import Pager, parse_bytes
from kvdb_sdk.select.routing import AttentionScorer, SimilarityScorer

from . import tiny

DIM = tiny.ENCODER_DIM


class SmallTree:
    """A root of leaves with random unit rows, some of them dead."""

    flat = False

    def __init__(self, leaves, seed):
        rng = np.random.default_rng(seed)
        self.pages, row = [], 0
        for id in range(leaves):
            n = int(rng.integers(1, 9))
            vectors = rng.normal(size=(n, DIM))
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            live = rng.random(n) > 0.2
            rows = np.arange(row, row + n, dtype=np.uint64)
            self.pages.append(LeafPage(LeafId(id), 1, vectors.astype(np.float16), rows, live))
            row += n

    def root(self):
        centroids = np.stack([page.vectors.astype(np.float32).mean(0) for page in self.pages])
        counts = np.array([max(1, int(page.live.sum())) for page in self.pages], np.uint64)
        return NodePage(NodeId(0), 1, centroids, np.arange(len(self.pages), dtype=np.uint32), counts, True)

    def leaf(self, id):
        return self.pages[id]

    def leaf_parts(self, id):
        """Every other leaf in two parts, as a page and its delta are."""
        page = self.pages[id]
        cuts = [slice(0, len(page.rows))] if id % 2 or len(page.rows) == 1 else [slice(0, 1), slice(1, len(page.rows))]
        return [replace(page, vectors=page.vectors[cut], rows=page.rows[cut], live=page.live[cut]) for cut in cuts]


def scorers(pager, adapter, seed):
    rng = np.random.default_rng(seed)
    projection = Projection.of(adapter)
    q = torch.tensor(rng.normal(size=(3, adapter.config.heads, adapter.config.head_dim)), dtype=torch.float32)
    query = rng.normal(size=DIM).astype(np.float32)
    return SimilarityScorer(query, pager), AttentionScorer(*projection.absorb(q, 0), projection, pager)


ADAPTER = tiny.adapter(tiny.model("llama"))


def pager_of(slots, copies):
    projection = Projection.of(ADAPTER)
    slot = Pager(DIM, projection.sigma, budget=1 << 30, copies=False).slot_bytes
    return Pager(DIM, projection.sigma, budget=slots * slot, copies=copies)


@settings(max_examples=40, deadline=None)
@given(
    leaves=st.integers(1, 12), slots=st.integers(1, 14), copies=st.booleans(), seed=st.integers(0, 999),
    inter=st.integers(1, 12), k=st.integers(1, 20),
)  # fmt: skip
def test_the_budget_never_changes_a_result(leaves, slots, copies, seed, inter, k):
    tree, limits = SmallTree(leaves, seed), SearchLimits(8, inter, k)
    small, large = pager_of(slots, copies), pager_of(100, copies)
    for again in range(2):  # the second time finds pages where the first left them
        pairs = zip(scorers(small, ADAPTER, seed + again), scorers(large, ADAPTER, seed + again), strict=True)
        for scorer, wanted in pairs:
            found, right = descend(tree, scorer, limits), descend(tree, wanted, limits)
            assert found.rows.tolist() == right.rows.tolist()
            np.testing.assert_allclose(found.scores, right.scores, rtol=1e-4, atol=1e-5)
    assert small.resident_bytes <= small.budget


def test_the_parts_of_a_leaf_that_is_read_in_place_count_as_one_page():
    tree, limits, query = SmallTree(9, 1), SearchLimits(8, 8, 30), np.ones(DIM, np.float32)
    in_place, copied = pager_of(4, False), pager_of(4, True)
    parts = descend(tree, SimilarityScorer(query, in_place), limits)
    whole = descend(tree, SimilarityScorer(query, copied), limits)
    assert parts.leaves == whole.leaves
    assert in_place.counters == copied.counters


def test_rows_in_place_and_copied_score_alike():
    tree, limits = SmallTree(9, 1), SearchLimits(8, 8, 30)
    for scorer, wanted in zip(
        scorers(pager_of(4, True), ADAPTER, 1), scorers(pager_of(4, False), ADAPTER, 1), strict=True
    ):
        found, right = descend(tree, scorer, limits), descend(tree, wanted, limits)
        np.testing.assert_allclose(found.scores, right.scores, rtol=5e-3, atol=5e-3)  # queries in float32, float16


@settings(max_examples=60, deadline=None)
@given(
    slots=st.integers(1, 6),
    requests=st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), max_size=6, unique=True), max_size=30),
)
def test_a_page_is_where_the_table_says(slots, requests):
    table, memory = PageTable(slots), {}
    for request in requests:
        pages = [PageKey(*page) for page in request]
        if len(pages) > slots:
            with pytest.raises(BudgetError):
                table.place(pages)
            continue
        placed = table.place(pages)
        assert len({slot for slot, _ in placed}) == len(pages)
        for page, (slot, missed) in zip(pages, placed, strict=True):
            assert 0 <= slot < slots
            assert missed or memory[slot] == page  # a hit is really there
            memory[slot] = page
        assert all(memory[slot] == page for page, (slot, _) in zip(pages, placed, strict=True))
    assert table.used <= slots
    assert table.counters.hits + table.counters.misses == sum(len(r) for r in requests if len(r) <= slots)


def test_a_new_generation_takes_the_place_of_the_old():
    table = PageTable(3)
    table.place([PageKey(7, 1), PageKey(8, 1)])
    table.place([PageKey(7, 2)])
    assert (table.used, table.counters.stale, table.counters.evictions) == (2, 1, 0)


def test_a_page_in_use_stays():
    table = PageTable(2)
    (kept, _), _ = table.place([PageKey(1, 0), PageKey(2, 0)])
    assert table.place([PageKey(1, 0), PageKey(3, 0)])[0] == (kept, False)


@pytest.mark.parametrize(
    ("text", "size"),
    [("256MB", 256 << 20), ("1GiB", 1 << 30), ("64 k", 65536), (4096, 4096), ("1.5M", 3 << 19)],
)
def test_sizes_are_read(text, size):
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "lots", "-1", "10XB", "nan"])
def test_other_sizes_are_refused(text):
    with pytest.raises(BudgetError, match="256MB"):
        parse_bytes(text)


def test_a_budget_below_one_page_says_the_least_that_works():
    with pytest.raises(BudgetError) as caught:
        Pager(DIM, Projection.of(ADAPTER).sigma, budget=10)
    least = int(str(caught.value).split("at least ")[1].split()[0])
    assert Pager(DIM, Projection.of(ADAPTER).sigma, budget=least).budget == least


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_gives_the_same_rows():
    adapter = ADAPTER
    projection = Projection.of(adapter)
    on_gpu = Pager(DIM, projection.sigma, budget="1MB", device="cuda")
    on_gpu._sigma_of = Projection.of(tiny.adapter(tiny.model("llama")).to("cuda")).sigma
    tree = SmallTree(9, 1)
    query = np.random.default_rng(2).normal(size=DIM).astype(np.float32)
    found = descend(tree, SimilarityScorer(query, on_gpu), SearchLimits(8, 8, 5))
    right = descend(tree, SimilarityScorer(query, pager_of(100, False)), SearchLimits(8, 8, 5))
    assert found.rows.tolist() == right.rows.tolist()
    torch.cuda.synchronize()
