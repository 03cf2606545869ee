"""Subjects that a question does not name in full: "Shakespeare" for "William Shakespeare", "Delmonte Clincs".

Only where one of the terms near the question has that part, and nothing in the question makes it another name: "the
Bank of England" is no Deutsche Bank, "John Smith" no Jane Smith. Or by the name with a slip of the pen: one letter of
one long word, never a digit. The question then goes on with the whole name, which the answer has too, so that who asks
sees who was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .forms import has_content
from .reading import is_common_word
from .relation_match import term_in
from .spelling import is_a_slip, is_known

LEAST = 4  # letters of a part that stands for the name
MOST_WORDS = 12  # of a name that is looked at
_WORD = re.compile(r"[^\W_]+(?:[-.&'\u2019][^\W_]+)*")
_NAME_BEFORE = re.compile(r"(?:^|.*\s)(?P<word>[^\W_][\w.'\u2019-]*)\s+$", re.DOTALL)
_NAME_AFTER = re.compile(r"[\s(,]+(?:(?:of|and|&)\s+(?:the\s+)?)?(?P<word>[^\W_]\w*)")


@dataclass(frozen=True, slots=True)
class Part:
    """Characters [start, end) of a question that stand for a `term`. `is_a_name`: nothing else can be meant, since it
    has a capital inside of a sentence, or is a name of several words.
    """

    start: int
    end: int
    term: str
    is_a_name: bool


def part_of_a_name(question: str, terms: Iterable[str]) -> Part | None:
    """The part of one of the terms that a question has, or that term with a slip; None where no one is surely meant."""
    terms = list(dict.fromkeys(terms))
    if any(term_in(question, term) for term in terms):
        return None
    for find in (_part_of, _slip_of):
        found = [(term, place) for term in terms if (place := find(question, term)) is not None]
        found = [each for each in found if not _others_have(question, *each, terms)]
        if len(found) == 1:
            ((term, (start, end)),) = found
            sure = find is _slip_of and len(_WORD.findall(term)) > 1
            return Part(start, end, term, sure or not _is_written_small(question, start, end))
    return None


def _others_have(question: str, term: str, place: tuple[int, int], terms: Sequence[str]) -> bool:
    return any(term_in(other, question[slice(*place)]) is not None for other in terms if other != term)


def _part_of(question: str, term: str) -> tuple[int, int] | None:
    """Where the longest part of a term stands in a question as a name of its own."""
    for part in _parts(term):
        place = term_in(question, part)
        if place and _is_a_name(question, *place.span()):
            return place.span()
    return None


def _slip_of(question: str, term: str) -> tuple[int, int] | None:
    """Where a term stands in a question but for one letter of one long word."""
    wanted = _WORD.findall(term)
    words = list(_WORD.finditer(question))
    if not wanted or len(wanted) > MOST_WORDS:
        return None
    for first in range(len(words) - len(wanted) + 1):
        said = words[first : first + len(wanted)]
        differ = [pair for pair in zip((each[0] for each in said), wanted, strict=True) if not _same(*pair)]
        if len(differ) == 1 and is_a_slip(*differ[0]):
            dot = term.endswith(".") and question[said[-1].end() :].startswith(".")
            return said[0].start(), said[-1].end() + dot
    return None


def _same(a: str, b: str) -> bool:
    return a.casefold() == b.casefold()


def _parts(term: str) -> Iterator[str]:
    """What a name begins or ends with, the longest first."""
    words = [found.span() for found in _WORD.finditer(term)]
    if not 1 < len(words) <= MOST_WORDS:
        return
    for count in range(len(words) - 1, 0, -1):
        for first in (0, len(words) - count):
            part = term[words[first][0] : words[first + count - 1][1]]
            if len(part) >= LEAST and part != part.casefold():
                yield part


def _is_a_name(question: str, start: int, end: int) -> bool:
    """Whether characters [start, end) are a name, and not a part of a longer one, nor a word that anybody knows."""
    text = question[start:end]
    if is_common_word(question, start, end) or not re.search(r"[^\W\d_]", text):
        return False
    written_small = _is_written_small(question, start, end)
    if written_small and all(map(is_known, _WORD.findall(text))):
        return False
    return not any(_belongs(word, written_small) for word in _beside(question, start, end))


def _is_written_small(question: str, start: int, end: int) -> bool:
    """Whether characters [start, end) have no capital, or only that which begins a sentence."""
    return not question[:start].strip() or question[start:end] == question[start:end].casefold()


def _beside(question: str, start: int, end: int) -> Iterator[str]:
    before, after = _NAME_BEFORE.match(question[:start]), _NAME_AFTER.match(question[end:])
    if before and re.search(r"[.?!:]\s*$", question[: before.start("word")]) is None and before.start("word") > 0:
        yield before["word"]
    if after:
        yield after["word"]


def _belongs(word: str, written_small: bool) -> bool:
    """Whether a word beside a name may be a part of it: one with a capital, or in small letters any that says much."""
    return word[0].isupper() or word[0].isdigit() or (written_small and has_content(word) and not is_known(word))
