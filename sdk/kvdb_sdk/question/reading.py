"""What a question is about, in the store's words: its subjects, their facts, and how the question is put.

Rules over the terms that the store knows, not a parser: where they do not apply, the question is asked as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from kvdb import Snapshot
from kvdb.named import MOST_ROWS, Named, rows_about, spans
from kvdb.nouns import BEARER
from kvdb.nouns.lexicon import SYMMETRIC
from kvdb.nouns.modality import modality_of
from kvdb.types import Fact, row_of

from .direction import own_clause
from .forms import has_content, has_noun, is_noun
from .relation_match import without_subject
from .rows import Said, said

MOST_MENTIONS = 9  # facts that have a value, which are looked at


@dataclass(frozen=True, slots=True)
class Subject:
    """A term of the store that a question names at [start, end), with its facts, each under its noun.

    `complete`: these are all facts about it. A term with very many comes with the first of them.
    """

    start: int
    end: int
    term: str
    facts: tuple[tuple[str, Fact, str], ...]  # noun, fact, value
    complete: bool = True

    @property
    def nouns(self) -> list[str]:
        return list(dict.fromkeys(noun for noun, _, _ in self.facts))

    def values(self, noun: str) -> list[str]:
        """What the store has for this noun, in the order of the facts."""
        return [value for found, _, value in self.facts if found == noun]


def subjects(snapshot: Snapshot, question: str, named: Sequence[Named]) -> list[Subject]:
    """The subjects that a question names, in their order; nothing twice."""
    found: list[Subject] = []
    for term in sorted(named, key=lambda term: term.start):
        rows = said(snapshot, term.rows)
        if rows and not any(term.start < other.end and other.start < term.end for other in found):
            facts = tuple((row.noun, row.fact, row.value) for row in rows)
            found.append(Subject(term.start, term.end, rows[-1].term, facts, len(rows) < MOST_ROWS))
    return found


def about(snapshot: Snapshot, term: str, hidden: frozenset[int] = frozenset()) -> Subject | None:
    """What a store has about a term as it is spelt, its `hidden` rows aside; None where that is nothing."""
    rows = tuple(row for row in rows_about(snapshot, term) if row not in hidden)
    found = subjects(snapshot, term, [Named(0, len(term), rows)])
    return found[0] if found else None


def ends(snapshot: Snapshot, term: str, hidden: frozenset[int] = frozenset()) -> Subject | None:
    """The facts whose tail is a term, their hidden rows aside, under the nouns of their heads; where these have none,
    under their own words as a clause, "what runs on it". Of very many facts the first.
    """
    found = list(islice(snapshot.match(tail=term), MOST_ROWS))
    left = [fact for fact in found if row_of(fact.id, "tail") not in hidden]
    rows = said(snapshot, [row_of(fact.id, "head") for fact in left])
    facts = tuple((of_head(row), row.fact, row.value) for row in rows)
    return Subject(0, len(term), term, facts, len(found) < MOST_ROWS) if facts else None


def of_head(row: Said) -> str:
    """The noun of a head; of what relates both ways that of the tail: "the thing with the spouse" is a spouse."""
    bare = row.noun.removeprefix(BEARER)
    if bare.split()[-1] in SYMMETRIC:
        return bare
    if not only_bears(row.noun) or modality_of(row.fact.relation):  # a clause would not say what is denied
        return row.noun
    return own_clause(row.fact.relation, is_head=False) or row.noun


def only_bears(noun: str) -> bool:
    """Whether a head's noun says no more than what the relation does: "thing with the price", "thing in the city"."""
    return noun.startswith("thing ") or " with the " in noun


def values_named(
    snapshot: Snapshot, question: str, hidden: frozenset[int] = frozenset(), *, words: bool = False
) -> list[Subject]:
    """The names in a question that are values of the store and nothing more, with the first facts that have them; with
    `words` also those in small letters.
    """
    found: list[Subject] = []
    for start, end in spans(question):
        name = question[start:end]
        inside = any(start < other.end and other.start < end for other in found)
        if inside or (name == name.lower() and not words) or is_common_word(question, start, end):
            continue
        if snapshot.value_id(name) is None or next(iter(snapshot.head_ids(name)), None) is not None:
            continue
        rows = [row_of(fact.id, "tail") for fact in islice(snapshot.match(tail=name), MOST_MENTIONS)]
        facts = tuple((row.noun, row.fact, row.value) for row in said(snapshot, [r for r in rows if r not in hidden]))
        if facts:
            found.append(Subject(start, end, name, facts))
    return found


