"""Facts that are asked for from their other end: "What is the capital of Poland?" of (Warsaw, capital of, Poland).

A store keeps the masking of the tail alone unless it is told otherwise, so that no key of this fact is about Poland.
But the index of tails has it, and its relation a noun for that end. A question that means such a noun better than all
that its subject has, or might have, is answered by the store's own sentence; what it takes to be sure is what it takes
for any other answer (kvdb_sdk/refusal/confidence.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from kvdb.nouns import BEARER

from ..answer import Answer
from .claims import verdict
from .forms import asks_of_another
from .hops import MATCHES, Reader
from .joining import led
from .overview import told
from .reading import Subject, asked_about, asked_of_it, masked, only_bears, spelt_noun


class Ends(Reader, Protocol):
    """What the steps need to know of a store, whose facts are also asked for by their tails."""

    @property
    def threshold(self) -> float:
        """The probability from which on something is answered."""

    def with_whole_name(self, question: str) -> str:
        """The question with a subject's whole name where it has a part of it (short_names.py); else as it stands."""

    def surely(self, question: str, subject: Subject, noun: str) -> float:
        """The probability that a question asks for a noun of the subject, among all that it might be asked for."""


def inverse(question: str, found: Sequence[Subject], reader: Ends) -> Answer | None:
    """The heads of the facts that a question asks for by their tail; None where it asks for something else.

    `found`: the subjects that the question spells as the store does.
    """
    named = found or asked_about(question, reader.subjects(question))
    named = named or [replace(value, facts=()) for value in reader.values_named(question, words=True)]
    if len(named) != 1:
        return None
    subject = named[0]
    ends = reader.ends(subject.term)
    if ends is None:
        return None
    ends = replace(ends, start=subject.start, end=subject.end)
    there = [noun for noun in ends.nouns if noun not in subject.nouns and not only_bears(noun)]
    whose = [noun for noun in ends.nouns if asks_of_another(masked(question, subject), noun.removeprefix(BEARER))]
    if len(whose) == 1 and whose[0].startswith(BEARER):  # "whose manager is it"
        return told(_only(ends, whose[0]))
    noun, match = reader.best_noun(masked(question, subject), [*reader.askable(subject), *there])
    if noun not in there or match < MATCHES:
        return None
    confidence = reader.surely(question, ends, noun)
    if confidence < reader.threshold:
        return None
    answer = told(_only(ends, noun))
    return replace(answer, stats=answer.stats | {"confidence": round(confidence, 4)})


def claimed_inverse(question: str, found: Sequence[Subject], reader: Ends) -> Answer | None:
    """Yes or no where a question claims a head by its noun: "Is Paris the capital of Poland?" """
    for subject in found:
        ends = reader.ends(subject.term)
        text = masked(question, subject)
        nouns = [] if ends is None else [noun for noun in ends.nouns if noun not in subject.nouns]
        noun = spelt_noun(text, nouns)
        if ends is None or noun is None or not asked_of_it(text, noun):
            continue
        right = verdict(question, replace(ends, start=subject.start, end=subject.end), noun)
        if right or (right is False and ends.complete):
            return led("Yes." if right else "No.", told(_only(ends, noun)))
    return None


def _only(ends: Subject, noun: str) -> Subject:
    return replace(ends, facts=tuple(fact for fact in ends.facts if fact[0] == noun))
