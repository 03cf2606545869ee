"""The feed of changes: which facts each transaction inserted and deleted, in order, so that an application can follow.

A transaction's record is a list of groups, each of ascending runs of inserted or of deleted ids. A run is the gap after
the run before it and its length; gaps and lengths are arrays of the narrowest type that holds them, so that the ids
of a thousand scattered deletions take 2 KB. The feed keeps the newest KEPT ids: where it grows beyond, the oldest
transactions are dropped, a few with each new one; the newest always stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import lmdb
import numpy as np

from kvdb.errors import CorruptStoreError, LimitError
from kvdb.file.format import read_u64, u64
from kvdb.file.records import State, pack, unpack
from kvdb.file.schema import Tables
from kvdb.file.tables import Reader
from kvdb.types import U64, Change, FactId

KEPT = 1_000_000  # ids
TRIMMED = 64  # old transactions that a new one drops at most

DELETED, INSERTED = 0, 1

Run = tuple[int, int, int]  # DELETED or INSERTED, first id, how many
Group = tuple[int, int, bytes, bytes]  # kind, number of runs, gaps, lengths


def runs_of(kind: int, ids: U64) -> list[Run]:
    """Ids [n], n >= 1, in order, as runs of consecutive ones."""
    if len(ids) == 1:
        return [(kind, int(ids[0]), 1)]
    firsts = np.flatnonzero(np.diff(ids, prepend=ids[:1] - np.uint64(2)) != 1)
    counts = np.diff(firsts, append=len(ids))
    return [(kind, first, count) for first, count in zip(ids[firsts].tolist(), counts.tolist(), strict=True)]


def pack_runs(runs: Sequence[Run]) -> list[Group]:
    """Runs in order as groups: kind, how many, gaps before each, lengths (empty where all are 1)."""
    out: list[Group] = []
    start = 0
    for at in range(1, len(runs) + 1):
        if at < len(runs) and runs[at][0] == runs[start][0] and runs[at][1] >= runs[at - 1][1] + runs[at - 1][2]:
            continue
        firsts = np.array([run[1] for run in runs[start:at]], np.uint64)
        counts = np.array([run[2] for run in runs[start:at]], np.uint64)
        ends = np.concatenate([[np.uint64(0)], (firsts + counts)[:-1]]).astype(np.uint64)
        lengths = b"" if bool((counts == 1).all()) else _narrow(counts)
        out.append((runs[start][0], at - start, _narrow(firsts - ends), lengths))
        start = at
    return out


def _narrow(numbers: U64) -> bytes:
    """Little-endian bytes of the narrowest type that holds all of them."""
    width = next(width for width in (1, 2, 4, 8) if int(numbers.max()) < 1 << 8 * width)
    return numbers.astype(f"<u{width}").tobytes()


def record(txn: lmdb.Transaction, tables: Tables, state: State, runs: Sequence[Run]) -> None:
    """Write down what the transaction `state.txn` did, and drop what is too old."""
    if not runs:
        return
    txn.put(u64(state.txn), pack(state.txn, pack_runs(runs)), db=tables.changes, append=True)
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
        return [run for group in found for run in _unpacked(*group)]
    except (TypeError, ValueError, KeyError, ZeroDivisionError) as error:
        raise CorruptStoreError(f"the changes of transaction {number} are damaged; run `kvdb verify`") from error


def _unpacked(kind: int, number: int, gaps: bytes, lengths: bytes) -> list[Run]:
    counts = np.frombuffer(lengths, f"<u{len(lengths) // number}") if lengths else np.ones(number, np.uint8)
    steps = np.frombuffer(gaps, f"<u{len(gaps) // number}").astype(np.uint64)
    if len(steps) != number or len(counts) != number:
        raise ValueError(f"{len(steps)} gaps and {len(counts)} lengths, not {number}")
    wide = counts.astype(np.uint64)
    firsts = np.cumsum(steps + np.concatenate([[np.uint64(0)], wide[:-1]]).astype(np.uint64))
    return [(kind, first, count) for first, count in zip(firsts.tolist(), wide.tolist(), strict=True)]
