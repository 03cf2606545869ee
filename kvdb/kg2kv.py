"""KG2KV: every triple becomes key-value rows with a question and an answer (AtlasKV, arXiv 2510.17934,
section 3.1).

The key sentence is what the encoder sees; the value is what the model may copy, kept verbatim.

    tail-masked    key "the {tail_noun} of {head}"    value: tail
    head-masked    key "the {head_noun} of {tail}"    value: head

A question about a fact and its key differ only by "What is" and the question mark, so that their vectors lie
close. Where no noun fits a relation, a clause does, "thing it supersedes" or "thing that supersedes it": its "it" is
the term, in "the thing Kestoril supersedes", and the fact is told by the relation's own words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kvdb.nouns import HEAD_CLAUSE, TAIL_CLAUSE, Nouns, noun_forms
from kvdb.nouns.file import load_nouns, namer_nouns
from kvdb.types import Fact, Mask, RowId, row_of

__all__ = [
    "Nouns",
    "Row",
    "answer",
    "key_sentence",
    "load_nouns",
    "named",
    "namer_nouns",
    "noun_forms",
    "question",
    "rows",
]


@dataclass(frozen=True, slots=True)
class Row:
    """One masking of a fact: what is searched (key), what is given back (value), and a pair to train on."""

    row_id: RowId
    noun: str
    term: str
    value: str
    key: str
    question: str
    answer: str


def named(noun: str, term: str) -> str:
    """What a row asks for: "capital of France", or "thing France exports" where the noun is a clause."""
    does, done = _clause(noun)
    return f"thing {term} {does}" if does else f"thing that {done} {term}" if done else f"{noun} of {term}"


def key_sentence(noun: str, term: str) -> str:
    """The sentence that stands for a row in the encoder's space."""
    return f"the {named(noun, term)}"


def question(noun: str, term: str) -> str:
    """The question that a row answers."""
    return f"What is the {named(noun, term)}?"


def answer(noun: str, term: str, value: str) -> str:
    """The full sentence that answers it, with the value verbatim."""
    does, done = _clause(noun)
    if does:
        return f"{term} {does} {value}."
    return f"{value} {done} {term}." if done else f"The {noun} of {term} is {value}."


def _clause(noun: str) -> tuple[str, str]:
    """The relation of a noun that is a clause, where its "it" does it, and where it is done to "it"; else twice ""."""
    does = noun.removeprefix(TAIL_CLAUSE)
    done = noun.removeprefix(HEAD_CLAUSE).removesuffix(" it")
    return (does if does != noun else ""), (done if noun == f"{HEAD_CLAUSE}{done} it" else "")


def rows(fact: Fact, nouns: Nouns, masks: Sequence[Mask]) -> list[Row]:
    """The rows of one fact, one for each masking, in the order of `masks`."""
    return [_row(fact, nouns, mask) for mask in masks]


def _row(fact: Fact, nouns: Nouns, mask: Mask) -> Row:
    if mask == "tail":
        noun, term, value = nouns.tail_noun, fact.head, fact.tail
    else:
        noun, term, value = nouns.head_noun, fact.tail, fact.head
    return Row(
        row_of(fact.id, mask),
        noun,
        term,
        value,
        key_sentence(noun, term),
        question(noun, term),
        answer(noun, term, value),
    )
