"""Facts from files: `read` gives the triples of a source one by one, whatever its format.

    for item in read("facts.tsv.gz"):
        if isinstance(item, Rejected): ...      # a line that is no fact: where, and why
        else: head, relation, tail = item

Memory does not grow with the source. One bad line never stops the reading, unless `strict`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from kvdb.errors import MalformedLineError, SourceError
from kvdb.readers.csv_table import read_csv
from kvdb.readers.detect import FORMATS, find_format
from kvdb.readers.json_facts import read_json, read_jsonl
from kvdb.readers.lines import Rejected
from kvdb.readers.source import Source, Stream
from kvdb.readers.tsv import read_tsv
from kvdb.types import Triple

__all__ = ["FORMATS", "Rejected", "Source", "read"]


def read(
    source: str | Path | BinaryIO | Source,
    *,
    format: str | None = None,
    columns: Sequence[str] | None = None,
    strict: bool = False,
) -> Iterator[Triple | Rejected]:
    """The facts of a source, in order; a Rejected for each line that is none.

    `source`: a path, "-" for standard input, an open binary stream, or a Source, whose counters show
    progress.
    `format`: one of FORMATS; without it the extension decides, then the first bytes.
    `columns`: the columns (keys) of head, relation and tail; three numbers, from 1, where there is no header.
    `strict`: raise MalformedLineError at the first bad line.

    Raises SourceError where the source is missing, empty, of unknown format or breaks off; a missing or empty
    file at once, the rest while reading.
    """
    origin = source if isinstance(source, Source) else Source(source)
    kind = find_format(origin.path, format)
    return _checked(_parsed(origin, kind, columns), origin.name, strict=strict)


def _checked(items: Iterator[Triple | Rejected], name: str, *, strict: bool) -> Iterator[Triple | Rejected]:
    nothing = True
    for item in items:
        nothing = False
        if strict and isinstance(item, Rejected):
            raise MalformedLineError(f"{item.source}, line {item.line}: {item.reason}; correct it or leave strict mode")
        yield item
    if nothing:
        raise SourceError(f"{name} is empty: no facts in it")


def _parsed(origin: Source, kind: str | None, columns: Sequence[str] | None) -> Iterator[Triple | Rejected]:
    if kind == "parquet":
        yield from _parquet_facts(origin, columns)
        return
    with closing(origin.open()) as stream:
        if not stream.head:
            raise SourceError(f"{origin.name} is empty: no facts in it")
        kind = kind or find_format(None, None, stream.head, origin.name)
        if kind == "parquet":
            yield from _parquet_facts(origin, columns)
        else:
            yield from _text_facts(kind, origin, stream, columns)


# pyarrow and pyoxigraph take longer to import than a small source takes to read: only where they are needed.


def _parquet_facts(origin: Source, columns: Sequence[str] | None) -> Iterator[Triple | Rejected]:
    from kvdb.readers import parquet

    return parquet.read_parquet(origin, columns)


def _text_facts(
    kind: str | None, origin: Source, stream: Stream, columns: Sequence[str] | None
) -> Iterator[Triple | Rejected]:
    if kind in ("ntriples", "turtle"):
        from kvdb.readers import rdf

        return (rdf.read_ntriples if kind == "ntriples" else rdf.read_turtle)(origin, stream)
    readers = {"tsv": read_tsv, "csv": read_csv, "jsonl": read_jsonl, "json": read_json}
    return readers[kind or "tsv"](stream, columns)
