"""The sub-databases of a store, and how to read what is in them within one transaction.

    meta        name                      format version, state, encoder
    triples     fact id u64               TripleRecord (msgpack map)
    index       kind u8, number u64       ids u64 (sorted, several per key)
    relations   relation id u64           name, nouns, whether edited, number of facts (msgpack map)
    texts       value id u64              text
    values      value id u64              vector float16 [d]
    leaves      leaf id u32               vectors float16 [n, d] and row ids
    leaf_meta   leaf id u32               n, live, generation, parent, which rows are dead
    nodes       node id u32               centroids, counts and children
    locations   row id // 128, u64        leaf ids u32 [128]

Kinds of index: FACT hash of the triple -> fact ids; HEAD hash of the head -> fact ids; RELATION relation id -> fact
ids; TAIL value id -> fact ids; TEXT hash of the text -> value ids; NAME hash of the relation -> relation
ids. Hashes may collide: what an id points to is always compared with what was asked for.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import lmdb

from kvdb import format, records
from kvdb.errors import CorruptStoreError, FormatVersionError, NotAStoreError
from kvdb.failures import translate
from kvdb.format import LeafMeta, NodeRecord, index_key, read_u64, u32, u64
from kvdb.records import State, TripleRecord
from kvdb.types import F16, U64, Fact, FactId, Relation

Data = Any  # bytes in a write transaction, memoryview in a read transaction


@dataclass(frozen=True, slots=True)
class FactTables:
    """Handles of the tables that hold triples and values."""

    triples: Any
    index: Any
    relations: Any
    texts: Any
    values: Any


@dataclass(frozen=True, slots=True)
class TreeTables:
    """Handles of the tables that hold the rows' vectors and the tree over them."""

    leaves: Any
    leaf_meta: Any
    nodes: Any
    locations: Any


@dataclass(frozen=True, slots=True)
class Tables:
    """All handles. Two sets of each, of which the state names the live one."""

    meta: Any
    facts: tuple[FactTables, FactTables]
    trees: tuple[TreeTables, TreeTables]


_FACT_NAMES = ("triples", "index", "relations", "texts", "values")
_TREE_NAMES = ("leaves", "leaf_meta", "nodes", "locations")
_SETS = ("a", "b")


def _flags(name: str) -> dict[str, bool]:
    # not dupfixed, which would save 10 bytes an id: LMDB's compacting copy crashes on its deeper sub-trees (0.9.36)
    return {"dupsort": True} if name == "index" else {}


def create_tables(env: lmdb.Environment) -> None:
    """Make the tables of a new store, in one transaction. Another process may have been quicker: then do nothing."""
    with env.begin(write=True) as txn:
        meta = env.open_db(b"meta", txn=txn)
        if txn.get(b"format", db=meta) is not None:
            return
        for name in _FACT_NAMES + _TREE_NAMES:
            for which in _SETS:
                env.open_db(f"{name}.{which}".encode(), txn=txn, **_flags(name))
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
    try:
        handles = {
            f"{name}.{which}": env.open_db(f"{name}.{which}".encode(), txn=txn, create=False, **_flags(name))
            for name in _FACT_NAMES + _TREE_NAMES
            for which in _SETS
        }
    except (lmdb.NotFoundError, lmdb.IncompatibleError) as error:
        raise CorruptStoreError(f"{path} lacks a table ({error}): restore it from a backup") from error
    facts = tuple(FactTables(*(handles[f"{name}.{which}"] for name in _FACT_NAMES)) for which in _SETS)
    trees = tuple(TreeTables(*(handles[f"{name}.{which}"] for name in _TREE_NAMES)) for which in _SETS)
    return Tables(meta, (facts[0], facts[1]), (trees[0], trees[1]))


