"""A leaf's delta beside its page: scored where it lies, copied only for those who want one page."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import numpy as np
import pytest

import kvdb
from kvdb.tree.descend import descend
from kvdb.tree.score import DotScorer


@pytest.fixture
def with_delta(store: kvdb.Store, fakes: ModuleType) -> kvdb.Store:
    """200 facts in one page, then 5 in its delta, of which one is deleted again."""
    store.insert([(f"head {i}", "relation", f"tail {i}") for i in range(200)], fakes.encode)
    assert store.compact() == ""
    ids = store.insert([(f"later {i}", "relation", f"tail {i}") for i in range(5)], fakes.encode).ids
    store.delete([3, ids[1]])
    return store


def test_a_page_is_not_copied_for_its_delta(with_delta: kvdb.Store) -> None:
    with with_delta.snapshot() as snapshot:
        (leaf,) = snapshot.leaf_ids()
        page, delta = snapshot.leaf_parts(kvdb.LeafId(leaf))
        again, cached = snapshot.leaf_parts(kvdb.LeafId(leaf))
        assert np.shares_memory(page.vectors, again.vectors)  # both are views on the file
        assert cached.vectors is delta.vectors  # read and checked once
        assert not delta.vectors.flags.writeable
        assert (len(page.rows), len(delta.rows)) == (200, 4)
        assert (int(page.live.sum()), int(delta.live.sum())) == (199, 4)
        whole = snapshot.leaf(kvdb.LeafId(leaf))
        np.testing.assert_array_equal(whole.vectors, np.concatenate([page.vectors, delta.vectors]))
        assert whole.rows.tolist() == page.rows.tolist() + delta.rows.tolist()
        assert int(whole.live.sum()) == 203


def test_rows_of_page_and_delta_are_found(with_delta: kvdb.Store, fakes: ModuleType) -> None:
    for head in ("head 7", "later 3"):
        key = fakes.vector_of(f"the relation of {head}")
        assert with_delta.search(key, k=1)[0].fact.head == head
    assert "later 1" not in {hit.fact.head for hit in with_delta.search(fakes.vector_of("the relation of later 1"))}


def test_a_kept_delta_is_read_again_when_it_changed(with_delta: kvdb.Store, fakes: ModuleType) -> None:
    key = fakes.vector_of("the relation of later 3")
    found = with_delta.search(key, k=1)[0].fact
    with_delta.delete([found.id])
    assert with_delta.search(key, k=1)[0].fact.id != found.id


def test_a_scorer_that_knows_pages_again_gets_a_leaf_as_one(with_delta: kvdb.Store, fakes: ModuleType) -> None:
    class Keeping:
        """Scores as DotScorer does, and notes which pages it was given."""

        def __init__(self, query: np.ndarray) -> None:
            self._inner = DotScorer(query)
            self.nodes = self._inner.nodes
            self.seen: list[tuple[int, int, int]] = []

        def leaves(self, pages: Sequence[kvdb.LeafPage], /) -> np.ndarray:
            self.seen += [(page.id, page.generation, len(page.rows)) for page in pages]
            return self._inner.leaves(pages)

    query = fakes.vector_of("the relation of later 3")
    with with_delta.snapshot() as snapshot:
        keeping = Keeping(query)
        found = descend(snapshot, keeping, kvdb.SearchLimits())
        assert [rows for _, _, rows in keeping.seen] == [204]
        assert found.rows.tolist() == descend(snapshot, DotScorer(query), kvdb.SearchLimits()).rows.tolist()
