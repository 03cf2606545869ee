"""Subjects that a question names by a part of their name: "Shakespeare" for "William Shakespeare".

Only where one of the terms near the question has that part, and nothing in the question makes it another name: "the
Bank of England" is no Deutsche Bank, "John Smith" no Jane Smith. The question then goes on with the whole name, which
the answer has too, so that who asks sees who was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .forms import has_content
from .reading import is_common_word
from .relation_match import term_in
from .spelling import is_known

LEAST = 4  # letters of a part that stands for the name
MOST_WORDS = 12  # of a name that is looked at
_WORD = re.compile(r"[^\W_]+(?:[-.&'\u2019][^\W_]+)*")
_NAME_BEFORE = re.compile(r"(?:^|.*\s)(?P<word>[^\W_][\w.'\u2019-]*)\s+$", re.DOTALL)
_NAME_AFTER = re.compile(r"\s+(?:(?:of|and|&)\s+(?:the\s+)?)?(?P<word>[^\W_]\w*)")


def with_whole_name(question: str, terms: Iterable[str]) -> str:
    """The question with a term's whole name in the place of a part of it; as it stands where none is surely meant."""
    terms = list(dict.fromkeys(terms))
    found: dict[str, tuple[int, int]] = {}
    for term in [] if any(term_in(question, term) for term in terms) else terms:
        place = _part_of(question, term)
        if place is not None and not any(_has(other, question[slice(*place)]) for other in terms if other != term):
            found[term] = place
    if len(found) != 1:
        return question
    ((term, (start, end)),) = found.items()
    return question[:start] + term + question[end:]


def _part_of(question: str, term: str) -> tuple[int, int] | None:
    """Where the longest part of a term stands in a question as a name of its own."""
    for part in _parts(term):
        place = term_in(question, part)
        if place and _is_a_name(question, *place.span()):
            return place.span()
    return None


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
    text, begins = question[start:end], not question[:start].strip()
    if is_common_word(question, start, end) or not re.search(r"[^\W\d_]", text):
        return False
    written_small = begins or text == text.casefold()
    if written_small and all(map(is_known, _WORD.findall(text))):
        return False
    return not any(_belongs(word, written_small) for word in _beside(question, start, end))


def _beside(question: str, start: int, end: int) -> Iterator[str]:
    before, after = _NAME_BEFORE.match(question[:start]), _NAME_AFTER.match(question[end:])
    if before and re.search(r"[.?!:]\s*$", question[: before.start("word")]) is None and before.start("word") > 0:
        yield before["word"]
    if after:
        yield after["word"]


def _belongs(word: str, written_small: bool) -> bool:
    """Whether a word beside a name may be a part of it: one with a capital, or in small letters any that says much."""
    return word[0].isupper() or word[0].isdigit() or (written_small and has_content(word) and not is_known(word))


def _has(term: str, part: str) -> bool:
    return term_in(term, part) is not None
