"""CSV (RFC 4180) with a header line, or with columns given by number.

A quoted field may span lines. A quote that is never closed costs its own line only: the reader tries again
from the next one, so that one typing error does not swallow the file.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence

from kvdb.readers.columns import find_columns, positions
from kvdb.readers.lines import MAX_LINE_BYTES, Line, Rejected, fact, lines
from kvdb.readers.source import Stream
from kvdb.types import Triple

_MAX_SPAN = 10_000  # lines that one quoted field may span


def read_csv(stream: Stream, columns: Sequence[str] | None = None) -> Iterator[Triple | Rejected]:
    """The facts of a CSV stream. Raises SourceError where the header names no head, relation and tail."""
    # The module's own limit (128 KiB) is below the longest tail; it can only be set for the whole process.
    csv.field_size_limit(max(csv.field_size_limit(), 2 * MAX_LINE_BYTES))
    name = stream.name
    places = positions(columns)
    source, held = lines(stream), deque[Line]()
    delimiter = ""
    while (line := held.popleft() if held else next(source, None)) is not None:
        if line.problem:
            yield Rejected(name, line.number, line.problem)
            continue
        if not line.text or line.text.isspace():
            continue
        delimiter = delimiter or _delimiter(line.text)
        span = _span(line, held, source, delimiter)
        fields = _fields(span, delimiter)
        if isinstance(fields, str):
            yield Rejected(name, line.number, fields)
            held.extendleft(reversed(span[1:]))
        elif places is None:
            places = find_columns(fields, columns, name)
        elif len(fields) <= max(places):
            least = max(places) + 1
            yield Rejected(name, line.number, f"{len(fields)} column(s) where at least {least} are expected")
        else:
            yield fact(name, line.number, *(fields[place] for place in places))


def _delimiter(first: str) -> str:
    """Comma, unless the first line has none of it and has semicolons, tabs or bars."""
    return next((mark for mark in ",;\t|" if mark in first), ",")


def _fields(span: list[Line], delimiter: str) -> list[str] | str:
    """The fields of a record, or what is wrong with it."""
    text = "\n".join(line.text for line in span)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True))
    except StopIteration:
        return "no fields"
    except csv.Error as error:
        open_quote = "unexpected end" in str(error)
        return "a quote is opened and never closed" if open_quote else f"not CSV: {error}"


def _span(first: Line, held: deque[Line], source: Iterator[Line], delimiter: str) -> list[Line]:
    """`first` and the lines that its quoted fields run on to."""
    span, size = [first], len(first.text)
    quoted = _ends_quoted(first.text, delimiter, quoted=False)
    while quoted and len(span) < _MAX_SPAN and size < MAX_LINE_BYTES:
        line = held.popleft() if held else next(source, None)
        if line is None:
            break
        if line.problem:
            held.appendleft(line)
            break
        span.append(line)
        size += len(line.text)
        quoted = _ends_quoted(line.text, delimiter, quoted=True)
    return span


def _ends_quoted(text: str, delimiter: str, *, quoted: bool) -> bool:
    """Whether a line ends inside a quoted field; `quoted`: whether it begins inside one."""
    if '"' not in text:
        return quoted
    place = 0
    while True:
        if quoted or text.startswith('"', place):
            place = _after_quote(text, place if quoted else place + 1)
            if place < 0:
                return True
            quoted = False
        place = text.find(delimiter, place) + 1
        if place == 0:
            return False


def _after_quote(text: str, place: int) -> int:
    """Where the quoted field around `place` is closed (a doubled quote does not); -1 where it is not."""
    while (place := text.find('"', place)) >= 0:
        if not text.startswith('"', place + 1):
            return place + 1
        place += 2
    return -1
