"""What a question is about, in the store's words: its subjects, their facts, and how the question is put.

Rules over the terms that the store knows, not a parser: where they do not apply, the question is asked as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kvdb import Snapshot
from kvdb.named import Named
from kvdb.types import Fact, fact_of, mask_of

from .relation_match import RelationMatch, without_subject

_AND = r"(?:and also|and|&|as well as|plus|versus|vs\.?|or|compared (?:to|with)|than)"
_SAME = re.compile(rf"\s*(?:'s)?\s*(?:,|,?\s*{_AND})\s*(?:of |for |in |that of )?(?:the )?\s*", re.IGNORECASE)
_OTHER = re.compile(r",?\s+(?:and also|and|&|as well as|plus)\s+|[;?]\s+(?:and\s+)?|,\s+", re.IGNORECASE)
_YES_NO = re.compile(
    r"(?:is|are|was|were|does|do|did|has|have|isn't|aren't|doesn't)\b(?!\s+(?:you|anyone|anybody)\b)", re.I
)
_ASKS_TRUTH = re.compile(r"(?:true|correct|right|sure)\s*(?:that\b|\?|$)", re.IGNORECASE)
_LOWER = re.compile(
    r"\b(?:lower|lowest|less|least|smaller|smallest|fewer|fewest|shorter|shortest|earlier|earliest|older|oldest|lighter|"
    r"lightest|cheaper|cheapest|first|nearer|nearest|younger|youngest|later|latest|newer|newest|higher|highest|more|most|"
    r"larger|largest|greater|greatest|bigger|biggest|longer|longest|taller|tallest|heavier|heaviest)\b",
    re.IGNORECASE,
)
_ASCENDING = frozenset(
    "lower lowest less least smaller smallest fewer fewest shorter shortest earlier earliest older oldest lighter "
    "lightest cheaper cheapest first nearer nearest".split()
)
_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?")
_WORD = re.compile(r"\w+")
_EMPTY = frozenset(
    "a an and are as at by can could did do does for from give has have how i in is it its known me my of on or please "
    "s say show tell than that the their there they this to true us was what what's when where which who whose will "
    "with would you your know correct right sure located called named be been".split()
)


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


def best_noun(matcher: RelationMatch, text: str, nouns: Sequence[str]) -> tuple[str, float]:
    """The noun that a text, its subject masked, means most, and the match. ("", -1.0) where there is none."""
    if not nouns:
        return "", -1.0
    scores = matcher([text], [nouns])[0]
    best = int(scores.argmax())
    return nouns[best], float(scores[best])


def masked(question: str, subject: Subject) -> str:
    """The question with its subject masked."""
    return without_subject(question, subject.start, subject.end)


def split_entities(question: str, found: Sequence[Subject]) -> list[str]:
    """One question for each of several subjects that are joined by "and"; [] where they are not.

    "the area of A and B": the same is asked of both. "the area of A and the mayor of B": each has a clause.
    """
    if len(found) < 2:
        return []
    gaps = [question[left.end : right.start] for left, right in zip(found, found[1:], strict=False)]
    if all(_SAME.fullmatch(gap) for gap in gaps):
        first, last = found[0].start, found[-1].end
        return [question[:first] + question[s.start : s.end] + question[last:] for s in found]
    cuts = [0]
    for left, gap in zip(found, gaps, strict=False):
        joints = list(_OTHER.finditer(gap))
        if not joints:
            return []
        # "A's area and B's mayor" is cut at the last joint, "the area of A and the latitude and longitude of B" at the first
        joint = joints[-1] if gap.startswith("'") else joints[0]
        cuts += [left.end + joint.start(), left.end + joint.end()]
    ends = [*cuts[1::2], len(question)]
    return [question[start:end].strip(" ,;") for start, end in zip(cuts[0::2], ends, strict=True)]


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
    """Where the question has a noun phrase about its subject inside of a larger one ("the mayor of [the capital of A]").

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


def subject_text(question: str, subject: Subject) -> str:
    """The subject as the question spells it."""
    return question[subject.start : subject.end]


def has_noun(text: str, noun: str) -> bool:
    """Whether the noun stands in the text as whole words, in any case, singular or plural."""
    return re.search(rf"(?<!\w){re.escape(noun)}(?:s|es)?(?!\w)", text, re.IGNORECASE) is not None


def has_content(text: str) -> bool:
    """Whether a text has a word that says something."""
    return any(word not in _EMPTY for word in _WORD.findall(text.casefold()))


def asks_yes_or_no(question: str) -> bool:
    """Whether the question begins as one that is answered by yes or no."""
    text = question.strip()
    return bool(_YES_NO.match(text)) or bool(_ASKS_TRUTH.search(text))


def claims(question: str, subject: Subject, noun: str) -> bool:
    """Whether the question says anything beside its subject and the noun: a value that may be right or not."""
    text = masked(question, subject)
    said = set(_WORD.findall(noun.casefold()))
    return any(
        word not in _EMPTY and word.rstrip("s") not in said and word not in said
        for word in _WORD.findall(text.casefold())
    )


def says(question: str, subject: Subject, value: str) -> bool:
    """Whether the question has this value beside its subject; digits go without their commas."""
    text = _plain(masked(question, subject))
    return re.search(r"(?<!\w)" + re.escape(_plain(value)) + r"(?!\w)", text) is not None


def comparative(question: str) -> str | None:
    """The comparative of a question about two subjects, None where it has none."""
    found = _LOWER.search(question)
    return found[0].casefold() if found else None


def prefers_less(word: str) -> bool:
    """Whether the comparative wins with the smaller number. A year is the smaller, the older something is."""
    return word in _ASCENDING


def number(text: str) -> float | None:
    """The first number in a value, None where there is none."""
    found = _NUMBER.search(text)
    return float(found[0].replace(",", "")) if found else None


def _plain(text: str) -> str:
    return re.sub(r"(?<=\d),(?=\d)", "", text.casefold()).strip(" .")
