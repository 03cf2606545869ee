"""Keys and records of many entries at once, sorted as LMDB wants them: the same bytes that kvdb.file.format and
kvdb.file.records make one by one. And the delta of a leaf, which is always read as a whole.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import lmdb
import msgpack
import numpy as np
import xxhash
from numpy.typing import NDArray

from kvdb.errors import CorruptStoreError
from kvdb.file.format import CHECKSUM, DELTA_ROW, read_u64
from kvdb.file.records import SUM
from kvdb.types import F16, U32, U64

Items = list[tuple[bytes, bytes]]

_LOW = np.uint64(0xFFFFFFFF)


def keys_of(ids: NDArray[np.uint64]) -> list[bytes]:
    """The big-endian bytes of each id [n]."""
    return row_bytes(ids.astype(">u8")[:, None])


def row_bytes(table: NDArray[Any]) -> list[bytes]:
    """The bytes of each row of a contiguous array [n, m]."""
    rows: list[bytes] = table.view(f"V{table.shape[1] * table.itemsize}").ravel().tolist()
    return rows


def hashes(texts: Collection[str]) -> U64:
    """format.hash_text of each text: [n]."""
    return np.fromiter(map(xxhash.xxh3_64_intdigest, map(str.encode, texts)), np.uint64, len(texts))


def fact_numbers(heads: Collection[str], joined: Collection[bytes]) -> U64:
    """format.fact_number of each triple, [n], of its head and of its fields as `head NUL relation NUL tail`."""
    whole = np.fromiter(map(xxhash.xxh3_64_intdigest, joined), np.uint64, len(joined))
    out: U64 = (hashes(heads) & ~_LOW) | (whole & _LOW)
    return out


def index_keys(kind: int, numbers: U64) -> list[bytes]:
    """format.index_key of each number [n]."""
    table = np.empty((len(numbers), 9), np.uint8)
    table[:, 0] = kind
    table[:, 1:] = numbers.astype(">u8").view(np.uint8).reshape(-1, 8)
    return row_bytes(table)


def index_items(kind: int, numbers: U64, ids: U64) -> Items:
    """Entries of one kind of index, sorted. numbers [n], ids [n]."""
    order = np.lexsort((ids, numbers))
    return list(zip(index_keys(kind, numbers[order]), keys_of(ids[order]), strict=True))


def triple_items(
    heads: Sequence[str], relations: Sequence[int], tails: U64, head_values: U64, ids: U64, bits: int
) -> Items:
    """Keys and TripleRecords, as records.TripleRecord.pack makes them."""
    packb, digest = msgpack.Packer().pack, xxhash.xxh3_64_digest
    columns = zip(heads, relations, tails.tolist(), head_values.tolist(), strict=True)
    bodies = [
        packb({"h": h, "r": r, "t": t, "m": bits, "v": v} if v else {"h": h, "r": r, "t": t, "m": bits})
        for h, r, t, v in columns
    ]
    numbers = ids.tolist()
    return [
        (key, digest(body, seed)[:SUM] + body) for key, body, seed in zip(keys_of(ids), bodies, numbers, strict=True)
    ]


def text_items(ids: U64, texts: Sequence[str]) -> Items:
    """Keys and texts of values [n], as records.pack_text makes them."""
    encoded = [text.encode() for text in texts]
    sums = map(xxhash.xxh3_64_digest, encoded, ids.tolist())
    return [(key, check[:SUM] + text) for key, check, text in zip(keys_of(ids), sums, encoded, strict=True)]


def vector_items(ids: U64, vectors: F16) -> Items:
    """Keys and vectors [n, d] of values [n], as format.pack_vector makes them."""
    rows = row_bytes(np.ascontiguousarray(vectors, "<f2"))
    sums = map(xxhash.xxh3_64_digest, rows, ids.tolist())
    return [(key, row + check) for key, row, check in zip(keys_of(ids), rows, sums, strict=True)]


def put_sorted(txn: lmdb.Transaction, table: Any, items: Items) -> None:
    """Write sorted entries whose keys are new. Those beyond the table's last key are appended: that fills pages, five
    vectors of 384 dimensions to a page, where a split leaves four.
    """
    cursor = txn.cursor(table)
    last = bytes(cursor.key()) if cursor.last() else b""
    at = bisect_right(items, last, key=itemgetter(0))
    cursor.putmulti(items[:at])
    cursor.putmulti(items[at:], append=True)


def location_items(blocks: U64, leaves: U32) -> Items:
    """Keys and records of location blocks [n], sorted: the leaves [n, LOCATION_ROWS] of their rows, 0 for no row."""
    rows = row_bytes(np.ascontiguousarray(leaves, "<u4"))
    sums = map(xxhash.xxh3_64_digest, rows, blocks.tolist())
    return [(key, row + check) for key, row, check in zip(keys_of(blocks), rows, sums, strict=True)]


def delta_items(numbers: U64, rows: U64, vectors: F16) -> Items:
    """Keys and records of delta rows [n], sorted, as format.pack_deltas makes them. numbers: leaf << 32 | sequence."""
    order = np.argsort(numbers)
    table = np.empty((len(rows), DELTA_ROW.size + 2 * vectors.shape[1]), np.uint8)
    table[:, : DELTA_ROW.size] = rows[order].astype("<u8").view(np.uint8).reshape(-1, DELTA_ROW.size)
    table[:, DELTA_ROW.size :] = np.ascontiguousarray(vectors[order], "<f2").view(np.uint8)
    bodies, ordered = row_bytes(table), numbers[order]
    sums = map(xxhash.xxh3_64_digest, bodies, ordered.tolist())
    return [(key, body + check) for key, body, check in zip(keys_of(ordered), bodies, sums, strict=True)]


class Delta(NamedTuple):
    """The delta rows of a leaf, in the order in which they came."""

    sequences: U32  # [m]
    rows: U64  # [m]
    vectors: F16  # [m, d]


def unpack_deltas(leaf: int, items: Sequence[tuple[Any, Any]], dim: int) -> Delta:
    """The delta of a leaf from its keys and records, copied. Raises CorruptStoreError where one does not hold."""
    size, digest = DELTA_ROW.size + 2 * dim + CHECKSUM, xxhash.xxh3_64_digest
    numbers = []
    for key, data in items:
        number = read_u64(key)
        if len(data) != size or digest(data[:-CHECKSUM], seed=number) != data[-CHECKSUM:]:
            raise CorruptStoreError(f"a delta row of leaf {leaf} is damaged (checksum or length); run `kvdb verify`")
        numbers.append(number & 0xFFFFFFFF)
    table = np.frombuffer(b"".join([data for _, data in items]), np.uint8).reshape(len(items), size)
    rows: U64 = np.ascontiguousarray(table[:, : DELTA_ROW.size]).view("<u8").ravel()
    vectors: F16 = np.ascontiguousarray(table[:, DELTA_ROW.size : -CHECKSUM]).view("<f2")
    return Delta(np.array(numbers, np.uint32), rows, vectors)
