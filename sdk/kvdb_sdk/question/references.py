"""Words that stand for what was spoken of before ("it", "his", "there", "the same airport"), and what they become.

Rules over the words alone: whether a store has the subject is told elsewhere (kvdb_sdk/question/followups.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .forms import has_noun

_AFTER_OBJECT = r"(?:in|at|on|to|for|from|with|by|and|or|when|where|as|of|is|was|after|before)"
_PERSON = re.compile(r"\b(?:he|him|his|she|her|hers)\b|^who (?:is|was) (?:it|that|this)\W*$", re.IGNORECASE)
_PLURAL = re.compile(r"\b(?:they|them|their|these|those)\b", re.IGNORECASE)
_ANY = re.compile(
    # "of that one", "in the same city", "does this company"
    r"\b(?P<before>of|for|in|at|from|about|to|by|with|is|was|does|did|has|runs?|leads?)\s+"
    r"(?:(?:this|that|these|those|the same)\s+(?!(?:is|was|true|right|correct|about|the|a|in|of)\b)"
    r"(?P<kind>[a-z]+)(?=\W|$)"
    r"|(?:this|that)(?=\s*(?:[?.!,;]|$|(?:in|at|on|for|from|of)\b)))"
    rf"|\b(?P<whose>its|his|their|her(?=\s+(?!{_AFTER_OBJECT}\b)\w))\b"
    # "Is there a ...", "there are" speak of no place
    r"|(?<=\w )(?<!is )(?<!was )(?P<there>there)\b(?!\s+(?:an?|any|some|no|is|are|was|were)\b)"
    # "Is it true that ...", "What time is it?" speak of nothing
    r"|(?<!time is )\bit\b(?!\s+(?:is\s+)?(?:true|correct|right|possible|known|said)\b)"
    r"|\b(?:he|him|she|her|hers|they|them)\b",
    re.IGNORECASE,
)


def about_a_person(text: str) -> bool:
    """Whether what the text refers to is a person."""
    return _PERSON.search(text) is not None


def about_several(text: str) -> bool:
    """Whether what the text refers to may be several things."""
    return _PLURAL.search(text) is not None


def reference(text: str, nouns: Sequence[str] = ()) -> int | None:
    """Where the first word stands that refers to something said before; None where there is none.

    `nouns` of what may be meant: "the same mayor" does not stand for a thing that has a mayor.
    """
    return next((found.start() for found in _ANY.finditer(text) if _put(found, "", nouns) != found[0]), None)


def spoken_out(text: str, term: str, nouns: Sequence[str] = ()) -> str:
    """The text with `term` in place of every reference."""
    return _ANY.sub(lambda found: _put(found, term, nouns), text)


def _put(found: re.Match[str], term: str, nouns: Sequence[str]) -> str:
    """What stands in place of one reference."""
    if found["before"]:
        is_noun = found["kind"] is not None and any(has_noun(found["kind"], noun) for noun in nouns)
        return found[0] if is_noun else f"{found['before']} {term}"
    if found["whose"]:
        return f"{term}'s"
    return f"in {term}" if found["there"] else term
