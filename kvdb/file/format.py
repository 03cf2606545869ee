"""The bytes of a store: keys, page headers, checksums. docs/file-format.md describes the same in prose.

Invariants:
- Keys are big-endian, so that LMDB's byte order is numeric order; everything in a page is little-endian.
- A page header is 48 bytes. LMDB puts a large value 16 bytes into a 4096-byte page, so vectors start 64-byte aligned.
- Every page ends its header with an xxh3 of all its other bytes, seeded by its key: a page under another key
  is as wrong as one with a flipped bit.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xxhash

from kvdb.errors import CorruptStoreError
from kvdb.file.utf8 import utf8
from kvdb.types import F16, F32, U32, U64, Bools

FORMAT_VERSION = 3

LEAF_MAGIC = b"KVLF"
NODE_MAGIC = b"KVND"
PAGE_VERSION = 1
FLOAT16 = 1  # dtype code of a leaf; 2 and up are kept for int8 and product-quantised pages

LEAF_HEADER = struct.Struct("<4sHHIIQ16xQ")  # magic, version, dtype, n, dim, generation, checksum
NODE_HEADER = struct.Struct("<4sHHIIQ16xQ")  # magic, version, level, n, dim, generation, checksum
LEAF_META = struct.Struct("<IIQIIIII4x")  # n, live, generation, parent, delta, sequence, joined, left
DELTA_ROW = struct.Struct("<Q")  # row
HEADER = 48
CHECKSUM = 8

LOCATION_ROWS = 128  # rows of one location block: 512 bytes, seven blocks to an LMDB page

FACT, RELATION, TAIL, TEXT, NAME = 1, 3, 4, 5, 6  # kinds of index keys

_U32 = struct.Struct(">I")
_U64 = struct.Struct(">Q")
_INDEX = struct.Struct(">BQ")

u32 = _U32.pack
u64 = _U64.pack
index_key = _INDEX.pack


def read_u32(data: bytes | memoryview) -> int:
    """The number in a 4-byte key or value. Raises CorruptStoreError where it has another length."""
    return _read(_U32, data)


def read_u64(data: bytes | memoryview) -> int:
    """The number in an 8-byte key or value. Raises CorruptStoreError where it has another length."""
    return _read(_U64, data)


def _read(number: struct.Struct, data: bytes | memoryview) -> int:
    try:
        out: int = number.unpack(data)[0]
    except struct.error:
        raise CorruptStoreError(f"a key is damaged ({len(data)} bytes, not {number.size}); run `kvdb verify`") from None
    return out


def hash_text(text: str) -> int:
    """xxh3-64 of a text's UTF-8 bytes. Raises FieldError where it has none."""
    return xxhash.xxh3_64_intdigest(utf8(text))


def fact_number(head: str, relation: str, tail: str) -> int:
    """What the index has a triple under: 32 bits of its head's hash, then 32 of its own, so that the facts of a head
    lie together. NUL cannot occur in a field, so it separates them.
    """
    whole: int = xxhash.xxh3_64_intdigest(utf8(f"{head}\0{relation}\0{tail}"))
    return (hash_text(head) & ~0xFFFFFFFF) | (whole & 0xFFFFFFFF)


def head_prefix(head: str) -> bytes:
    """What the index keys of all facts of a head begin with."""
    return _INDEX.pack(FACT, hash_text(head))[:5]


def _sum(key: int, header: bytes | memoryview, payload: bytes | memoryview) -> int:
    digest = xxhash.xxh3_64(seed=key)
    digest.update(header[: HEADER - CHECKSUM])
    digest.update(payload)
    return digest.intdigest()


def _padding(size: int) -> int:
    return -size % 8


class LeafMeta(NamedTuple):
    """What changes about a leaf without its page being rewritten."""

    n: int  # rows in the page, dead ones included
    live: int  # rows in page and delta that are not dead
    generation: int
    parent: int  # node id, 0 for a staged leaf that hangs from no node
    dead: Bools | None  # [n] True where a row of the page was deleted; None: none is
    delta: int = 0  # rows in the delta
    sequence: int = 0  # the next delta row's number
    joined: int = 0  # rows that came since the parent's entry was written
    left: int = 0  # rows that went since then

    @property
    def counted(self) -> int:
        """Live rows when the parent's entry was written: what the entry counts."""
        return self.live - self.joined + self.left

    def pack(self, leaf: int) -> bytes:
        body = LEAF_META.pack(
            self.n, self.live, self.generation, self.parent, self.delta, self.sequence, self.joined, self.left
        )
        if self.dead is not None:
            body += np.packbits(self.dead, bitorder="little").tobytes()
        return body + xxhash.xxh3_64_digest(body, seed=leaf)

    @staticmethod
    def unpack(leaf: int, data: bytes | memoryview) -> LeafMeta:
        body = bytes(data[:-CHECKSUM])
        if len(body) < LEAF_META.size or xxhash.xxh3_64_digest(body, seed=leaf) != bytes(data[-CHECKSUM:]):
            raise CorruptStoreError(f"the record of leaf {leaf} is damaged (checksum); run `kvdb verify`")
        n, live, generation, parent, *rest = LEAF_META.unpack_from(body)
        dead = None
        if len(body) > LEAF_META.size:
            bits = np.frombuffer(body, np.uint8, offset=LEAF_META.size)
            dead = np.unpackbits(bits, count=n, bitorder="little").view(np.bool_)  # [n]
        return LeafMeta(n, live, generation, parent, dead, *rest)


