"""Several changes together, updates, and the feed of changes."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import kvdb
from kvdb import load
from kvdb.change import changes
from kvdb.change.insert import insert_given
from kvdb.kg2kv import key_sentence

PARIS = ("Paris", "capital of", "France")
BERLIN = ("Berlin", "capital of", "Germany")
OSLO = ("Oslo", "twinned with", "Berlin")


def facts(opened: kvdb.Store) -> dict[int, tuple[str, str, str]]:
    return {fact.id: tuple(fact.triple) for fact in opened.match()}


def feed(opened: kvdb.Store, since: int = 0) -> list[tuple[int, int, bool]]:
    return [(c.txn, c.id, c.inserted) for c in opened.changes(since=since)]


def test_a_transaction_is_seen_as_a_whole(store: kvdb.Store, fakes: ModuleType) -> None:
    store.insert([PARIS], fakes.encode)
    with store.write() as transaction:
        assert transaction.insert([BERLIN, PARIS], fakes.encode).ids == (2, 1)
        assert transaction.delete([1, 99]) == 1
        assert transaction.insert([PARIS], fakes.encode).ids == (3,)
        assert transaction.delete([2]) == 1
        assert transaction.update(3, tail="Gaul", encode=fakes.encode) == 3
        assert facts(store) == {1: PARIS}
    assert facts(store) == {3: ("Paris", "capital of", "Gaul")}
    assert store.search(fakes.vector_of("the capital of Paris"), k=5)[0].fact.id == 3
    assert store.verify().ok
    with store.snapshot() as snapshot:
        assert snapshot.txn_id == 2
    with pytest.raises(kvdb.errors.StoreClosedError, match="has ended"):
        transaction.delete([3])


def test_an_error_leaves_nothing_behind(store: kvdb.Store, fakes: ModuleType) -> None:
    store.insert([PARIS], fakes.encode)
    with pytest.raises(ZeroDivisionError), store.write() as transaction:
        transaction.insert([BERLIN], fakes.encode)
        transaction.delete([1])
        raise ZeroDivisionError
    assert facts(store) == {1: PARIS}
    with store.write() as transaction:  # what was refused before it wrote does no harm
        for wrong in ((("", "r", "t"),), (("h", "r"),)):
            with pytest.raises(kvdb.errors.FieldError):
                transaction.insert(wrong, fakes.encode)
        with pytest.raises(kvdb.errors.FactNotFoundError):
            transaction.update(77, tail="x", encode=fakes.encode)
        with pytest.raises(kvdb.errors.VectorError):
            transaction.insert([BERLIN], lambda texts: np.zeros((len(texts), fakes.DIM), np.float32))
        transaction.insert([OSLO], fakes.encode)
    assert sorted(facts(store).values()) == sorted([PARIS, OSLO])
    assert store.verify().ok


def test_a_change_that_failed_half_way_spoils_the_transaction(store: kvdb.Store, fakes: ModuleType) -> None:
    store.insert([PARIS, BERLIN], fakes.encode)
    with pytest.raises(kvdb.errors.StoreError, match="half-way"), store.write() as transaction:
        with pytest.raises(TypeError):
            transaction.delete([1, "two"])
        transaction.delete([2])
    assert facts(store) == {1: PARIS, 2: BERLIN}
    assert store.verify().ok


def test_writing_around_an_open_transaction_is_refused(store: kvdb.Store, fakes: ModuleType) -> None:
    with store.write() as transaction:
        with pytest.raises(kvdb.errors.StoreLockedError, match="write through that one"):
            store.insert([PARIS], fakes.encode)
        transaction.insert([BERLIN], fakes.encode)
    assert list(facts(store).values()) == [BERLIN]
    store.insert([PARIS], fakes.encode)


@pytest.mark.parametrize("masks", [("tail",), ("head",), ("tail", "head")])
def test_an_update_keeps_the_id(store: kvdb.Store, fakes: ModuleType, masks: tuple[kvdb.Mask, ...]) -> None:
    store.insert([PARIS, BERLIN], fakes.encode, masks=masks)
    assert store.update(1, tail="Gaul", encode=fakes.encode) == 1
    assert store.get(1).tail == "Gaul" and store.find(PARIS) is None
    assert [f.id for f in store.match(tail="Gaul")] == [1] and list(store.match(tail="France")) == []
    report = store.verify()
    assert report.ok, report.problems
    with store.snapshot() as snapshot:
        rows = [2 + (mask == "head") for mask in masks]
        nouns = {r.name: r for r in store.relations()}["capital of"]
        keys = [
            key_sentence(nouns.tail_noun, "Paris") if m == "tail" else key_sentence(nouns.head_noun, "Gaul")
            for m in masks
        ]
        np.testing.assert_allclose(snapshot.key_vectors(rows), fakes.encode(keys), atol=1e-3)
        answers = fakes.encode(["Gaul" if m == "tail" else "Paris" for m in masks])
        np.testing.assert_allclose(snapshot.value_vectors(rows), answers, atol=1e-3)
    assert store.update(1, tail="Gaul", encode=fakes.encode) == 1


def test_an_update_to_what_another_fact_says_leaves_one(store: kvdb.Store, fakes: ModuleType) -> None:
    store.insert([PARIS, ("Paris", "capital of", "Gaul")], fakes.encode)
    assert store.update(1, tail="Gaul", encode=fakes.encode) == 2
    assert facts(store) == {2: ("Paris", "capital of", "Gaul")}
    assert store.verify().ok
    with pytest.raises(kvdb.errors.FactNotFoundError, match="no fact 1"):
        store.update(1, tail="x", encode=fakes.encode)
    with pytest.raises(kvdb.errors.FieldError, match="tail is empty"):
        store.update(2, tail="", encode=fakes.encode)


def test_many_deletes_are_cut_into_transactions(
    store: kvdb.Store, fakes: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.insert([(f"h {i}", "r", "t") for i in range(50)], fakes.encode)
    monkeypatch.setattr(kvdb.change.removing, "DELETED_TOGETHER", 20)
    assert store.delete(range(1, 46)) == 45
    assert [txn for txn, _, _ in feed(store, since=1)] == [2] * 20 + [3] * 20 + [4] * 5
    store.insert([(f"h {i}", "r", "t") for i in range(50)], fakes.encode)
    with store.write() as transaction:
        assert transaction.delete(range(46, 96)) == 50
    assert {txn for txn, _, _ in feed(store, since=5)} == {6}


def test_the_feed_has_every_change_in_order(store: kvdb.Store, fakes: ModuleType) -> None:
    store.insert([PARIS, BERLIN], fakes.encode)
    store.delete([1])
    store.insert([BERLIN], fakes.encode)  # changes nothing
    store.update(2, tail="Prussia", encode=fakes.encode)
    with store.write() as transaction:
        transaction.insert([PARIS], fakes.encode)
        transaction.delete([3])
        transaction.insert([OSLO], fakes.encode)
    expected = [(1, 1, True), (1, 2, True), (2, 1, False), (3, 2, False), (3, 2, True)]
    expected += [(4, 3, True), (4, 3, False), (4, 4, True)]
    assert feed(store) == expected
    assert feed(store, since=3) == expected[-3:]
    assert feed(store, since=4) == feed(store, since=100) == []


def test_the_feed_follows_a_bulk_load(store: kvdb.Store, fakes: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "FLAT_ROWS", 400)
    given = [(f"h {i}", "r", f"t {i}") for i in range(500)]
    vectors = fakes.encode([head for head, _, _ in given])
    load.load_vectors(store, given, vectors, vectors)
    assert [(id, new) for _, id, new in feed(store)] == [(i, True) for i in range(1, 501)]


def test_the_feed_forgets_the_oldest(store: kvdb.Store, fakes: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "KEPT", 10)
    for i in range(8):
        store.insert([(f"h {i} {j}", "r", "t") for j in range(3)], fakes.encode)
    assert [txn for txn, _, _ in feed(store, since=5)] == [6] * 3 + [7] * 3 + [8] * 3
    with pytest.raises(kvdb.errors.LimitError, match="after transaction 5, not those after 4"):
        feed(store, since=4)
    store.insert([(f"many {j}", "r", "t") for j in range(30)], fakes.encode)  # the newest stays, however long it is
    assert len(feed(store, since=8)) == 30
    assert store.verify().ok


def test_vectors_may_be_given(store: kvdb.Store, path: Path, fakes: ModuleType) -> None:
    keys, values = fakes.encode(["a", "b"]), fakes.encode(["France", "Germany"])
    assert insert_given(store, [PARIS, BERLIN], keys, values).ids == (1, 2)
    with store.write() as transaction:
        assert transaction.insert_given([OSLO, PARIS], keys, values).ids == (3, 1)
        with pytest.raises(kvdb.errors.VectorError, match="do not fit"):
            transaction.insert_given([OSLO], keys, values)
    with store.snapshot() as snapshot:
        np.testing.assert_allclose(snapshot.key_vectors([2, 4]), keys, atol=1e-3)
    assert store.verify().ok
