"""Bringing a store of an older format to this one, in place and in one transaction: all of it or nothing.

A step leads from one version to the next, so that a store of any age gets here. Every released format has a small store
among the tests.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from contextlib import closing
from typing import Any

import lmdb
import xxhash

from kvdb.change.changes import pack_runs
from kvdb.errors import CorruptStoreError, FormatVersionError, KvdbError, NotAStoreError, StoreLockedError
from kvdb.file import filecheck, locks
from kvdb.file.failures import translate
from kvdb.file.format import CHECKSUM, FACT, FORMAT_VERSION, LEAF_META, fact_number, index_key, read_u32, read_u64, u64
from kvdb.file.mapping import DEFAULT_MAP, open_map
from kvdb.file.records import State, TripleRecord, pack, unpack, unpack_relation, unpack_text
from kvdb.file.schema import FACT_NAMES, SETS, flags, table_names

_OF_FACTS = ("triples", "texts", "relations")
_HEAD_2 = 2  # the kind of index entries that led from heads to facts
_LEAF_META_1 = struct.Struct("<IIQI4x")  # n, live, generation, parent


def migrate(path: str | os.PathLike[str], *, timeout: float = 10.0) -> int:
    """Bring the store at `path` to this version's format; the format that it had.

    The file must be open nowhere else. Raises NotAStoreError, FormatVersionError for a format that is newer,
    CorruptStoreError, StoreLockedError; then the store is as it was.
    """
    name = os.path.realpath(path)
    try:
        fd = locks.open_shared(name, timeout, writable=True)
    except FileNotFoundError as error:
        raise NotAStoreError(f"no store at {name}: check the path") from error
    try:
        filecheck.check_length(fd, name)
        if not locks.try_exclusive(fd):
            raise StoreLockedError(f"{name} is open elsewhere: close it there, then migrate")
        old = _migrate(name)
        filecheck.fill_to_length(fd, name)
        return old
    finally:
        os.close(fd)


def _migrate(name: str) -> int:
    try:
        with closing(open_map(name, DEFAULT_MAP, writable=True)[0]) as env, env.begin(write=True) as txn:
            try:
                meta = env.open_db(b"meta", txn=txn, create=False)
            except lmdb.NotFoundError:
                raise NotAStoreError(f"{name} is an LMDB file but not a kvdb store") from None
            version = bytes(txn.get(b"format", db=meta) or b"")
            if not version.isdigit():
                raise NotAStoreError(f"{name} is an LMDB file but not a kvdb store")
            old = int(version)
            if old > FORMAT_VERSION:
                raise FormatVersionError(f"{name} has format {old}, this kvdb reads up to {FORMAT_VERSION}: upgrade")
            for step in range(old, FORMAT_VERSION):
                _STEPS[step](env, txn)
            txn.put(b"format", str(FORMAT_VERSION).encode(), db=meta)
            return old
    except lmdb.Error as error:
        if isinstance(error, KvdbError):
            raise
        raise translate(error, name) from error


def _from_1(env: lmdb.Environment, txn: lmdb.Transaction) -> None:
    """Version 2 has a delta for each leaf, a queue of work, and the feed of changes."""
    meta = env.open_db(b"meta", txn=txn)
    state = State.unpack(txn.get(b"state", db=meta) or b"")
    state.feed_from = state.txn  # what happened before was not written down
    txn.put(b"state", state.pack(), db=meta)
    for name in table_names():
        env.open_db(name.encode(), txn=txn, **flags(name))
    for which in SETS:
        table = env.open_db(f"leaf_meta.{which}".encode(), txn=txn)
        records = [(bytes(key), _leaf_meta_from_1(key, data)) for key, data in txn.cursor(table)]
        for key, record in records:
            txn.put(key, record, db=table)


def _leaf_meta_from_1(key: Any, data: Any) -> bytes:
    leaf, body = read_u32(key), bytes(data[:-CHECKSUM])
    if len(body) < _LEAF_META_1.size or xxhash.xxh3_64_digest(body, seed=leaf) != bytes(data[-CHECKSUM:]):
        raise CorruptStoreError(f"the record of leaf {leaf} is damaged (checksum): restore the store from a backup")
    n, live, generation, parent = _LEAF_META_1.unpack_from(body)
    record = LEAF_META.pack(n, live, generation, parent, 0, 0, 0, 0) + body[_LEAF_META_1.size :]
    return record + xxhash.xxh3_64_digest(record, seed=leaf)


def _from_2(env: lmdb.Environment, txn: lmdb.Transaction) -> None:
    """Version 3 has the facts of a head together in one index, and a table of free value ids; the feed is packed."""
    for name in table_names():
        env.open_db(name.encode(), txn=txn, **flags(name))
    changes = env.open_db(b"changes", txn=txn)
    found = [
        (read_u64(key), unpack(read_u64(key), data, "the changes of transaction")) for key, data in txn.cursor(changes)
    ]
    for number, runs in found:
        txn.put(u64(number), pack(number, pack_runs([(kind, first, count) for kind, first, count in runs])), db=changes)
    state = State.unpack(txn.get(b"state", db=env.open_db(b"meta", txn=txn)) or b"")
    live, other = SETS[state.fact_set], SETS[1 - state.fact_set]
    for name in FACT_NAMES:  # what a build that was cut short left, which may lack a part
        table = f"{name}.{other}"
        txn.drop(env.open_db(table.encode(), txn=txn, **flags(table)), delete=False)
    index = env.open_db(f"index.{live}".encode(), txn=txn, **flags(f"index.{live}"))
    entries = _fact_entries(env, txn, live)
    _drop_kinds(txn.cursor(index), (FACT, _HEAD_2))
    txn.cursor(index).putmulti(sorted(entries))


def _fact_entries(env: lmdb.Environment, txn: lmdb.Transaction, live: str) -> list[tuple[bytes, bytes]]:
    """What the index of version 3 has of each fact under its head and its identity."""
    triples, texts, relations = (env.open_db(f"{name}.{live}".encode(), txn=txn) for name in _OF_FACTS)
    names = {read_u64(key): unpack_relation(read_u64(key), data).name for key, data in txn.cursor(relations)}
    out = []
    for key, data in txn.cursor(triples):
        record = TripleRecord.unpack(read_u64(key), data)
        text = txn.get(u64(record.tail), db=texts)
        if text is None or record.relation not in names:
            raise CorruptStoreError(f"fact {read_u64(key)} lacks a part: restore the store from a backup")
        number = fact_number(record.head, names[record.relation], unpack_text(record.tail, text))
        out.append((index_key(FACT, number), bytes(key)))
    return out


def _drop_kinds(cursor: lmdb.Cursor, kinds: tuple[int, ...]) -> None:
    """Take every entry of these kinds out of an index."""
    found = cursor.first()
    while found and cursor.key()[0] <= max(kinds):
        found = cursor.delete(dupdata=True) if cursor.key()[0] in kinds else cursor.next_nodup()


_STEPS: dict[int, Callable[[lmdb.Environment, lmdb.Transaction], None]] = {1: _from_1, 2: _from_2}
