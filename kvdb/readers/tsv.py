"""TSV: head, relation and tail with tabs between, one fact a line.

Inside a field `\\t`, `\\n`, `\\r` and `\\\\` stand for a tab, a line feed, a carriage return and a backslash
(what
`kvdb.export` writes); a backslash before anything else stays. A first line that only names the columns is
skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kvdb.export import unescape
from kvdb.readers.columns import find_columns, is_header, positions
from kvdb.readers.lines import Rejected, fact, lines
from kvdb.readers.source import Stream
from kvdb.types import Triple


def read_tsv(stream: Stream, columns: Sequence[str] | None = None) -> Iterator[Triple | Rejected]:
    """The facts of a TSV stream; `columns` as for CSV (names need a header line, numbers none)."""
    name = stream.name
    places = positions(columns)
    width, awaiting_header = 3, columns is not None and places is None
    for number, text, problem in lines(stream):
        if problem:
            yield Rejected(name, number, problem)
            continue
        if not text or text.isspace():
            continue
        fields = text.split("\t")
        if awaiting_header:
            places, width, awaiting_header = find_columns(fields, columns, name), len(fields), False
            continue
        if places is None:
            if len(fields) != 3:
                yield Rejected(name, number, f"{len(fields)} column(s) where head, relation and tail are expected")
                continue
            if number == 1 and is_header(fields):
                continue
            head, relation, tail = fields
        elif len(fields) <= max(places):
            yield Rejected(name, number, f"{len(fields)} column(s) where {max(max(places) + 1, width)} are expected")
            continue
        else:
            head, relation, tail = (fields[place] for place in places)
        yield fact(name, number, unescape(head), unescape(relation), unescape(tail))
