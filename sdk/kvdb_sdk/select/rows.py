"""A row of the store in words: its fact, and what KG2KV made of it."""

from __future__ import annotations

from kvdb import Fact, Snapshot, kg2kv
from kvdb.kg2kv import Nouns
from kvdb.types import fact_of, mask_of


def row_in_words(snapshot: Snapshot, row: int) -> tuple[Fact, kg2kv.Row]:
    """The fact of a row and its key, value, question and answer. Raises FactNotFoundError."""
    fact = snapshot.triple(fact_of(row))
    relation = snapshot.relation(snapshot.relation_id(fact.relation) or 0)
    nouns = Nouns(relation.tail_noun, relation.head_noun)
    return fact, kg2kv.rows(fact, nouns, (mask_of(row),))[0]
