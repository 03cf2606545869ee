"""Questions over two facts: "the mayor of the capital of France" goes over Paris.

Two ways to see that a question is one. By its form, where it spells a phrase about the subject inside of a larger one.
Or by what it means: "Who runs the place where they govern France?" is compared with the nouns of France and with every
noun of what France has, "the mayor of the capital of it", as relations are (kvdb_sdk/question/relation_match.py).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from kvdb import kg2kv

from ..answer import Answer
from .claims import said_clause, says
from .direction import asks_the_other_way
from .forms import has_content, has_noun, noun_places
from .joining import joined
from .reading import Subject, masked, nested
from .spelling import mended

Hops = Generator[list[str], list[Answer], Answer | None]
MATCHES = 0.5  # from here on a question means a noun
FARTHER = 0.05  # by so much it must mean a noun of a value better than any that the subject might have
MOST_VALUES = 3  # of a first hop that are followed
MOST_NAMED = 24  # of a first hop that are named at all
MOST_WAYS = 400  # that a question is compared with
_DESCRIBES = re.compile(r"\s+(?:of|for)\s+(?:\w+\s+){1,4}?(?:that|which|who|whose|where|it)\b", re.IGNORECASE)


class Reader(Protocol):
    """What the steps need to know of a store."""

    def best_noun(self, text: str, nouns: Sequence[str]) -> tuple[str, float]:
        """The noun that a text, its subject masked, means most, and the match in [-1, 1]. ("", -1.0): there is none."""

    def subjects(self, question: str, *, spelt: bool = False) -> list[Subject]:
        """The terms of the store that a question names, in their order; `spelt`: in the store's spelling alone, which
        is found without encoding anything.
        """

    def about(self, term: str) -> Subject | None:
        """What the store has about a term as it is spelt; None where that is nothing."""

    def ends(self, term: str) -> Subject | None:
        """The facts whose tail is a term, each under the noun of its head; None where there is none."""

    def askable(self, subject: Subject) -> list[str]:
        """The nouns that a subject might be asked for: its own, and those that it lacks of its kind."""

    def values_named(self, question: str, *, words: bool = False) -> list[Subject]:
        """The names in a question that are values of the store and nothing more, with the facts that have them; with
        `words` also those in small letters.
        """

    def values_said(self, question: str, relation: str) -> list[str]:
        """What a question has, word for word, that is a value of a relation for some subject; the longest first."""


@dataclass(frozen=True, slots=True)
class _Way:
    """From a subject over the values of one noun to another noun of these."""

    first: str
    second: str
    values: tuple[str, ...]


def two_hops(question: str, subject: Subject, reader: Reader) -> Hops:
    """The answer over a value of the subject; None where the question is about the subject itself."""
    return (yield from _spelt(question, subject, reader)) or (yield from _meant(question, subject, reader))


def _spelt(question: str, subject: Subject, reader: Reader) -> Hops:
    """The name of a value takes the place of its description in the question."""
    inner = nested(question, subject)
    if inner is None:
        return None
    start, end, phrase = inner
    noun, match = reader.best_noun(f"the {phrase} of it", subject.nouns)
    every = list(dict.fromkeys(subject.values(noun)))
    values = every[:MOST_VALUES]
    if match < MATCHES or not values:
        return None
    seconds = [question[:start] + value + question[end:] for value in values]
    if not any(_can_tell(text, value, reader) for text, value in zip(seconds, values, strict=True)):
        return None
    return (yield from _followed(subject, noun, every, seconds))


def _meant(question: str, subject: Subject, reader: Reader) -> Hops:
    """The way over a value that the question means better than any noun that the subject might have, and than the noun
    at its end alone: "the time zone of A", which only the town has that A serves, is asked of A.
    """
    text = masked(question, subject)
    ways = {_over(way): way for way in islice(_ways(subject, text, reader), MOST_WAYS)}
    if not ways or not has_content(text) or said_clause(mended(text, subject.nouns), subject.nouns):
        return None
    askable = reader.askable(subject)
    phrase, match = reader.best_noun(text, list(ways))
    direct = reader.best_noun(text, askable)[1]
    last = reader.best_noun(text, list({way.second for way in ways.values()}))[1]
    way = ways[phrase]
    told = _is_told(text, way, askable)
    if match < MATCHES or (not told and match < max(direct + FARTHER, last)):
        return None
    seconds = [kg2kv.question(way.second, value) for value in way.values[:MOST_VALUES]]
    return (yield from _followed(subject, way.first, way.values, seconds))


def _is_told(text: str, way: _Way, askable: Sequence[str]) -> bool:
    """Whether a text asks for the end of a way by name, which the subject itself cannot have, and describes what has
    it: "the CEO of the company that makes it".
    """
    places = noun_places(text, way.second)
    described = bool(places) and _DESCRIBES.match(text[places[-1][1] :]) is not None
    return described and not any(has_noun(text, noun) for noun in askable)


def _over(way: _Way) -> str:
    """ "mayor of the capital", "what the capital exports" """
    first = way.first if any(kg2kv.clause(way.first)) else f"the {way.first}"
    return kg2kv.key_sentence(way.second, first).removeprefix("the ")


def _ways(subject: Subject, text: str, reader: Reader) -> Iterator[_Way]:
    for noun in subject.nouns:
        if asks_the_other_way(text, noun):  # "Who acquired it?" goes over nothing that it acquired
            continue
        values = tuple(dict.fromkeys(subject.values(noun)))
        found = reader.about(values[0])
        if found is not None and found.term != subject.term:
            yield from (
                _Way(noun, second, values)
                for second in found.nouns
                if _leads_on(noun, second, found, subject.term, text)
            )


def _leads_on(first: str, second: str, found: Subject, start: str, text: str) -> bool:
    """Whether a way does not lead back to where it started, ends where the text asks, and can be said: not "what what
    it won costs", unless the text has the words of its end.
    """
    asked = text.rpartition(". ")[2]  # "Go up from it. What is left out there?" does not ask what leaves it out
    if set(found.values(second)) <= {start} or asks_the_other_way(asked, second):
        return False
    phrase = "".join(kg2kv.clause(second))
    return not phrase or not any(kg2kv.clause(first)) or says(text, phrase)


def _followed(subject: Subject, noun: str, every: Sequence[str], seconds: Sequence[str]) -> Hops:
    """Ask for the first hop and for what the questions `seconds` ask of its values."""
    questions = [kg2kv.question(noun, subject.term), *seconds]
    answers = yield questions
    if not answers[0].answered or not any(answer.answered for answer in answers[1:]):
        return None
    left_out = ", ".join(every[MOST_VALUES:MOST_NAMED])
    return joined(answers, questions, f"Not followed: {left_out}." if left_out else "")


def _can_tell(question: str, value: str, reader: Reader) -> bool:
    """Whether the store can tell what is asked of the value of a first hop."""
    for subject in reader.subjects(question, spelt=True):
        if subject.term == value and has_content(masked(question, subject)):
            return reader.best_noun(masked(question, subject), subject.nouns)[1] >= MATCHES
    return False
