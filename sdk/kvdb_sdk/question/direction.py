"""Who does it, and to whom: "Who did it warn?" asks for what it warned, "Who warned it?" for what warned it.

A sentence vector hardly tells the two apart, so it is told from where the subject, masked as "it", stands beside the
relation's own words, and whether these are in the passive. Only relations that are clauses say who does what.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kvdb.nouns import clause
from kvdb.nouns.words import is_participle, plain_verb

from .forms import content_words, words

_DOES, _BEARS = "does", "bears"  # what "it" is: the one that does it, or the one that it is done to
_OTHER = {_DOES: _BEARS, _BEARS: _DOES}
_BE = frozenset({"is", "are", "was", "were", "be", "been", "being", "get", "got", "gets"})
_ENDING = re.compile(r"(?:ies|ied|ing|es|ed|s|e|y)$")


def asks_the_other_way(text: str, noun: str) -> bool:
    """Whether a text, its subject masked, has the words of a clause and asks for its other end."""
    does, done = clause(noun)
    wanted = content_words(does or done)
    asked = words(text)
    place = _place(asked, wanted) if wanted else None
    if place is None or asked.count("it") != 1:
        return False
    part = _part_in_text(asked, asked.index("it"), *place)
    return part is not None and _OTHER[part] == _part_in_clause(words(does or done), wanted[0], bool(does))


def _part_in_clause(said: Sequence[str], verb: str, does: bool) -> str:
    """The part of "it" in "what it warned" (`does`) or in "what warned it"; "" where it has neither."""
    at = said.index(verb)
    passive = is_participle(verb) and not _BE.isdisjoint(said[:at])  # "is warned by", not "is known to attract"
    if does or not passive:
        return _DOES if does != passive else _BEARS
    return _DOES if said[-1] == "by" else ""  # "what is warned by it", "what is used for it"


def _part_in_text(asked: Sequence[str], subject: int, start: int, end: int) -> str | None:
    """The part of "it", at `subject`, in a text that has a clause's words at [start, end); None where it stands between
    them.
    """
    if subject >= end:
        return _DOES if asked[subject - 1] == "by" else _BEARS  # "who was warned by it", "who warned it"
    if subject >= start:
        return None
    passive = is_participle(asked[start]) and not _BE.isdisjoint(asked[max(subject - 1, 0) : start])
    return _BEARS if passive else _DOES  # "was it warned", "did it warn"


def _place(asked: Sequence[str], wanted: Sequence[str]) -> tuple[int, int] | None:
    """From where to where a text has all words of a clause that say something, in their order and in any form."""
    stems = [_stem(word) for word in asked]
    start, place = -1, -1
    for stem in (_stem(word) for word in wanted):
        if stem not in stems[place + 1 :]:
            return None
        place = stems.index(stem, place + 1)
        start = place if start < 0 else start
    return start, place + 1


def _stem(word: str) -> str:
    """What the forms of a word have in common: "sued" and "sue", "won" and "wins"."""
    plain = plain_verb(word)
    return _ENDING.sub("", plain) if len(plain) > 2 else plain
