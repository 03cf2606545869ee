"""Slips of the pen in what a question says about its subject: "totl assests" for "total assets".

A word that nobody knows becomes a known one that begins with the same letter and is alike once a letter of either is
left out: a letter too many, too few, another one, or two swapped. Known are the words of the nouns at hand and those of
`words.tsv`, which has every word of the shipped wordings with how often it occurs there, in four languages
(kvdb_sdk/training/known_words.py writes it). Only comparing goes by the mended words (relation_match.py,
confidence.py); the model reads the question as it was typed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import resources

LEAST, MOST = 4, 40  # letters of a word that is mended: shorter ones are like too many others
WORDS = "words.tsv"

_WORDS = re.compile(r"[^\W\d_]+")


def words_in(text: str) -> list[str]:
    """The words of a text, folded, without digits."""
    return _WORDS.findall(text.casefold())


def mended(text: str, nouns: Iterable[str] = ()) -> str:
    """The text with the words that nobody knows replaced by those that they were meant to be, in lower case.

    `nouns`: of the relations at hand, whose words are known and are preferred.
    """
    own = {word for noun in nouns for word in words_in(noun)}
    return _WORDS.sub(lambda found: _meant(found[0], own), text)


def is_known(word: str) -> bool:
    """Whether a word occurs in the shipped wordings."""
    return word.casefold() in _known()


def is_a_slip(word: str, meant: str) -> bool:
    """Whether a word is another one but for a letter too many, too few, another one, or two swapped; both are long."""
    a, b = word.casefold(), meant.casefold()
    if min(len(a), len(b)) <= LEAST or max(len(a), len(b)) > MOST or not (a + b).isalpha():
        return False
    return a[0] == b[0] and abs(len(a) - len(b)) <= 1 and not set(_shortened(a)).isdisjoint(_shortened(b))


def _meant(word: str, own: set[str]) -> str:
    small = word.casefold()
    if not LEAST <= len(small) <= MOST or word.isupper() or small in own or small in _known():
        return word
    alike = _alike(small, own) or _alike(small, _by_letter().get(small[0], ()))
    return max(alike, key=lambda other: (_by_one_letter(small, other), _known().get(other, 0), other), default=word)


def _alike(word: str, others: Iterable[str]) -> list[str]:
    """Those that begin as the word does and are the same as it without a letter of either."""
    forms = set(_shortened(word))
    return [
        other
        for other in others
        if len(other) >= LEAST
        and other[0] == word[0]
        and abs(len(other) - len(word)) <= 1
        and not forms.isdisjoint(_shortened(other))
    ]


def _by_one_letter(word: str, other: str) -> bool:
    """True where one of them is the other without a letter."""
    return word in _shortened(other) or other in _shortened(word)


def _shortened(word: str) -> Iterator[str]:
    """The word, and each that is left of it without one letter."""
    yield word
    for at in range(len(word)):
        yield word[:at] + word[at + 1 :]


@cache
def _known() -> Mapping[str, int]:
    """Every word of the shipped wordings, with how often it occurs."""
    lines = resources.files("kvdb_sdk.question").joinpath(WORDS).read_text(encoding="utf-8").splitlines()
    return {word: int(count) for word, count in (line.split("\t") for line in lines)}


@cache
def _by_letter() -> Mapping[str, list[str]]:
    """The known words by their first letter. Those that occur once may be slips themselves, and mend nothing."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for word, count in _known().items():
        if count > 1:
            found[word[0]].append(word)
    return found
