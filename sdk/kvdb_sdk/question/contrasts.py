"""Words that exclude each other: who asks for the minimum is not answered by the maximum, however near they are.

Sentence vectors hold opposites for alike. Only words are listed here that no one uses for one another.
"""

from __future__ import annotations

import re

from .forms import stem, words

_GROUPS = """
minimum min lowest|maximum max highest
start begin beginning|end finish expire expiry
first|last
shipping delivery|billing invoice
boiling|melting|freezing|flash|ignition
gross|net
import|export
backup|restore
birth|death
arrival|departure
buying|selling
sender|recipient
source|destination
input|output
phone telephone|fax|email
father|mother
son|daughter
brother|sister
upper|lower
left|right
northern|southern|eastern|western
summer|winter
entry entrance|exit
"""
_SIDES = [
    [frozenset(stem(word) for word in side.split()) for side in line.split("|")] for line in _GROUPS.strip().split("\n")
]
_QUALIFIERS = re.compile(
    r"\b(?:assistant|deputy|vice|co(?=-)|interim|honorary|associate|grand(?=parent|father|mother|child|son|daughter)"
    r"|(?P<former>former|ex(?=-)|previous|previously|formerly))",
    re.IGNORECASE,
)
_FORMER = re.compile(r"\b(?:former|ex|previous|past|old|last|earlier|until|replaced|predecessor)", re.IGNORECASE)


def contrasts(text: str, noun: str, value: str = "") -> bool:
    """Whether a text has a word that excludes one of the noun's, and not that word itself, or asks for somebody beside
    or before the one that the noun is about: the deputy mayor is not the mayor, unless the `value` says so.
    """
    said, own = {stem(word) for word in words(text)}, {stem(word) for word in words(noun)}
    return _is_qualified(text, f"{noun} {value}") or any(
        side & own and not side & said and any(other & said for other in sides if other is not side)
        for sides in _SIDES
        for side in sides
    )


def _is_qualified(text: str, told: str) -> bool:
    asked = _QUALIFIERS.search(text)
    if asked is None:
        return False
    return not (_FORMER.search(told) if asked["former"] else asked[0].casefold() in told.casefold())
