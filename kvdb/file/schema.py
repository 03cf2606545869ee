"""The sub-databases of a store: their names, and their handles in an open file.

    meta        name                      format version, state, encoder, notes
    changes     transaction u64           runs of inserted and deleted fact ids
    triples     fact id u64               TripleRecord (msgpack map)
    index       kind u8, number u64       ids u64 (sorted, several per key)
    relations   relation id u64           name, nouns, whether edited, number of facts (msgpack map)
    texts       value id u64              text
    values      value id u64              vector float16 [d]
    free_values value id // 4096, u64     a bit for each of the ids: whether a new value may take it
    leaves      leaf id u32               vectors float16 [n, d] and row ids
    leaf_meta   leaf id u32               n, live, generation, parent, delta, which rows are dead
    deltas      leaf id u32, sequence u32 row id and vector float16 [d] of a row that is not in its leaf's page yet
    nodes       node id u32               centroids, counts and children
    locations   row id // 128, u64        leaf ids u32 [128]
    pending     kind u8, leaf id u32      work on a leaf that a transaction left to later ones

Kinds of index: FACT 32 bits each of the hashes of the head and of the triple -> fact ids; RELATION relation id -> fact
ids; TAIL value id -> fact ids; TEXT hash of the text -> value ids; NAME hash of the relation -> relation
ids. Hashes may collide: what an id points to is always compared with what was asked for.
"""

from __future__ import annotations

import uuid
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import lmdb

from kvdb.errors import CorruptStoreError, FormatVersionError, NotAStoreError
from kvdb.file import format
from kvdb.file.records import State


@dataclass(frozen=True, slots=True)
class FactTables:
    """Handles of the tables that hold triples and values."""

    triples: Any
    index: Any
    relations: Any
    texts: Any
    values: Any
    free_values: Any


@dataclass(frozen=True, slots=True)
class TreeTables:
    """Handles of the tables that hold the rows' vectors and the tree over them."""

    leaves: Any
    leaf_meta: Any
    deltas: Any
    nodes: Any
    locations: Any
    pending: Any


@dataclass(frozen=True, slots=True)
class Tables:
    """All handles. Two sets of each, of which the state names the live one."""

    meta: Any
    changes: Any
    facts: tuple[FactTables, FactTables]
    trees: tuple[TreeTables, TreeTables]


FACT_NAMES = ("triples", "index", "relations", "texts", "values", "free_values")
TREE_NAMES = ("leaves", "leaf_meta", "deltas", "nodes", "locations", "pending")
SETS = ("a", "b")


def table_names() -> list[str]:
    """The name of every table but `meta`."""
    return ["changes", *(f"{name}.{which}" for name in FACT_NAMES + TREE_NAMES for which in SETS)]


def flags(name: str) -> dict[str, bool]:
    """How a table is opened."""
    # not dupfixed, which would save 10 bytes an id: LMDB's compacting copy crashes on its deeper sub-trees (0.9.36)
    return {"dupsort": True} if name.startswith("index.") else {}


def create_tables(env: lmdb.Environment) -> None:
    """Make the tables of a new store, in one transaction. Another process may have been quicker: then do nothing."""
    with env.begin(write=True) as txn:
        meta = env.open_db(b"meta", txn=txn)
        if txn.get(b"format", db=meta) is not None:
            return
        for name in table_names():
            env.open_db(name.encode(), txn=txn, **flags(name))
        txn.put(b"format", str(format.FORMAT_VERSION).encode(), db=meta)
        txn.put(b"state", State(uuid=str(uuid.uuid4())).pack(), db=meta)


def open_tables(env: lmdb.Environment, path: str, *, writable: bool) -> Tables:
    """Handles of an existing store. Raises NotAStoreError or FormatVersionError.

    py-lmdb keeps handles of a read transaction only in a read-only environment, so a writable one waits here until the
    write transaction of another process, if there is one, ends.
    """
    txn = env.begin(write=True) if writable else None
    try:
        return _open_tables(env, path, txn)
    finally:
        if txn is not None:
            txn.commit()


def _open_tables(env: lmdb.Environment, path: str, txn: lmdb.Transaction | None) -> Tables:
    try:
        meta = env.open_db(b"meta", txn=txn, create=False)
    except (lmdb.NotFoundError, lmdb.ReadonlyError, lmdb.IncompatibleError):
        raise NotAStoreError(f"{path} is an LMDB file but not a kvdb store: give the path of a store") from None
    with nullcontext(txn) if txn else env.begin() as reading:
        version = bytes(reading.get(b"format", db=meta) or b"")
    if not version.isdigit():
        raise NotAStoreError(f"{path} is an LMDB file but not a kvdb store: give the path of a store")
    if int(version) > format.FORMAT_VERSION:
        raise FormatVersionError(
            f"{path} has format {int(version)}, this kvdb reads up to {format.FORMAT_VERSION}: upgrade kvdb"
        )
    if int(version) < format.FORMAT_VERSION:
        raise FormatVersionError(
            f"{path} has format {int(version)}, this kvdb reads {format.FORMAT_VERSION}: run `kvdb migrate {path}`"
        )
    try:
        handles = {name: env.open_db(name.encode(), txn=txn, create=False, **flags(name)) for name in table_names()}
    except (lmdb.NotFoundError, lmdb.IncompatibleError) as error:
        raise CorruptStoreError(f"{path} lacks a table ({error}): restore it from a backup") from error
    facts = tuple(FactTables(*(handles[f"{name}.{which}"] for name in FACT_NAMES)) for which in SETS)
    trees = tuple(TreeTables(*(handles[f"{name}.{which}"] for name in TREE_NAMES)) for which in SETS)
    return Tables(meta, handles["changes"], (facts[0], facts[1]), (trees[0], trees[1]))
