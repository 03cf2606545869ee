"""What a question is about, in the store's words: its subjects, their facts, and how the question is put.

Rules over the terms that the store knows, not a parser: where they do not apply, the question is asked as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from kvdb import Snapshot
from kvdb.named import Named
from kvdb.types import Fact, fact_of, mask_of

from .question_forms import content_words, has_content, has_noun, words
from .relation_match import without_subject

_AND = r"(?:and also|and|&|as well as|plus|versus|vs\.?|or|compared (?:to|with)|than)"
_SAME = re.compile(rf"\s*(?:'s)?\s*(?:,|,?\s*{_AND})\s*(?:of |for |in |that of )?(?:the )?\s*", re.IGNORECASE)
_OTHER = re.compile(r",?\s+(?:and also|and|&|as well as|plus)\s+|[;?]\s+(?:and\s+)?|,\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Subject:
    """A term of the store that a question names at [start, end), with its facts, each under its noun."""

    start: int
    end: int
    term: str
    facts: tuple[tuple[str, Fact, str], ...]  # noun, fact, value

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
        facts = []
        for row in term.rows:
            fact = snapshot.triple(fact_of(row))
            relation = snapshot.relation(snapshot.relation_id(fact.relation) or 0)
            tail = mask_of(row) == "tail"
            noun = relation.tail_noun if tail else relation.head_noun
            facts.append((noun, fact, fact.tail if tail else fact.head))
            spelt = fact.head if tail else fact.tail
        if not any(term.start < other.end and other.start < term.end for other in found):
            found.append(Subject(term.start, term.end, spelt, tuple(facts)))
    return found


def masked(question: str, subject: Subject) -> str:
    """The question with its subject masked."""
    return without_subject(question, subject.start, subject.end)


def split_entities(question: str, found: Sequence[Subject]) -> list[str]:
    """One question for each of several subjects that are joined by "and"; [] where they are not.

    "the area of A and B": the same is asked of both. "the area of A and the mayor of B": each has a clause.
    """
    if len(found) < 2:
        return []
    gaps = [question[left.end : right.start] for left, right in pairwise(found)]
    if all(_SAME.fullmatch(gap) for gap in gaps):
        start, end = found[0].start, found[-1].end
        return [question[:start] + subject_text(question, subject) + question[end:] for subject in found]
    cuts = [0]
    for left, gap in zip(found, gaps, strict=False):
        joints = list(_OTHER.finditer(gap))
        if not joints:
            return []
        # "A's area and B's mayor" is cut at the last joint, "the area of A and the longitude and latitude of B" at the
        # first
        joint = joints[-1] if gap.startswith("'") else joints[0]
        cuts += [left.end + joint.start(), left.end + joint.end()]
    ends = [*cuts[1::2], len(question)]
    parts = [question[start:end].strip(" ,;") for start, end in zip(cuts[0::2], ends, strict=True)]
    first = found[0]
    for at, subject in enumerate(found):
        if not has_content(parts[at].replace(subject_text(question, subject), "it")):
            # "and Spain's?", "what is it for Spain?": the first clause says what is asked
            said = subject_text(question, subject)
            parts[at] = parts[0][: first.start] + said + parts[0][first.end :]
    return parts


def split_relations(question: str, subject: Subject) -> list[str]:
    """One question for each of two nouns asked of one subject ("the area and the mayor of A"); [] where not."""
    text = masked(question, subject)
    for pattern in (
        r"\bthe (.+?) and (?:also )?(?:the |its )?(.+?) (?:of|for) it\b",
        r"\bit's (.+?) and (?:its )?(.+?)[?.!]*$",
    ):
        found = re.search(pattern, text, re.IGNORECASE)
        if found and not any(has_noun(f"{found[1]} and {found[2]}", noun) for noun in subject.nouns if " and " in noun):
            return [f"What is the {part.strip()} of {subject.term}?" for part in found.groups()]
    return []


def nested(question: str, subject: Subject) -> tuple[int, int, str] | None:
    """Where a noun phrase about the subject lies inside of a larger one ("the mayor of [the capital of A]").

    Start, end and the noun as it stands there; None where the question is about the phrase alone.
    """
    text = masked(question, subject)
    shift = len(subject_text(question, subject)) - len("it")
    nouns = sorted(subject.nouns, key=len, reverse=True)
    exact = "|".join(re.escape(noun) for noun in nouns)
    for pattern in (
        rf"\b(?:the )?({exact}) (?:of|for) it\b",
        rf"\bit's ({exact})(?!\w)",
        r"\bthe ((?:(?!\bthe\b|\bof\b|\bwhat\b).){2,60}?) (?:of|for) it\b",
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


def claims(question: str, subject: Subject, noun: str) -> bool:
    """Whether the question says anything beside its subject and the noun: a value that may be right or not."""
    text = masked(question, subject)
    said = set(words(noun))
    return any(word not in said and word.rstrip("s") not in said for word in content_words(text))


def says(question: str, subject: Subject, value: str) -> bool:
    """Whether the question has this value beside its subject; digits go without their commas."""
    text = _plain(masked(question, subject))
    return re.search(r"(?<!\w)" + re.escape(_plain(value)) + r"(?!\w)", text) is not None


def _plain(text: str) -> str:
    return re.sub(r"(?<=\d),(?=\d)", "", text.casefold()).strip(" .")
