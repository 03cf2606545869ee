"""A question about several entities or several relations, cut into questions about one each.

Rules over the places of the store's terms, not a parser: [] where they do not apply.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from kvdb import kg2kv

from .forms import has_content, has_noun, is_collective
from .reading import Subject, masked, subject_text, without_subjects

_AND = r"(?:and also|and|&|as well as|plus|versus|vs\.?|or|compared (?:to|with)|than)"
_SAME = re.compile(rf"\s*(?:'s)?\s*(?:,|,?\s*{_AND})\s*(?:of |for |in |that of )?(?:the )?\s*", re.IGNORECASE)
_LAST = re.compile(rf"{_AND}(?!\w)|&", re.IGNORECASE)
_OTHER = re.compile(r",?\s+(?:and also|and|&|as well as|plus)\s+|[;?]\s+(?:and\s+)?|,\s+", re.IGNORECASE)
_ASKS_ANEW = re.compile(r"(?:and )?(?:what|which|who|where|when|how|then|for)\b", re.IGNORECASE)
_OF = r"(?:of|for)"
_NOUN_JOINT = re.compile(
    r"(?:,? (?:and also|and|&|as well as|plus)|,) (?:also )?"
    r"(?:(?:what|who|which|where|when)(?:'s| is| are| was| were)? )?(?:(?:the|its|their) )?",
    re.IGNORECASE,
)
_MORE = (
    r",? (?:and|as well as|plus) (?:also )?"
    r"(?:(?:what|who|when|where)(?:'s| is| are| was| were) )?(?:its|their|the)\b[^?.!;]+"
)
_TWO_QUESTIONS = re.compile(
    r"(?P<first>.+?),? and (?P<second>(?:(?:by|for|to|from|with|in|on|at) )?"
    r"(?:who|whom|whose|what|which|where|when|why|how)\b.+)",
    re.IGNORECASE | re.DOTALL,
)
_ITS = re.compile(r"\b(?:his|its|their|her(?= \w))\b", re.IGNORECASE)
_IT = re.compile(r"\b(?:he|she|it|they|him|her|them)\b", re.IGNORECASE)
_POLITE = re.compile(r",? (?:please|thanks|thank you)\W*$", re.IGNORECASE)
_SEVERAL_NOUNS = (
    # "the area and the mayor of it", "the area of it and its mayor"
    re.compile(rf"\b(?:the )(?P<nouns>[^?.!;]+?) {_OF} it\b(?P<more>{_MORE})?", re.IGNORECASE),
    re.compile(r"\bit's (?P<nouns>[^?.!;]+)(?P<more>)", re.IGNORECASE),
)


def split_entities(question: str, found: Sequence[Subject]) -> list[str]:
    """One question for each of several subjects that are joined by "and".

    "the area of A and B": the same is asked of both. "the area of A and the mayor of B": each has a clause.
    """
    if len(found) < 2 or is_collective(without_subjects(question, found)):
        return []
    parts = _of_each(question, found) if is_list(question, found) else _clauses(question, found)
    return list(dict.fromkeys(parts))


def is_list(question: str, found: Sequence[Subject]) -> bool:
    """Whether nothing but commas and words such as "and" stands between the subjects, and the question shares them.

    Of "the area of A and B's mayor" it does not share them, and "A, B" may say which A is meant.
    """
    gaps = [question[left.end : right.start] for left, right in pairwise(found)]
    if not all(_SAME.fullmatch(gap) for gap in gaps) or not _LAST.search(gaps[-1]):
        return False
    own = re.match(r"'s\b(.*)", question[found[-1].end :], re.DOTALL)
    return not (own and has_content(own[1]) and has_content(question[: found[0].start]))


def _of_each(question: str, found: Sequence[Subject]) -> list[str]:
    start, end = found[0].start, found[-1].end
    return [question[:start] + subject_text(question, subject) + question[end:] for subject in found]


def _clauses(question: str, found: Sequence[Subject]) -> list[str]:
    """The clauses of the subjects; one that says nothing ("and Spain's?") asks what the clause before it asks."""
    cuts = [0]
    for left, right in pairwise(found):
        joint = _joint(question, cuts[-1], left, right)
        if joint is None:
            return []
        cuts += [left.end + joint.start(), left.end + joint.end()]
    joints = zip(cuts[1::2], cuts[2::2], strict=True)
    if not any(_joins(question[start:end]) or _ASKS_ANEW.match(question[end:]) for start, end in joints):
        return []
    parts: list[str] = []
    before = after = ""  # of the subject, in the last clause that said something
    for start, end, subject in zip(cuts[0::2], [*cuts[1::2], len(question)], found, strict=True):
        said = subject_text(question, subject)
        if has_content(question[start : subject.start] + " " + question[subject.end : end]):
            before, after = question[start : subject.start], question[subject.end : end]
        parts.append((before + said + after).strip(" ,;"))
    return parts


def _joint(question: str, start: int, left: Subject, right: Subject) -> re.Match[str] | None:
    """Where between two subjects the clause of the second begins; `start` is where that of the first does.

    "A's area and B's mayor" is cut at the last joint, "the area of A and the longitude and latitude of B" at the first
    at which the first clause says something, or at which a new question begins.
    """
    gap = question[left.end : right.start]
    joints = list(_OTHER.finditer(gap))
    if gap.startswith("'"):
        joints.reverse()
    asked = question[start : left.start]
    for joint in joints:
        asks = has_content(asked + " " + gap[: joint.start()]) or start > 0
        if asks and (_joins(joint[0]) or _ASKS_ANEW.match(gap[joint.end() :])):
            return joint
    return next((joint for joint in joints if has_content(asked) or start > 0), None)


def _joins(joint: str) -> bool:
    return joint.strip(" ,") != ""


def split_relations(question: str, subject: Subject) -> list[str]:
    """One question for each of several nouns asked of one subject ("the area, code and mayor of A")."""
    text = masked(question, subject)
    for pattern in _SEVERAL_NOUNS:
        found = pattern.search(text)
        if not found:
            continue
        asked = _POLITE.sub("", found["nouns"] + (found["more"] or ""))
        joints = list(_NOUN_JOINT.finditer(asked))
        if not joints or not _joins(joints[-1][0]):
            continue
        nouns = [part.strip() for part in _NOUN_JOINT.split(asked) if part and part.strip()]
        if len(nouns) > 1 and not any(has_noun(asked, noun) for noun in subject.nouns if _NOUN_JOINT.search(noun)):
            return [kg2kv.question(noun, subject.term) for noun in dict.fromkeys(nouns)]
    return []


def split_questions(question: str, subject: Subject) -> list[str]:
    """Two questions about one subject, of which the second says "it": "Who founded A and who runs it?" """
    found = _TWO_QUESTIONS.fullmatch(question)
    if not found or not subject.end <= found.end("first"):
        return []
    second = found["second"]
    name = subject_text(question, subject)
    for pronoun, meant in ((_ITS, f"{name}'s"), (_IT, name)):
        if len(pronoun.findall(second)) == 1:
            return [found["first"].strip(" ,;"), pronoun.sub(lambda _, meant=meant: meant, second)]
    return []
