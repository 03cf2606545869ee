"""A row of the store in words: its fact, and what KG2KV made of it."""

from __future__ import annotations

from collections.abc import Sequence

from kvdb import Fact, Snapshot, kg2kv
from kvdb.kg2kv import Nouns
from kvdb.types import U64, fact_of, mask_of


def row_in_words(snapshot: Snapshot, row: int) -> tuple[Fact, kg2kv.Row]:
    """The fact of a row and its key, value, question and answer. Raises FactNotFoundError."""
    fact = snapshot.triple(fact_of(row))
    relation = snapshot.relation(snapshot.relation_id(fact.relation) or 0)
    nouns = Nouns(relation.tail_noun, relation.head_noun)
    return fact, kg2kv.rows(fact, nouns, (mask_of(row),))[0]


def most_read(snapshot: Snapshot, rows: U64, weights: Sequence[float]) -> tuple[int, float]:
    """The place of the row read most, and how much it is read together with the other values of what was asked.

    Four tails of one head and relation are each read a quarter: they are one answer.
    """
    total: dict[tuple[str, str, str], float] = {}
    groups = []
    facts = snapshot.facts([fact_of(row) for row in rows.tolist()])
    for row, fact, weight in zip(rows.tolist(), facts, weights, strict=False):
        mask = mask_of(row)
        groups.append((mask, fact.relation, fact.head if mask == "tail" else fact.tail))
        total[groups[-1]] = total.get(groups[-1], 0.0) + weight
    best = max(range(len(groups)), key=lambda place: (total[groups[place]], weights[place]))
    return best, total[groups[best]]
