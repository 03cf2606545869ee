"""KG2KV: every triple becomes key-value rows with a question and an answer (AtlasKV, arXiv 2510.17934,
section 3.1).

The key sentence is what the encoder sees; the value is what the model may copy, kept verbatim.

    tail-masked    key "the {tail_noun} of {head}"    value: tail
    head-masked    key "the {head_noun} of {tail}"    value: head

A question about a fact and its key differ only by "What is" and the question mark, so that their vectors lie
close. Where no noun fits a relation, a clause does, "what it supersedes" or "what supersedes it": its "it" is the term,
in "what Kestoril supersedes" or "what Kestoril's leaflet omits", and the fact is told by the relation's own words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kvdb.nouns import BEARER, Nouns, clause, noun_forms
from kvdb.nouns.file import load_nouns, namer_nouns
from kvdb.nouns.words import is_participle
from kvdb.types import Fact, Mask, RowId, row_of

_WHEN = frozenset({"date", "year", "month", "day", "time", "place", "first", "last"})  # "year founded"
_ARTICLE = re.compile(r"^(?:the|an?)\b")

__all__ = [
    "Nouns",
    "Row",
    "answer",
    "clause",
    "is_of_a_deed",
    "key_sentence",
    "load_nouns",
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


def key_sentence(noun: str, term: str) -> str:
    """The sentence that stands for a row in the encoder's space: "the capital of France", "what France exports"."""
    does, done = clause(noun)
    return f"what {_doer(noun, term)} {does}" if does else f"what {done} {term}" if done else f"the {noun} of {term}"


def question(noun: str, term: str) -> str:
    """The question that a row answers."""
    does, done = clause(noun)
    if does:
        return f"Tell me what {_doer(noun, term)} {does}."
    return f"What {done} {term}?" if done else f"What is the {noun} of {term}?"


def answer(noun: str, term: str, value: str) -> str:
    """The full sentence that answers it, with the value verbatim."""
    does, done = clause(noun)
    if does:
        return _ARTICLE.sub(lambda found: found[0].capitalize(), f"{_doer(noun, term)} {does} {value}.")
    if done:
        return f"{value} {done} {term}."
    bears = noun.removeprefix(BEARER)  # "the thing with the keeper of Tom Baird" is told by its keeper
    if bears != noun:
        return f"The {bears} of {value} is {term}."
    return f"The {noun} {'by' if is_of_a_deed(noun) else 'of'} {term} is {value}."


def is_of_a_deed(noun: str) -> bool:
    """Whether a noun says what was done, as "city served" does: its sentence is "The city served by ... is ..."."""
    first, *more = noun.casefold().split()
    return bool(more) and is_participle(more[-1]) and first not in _WHEN


def _doer(noun: str, term: str) -> str:
    """Who does what a clause says: the term, or something of it: "Casa Flor", "Casa Flor's" (fees include ...)."""
    return f"{term}'s" if noun.startswith("what its ") else term


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
