"""Which rows a text names: rows whose key's term stands verbatim in the text.

Sentence vectors blur what differs by a word ("with foreign body", "without foreign body"); the index of terms does not.
So a question that names a head word for word finds its facts for certain, whatever their vectors say. This is the
sparse half of hybrid retrieval, at the price of one index lookup for each span of words.

Of spans that overlap only those that no other contains count: "New York City" does not name "York".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from kvdb.file import format
from kvdb.file.records import bits_masks
from kvdb.snapshot import Snapshot
from kvdb.types import U64, Mask, row_of

MOST_TOKENS = 128  # of the text that are looked at, from its start
LONGEST = 48  # tokens of a term
MOST_ROWS = 256  # of one term; those of its first facts, where there are more

# words, single characters of scripts that do not part words, and punctuation marks
_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff\uac00-\ud7af]|[^\W_]+|[^\s]")


@dataclass(frozen=True, slots=True)
class Named:
    """Characters [start, end) of a text that are a term of the store, and the rows about it."""

    start: int
    end: int
    rows: tuple[int, ...]


def named_terms(snapshot: Snapshot, text: str, *, limit: int = MOST_ROWS) -> list[Named]:
    """The terms that stand verbatim in `text`, in their order, with at most `limit` rows for each term and mask.

    The term of a row is the fact's head where its tail is masked, else its tail. Case matters.
    """
    found: list[Named] = []
    reached = 0  # the end of the last span that counted: a later start that ends before it lies inside that span
    begun = -1
    for start, end in spans(text):
        if start == begun or end <= reached:
            continue
        rows = rows_about(snapshot, text[start:end], limit=limit)
        if rows:
            begun, reached = start, end
            found.append(Named(start, end, tuple(rows)))
    return found


def named_rows(snapshot: Snapshot, text: str, *, limit: int = MOST_ROWS) -> U64:
    """Rows whose key is about a term that stands verbatim in `text`, ascending (see `named_terms`)."""
    return np.array(sorted({row for term in named_terms(snapshot, text, limit=limit) for row in term.rows}), np.uint64)


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of every span of whole tokens, by ascending start, the longer first."""
    tokens = [match.span() for match in islice(_TOKEN.finditer(text), MOST_TOKENS)]
    for i, (start, _) in enumerate(tokens):
        for _, end in reversed(tokens[i : i + LONGEST]):
            yield start, end


def rows_about(snapshot: Snapshot, term: str, *, limit: int = MOST_ROWS) -> list[int]:
    """Rows whose key is about `term`, spelt so: at most `limit` for each mask, those of the first facts."""
    rows: list[int] = []
    if "tail" in snapshot.masks:
        about = iter(sorted(snapshot.head_ids(term)))
        rows += _rows(snapshot, about, "tail", term, limit)
    if "head" in snapshot.masks:
        value = snapshot.value_id(term)
        if value is not None:
            rows += _rows(snapshot, snapshot.ids(format.TAIL, value), "head", None, limit)
    return rows


def _rows(snapshot: Snapshot, facts: Iterator[int], mask: Mask, head: str | None, limit: int) -> Iterator[int]:
    """Rows of those facts that have one under `mask` (and this head: hashes may collide), the first `limit`."""
    records = ((fact, snapshot.record(fact)) for fact in facts)
    about = (
        fact for fact, record in records if record and mask in bits_masks(record.masks) and head in (None, record.head)
    )
    return (row_of(fact, mask) for fact in islice(about, limit))
