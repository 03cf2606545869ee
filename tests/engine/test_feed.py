"""The packed form of the feed of changes."""

from __future__ import annotations

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kvdb
from kvdb.change import changes
from kvdb.file.records import pack

RUNS = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 1 << 40), st.integers(1, 70_000)), min_size=1, max_size=40)


@given(RUNS)
def test_runs_come_back_as_they_were(runs: list[changes.Run]) -> None:
    packed = changes.pack_runs(runs)
    assert [run for group in packed for run in changes._unpacked(*group)] == runs


def test_scattered_deletions_take_two_bytes_each() -> None:
    ids = np.sort(np.random.default_rng(0).permutation(200_000)[:1000]).astype(np.uint64) + np.uint64(1)
    runs = changes.runs_of(changes.DELETED, ids)
    assert sum(run[2] for run in runs) == 1000
    assert len(msgpack.packb(changes.pack_runs(runs))) < 2 * 1000 + 1000 + 20  # gaps of two bytes, lengths of one


def test_a_damaged_group_is_an_error_of_ours(store: kvdb.Store) -> None:
    for group in ([1, 2, b"\1", b""], [1, 0, b"", b""], [1, 3, b"123456789", b""], [1, 1], 5):
        with store.snapshot() as snapshot:
            number = snapshot.state.txn + 1

        def harm(write: object, group: object = group, number: int = number) -> None:
            write.txn.put(number.to_bytes(8, "big"), pack(number, [group]), db=write.tables.changes)  # type: ignore[attr-defined]

        store.write_with(harm)
        with pytest.raises(kvdb.errors.CorruptStoreError, match=f"the changes of transaction {number} are damaged"):
            list(store.changes(since=number - 1))
