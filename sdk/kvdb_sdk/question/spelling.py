"""Slips of the pen in what a question says about its subject: "totl assests" for "total assets".

A word that no shipped wording and no noun at hand has becomes one of theirs that begins with the same letter and is
alike once a letter of either is left out: a letter too many, too few, another one, or two swapped. Only comparing goes
by the mended words (relation_match.py, confidence.py); the model reads the question as it was typed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache

from .wordings import HELD_OUT, TRAINING, load_common_relations, load_paraphrases

LEAST = 4  # letters of a word that is mended: shorter ones are like too many others

_WORDS = re.compile(r"[^\W\d_]+")


def mended(text: str, nouns: Iterable[str] = ()) -> str:
    """The text with the words that nobody knows replaced by those that they were meant to be, in lower case.

    `nouns`: of the relations at hand, whose words are known and are preferred.
    """
    own = {word for noun in nouns for word in _WORDS.findall(noun.casefold())}
    return _WORDS.sub(lambda found: _meant(found[0], own), text)


def _meant(word: str, own: set[str]) -> str:
    small = word.casefold()
    if len(small) < LEAST or word.isupper() or small in own or small in _known():
        return word
    forms = set(_shortened(small))
    alike = {other for other in own if len(other) >= LEAST and forms.intersection(_shortened(other))}
    alike = alike or {other for form in forms for other in _by_form().get(form, ())}
    alike = {other for other in alike if other[0] == small[0]}
    return max(alike, key=lambda other: (_by_one_letter(small, other), _known()[other], other)) if alike else word


def _by_one_letter(word: str, other: str) -> bool:
    """True where one of them is the other without a letter."""
    return word in _shortened(other) or other in _shortened(word)


def _shortened(word: str) -> Iterator[str]:
    """The word, and each that is left of it without one letter."""
    yield word
    for at in range(len(word)):
        yield word[:at] + word[at + 1 :]


@cache
def _known() -> Counter[str]:
    """Every word of the shipped wordings, with how often it occurs."""
    wordings = [*TRAINING, *HELD_OUT]
    for found in (load_paraphrases(), load_common_relations()):
        wordings += [text for name, texts in found.items() for text in (name, *texts)]
    return Counter(word for text in wordings for word in _WORDS.findall(text.casefold()))


@cache
def _by_form() -> dict[str, tuple[str, ...]]:
    """The known words that give a shortened form. Those that occur once may be slips themselves, and give none."""
    found: dict[str, list[str]] = {}
    for word, count in _known().items():
        if count > 1 and len(word) >= LEAST:
            for form in _shortened(word):
                found.setdefault(form, []).append(word)
    return {form: tuple(words) for form, words in found.items()}
