"""Notes: small named records that stand beside the facts and mean nothing to the engine.

What is learnt about a store is kept in it this way, and goes wherever the store goes. A note lies in `meta` under
`note:<name>`; readers that know of no notes never ask for those keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import xxhash

from kvdb.errors import CorruptStoreError, FieldError, LimitError
from kvdb.file.records import SUM

if TYPE_CHECKING:
    import lmdb

    from kvdb.file.tables import Reader

MAX_NOTE = 64 << 10  # bytes
MOST_NOTES = 64
PREFIX = b"note:"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def note_key(name: str) -> bytes:
    """The key of a note in `meta`. Raises FieldError for what is no name."""
    if not _NAME.fullmatch(name):
        raise FieldError(f"{name!r:.80} is no name for a note: use 1 to 64 of a-z, 0-9, '.', '_' and '-'")
    return PREFIX + name.encode()


def pack_note(key: bytes, body: bytes) -> bytes:
    """A note behind a checksum that is seeded by its key. Raises LimitError."""
    if len(body) > MAX_NOTE:
        raise LimitError(f"a note of {len(body)} bytes: it may have at most {MAX_NOTE}")
    return _checksum(key, body) + body


def unpack_note(key: bytes, data: bytes | memoryview) -> bytes:
    """The inverse of pack_note. Raises CorruptStoreError."""
    body = bytes(data[SUM:])
    if len(body) > MAX_NOTE or _checksum(key, body) != data[:SUM]:
        raise CorruptStoreError(f"{key.decode(errors='replace')!r} is damaged (checksum); run `kvdb verify`")
    return body


def _checksum(key: bytes, body: bytes) -> bytes:
    return xxhash.xxh3_64_digest(body, seed=xxhash.xxh3_64_intdigest(key))[:SUM]


def put_note(txn: lmdb.Transaction, reader: Reader, name: str, body: bytes | None) -> None:
    """Write a note in a write transaction; None removes it. Raises FieldError, LimitError."""
    key = note_key(name)
    if body is None:
        txn.delete(key, db=reader.tables.meta)
        return
    if reader.get(reader.tables.meta, key) is None and sum(1 for _ in raw_notes(reader)) >= MOST_NOTES:
        raise LimitError(f"{reader.path} has {MOST_NOTES} notes already: remove one first")
    txn.put(key, pack_note(key, body), db=reader.tables.meta)


def raw_notes(reader: Reader) -> Iterator[tuple[bytes, Any]]:
    """The key and the packed note of each, by name."""
    with reader.translated():
        cursor = reader.txn.cursor(reader.tables.meta)
        if cursor.set_range(PREFIX):
            for key, data in cursor:
                if bytes(key[: len(PREFIX)]) != PREFIX:
                    return
                yield bytes(key), data
