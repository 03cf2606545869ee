"""The write side of facts: adding, changing and removing them within one transaction.

Invariant: index entries, relation counts and the state's counters change with the triple, in the same transaction.
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
from kvdb.change.removing import index_keys, read_facts, remove_facts
from kvdb.change.shrink import shrink
from kvdb.change.tree_edit import TreeEdit
from kvdb.change.value_edit import ValueEdit
from kvdb.errors import CorruptStoreError
from kvdb.file import format, records
from kvdb.file.environment import Environment
from kvdb.file.format import index_key, u64
from kvdb.file.items import Items, fact_numbers, index_items, triple_items
from kvdb.file.records import HEAD_BIT, pack_relation
from kvdb.file.tables import Reader
from kvdb.kg2kv import Nouns
from kvdb.types import F16, U64, FactId, Mask, Relation, Triple, row_of

WORK = 16
ROWS_A_WORK = 64


class Write(Reader):
    """One write transaction. `finish` writes the changed pages, each once, and the state."""

    def __init__(self, txn: lmdb.Transaction, env: Environment, *, stage: bool = False) -> None:
        super().__init__(txn, env.tables, env.path)
        self.toned_cache = env.caches.toned
        self.state.txn += 1
        self._stage = stage
        self.tree = TreeEdit(self)
        self.values = ValueEdit(self)
        self._runs: list[changes.Run] = []  # for the feed of changes
        self._touched = 0  # rows added and removed
        self._uses: Counter[int] = Counter()  # by how much the facts of a relation change
        self._changed: dict[int, Relation] = {}  # relations with new nouns

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

    def finish(self) -> None:
        """Write what was only changed in memory so far."""
        for id in self._uses.keys() | self._changed.keys():
            relation = self._changed.get(id) or self.relation(id)
            self._put_relation(replace(relation, facts=relation.facts + self._uses[id]))
        self.tree.flush()
        self.values.free.flush()
        if not self._stage and not self.state.root and FLAT_ROWS <= self.state.rows <= MAX_GROWN:
            grow(self.txn, self)
        elif self.state.root and self.state.rows < FLAT_ROWS // 4:
            shrink(self)
        changes.record(self.txn, self.tables, self.state, self._runs)
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
        state, bits = self.state, records.mask_bits(tuple(masks))
        state.masks = state.masks or bits
        if not plan.fresh:
            return []
        facts = np.arange(state.next_fact, state.next_fact + len(plan.fresh), dtype=np.uint64)  # [n]
        facts = np.array(ids, np.uint64) if ids else facts
        state.next_fact = int(facts[-1]) + 1
        state.facts += len(facts)
        self._put_facts(facts, [plan.triples[place] for place in plan.fresh], plan, values, bits)
        self._runs += changes.runs_of(changes.INSERTED, facts)
        rows = [facts * np.uint64(2) + np.uint64(mask == "head") for mask in masks]
        vectors = np.stack([keys[mask] for mask in masks], axis=1)  # [n, m, d]
        state.dim = vectors.shape[2]
        self.add_rows(np.stack(rows, axis=1).ravel(), vectors.reshape(-1, state.dim))
        return [FactId(id) for id in facts.tolist()]

    def _put_facts(
        self, facts: U64, triples: Sequence[Triple], plan: Plan, vectors: Mapping[str, F16], bits: int
    ) -> None:
        """Write the records of facts [n], their values and what the index has of them."""
        heads, names, tails = map(list, zip(*triples, strict=True))
        relations = self._relations(names, plan.nouns)
        added: Items = []
        values = self.values.ids(list(dict.fromkeys(tails + heads if bits & HEAD_BIT else tails)), plan.ids, added)
        self.values.put_vectors({values[text]: vector for text, vector in vectors.items() if text in values})
        tail_ids = np.array([values[text] for text in tails], np.uint64)  # [n]
        head_ids = np.zeros_like(tail_ids)
        if bits & HEAD_BIT:
            head_ids = np.array([values[text] for text in heads], np.uint64)
        items = triple_items(heads, relations, tail_ids, head_ids, facts, bits)
        self.txn.cursor(self.facts_in.triples).putmulti(items, append=True)
        joined = [f"{head}\0{name}\0{tail}".encode() for head, name, tail in triples]
        index = index_items(format.FACT, fact_numbers(heads, joined), facts)
        index += index_items(format.RELATION, np.array(relations, np.uint64), facts)
        index += index_items(format.TAIL, tail_ids, facts)
        self.txn.cursor(self.facts_in.index).putmulti(index + added)

    def add_rows(self, rows: U64, vectors: F16) -> None:
        """Add rows [n] with vectors [n, d]: to the nearest leaves, or in a flat store to the last one."""
        self._touched += len(rows)
        if self._stage or not self.state.root:
            self.tree.stage(rows, vectors)
        else:
            self.tree.place(rows, vectors)

    def remove_all(self, facts: Iterable[int]) -> int:
        """Remove facts, their rows, and what only they referred to; how many there were."""
        gone = read_facts(self, sorted({int(fact) for fact in facts if 0 < fact < 1 << 63}))
        if not gone:
            return 0
        rows = remove_facts(self, gone)
        self._touched += len(rows)
        self.tree.remove(rows)
        self.state.facts -= len(gone)
        self._uses.subtract(fact.record.relation for fact in gone)
        self._runs += changes.runs_of(changes.DELETED, np.array([fact.id for fact in gone], np.uint64))
        return len(gone)

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
        tail = self.values.ids([new.tail], {}, index)[new.tail]
        if value is not None:
            self.values.put_vectors({tail: value})
        changed = record._replace(tail=tail)
        after, before = index_keys(new, changed), index_keys(old, record)
        for entry in set(before) - set(after):
            self.txn.delete(entry, u64(fact), db=self.facts_in.index)
        index += [(entry, u64(fact)) for entry in set(after) - set(before)]
        self.txn.cursor(self.facts_in.index).putmulti(sorted(index))
        self.txn.put(u64(fact), changed.pack(fact), db=self.facts_in.triples)
        if key is not None:
            row = int(row_of(fact, "head"))
            self.tree.remove(np.array([row], np.uint64))
            self.add_rows(np.array([row], np.uint64), key[None])
        self.values.release({record.tail: old.tail})
        self._runs += [(changes.DELETED, fact, 1), (changes.INSERTED, fact, 1)]
        return fact

    def remove(self, fact: int) -> bool:
        """Remove a fact, its rows, and what only it referred to. False where there is no such fact."""
        return self.remove_all([fact]) == 1

    def set_nouns(self, relation: Relation) -> None:
        """Store other nouns of a relation; its rows are the caller's to replace."""
        self._changed[relation.id] = replace(
            self.relation(relation.id),
            tail_noun=relation.tail_noun,
            head_noun=relation.head_noun,
            edited=relation.edited,
            aliases=relation.aliases,
        )

    def _relations(self, names: Sequence[str], nouns: Mapping[str, Nouns]) -> list[int]:
        """The ids of relations by their names [n], made where they are new; each is used by one more fact."""
        counts = Counter(names)
        ids = {name: self._relation(name, nouns[name]) for name in counts}
        for name, count in counts.items():
            self._uses[ids[name]] += count
        return [ids[name] for name in names]

    def _relation(self, name: str, nouns: Nouns) -> int:
        """The id of a relation, made where it is new."""
        id = self.relation_id(name)
        if id is None:
            id = self.state.next_relation
            self.state.next_relation += 1
            made = Relation(id, name, nouns.tail_noun, nouns.head_noun, False, 0, nouns.aliases)
            self.txn.put(u64(id), pack_relation(made), db=self.facts_in.relations)
            self.txn.put(index_key(format.NAME, format.hash_text(name)), u64(id), db=self.facts_in.index)
        return id

    def _put_relation(self, relation: Relation) -> None:
        if not (relation.facts or relation.edited or relation.aliases):
            self.txn.delete(u64(relation.id), db=self.facts_in.relations)
            key = index_key(format.NAME, format.hash_text(relation.name))
            self.txn.delete(key, u64(relation.id), db=self.facts_in.index)
        else:
            self.txn.put(u64(relation.id), pack_relation(relation), db=self.facts_in.relations)
