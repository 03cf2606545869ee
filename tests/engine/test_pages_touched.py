"""What a write touches: the generation of its leaf, and for one insert no page at all."""

from __future__ import annotations

from types import ModuleType

import pytest

import kvdb
from kvdb import build, load
from kvdb.kg2kv import key_sentence, noun_forms

FACTS = [(f"head {i}", f"relation {i % 3}", f"tail {i % 40}") for i in range(2000)]


@pytest.fixture
def grown(store: kvdb.Store, fakes: ModuleType, monkeypatch: pytest.MonkeyPatch) -> kvdb.Store:
    """A store with a tree."""
    monkeypatch.setattr(build, "FLAT_ROWS", 400)
    monkeypatch.setattr(load, "FLAT_ROWS", 400)
    load.ingest(store, FACTS, fakes.encode)
    return store


def test_a_write_changes_the_generation_of_the_leaves_that_it_touches(grown: kvdb.Store, fakes: ModuleType) -> None:
    """So that a pager fetches exactly those anew."""

    def generations() -> dict[int, int]:
        with grown.snapshot() as snapshot:
            return {leaf: snapshot.leaf(kvdb.LeafId(leaf)).generation for leaf in snapshot.leaf_ids()}

    before = generations()
    for change in (
        lambda: grown.insert([("one more", "relation 1", "tail")], fakes.encode),
        lambda: grown.delete([1000]),
        lambda: grown.delete([2001]),
    ):
        change()
        after = generations()
        changed = [leaf for leaf in after if after[leaf] != before.get(leaf)]
        assert len(changed) == 1 and len(after) == len(before)
        before = after


def test_one_insert_does_not_write_a_page(grown: kvdb.Store, fakes: ModuleType) -> None:
    with grown.snapshot() as snapshot:
        pages = {leaf: snapshot.leaf_page(leaf)[0] for leaf in snapshot.leaf_ids()}
        root = snapshot.root().generation
    for i in range(8):
        grown.insert([(f"later {i}", "relation 1", "tail")], fakes.encode)
    with grown.snapshot() as snapshot:
        assert {leaf: snapshot.leaf_page(leaf)[0] for leaf in snapshot.leaf_ids()} == pages
        assert snapshot.root().generation == root
    assert grown.verify().checked["delta rows"] == 8
    for i in range(8):
        key = fakes.vector_of(key_sentence(noun_forms("relation 1").tail_noun, f"later {i}"))
        assert grown.search(key, k=1)[0].fact.head == f"later {i}"
