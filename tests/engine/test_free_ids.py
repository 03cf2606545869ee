"""New values take the ids of dropped ones, durably and never too early."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

import kvdb
from kvdb.change import free_ids
from kvdb.change.write import Write
from kvdb.errors import CorruptStoreError
from kvdb.file.format import u64
from kvdb.file.free_block import BLOCK_IDS, pack_free, unpack_free


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every free id may be taken at once."""
    monkeypatch.setattr(free_ids, "LEAST", 0)
    monkeypatch.setattr(free_ids, "SLACK", 0)


@pytest.fixture
def thinned(store: kvdb.Store, fakes: ModuleType) -> kvdb.Store:
    """Values 1 to 60, of which the even ones were dropped."""
    store.insert([(f"head {i}", "relation", f"tail {i}") for i in range(1, 61)], fakes.encode)
    store.delete(range(2, 61, 2))
    return store


def counters(store: kvdb.Store) -> tuple[int, int, int]:
    with store.snapshot() as snapshot:
        return snapshot.state.next_value, snapshot.state.values, snapshot.state.free_values


def test_new_values_take_free_ids(thinned: kvdb.Store, fakes: ModuleType) -> None:
    assert counters(thinned) == (61, 30, 30)
    with kvdb.open(thinned.path) as again:  # the list is in the file
        again.insert([("a", "relation", f"new {i}") for i in range(20)], fakes.encode)
    assert counters(thinned) == (61, 50, 10)
    thinned.insert([("b", "relation", f"newer {i}") for i in range(20)], fakes.encode)
    assert counters(thinned) == (71, 70, 0)
    report = thinned.verify()
    assert report.ok, report.problems
    with thinned.snapshot() as snapshot:
        for i in range(20):
            value = snapshot.value_id(f"new {i}")
            assert value is not None and value % 2 == 0
            np.testing.assert_allclose(snapshot.vector(value), fakes.vector_of(f"new {i}"), atol=1e-3)


def test_ids_are_left_alone_while_few_are_free(
    thinned: kvdb.Store, fakes: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(free_ids, "LEAST", 0.5)
    thinned.insert([("a", "relation", f"new {i}") for i in range(20)], fakes.encode)
    assert counters(thinned) == (66, 50, 15)  # half of the 30 values that there were stay free


def test_a_transaction_does_not_take_what_it_freed(store: kvdb.Store, fakes: ModuleType) -> None:
    (first,) = store.insert([("a", "relation", "x" * 9000)], fakes.encode).ids
    with store.write() as transaction:
        transaction.delete([first])
        transaction.insert([("a", "relation", "y")], fakes.encode)
    assert counters(store) == (3, 1, 1)
    assert store.verify().ok


def test_compaction_forgets_free_ids(thinned: kvdb.Store, fakes: ModuleType) -> None:
    assert thinned.compact() == ""
    assert counters(thinned) == (61, 30, 0)
    thinned.insert([("a", "relation", "new")], fakes.encode)
    assert counters(thinned) == (62, 31, 0)
    assert thinned.verify().ok


def test_verify_names_free_ids_that_cannot_be(thinned: kvdb.Store) -> None:
    def harm(write: Write) -> None:
        free = np.zeros(BLOCK_IDS, np.bool_)
        free[[1, 2, 99]] = True
        write.txn.put(u64(0), pack_free(0, free), db=write.facts_in.free_values)

    thinned.write_with(harm)
    problems = " ".join(thinned.verify().problems)
    assert "value 1 is free, but it is there" in problems
    assert "value 99 is free, but the next is 61" in problems
    assert "free values: 3, expected 30" in problems


def test_any_flipped_bit_of_a_block_is_noticed() -> None:
    free = np.zeros(BLOCK_IDS, np.bool_)
    free[7] = True
    packed = pack_free(3, free)
    np.testing.assert_array_equal(unpack_free(3, packed), free)
    for at in (0, 300, len(packed) - 1):
        harmed = bytearray(packed)
        harmed[at] ^= 1
        with pytest.raises(CorruptStoreError, match="free value ids"):
            unpack_free(3, bytes(harmed))
    with pytest.raises(CorruptStoreError):
        unpack_free(4, packed)