def values_said(snapshot: Snapshot, question: str, relation: str) -> list[str]:
    """What a question has, word for word, that is a value of a relation for some subject; the longest first."""
    found = []
    for text in dict.fromkeys(question[start:end] for start, end in spans(question)):
        if snapshot.value_id(text) is not None and next(snapshot.match(relation=relation, tail=text), None) is not None:
            found.append(text)
    return sorted(found, key=len, reverse=True)


def asked_about(question: str, found: Sequence[Subject]) -> list[Subject]:
    """Those of the terms that the question is about: common words may be terms of a store too.

    "is", where a store has a term "is", is none, nor is "capital" in "the capital of France", which names a relation of
    France (as "Daiwa House Industry" does not), nor "France" in "the population of Paris, France", which says which
    Paris.
    """
    kept: list[Subject] = []
    for subject in found:
        text = subject_text(question, subject)
        names = any(is_noun(text, noun) for other in found if other is not subject for noun in other.nouns)
        if (
            not is_common_word(question, subject.start, subject.end)
            and not names
            and not (kept and _says_which(question, kept[-1], subject))
        ):
            kept.append(subject)
    return kept


def is_common_word(question: str, start: int, end: int) -> bool:
    """Whether characters [start, end) say nothing, and are written as words that do are: "can", or "Can" where a
    sentence begins.
    """
    text = question[start:end]
    begins = re.search(r"(?:^|[.?!:])\W*$", question[:start]) is not None
    return (begins or text.islower()) and not has_content(text)


def _says_which(question: str, named: Subject, place: Subject) -> bool:
    """Whether a term after another and a comma is a value of it, and no list goes on there."""
    if not re.fullmatch(r",\s*|\s*\(", question[named.end : place.start]):
        return False
    goes_on = re.match(r"\s*(?:,|and\b|or\b|&)", question[place.end :], re.IGNORECASE)
    return goes_on is None and any(value == place.term for _, _, value in named.facts)


def masked(question: str, subject: Subject) -> str:
    """The question with its subject masked."""
    return without_subject(question, subject.start, subject.end)


def nested(question: str, subject: Subject) -> tuple[int, int, str] | None:
    """Where a noun phrase about the subject lies inside of a larger one ("the mayor of [the capital of A]").

    Start, end and the noun as it stands there; None where the question is about the phrase alone.
    """
    text = masked(question, subject)
    shift = len(question) - len(text)
    nouns = sorted(subject.nouns, key=len, reverse=True)
    exact = "|".join(re.escape(noun) for noun in nouns)
    for pattern in (
        rf"\b(?:the )?({exact}) (?:of|for) it\b(?!'s)",
        rf"\bit's ({exact})(?!\w)",
        r"\bthe ((?:(?!\bthe\b|\bof\b|\bwhat\b).){2,60}?) (?:of|for) it\b(?!'s)",
        r"\bit's ([\w-]+(?: [\w-]+)?)(?='s\b|[:?]| have\b| has\b)",
    ):
        found = re.search(pattern, text, re.IGNORECASE) if nouns else None
        if found and has_content(text[: found.start()] + text[found.end() :]):
            return found.start(), found.end() + shift, found[1]
    return None


def without_subjects(question: str, found: Sequence[Subject]) -> str:
    """The question with all of these subjects masked."""
    for subject in sorted(found, key=lambda subject: -subject.start):
        question = masked(question, subject)
    return question


def spelt_noun(text: str, nouns: Sequence[str]) -> str | None:
    """The longest of the nouns that stands in the text word for word."""
    return max((noun for noun in nouns if has_noun(text, noun)), key=len, default=None)


def asked_of_it(text: str, noun: str) -> bool:
    """Whether a text, its subject masked, asks for the noun of that subject and of nothing else."""
    noun = re.escape(noun)
    pattern = rf"{noun}(?:s|es)? (?:of|for) it(?!\w)|(?<!\w)it's {noun}|(?<!\w)it(?!\w).*(?<!\w)its {noun}"
    return re.search(pattern, text, re.IGNORECASE) is not None


def subject_text(question: str, subject: Subject) -> str:
    """The subject as the question spells it."""
    return question[subject.start : subject.end]
