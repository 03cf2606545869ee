"""Rows of a store in words: what each is about, under which noun, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kvdb import Fact, Snapshot, kg2kv
from kvdb.kg2kv import Nouns
from kvdb.types import Relation, fact_of, mask_of


class Said(NamedTuple):
    """What a row says: the `noun` of its `term` is `value`."""

    fact: Fact
    noun: str
    term: str
    value: str


def said(snapshot: Snapshot, rows: Sequence[int]) -> list[Said]:
    """What rows say, in their order. Raises FactNotFoundError."""
    relations: dict[str, Relation] = {}
    out = []
    for row, fact in zip(rows, snapshot.facts([fact_of(row) for row in rows]), strict=True):
        if fact.relation not in relations:
            relations[fact.relation] = _relation(snapshot, fact)
        relation = relations[fact.relation]
        of_tail = mask_of(row) == "tail"
        noun, term, value = (
            (relation.tail_noun, fact.head, fact.tail) if of_tail else (relation.head_noun, fact.tail, fact.head)
        )
        out.append(Said(fact, noun, term, value))
    return out


def row_in_words(snapshot: Snapshot, row: int) -> tuple[Fact, kg2kv.Row]:
    """The fact of a row and its key, value, question and answer. Raises FactNotFoundError."""
    fact = snapshot.triple(fact_of(row))
    relation = _relation(snapshot, fact)
    nouns = Nouns(relation.tail_noun, relation.head_noun)
    return fact, kg2kv.rows(fact, nouns, (mask_of(row),))[0]


def _relation(snapshot: Snapshot, fact: Fact) -> Relation:
    return snapshot.relation(snapshot.relation_id(fact.relation) or 0)  # 0 is none: CorruptStoreError names it
