"""The feed of changes: which facts each transaction inserted and deleted, in order, so that an application can follow.

A transaction's record is a list of runs (inserted or deleted, first id, how many). The feed keeps the newest KEPT ids:
where it grows beyond, the oldest transactions are dropped, a few with each new one; the newest always stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import lmdb

from kvdb.errors import CorruptStoreError, LimitError
from kvdb.file.format import read_u64, u64
from kvdb.file.records import State, pack, unpack
from kvdb.file.schema import Tables
from kvdb.file.tables import Reader
from kvdb.types import Change, FactId

KEPT = 1_000_000  # ids
TRIMMED = 64  # old transactions that a new one drops at most

DELETED, INSERTED = 0, 1

Run = tuple[int, int, int]  # DELETED or INSERTED, first id, how many


def runs_of(events: Sequence[tuple[int, int]]) -> list[Run]:
    """Kinds and ids, in order, as runs of consecutive ids."""
    out: list[Run] = []
    for kind, id in events:
        if out and out[-1][0] == kind and out[-1][1] + out[-1][2] == id:
            out[-1] = (kind, out[-1][1], out[-1][2] + 1)
        else:
            out.append((kind, id, 1))
    return out


def record(txn: lmdb.Transaction, tables: Tables, state: State, runs: Sequence[Run]) -> None:
    """Write down what the transaction `state.txn` did, and drop what is too old."""
    if not runs:
        return
    txn.put(u64(state.txn), pack(state.txn, runs), db=tables.changes, append=True)
    state.feed_ids += sum(run[2] for run in runs)
    cursor = txn.cursor(tables.changes)
    for _ in range(TRIMMED):
        if state.feed_ids <= KEPT or not cursor.first():
            return
        number = read_u64(cursor.key())
        if number == state.txn:
            return
        state.feed_ids -= sum(run[2] for run in _runs(number, cursor.value()))
        state.feed_from = number
        cursor.delete()


def changes(reader: Reader, since: int) -> Iterator[Change]:
    """Every change after transaction `since`, in order. Raises LimitError where some of them are no longer kept."""
    if since < reader.state.feed_from:
        raise LimitError(
            f"{reader.path} keeps the changes after transaction {reader.state.feed_from}, not those after {since}: "
            "read all facts (match), then follow from the transaction of that snapshot (txn_id)"
        )
    return _changes(reader, since)


def _changes(reader: Reader, since: int) -> Iterator[Change]:
    cursor = reader.txn.cursor(reader.tables.changes)
    if cursor.set_range(u64(max(0, since) + 1)):
        for key, data in cursor:
            number = read_u64(key)
            for kind, first, count in _runs(number, data):
                for id in range(first, first + count):
                    yield Change(number, FactId(id), kind == INSERTED)


def _runs(number: int, data: bytes | memoryview) -> list[Run]:
    found = unpack(number, data, "the changes of transaction")
    try:
        return [(kind, first, count) for kind, first, count in found]
    except (TypeError, ValueError) as error:
        raise CorruptStoreError(f"the changes of transaction {number} are damaged; run `kvdb verify`") from error