class DeltaRow(NamedTuple):
    """A row that was added to a leaf and is not in its page yet."""

    sequence: int
    row: int
    vector: F16  # [d]


def delta_key(leaf: int, sequence: int) -> bytes:
    """The key of a delta row: those of a leaf lie together, in the order in which they came."""
    return _U64.pack(leaf << 32 | sequence)


def pack_deltas(leaf: int, sequence: int, rows: U64, vectors: F16) -> list[tuple[bytes, bytes]]:
    """Keys and records of rows [n] with vectors [n, d], numbered from `sequence` on."""
    raw = np.ascontiguousarray(vectors, "<f2")  # [n, d]
    out = []
    for i, row in enumerate(rows.tolist()):
        key = leaf << 32 | (sequence + i)
        body = DELTA_ROW.pack(row) + raw[i].tobytes()
        out.append((_U64.pack(key), body + xxhash.xxh3_64_digest(body, seed=key)))
    return out


def unpack_delta(key: bytes | memoryview, data: bytes | memoryview) -> DeltaRow:
    """A delta row. Raises CorruptStoreError where its checksum does not hold."""
    number, body = read_u64(key), bytes(data[:-CHECKSUM])
    if len(body) < DELTA_ROW.size or xxhash.xxh3_64_digest(body, seed=number) != bytes(data[-CHECKSUM:]):
        raise CorruptStoreError(f"a delta row of leaf {number >> 32} is damaged (checksum); run `kvdb verify`")
    vector = np.frombuffer(body, "<f2", offset=DELTA_ROW.size)
    return DeltaRow(number & 0xFFFFFFFF, DELTA_ROW.unpack_from(body)[0], vector)


def pack_leaf(leaf: int, generation: int, vectors: F16, rows: U64) -> bytearray:
    """The page of a leaf. vectors float16 [n, d] unit length, rows uint64 [n]."""
    n, dim = vectors.shape
    rows_at = HEADER + n * dim * 2 + _padding(n * dim * 2)
    page = bytearray(rows_at + n * 8)
    LEAF_HEADER.pack_into(page, 0, LEAF_MAGIC, PAGE_VERSION, FLOAT16, n, dim, generation, 0)
    np.frombuffer(page, "<f2", n * dim, HEADER).reshape(n, dim)[:] = vectors
    np.frombuffer(page, "<u8", n, rows_at)[:] = rows
    view = memoryview(page)
    page[HEADER - CHECKSUM : HEADER] = _sum(leaf, view[:HEADER], view[HEADER:]).to_bytes(CHECKSUM, "little")
    return page


def unpack_leaf(leaf: int, data: bytes | memoryview, *, check: bool = True) -> tuple[int, F16, U64]:
    """Generation, vectors [n, d] and rows [n] of a leaf page, as views on `data`.

    Raises CorruptStoreError where header, length or (with `check`) checksum do not hold.
    """
    if len(data) < HEADER:
        raise CorruptStoreError(f"leaf {leaf} is damaged (too short); run `kvdb verify`")
    magic, version, dtype, n, dim, generation, checksum = LEAF_HEADER.unpack_from(data)
    if magic != LEAF_MAGIC or version != PAGE_VERSION or dtype != FLOAT16:
        raise CorruptStoreError(f"leaf {leaf} is damaged or of a newer format (header); run `kvdb verify`")
    raw = n * dim * 2
    rows_at = HEADER + raw + _padding(raw)
    if len(data) != rows_at + n * 8:
        raise CorruptStoreError(f"leaf {leaf} is damaged (length); run `kvdb verify`")
    if check and _sum(leaf, data[:HEADER], data[HEADER:]) != checksum:
        raise CorruptStoreError(f"leaf {leaf} is damaged (checksum); run `kvdb verify`")
    vectors = np.frombuffer(data, "<f2", n * dim, HEADER).reshape(n, dim)  # [n, d]
    return generation, vectors, np.frombuffer(data, "<u8", n, rows_at)


