"""The read side: one read transaction, and pages as views on the file.

Invariants:
- A snapshot sees the store as it was when it was made, whatever is written meanwhile.
- Arrays of pages are views on LMDB's map: they die with the snapshot and are read-only. What must outlive it is copied.
- The checksum of a page is verified the first time that this process reads it in this generation.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from types import TracebackType

import numpy as np

from kvdb.errors import CorruptStoreError, FactNotFoundError, LimitError, StoreClosedError
from kvdb.fields import unit16
from kvdb.file import format
from kvdb.file.caches import seen_leaf
from kvdb.file.delta_pages import joined
from kvdb.file.environment import Environment
from kvdb.file.format import NodeRecord
from kvdb.file.notes import note_key, unpack_note
from kvdb.file.tables import Reader
from kvdb.tree.descend import descend
from kvdb.tree.descend import exact as descend_all
from kvdb.tree.score import DotScorer
from kvdb.types import (
    F16,
    F32,
    U64,
    Fact,
    FactId,
    Hit,
    LeafId,
    LeafPage,
    NodeId,
    NodePage,
    RowId,
    SearchLimits,
    fact_of,
    mask_of,
)

Rows = Sequence[int] | U64


class Snapshot(Reader):
    """The store at one moment. A context manager: its views must not be used after it closes."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._open = True
        self.txn = env.begin_read()
        try:
            super().__init__(self.txn, env.tables, env.path)
        except BaseException:
            self.close()
            raise
        self.relation_names = env.caches.relation_names
        self.toned_cache = env.caches.toned
        self._checked = env.caches.checked
        self._metas = env.caches.leaf_metas
        self._nodes = env.caches.nodes
        self._delta_pages = env.caches.delta_pages

    def close(self) -> None:
        """End the snapshot. Its views are invalid from here on."""
        if self._open:
            self._open = False
            self._env.end_read(self.txn)

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_open", False):
            self.close()

    def _usable(self) -> None:
        if not self._open:
            raise StoreClosedError(f"this snapshot of {self.path} is closed: take a new one")
        if self._env.pid != os.getpid():
            self._env.check()

    @property
    def txn_id(self) -> int:
        """Grows by one with every committed write."""
        return self.state.txn

    @property
    def rows(self) -> int:
        """Live rows."""
        return self.state.rows

    @property
    def flat(self) -> bool:
        """True where search scores every leaf: a small store, or one whose bulk load has not finished."""
        return self.state.flat

    @property
    def dim(self) -> int | None:
        """Dimensions of the vectors, None before the first."""
        return self.state.dim or None

    @property
    def levels(self) -> tuple[int, ...]:
        """Pages per level, from the root (1) down to the leaves. A flat store has (1, leaves), an empty one ()."""
        self._usable()
        leaves = self.entries(self.tree_in.leaf_meta)
        if not leaves:
            return ()
        if self.state.flat:
            return (1, leaves)
        counts, level = [1], [self.node(NodeId(self.state.root))]
        while not level[0].leaves:
            counts.append(sum(len(page.children) for page in level))
            level = [self.node(NodeId(child)) for child in (c for page in level for c in page.children.tolist())]
        return (*counts, leaves)

    def triple(self, id: int) -> Fact:
        """A fact by its id. Raises FactNotFoundError."""
        self._usable()
        fact = self.fact(id) if 0 < id < 1 << 63 else None
        if fact is None:
            raise FactNotFoundError(f"no fact {id} in {self.path}: it was deleted or never there")
        return fact

    def note(self, name: str) -> bytes | None:
        """What Store.set_note keeps under a name, None where it keeps nothing. Raises FieldError, CorruptStoreError."""
        self._usable()
        key = note_key(name)
        data = self.get(self.tables.meta, key)
        return None if data is None else unpack_note(key, data)

    def facts(self, ids: Sequence[int] | U64) -> list[Fact]:
        """Facts by their ids, in the order given. Raises FactNotFoundError."""
        return [self.triple(int(id)) for id in ids]

    def value_texts(self, rows: Rows) -> list[str]:
        """The text that each row answers with: the tail where it is masked, else the head."""
        out = []
        for row in rows:
            fact = self.triple(fact_of(int(row)))
            out.append(fact.tail if mask_of(int(row)) == "tail" else fact.head)
        return out

    def value_vectors(self, rows: Rows) -> F32:
        """The vectors of what the rows answer with: float32 [n, d], copied."""
        self._usable()
        out = np.empty((len(rows), self.state.dim), np.float32)
        for i, row in enumerate(rows):
            record = self.record(fact_of(int(row)))
            value = 0 if record is None else record.tail if mask_of(int(row)) == "tail" else record.head_value
            if not value:
                raise FactNotFoundError(f"no row {int(row)} in {self.path}: it was deleted or never there")
            out[i] = self.vector(value)
        return out

    def key_vectors(self, rows: Rows) -> F32:
        """The vectors of the rows' key sentences: float32 [n, d], copied."""
        self._usable()
        out = np.empty((len(rows), self.state.dim), np.float32)
        by_leaf: dict[int, list[int]] = {}
        for i, row in enumerate(rows):
            by_leaf.setdefault(self.location(int(row)), []).append(i)
        for leaf, places in by_leaf.items():
            if leaf == 0:
                raise FactNotFoundError(f"no row {int(rows[places[0]])} in {self.path}: it was deleted or never there")
            page = self.leaf(LeafId(leaf))
            slots = {row: slot for slot, row in enumerate(page.rows.tolist())}
            for i in places:
                if int(rows[i]) not in slots:
                    raise CorruptStoreError(f"row {int(rows[i])} is not in leaf {leaf}: run `kvdb verify`")
                out[i] = page.vectors[slots[int(rows[i])]]
        return out

    def root(self) -> NodePage:
        """The root page. In a flat store it lists every leaf, and its centroids are zeros."""
        self._usable()
        if not self.state.flat:
            return self.node(NodeId(self.state.root))
        leaves = list(self.leaf_ids())
        return NodePage(
            id=NodeId(0),
            generation=self.state.txn,
            centroids=np.broadcast_to(np.float32(0), (len(leaves), self.state.dim)),  # [n, d]
            children=np.array(leaves, np.uint32),
            counts=np.array([self.leaf_meta(leaf).live for leaf in leaves], np.uint64),
            leaves=True,
        )

    def node(self, id: NodeId) -> NodePage:
        """A page of centroids."""
        self._usable()
        root = (self.state.tree_set, self.state.root)
        page = self._nodes.get(root, self.state.txn, id)
        return page or self._nodes.put(root, self.state.txn, id, self.node_record(id))

    def leaf(self, id: LeafId) -> LeafPage:
        """A page of rows, as views; where the leaf has a delta, a copy of both together."""
        parts = self.leaf_parts(id)
        return parts[0] if len(parts) == 1 else joined(parts)

    def leaf_parts(self, id: LeafId) -> list[LeafPage]:
        """A leaf's page, as views, and after it its delta where it has one: what a search scores, copying neither."""
        self._usable()
        seen = seen_leaf(self._metas, self, id)
        meta = seen.meta
        _, vectors, rows = self.leaf_page(id)
        if len(rows) != meta.n:
            raise CorruptStoreError(f"leaf {id} has {len(rows)} rows, its record says {meta.n}: run `kvdb verify`")
        page = LeafPage(id, meta.generation, vectors, rows, seen.live[: meta.n])
        if not meta.delta:
            return [page]
        vectors, rows = self._delta_pages.get(self, id, meta)
        return [page, LeafPage(id, meta.generation, vectors, rows, seen.live[meta.n :])]

    def leaf_page(self, leaf: int, *, check: bool = True) -> tuple[int, F16, U64]:
        """As Reader's, with the checksum verified on the first touch only."""
        key = (self.state.tree_set, leaf)
        data = self.need(self.tree_in.leaves, format.u32(leaf), f"leaf {leaf}")
        page = format.unpack_leaf(leaf, data, check=False)
        if check and self._checked.get(key) != page[0]:
            format.unpack_leaf(leaf, data, check=True)
            self._checked[key] = page[0]
        return page

    def node_record(self, node: int, *, check: bool = True) -> NodeRecord:
        """As Reader's, with the checksum verified on the first touch only."""
        key = (self.state.tree_set + 2, node)
        data = self.need(self.tree_in.nodes, format.u32(node), f"node {node}")
        record = NodeRecord.unpack(node, data, check=False)
        if check and self._checked.get(key) != record.generation:
            NodeRecord.unpack(node, data, check=True)
            self._checked[key] = record.generation
        return record

    def match(self, head: str | None = None, relation: str | None = None, tail: str | None = None) -> Iterator[Fact]:
        """Facts whose given fields are exactly these, in the order of ids; all facts where none is given."""
        self._usable()
        relation_id, value = 0, 0
        choices = []
        if relation is not None:
            relation_id = self.relation_id(relation) or 0
            choices.append((self.count(format.RELATION, relation_id), format.RELATION, relation_id))
        if tail is not None:
            value = self.value_id(tail) or 0
            choices.append((self.count(format.TAIL, value), format.TAIL, value))
        found = self.ids(*min(choices)[1:]) if choices else self.fact_ids()
        if head is not None:  # its facts lie together in the index, but are not counted there
            most = min(choices)[0] if choices else None
            of_head = list(islice(self.head_ids(head), most))
            if len(of_head) != most:
                found = iter(sorted(of_head))
        for id in found:
            record = self.record(id)
            if record is None:
                raise CorruptStoreError(f"triple {id} is missing from {self.path}: run `kvdb verify`")
            if head is not None and record.head != head:
                continue
            if relation is not None and record.relation != relation_id:
                continue
            if tail is not None and record.tail != value:
                continue
            yield self.full(id, record)

    def search(self, vector: F32, *, k: int = 5, exact: bool = False, limits: SearchLimits | None = None) -> list[Hit]:
        """The k facts whose key sentences are nearest to `vector` [d], best first.

        A fact is reported once, with its best row. `exact` scores every row instead of going down the tree.
        """
        self._usable()
        if k < 1:
            raise LimitError(f"k is {k}: ask for 1 or more facts")
        if self.state.rows == 0:
            return []
        query = unit16(np.atleast_2d(vector), dim=self.state.dim, what="the query").astype(np.float32)
        wanted = k * 2 if self.state.rows > self.state.facts else k  # two rows may name one fact
        limits = replace(limits or SearchLimits(), leaf_top_k=wanted)
        scorer = DotScorer(query)
        found = descend_all(self, scorer, wanted) if exact else descend(self, scorer, limits)
        hits: dict[FactId, Hit] = {}
        for row, score in zip(found.rows.tolist(), found.scores.tolist(), strict=True):
            if len(hits) == k:
                break
            if fact_of(row) not in hits:
                hits[fact_of(row)] = Hit(self.triple(fact_of(row)), RowId(row), max(-1.0, min(1.0, score)))
        return list(hits.values())