class Reader:
    """Reads of one transaction. Snapshot adds a lifetime to it, Write the writes."""

    def __init__(self, txn: lmdb.Transaction, tables: Tables, path: str) -> None:
        self.txn = txn
        self.tables = tables
        self.path = path
        self.relation_names: dict[int, str] = {}
        state = self.get(tables.meta, b"state")
        if state is None:
            raise CorruptStoreError(f"{path} has no state record: restore it from a backup")
        self.state = State.unpack(state)
        self.facts_in = tables.facts[self.state.fact_set]
        self.tree_in = tables.trees[self.state.tree_set]

    @contextmanager
    def translated(self) -> Iterator[None]:
        """LMDB's errors within the block come out as ours."""
        try:
            yield
        except lmdb.Error as error:
            raise translate(error, self.path) from error

    def get(self, table: Any, key: bytes) -> Data | None:
        """One raw value. LMDB's errors come out as ours."""
        try:
            return self.txn.get(key, db=table)
        except lmdb.Error as error:
            raise translate(error, self.path) from error

    def need(self, table: Any, key: bytes, what: str) -> Data:
        """One raw value that something else points to."""
        data = self.get(table, key)
        if data is None:
            raise CorruptStoreError(f"{what} is missing from {self.path}: run `kvdb verify`")
        return data

    def ids(self, kind: int, number: int) -> Iterator[int]:
        """The ids under an index key, ascending."""
        with self.translated():
            cursor = self.txn.cursor(self.facts_in.index)
            if cursor.set_key(index_key(kind, number)):
                for data in cursor.iternext_dup():
                    yield read_u64(data)

    def count(self, kind: int, number: int) -> int:
        """How many ids an index key has."""
        with self.translated():
            cursor = self.txn.cursor(self.facts_in.index)
            return int(cursor.count()) if cursor.set_key(index_key(kind, number)) else 0

    def record(self, fact: int) -> TripleRecord | None:
        """A triple's record, None where there is no such fact."""
        data = self.get(self.facts_in.triples, u64(fact))
        return None if data is None else TripleRecord.unpack(fact, data)

    def text(self, value: int) -> str:
        """The text of a value."""
        return records.unpack_text(value, self.need(self.facts_in.texts, u64(value), f"the text of value {value}"))

    def relation_name(self, relation: int) -> str:
        """The name of a relation; kept, for names never change."""
        name = self.relation_names.get(relation)
        if name is None:
            name = self.relation(relation).name
            self.relation_names[relation] = name
        return name

    def relation(self, relation: int) -> Relation:
        """A relation by its id."""
        what = f"relation {relation}"
        return records.unpack_relation(relation, self.need(self.facts_in.relations, u64(relation), what))

    def fact(self, fact: int) -> Fact | None:
        """A fact with its texts, None where there is no such fact."""
        record = self.record(fact)
        return None if record is None else self.full(fact, record)

    def full(self, fact: int, record: TripleRecord) -> Fact:
        """The fact that a record stands for."""
        return Fact(FactId(fact), record.head, self.relation_name(record.relation), self.text(record.tail))

    def value_id(self, text: str) -> int | None:
        """The value with this text."""
        return next((v for v in self.ids(format.TEXT, format.hash_text(text)) if self.text(v) == text), None)

    def relation_id(self, name: str) -> int | None:
        """The relation with this name."""
        found = self.ids(format.NAME, format.hash_text(name))
        return next((r for r in found if self.relation_name(r) == name), None)

    def find(self, head: str, relation: str, tail: str) -> FactId | None:
        """The fact with exactly these fields."""
        for fact in self.ids(format.FACT, format.hash_triple(head, relation, tail)):
            found = self.fact(fact)
            if found is None:
                raise CorruptStoreError(f"triple {fact} is missing from {self.path}: run `kvdb verify`")
            if (found.head, found.relation, found.tail) == (head, relation, tail):
                return FactId(fact)
        return None

    def has_vector(self, value: int) -> bool:
        """True where the value's vector is stored (a text that is only searched for has none)."""
        return self.get(self.facts_in.values, u64(value)) is not None

    def vector(self, value: int) -> F16:
        """The vector of a value, float16 [d]."""
        what = f"the vector of value {value}"
        return format.unpack_vector(value, self.need(self.facts_in.values, u64(value), what))

    def location(self, row: int) -> int:
        """The leaf of a row, 0 where there is none."""
        block, at = divmod(row, format.LOCATION_ROWS)
        return int(format.unpack_locations(block, self.get(self.tree_in.locations, u64(block)))[at])

    def leaf_meta(self, leaf: int) -> LeafMeta:
        """The small record of a leaf."""
        return LeafMeta.unpack(leaf, self.need(self.tree_in.leaf_meta, u32(leaf), f"leaf {leaf}"))

    def leaf_page(self, leaf: int, *, check: bool = True) -> tuple[int, F16, U64]:
        """Generation of the page, vectors [n, d] and rows [n] of a leaf, dead rows included."""
        data = self.need(self.tree_in.leaves, u32(leaf), f"leaf {leaf}")
        return format.unpack_leaf(leaf, data, check=check)

    def node_record(self, node: int, *, check: bool = True) -> NodeRecord:
        """A node page."""
        data = self.need(self.tree_in.nodes, u32(node), f"node {node}")
        return NodeRecord.unpack(node, data, check=check)

    def leaf_ids(self) -> Iterator[int]:
        """Every leaf, in the order of ids, which is tree order after a bulk build."""
        with self.translated():
            for key in self.txn.cursor(self.tree_in.leaf_meta).iternext(keys=True, values=False):
                yield format.read_u32(key)

    def fact_ids(self) -> Iterator[int]:
        """Every fact, in order."""
        with self.translated():
            for key in self.txn.cursor(self.facts_in.triples).iternext(keys=True, values=False):
                yield read_u64(key)

    def relations(self) -> list[Relation]:
        """Every relation, in the order in which they came."""
        with self.translated():
            cursor = self.txn.cursor(self.facts_in.relations)
            return [records.unpack_relation(read_u64(key), data) for key, data in cursor]

    def entries(self, table: Any) -> int:
        """How many entries a table has."""
        return int(self.txn.stat(table)["entries"])
