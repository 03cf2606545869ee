"""How to read what is in the tables of a store (kvdb.file.schema) within one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import lmdb
import numpy as np

from kvdb.errors import CorruptStoreError
from kvdb.file import format, records
from kvdb.file.failures import translate
from kvdb.file.format import LeafMeta, NodeRecord, index_key, read_u64, u32, u64
from kvdb.file.items import Delta, unpack_deltas
from kvdb.file.records import State, TripleRecord
from kvdb.file.schema import FactTables, Tables, TreeTables, create_tables, open_tables
from kvdb.file.space_record import SPACE_NODE, unpack_space
from kvdb.file.toned import TonedCache, TonedNode
from kvdb.tree.space import Space
from kvdb.types import F16, U64, Fact, FactId, Mask, Relation

__all__ = ["Data", "FactTables", "Reader", "Tables", "TreeTables", "create_tables", "open_tables"]

Data = Any  # bytes in a write transaction, memoryview in a read transaction


class Reader:
    """Reads of one transaction. Snapshot adds a lifetime to it, Write the writes."""

    def __init__(self, txn: lmdb.Transaction, tables: Tables, path: str) -> None:
        self.txn = txn
        self.tables = tables
        self.path = path
        self.relation_names: dict[int, str] = {}
        self.toned_cache = TonedCache()
        self.toned_nodes: dict[int, TonedNode] = {}  # as this transaction sees them
        state = self.get(tables.meta, b"state")
        if state is None:
            raise CorruptStoreError(f"{path} has no state record: restore it from a backup")
        self.state = State.unpack(state)
        self.committed = self.state.txn  # the newest transaction that cannot be given up any more
        self.facts_in = tables.facts[self.state.fact_set]
        self.tree_in = tables.trees[self.state.tree_set]

    @property
    def masks(self) -> tuple[Mask, ...]:
        """The maskings that the store was first loaded with, () before that."""
        return records.bits_masks(self.state.masks)

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
        try:
            cursor = self.txn.cursor(self.facts_in.index)
            if cursor.set_key(index_key(kind, number)):
                for data in cursor.iternext_dup():
                    yield read_u64(data)
        except lmdb.Error as error:
            raise translate(error, self.path) from error

    def count(self, kind: int, number: int) -> int:
        """How many ids an index key has."""
        with self.translated():
            cursor = self.txn.cursor(self.facts_in.index)
            return int(cursor.count()) if cursor.set_key(index_key(kind, number)) else 0

    def head_ids(self, head: str) -> Iterator[int]:
        """The facts of a head, and perhaps of others with a like hash, in no order."""
        prefix = format.head_prefix(head)
        with self.translated():
            cursor = self.txn.cursor(self.facts_in.index)
            if cursor.set_range(prefix):
                for key, data in cursor:
                    if key[:5] != prefix:
                        return
                    yield read_u64(data)

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
        for fact in self.ids(format.FACT, format.fact_number(head, relation, tail)):
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

    def delta(self, leaf: int, count: int) -> Delta:
        """The `count` rows of a leaf that are not in its page yet, copied. Raises CorruptStoreError where there are
        others.
        """
        prefix = u32(leaf)
        with self.translated():
            cursor = self.txn.cursor(self.tree_in.deltas)
            items = list(islice(cursor.iternext(), count + 1)) if cursor.set_range(prefix) else []
        own = [item for item in items if item[0][:4] == prefix]
        if len(own) != count:
            raise CorruptStoreError(
                f"leaf {leaf} has {len(own)} delta rows in {self.path}, its record says {count}: run `kvdb verify`"
            )
        return unpack_deltas(leaf, own, self.state.dim)

    def leaf_rows(self, leaf: int) -> tuple[F16, U64]:
        """The live rows of a leaf, of page and delta: vectors [n, d] and rows [n]."""
        meta = self.leaf_meta(leaf)
        _, vectors, rows = self.leaf_page(leaf)
        if meta.dead is not None:
            vectors, rows = vectors[~meta.dead], rows[~meta.dead]
        return self.with_delta(leaf, meta, vectors, rows)

    def with_delta(self, leaf: int, meta: LeafMeta, vectors: F16, rows: U64) -> tuple[F16, U64]:
        """`vectors` [n, d] and `rows` [n] of a leaf's page, and after them those of its delta."""
        if not meta.delta:
            return vectors, rows
        delta = self.delta(leaf, meta.delta)
        return np.concatenate([vectors, delta.vectors]), np.concatenate([rows, delta.rows])

    def leaf_row_ids(self, leaf: int) -> U64:
        """The rows [n] of a leaf's page, dead ones included, as a view; nothing else of the page is looked at."""
        return format.leaf_row_ids(leaf, self.need(self.tree_in.leaves, u32(leaf), f"leaf {leaf}"))

    def node_record(self, node: int, *, check: bool = True) -> NodeRecord:
        """A node page."""
        data = self.need(self.tree_in.nodes, u32(node), f"node {node}")
        return NodeRecord.unpack(node, data, check=check)

    def space(self) -> Space | None:
        """The space that the tree was clustered in; None for one that was clustered in the encoder's own."""
        data = self.get(self.tree_in.nodes, u32(SPACE_NODE))
        return None if data is None else unpack_space(NodeRecord.unpack(SPACE_NODE, data))

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
        with self.translated():
            return int(self.txn.stat(table)["entries"])
