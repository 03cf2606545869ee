"""The write side of facts: adding, changing and removing them within one transaction.

Invariants:
- A value (text, and vector where some row answers with it) exists exactly as long as some fact refers to it.
- Index entries, relation counts and the state's counters change with the triple, in the same transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import lmdb
import numpy as np

from kvdb.build import FLAT_ROWS, MAX_GROWN, grow
from kvdb.change import changes
from kvdb.change.plan import Plan
from kvdb.change.shrink import shrink
from kvdb.change.tree_edit import TreeEdit
from kvdb.errors import CorruptStoreError
from kvdb.file import format, records
from kvdb.file.environment import Environment
from kvdb.file.format import index_key, u64
from kvdb.file.records import HEAD_BIT, TAIL_BIT, TripleRecord, pack_relation
from kvdb.file.tables import Reader
from kvdb.kg2kv import Nouns
from kvdb.types import F16, U64, FactId, Mask, Relation, Triple, row_of

WORK = 16
ROWS_A_WORK = 64

Items = list[tuple[bytes, bytes]]


def index_keys(triple: Triple, record: TripleRecord) -> list[bytes]:
    """The keys under which the index has a fact."""
    return [
        index_key(format.FACT, format.hash_triple(*triple)),
        index_key(format.HEAD, format.hash_text(triple.head)),
        index_key(format.RELATION, record.relation),
        index_key(format.TAIL, record.tail),
    ]


class Write(Reader):
    """One write transaction. `finish` writes the changed pages, each once, and the state."""

    def __init__(self, txn: lmdb.Transaction, env: Environment, *, stage: bool = False) -> None:
        super().__init__(txn, env.tables, env.path)
        self.toned_cache = env.caches.toned
        self.state.txn += 1
        self.delta_items: Items = []
        self._stage = stage
        self.tree = TreeEdit(self)
        self._events: list[tuple[int, int]] = []  # for the feed of changes
        self._touched = 0  # rows added and removed
        self._uses: Counter[int] = Counter()  # by how much the facts of a relation change
        self._changed: dict[int, Relation] = {}  # relations with new nouns
        self._by_name: dict[str, int] = {}
        self._by_text: dict[str, int] = {}

    @property
    def work_limit(self) -> int:
        """How many splits and merges of leaves this transaction may see through to the end."""
        return min(WORK, 1 + self._touched // ROWS_A_WORK)

    def take_on_work(self) -> None:
        """Do as much of the work that waits as a transaction may."""
        self._touched = WORK * ROWS_A_WORK

    def has_leaf(self, leaf: int) -> bool:
        """True where there is such a leaf."""
        return self.get(self.tree_in.leaf_meta, format.u32(leaf)) is not None

    def put_deltas(self) -> None:
        """Write the delta rows that leaves have collected."""
        if self.delta_items:
            self.txn.cursor(self.tree_in.deltas).putmulti(sorted(self.delta_items))
            self.delta_items.clear()

    def finish(self) -> None:
        """Write what was only changed in memory so far."""
        for id in self._uses.keys() | self._changed.keys():
            relation = self._changed.get(id) or self.relation(id)
            self._put_relation(replace(relation, facts=relation.facts + self._uses[id]))
        self.tree.flush()
        if not self._stage and not self.state.root and FLAT_ROWS <= self.state.rows <= MAX_GROWN:
            grow(self.txn, self)
        elif self.state.root and self.state.rows < FLAT_ROWS // 4:
            shrink(self)
        changes.record(self.txn, self.tables, self.state, changes.runs_of(self._events))
        self.txn.put(b"state", self.state.pack(), db=self.tables.meta)

    def add(
        self,
        plan: Plan,
        masks: Sequence[Mask],
        keys: Mapping[Mask, F16],
        values: Mapping[str, F16],
        *,
        ids: Sequence[int] | None = None,
    ) -> list[FactId]:
        """Add the new facts of a plan. keys: vectors [n, d] of the key sentences per masking; values: of texts [d].

        `ids`: ascending ids for them, above all that there are; else the next ones.
        """
        state, out = self.state, []
        bits = records.mask_bits(tuple(masks))
        state.masks = state.masks or bits
        triples: Items = []
        index: Items = []
        for at, place in enumerate(plan.fresh):
            triple = plan.triples[place]
            fact = FactId(ids[at] if ids else state.next_fact)
            state.next_fact = fact + 1
            relation = self._relation(triple.relation, plan.nouns[triple.relation])
            tail = self._value(triple.tail, values if bits & TAIL_BIT else {}, index, plan)
            head = self._value(triple.head, values, index, plan) if bits & HEAD_BIT else 0
            record = TripleRecord(triple.head, relation, tail, bits, head)
            key = u64(fact)
            triples.append((key, record.pack(fact)))
            index.extend((entry, key) for entry in index_keys(triple, record))
            out.append(fact)
            self._events.append((changes.INSERTED, fact))
        self.txn.cursor(self.facts_in.triples).putmulti(triples, append=True)
        self.txn.cursor(self.facts_in.index).putmulti(sorted(index))
        state.facts += len(out)
        if out:
            facts = np.array(out, np.uint64)
            rows = [facts * np.uint64(2) + np.uint64(mask == "head") for mask in masks]
            vectors = np.stack([keys[mask] for mask in masks], axis=1)  # [n, m, d]
            state.dim = vectors.shape[2]
            self.add_rows(np.stack(rows, axis=1).ravel(), vectors.reshape(-1, state.dim))
        return out

    def add_rows(self, rows: U64, vectors: F16) -> None:
        """Add rows [n] with vectors [n, d]: to the nearest leaves, or in a flat store to the last one."""
        self._touched += len(rows)
        if self._stage or not self.state.root:
            self.tree.stage(rows, vectors)
        else:
            self.tree.place(rows, vectors)

    def remove_all(self, facts: Iterable[int]) -> int:
        """Remove facts; how many there were."""
        rows: list[int] = []
        count = sum(self._remove(int(fact), rows) for fact in facts if 0 < fact < 1 << 63)
        self._touched += len(rows)
        self.tree.remove(rows)
        return count

    def update(self, fact: FactId, new: Triple, value: F16 | None, key: F16 | None) -> FactId:
        """Give a fact another tail; the fact that says so afterwards.

        `value`: the vector [d] of the new tail, where the fact's tail is masked; `key`: of its key sentence where the
        head is. Where another fact says the same already, that one stays and this one goes.
        """
        record = self.record(fact)
        if record is None:
            raise CorruptStoreError(f"fact {fact} is missing from {self.path}: run `kvdb verify`")
        old = self.full(fact, record).triple
        if old == new:
            return fact
        known = self.find(*new)
        if known is not None:
            self.remove(fact)
            return known
        index: Items = []
        tail = self._value(new.tail, {} if value is None else {new.tail: value}, index)
        changed = replace(record, tail=tail)
        after, before = index_keys(new, changed), index_keys(old, record)
        for entry in set(before) - set(after):
            self.txn.delete(entry, u64(fact), db=self.facts_in.index)
        index += [(entry, u64(fact)) for entry in set(after) - set(before)]
        self.txn.cursor(self.facts_in.index).putmulti(sorted(index))
        self.txn.put(u64(fact), changed.pack(fact), db=self.facts_in.triples)
        if key is not None:
            row = int(row_of(fact, "head"))
            self.tree.remove([row])
            self.add_rows(np.array([row], np.uint64), key[None])
        self._release(record.tail, old.tail)
        self._events += [(changes.DELETED, fact), (changes.INSERTED, fact)]
        return fact

    def remove(self, fact: int) -> bool:
        """Remove a fact, its rows, and what only it referred to. False where there is no such fact."""
        return self.remove_all([fact]) == 1

    def _remove(self, fact: int, rows: list[int]) -> bool:
        """As `remove`, but its rows are only added to `rows`, to be removed from the tree together."""
        record = self.record(fact)
        if record is None:
            return False
        triple = self.full(fact, record).triple
        for key in index_keys(triple, record):
            if not self.txn.delete(key, u64(fact), db=self.facts_in.index):
                raise CorruptStoreError(f"fact {fact} is not in every index of {self.path}: run `kvdb verify`")
        self.txn.delete(u64(fact), db=self.facts_in.triples)
        self.state.facts -= 1
        self._events.append((changes.DELETED, fact))
        self._uses[record.relation] -= 1
        rows += [int(row_of(fact, mask)) for mask in records.bits_masks(record.masks)]
        self._release(record.tail, triple.tail)
        if record.head_value and record.head_value != record.tail:
            self._release(record.head_value, triple.head)
        return True

    def set_nouns(self, relation: Relation) -> None:
        """Store edited nouns of a relation; its rows are the caller's to replace."""
        self._changed[relation.id] = replace(
            self.relation(relation.id),
            tail_noun=relation.tail_noun,
            head_noun=relation.head_noun,
            edited=True,
        )

    def _relation(self, name: str, nouns: Nouns) -> int:
        """The id of a relation, made where it is new; one more fact uses it."""
        id = self._by_name.get(name) or self.relation_id(name)
        if id is None:
            id = self.state.next_relation
            self.state.next_relation += 1
            made = Relation(id, name, nouns.tail_noun, nouns.head_noun, False, 0)
            self.txn.put(u64(id), pack_relation(made), db=self.facts_in.relations)
            self.txn.put(index_key(format.NAME, format.hash_text(name)), u64(id), db=self.facts_in.index)
        self._by_name[name] = id
        self._uses[id] += 1
        return id

    def _put_relation(self, relation: Relation) -> None:
        if relation.facts == 0 and not relation.edited:
            self.txn.delete(u64(relation.id), db=self.facts_in.relations)
            key = index_key(format.NAME, format.hash_text(relation.name))
            self.txn.delete(key, u64(relation.id), db=self.facts_in.index)
        else:
            self.txn.put(u64(relation.id), pack_relation(relation), db=self.facts_in.relations)

    def _value(self, text: str, vectors: Mapping[str, F16], index: Items, plan: Plan | None = None) -> int:
        """The id of a value, made where it is new; its vector is stored where one is given and none is there.

        `plan`: what was looked up for the batch need not be looked up again.
        """
        id = self._by_text.get(text)
        if id is None:
            id = plan.ids[text] if plan and text in plan.ids else self.value_id(text)
        new = id is None
        if id is None:
            id = self.state.next_value
            self.state.next_value += 1
            self.state.values += 1
            self.txn.put(u64(id), records.pack_text(id, text), db=self.facts_in.texts, append=True)
            index.append((index_key(format.TEXT, format.hash_text(text)), u64(id)))
        vector = vectors.get(text)
        if vector is not None and (new or not self.has_vector(id)):
            # appending fills pages: five vectors of 384 dimensions to a page, where a split leaves four
            self.txn.put(u64(id), format.pack_vector(id, vector), db=self.facts_in.values, append=new)
        self._by_text[text] = id
        return id

    def _release(self, value: int, text: str) -> None:
        """Drop a value that no fact refers to any more."""
        if self.count(format.TAIL, value):
            return
        for fact in self.ids(format.HEAD, format.hash_text(text)):
            record = self.record(fact)
            if record is not None and record.head_value == value:
                return
        self.txn.delete(u64(value), db=self.facts_in.texts)
        self.txn.delete(u64(value), db=self.facts_in.values)
        self.txn.delete(index_key(format.TEXT, format.hash_text(text)), u64(value), db=self.facts_in.index)
        self._by_text.pop(text, None)
        self.state.values -= 1
