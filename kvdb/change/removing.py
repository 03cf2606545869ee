"""Taking facts out of the tables, many at once: each table is gone through once, in the order of its keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kvdb.errors import CorruptStoreError
from kvdb.file import format
from kvdb.file.format import index_key, u64
from kvdb.file.items import fact_numbers, index_items
from kvdb.file.records import HEAD_BIT, TAIL_BIT, TripleRecord
from kvdb.types import U64, Triple

if TYPE_CHECKING:
    from kvdb.change.write import Write
    from kvdb.store import Store

DELETED_TOGETHER = 20_000  # facts; a transaction that frees very many pages makes the next commits slow


class StoredFact(NamedTuple):
    """A fact as it is in the tables."""

    id: int
    triple: Triple
    record: TripleRecord


def delete_in_parts(store: Store, ids: Sequence[int]) -> int:
    """Store.delete: at most DELETED_TOGETHER facts in each transaction."""

    def remove(part: Sequence[int]) -> int:
        return store.write_with(lambda write: write.remove_all(part))

    return sum(remove(ids[at : at + DELETED_TOGETHER]) for at in range(0, len(ids), DELETED_TOGETHER))


def index_keys(triple: Triple, record: TripleRecord) -> list[bytes]:
    """The keys under which the index has a fact."""
    return [
        index_key(format.FACT, format.fact_number(*triple)),
        index_key(format.RELATION, record.relation),
        index_key(format.TAIL, record.tail),
    ]


def read_facts(write: Write, ids: Sequence[int]) -> list[StoredFact]:
    """Those of the facts, by ascending ids, that there are."""
    get, triples, unpack = write.txn.get, write.facts_in.triples, TripleRecord.unpack
    with write.translated():
        found = [(id, unpack(id, data)) for id in ids if (data := get(u64(id), db=triples)) is not None]
    texts = {value: write.text(value) for value in sorted({record.tail for _, record in found})}
    name = write.relation_name
    return [
        StoredFact(id, Triple(record.head, name(record.relation), texts[record.tail]), record) for id, record in found
    ]


def remove_facts(write: Write, facts: Sequence[StoredFact]) -> U64:
    """Take facts, in the order of ids, out of triples and index, and drop the values that only they referred to.

    Their rows, which are still in the tree: uint64 [m].
    """
    txn, index, triples = write.txn, write.facts_in.index, write.facts_in.triples
    ids = np.array([fact.id for fact in facts], np.uint64)  # [n]
    joined = ["\0".join(fact.triple).encode() for fact in facts]
    entries = index_items(format.FACT, fact_numbers([fact.triple.head for fact in facts], joined), ids)
    entries += index_items(format.RELATION, np.array([fact.record.relation for fact in facts], np.uint64), ids)
    entries += index_items(format.TAIL, np.array([fact.record.tail for fact in facts], np.uint64), ids)
    for entry, key in entries:
        if not txn.delete(entry, key, db=index):
            id = format.read_u64(key)
            raise CorruptStoreError(f"fact {id} is not in every index of {write.path}: run `kvdb verify`")
    for fact in facts:
        txn.delete(u64(fact.id), db=triples)
    values = {fact.record.tail: fact.triple.tail for fact in facts}
    values.update((fact.record.head_value, fact.triple.head) for fact in facts if fact.record.head_value)
    write.values.release(values)
    bits, first = np.array([fact.record.masks for fact in facts]), ids * np.uint64(2)
    rows: U64 = np.concatenate([first[bits & TAIL_BIT > 0], first[bits & HEAD_BIT > 0] + np.uint64(1)])
    return rows