def leaf_row_ids(leaf: int, data: bytes | memoryview) -> U64:
    """The rows [n] of a leaf page, as a view on `data`; the page's vectors and checksum are not looked at.

    Raises CorruptStoreError where the length does not hold.
    """
    if len(data) >= HEADER:
        _, _, _, n, dim, _, _ = LEAF_HEADER.unpack_from(data)
        rows_at = HEADER + n * dim * 2 + _padding(n * dim * 2)
        if len(data) == rows_at + n * 8:
            return np.frombuffer(data, "<u8", n, rows_at)
    raise CorruptStoreError(f"leaf {leaf} is damaged (length); run `kvdb verify`")


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A node page as stored. Level 1 has leaves for children, level 2 nodes of level 1, and so on."""

    level: int
    generation: int
    centroids: F32  # [n, d] mean of the live rows below each child
    counts: U64  # [n] live rows below each child
    children: U32  # [n]

    def pack(self, node: int) -> bytes:
        n, dim = self.centroids.shape
        raw = np.ascontiguousarray(self.centroids, "<f4").tobytes()
        payload = raw + bytes(_padding(len(raw))) + self.counts.astype("<u8").tobytes()
        payload += self.children.astype("<u4").tobytes()
        header = NODE_HEADER.pack(NODE_MAGIC, PAGE_VERSION, self.level, n, dim, self.generation, 0)
        return header[:-CHECKSUM] + _sum(node, header, payload).to_bytes(CHECKSUM, "little") + payload

    @staticmethod
    def unpack(node: int, data: bytes | memoryview, *, check: bool = True) -> NodeRecord:
        """The record as views on `data`. Raises CorruptStoreError where it does not hold."""
        if len(data) < HEADER:
            raise CorruptStoreError(f"node {node} is damaged (too short); run `kvdb verify`")
        magic, version, level, n, dim, generation, checksum = NODE_HEADER.unpack_from(data)
        raw = n * dim * 4
        counts_at = HEADER + raw + _padding(raw)
        if magic != NODE_MAGIC or version != PAGE_VERSION or len(data) != counts_at + n * 12:
            raise CorruptStoreError(f"node {node} is damaged (header or length); run `kvdb verify`")
        if check and _sum(node, data[:HEADER], data[HEADER:]) != checksum:
            raise CorruptStoreError(f"node {node} is damaged (checksum); run `kvdb verify`")
        return NodeRecord(
            level=level,
            generation=generation,
            centroids=np.frombuffer(data, "<f4", n * dim, HEADER).reshape(n, dim),  # [n, d]
            counts=np.frombuffer(data, "<u8", n, counts_at),
            children=np.frombuffer(data, "<u4", n, counts_at + n * 8),
        )


def node_generation(node: int, data: bytes | memoryview) -> int:
    """The generation of a node page, of which nothing else is looked at. Raises CorruptStoreError where it is short."""
    if len(data) < HEADER:
        raise CorruptStoreError(f"node {node} is damaged (too short); run `kvdb verify`")
    generation: int = NODE_HEADER.unpack_from(data)[5]
    return generation


def pack_vector(value: int, vector: F16) -> bytes:
    """The record of a value's vector, float16 [d]: its bytes and their checksum."""
    raw = np.ascontiguousarray(vector, "<f2").tobytes()
    return raw + xxhash.xxh3_64_digest(raw, seed=value)


def unpack_vector(value: int, data: bytes | memoryview) -> F16:
    """The vector of a value, float16 [d]. Raises CorruptStoreError where its checksum does not hold."""
    raw = bytes(data[:-CHECKSUM])
    if xxhash.xxh3_64_digest(raw, seed=value) != bytes(data[-CHECKSUM:]):
        raise CorruptStoreError(f"the vector of value {value} is damaged (checksum); run `kvdb verify`")
    return np.frombuffer(raw, "<f2")


def pack_locations(block: int, leaves: U32) -> bytes:
    """A location block: the leaf of each of LOCATION_ROWS rows, 0 where there is no such row."""
    raw = leaves.astype("<u4").tobytes()
    return raw + xxhash.xxh3_64_digest(raw, seed=block)


def unpack_locations(block: int, data: bytes | memoryview | None) -> U32:
    """The leaf of each of a block's rows, uint32 [LOCATION_ROWS], 0 where there is no such row; zeros where `data` is
    None.
    """
    return np.frombuffer(check_locations(block, data), "<u4").astype(np.uint32)


def check_locations(block: int, data: bytes | memoryview | None) -> bytes:
    """A location block without its checksum, zeros where there is none. Raises CorruptStoreError where it does not
    hold.
    """
    if data is None:
        return bytes(LOCATION_ROWS * 4)
    raw = bytes(data[:-CHECKSUM])
    if len(raw) != LOCATION_ROWS * 4 or xxhash.xxh3_64_digest(raw, seed=block) != data[-CHECKSUM:]:
        raise CorruptStoreError(f"location block {block} is damaged (checksum); run `kvdb verify`")
    return raw
