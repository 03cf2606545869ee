"""Parquet: three columns of a table, batch by batch (pyarrow)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kvdb.errors import SourceError
from kvdb.readers.columns import find_columns
from kvdb.readers.lines import Rejected, fact
from kvdb.readers.source import Source
from kvdb.types import Triple

_BATCH = 8192


def read_parquet(source: Source, columns: Sequence[str] | None = None) -> Iterator[Triple | Rejected]:
    """The facts of a Parquet file. Raises SourceError where it is no Parquet, or its columns hold no text."""
    if source.path is None:
        raise SourceError(f"{source.name}: Parquet is read from a file, not from a stream; save it first")
    try:
        with pq.ParquetFile(source.path) as file:
            names = list(file.schema_arrow.names)
            places = find_columns(names, columns, source.name)
            yield from _rows(file, [names[place] for place in places], source)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"{source.name} is not a readable Parquet file: {str(error)[:200]}") from error


def _rows(file: Any, names: list[str], source: Source) -> Iterator[Triple | Rejected]:
    size, total, number = source.total_bytes or 0, max(1, file.metadata.num_rows), 0
    for batch in file.iter_batches(batch_size=_BATCH, columns=names):
        fields = [_texts(batch.column(batch.schema.get_field_index(name)), name, source.name) for name in names]
        for head, relation, tail in zip(*fields, strict=True):
            number += 1
            yield fact(source.name, number, head, relation, tail)
        source.bytes_read = size * number // total


def _texts(column: Any, name: str, source: str) -> list[str | None]:
    """The values as text, numbers as they print; bytes that are not UTF-8 become lone surrogates."""
    try:
        raw = column.cast(pa.large_string()).cast(pa.large_binary())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        try:
            raw = column.cast(pa.large_binary())
        except pa.ArrowException as error:
            raise SourceError(f"{source}: column {name!r} holds {column.type}, not text; name another") from error
    return [None if value is None else value.decode(errors="surrogateescape") for value in raw.to_pylist()]
