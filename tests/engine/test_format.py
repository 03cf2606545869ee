"""The bytes of the format: they may only change with FORMAT_VERSION."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from kvdb import half
from kvdb.errors import CorruptStoreError
from kvdb.file import format, records
from kvdb.file.format import LeafMeta, NodeRecord
from kvdb.file.records import pack_relation, unpack_relation
from kvdb.types import EncoderRecord, Relation

VECTORS = np.array([[1, 0, 0], [0, -0.5, 2**-20]], np.float16)  # [2, 3]
ROWS = np.array([2, 0x0102030405060708], np.uint64)


def test_keys_are_big_endian() -> None:
    assert format.u32(0x01020304) == bytes([1, 2, 3, 4])
    assert format.u64(258) == bytes([0, 0, 0, 0, 0, 0, 1, 2])
    assert format.index_key(format.TAIL, 1) == bytes([4, 0, 0, 0, 0, 0, 0, 0, 1])
    head, whole = xxhash.xxh3_64(b"a").digest(), xxhash.xxh3_64(b"a\0b\0c").digest()
    assert format.u64(format.fact_number("a", "b", "c")) == head[:4] + whole[4:]
    assert format.head_prefix("a") == b"\1" + head[:4]


def test_a_leaf_page_byte_for_byte() -> None:
    page = format.pack_leaf(7, 9, VECTORS, ROWS)
    header = b"KVLF" + bytes.fromhex("0100 0100 02000000 03000000 0900000000000000") + bytes(16)
    payload = bytes.fromhex("003c 0000 0000 0000 00b8 1000") + bytes(4)
    payload += bytes.fromhex("0200000000000000 0807060504030201")
    checksum = xxhash.xxh3_64(header + payload, seed=7).intdigest().to_bytes(8, "little")
    assert bytes(page) == header + checksum + payload
    generation, vectors, rows = format.unpack_leaf(7, page)
    assert generation == 9
    np.testing.assert_array_equal(vectors, VECTORS)
    np.testing.assert_array_equal(rows, ROWS)


def test_a_node_page_byte_for_byte() -> None:
    record = NodeRecord(
        level=1,
        generation=3,
        centroids=np.array([[1.5], [-2.0]], np.float32),
        counts=np.array([5, 6], np.uint64),
        children=np.array([8, 9], np.uint32),
    )
    header = b"KVND" + bytes.fromhex("0100 0100 02000000 01000000 0300000000000000") + bytes(16)
    payload = bytes.fromhex("0000c03f 000000c0 0500000000000000 0600000000000000 08000000 09000000")
    checksum = xxhash.xxh3_64(header + payload, seed=4).intdigest().to_bytes(8, "little")
    page = record.pack(4)
    assert page == header + checksum + payload
    again = NodeRecord.unpack(4, page)
    assert (again.level, again.generation) == (1, 3)
    for name in ("centroids", "counts", "children"):
        np.testing.assert_array_equal(getattr(again, name), getattr(record, name))


def test_small_records_byte_for_byte() -> None:
    body = bytes.fromhex(
        "0a000000 09000000 0b00000000000000 0c000000 02000000 03000000 04000000 05000000 00000000 0502"
    )
    dead = np.zeros(10, np.bool_)
    dead[[0, 2, 9]] = True
    meta = LeafMeta(10, 9, 11, 12, dead, 2, 3, 4, 5)
    assert meta.pack(3) == body + xxhash.xxh3_64(body, seed=3).digest()
    assert meta.counted == 10
    body = bytes.fromhex("0900000000000000 003c 0080")
    (key, packed), _ = format.pack_deltas(1, 2, np.array([9, 10], np.uint64), np.array([[1, -0.0]] * 2, np.float16))
    assert key == bytes([0, 0, 0, 1, 0, 0, 0, 2])
    assert packed == body + xxhash.xxh3_64(body, seed=(1 << 32) + 2).digest()
    assert format.unpack_delta(key, packed)[:2] == (2, 9)
    vector = np.array([1, 0], np.float16)
    assert format.pack_vector(6, vector) == b"\0\x3c\0\0" + xxhash.xxh3_64(b"\0\x3c\0\0", seed=6).digest()
    body = b"\x84\xa1h\xa1x\xa1r\x01\xa1t\xcd\x01\x00\xa1m\x03"
    record = records.TripleRecord("x", 1, 256, 3)
    assert record.pack(5) == xxhash.xxh3_64(body, seed=5).digest()[:4] + body
    body = "é".encode()
    assert records.pack_text(8, "é") == xxhash.xxh3_64(body, seed=8).digest()[:4] + body
    raw = np.arange(128, dtype="<u4").tobytes()
    packed = format.pack_locations(2, np.arange(128, dtype=np.uint32))
    assert packed == raw + xxhash.xxh3_64(raw, seed=2).digest()


def test_records_come_back() -> None:
    relation = Relation(3, "is in", "place", "thing", True, 7)
    assert unpack_relation(3, pack_relation(relation)) == relation
    called = replace(relation, aliases=("whereabouts", "site"))
    assert unpack_relation(3, pack_relation(called)) == called
    assert len(pack_relation(called)) > len(pack_relation(relation))  # without aliases it is as it always was
    record = records.TripleRecord("head", 1, 2, 3, 4)
    assert records.TripleRecord.unpack(9, record.pack(9)) == record
    encoder = EncoderRecord("mini", 3, VECTORS)
    again = records.unpack_encoder(records.pack_encoder(encoder))
    assert (again.name, again.dim) == ("mini", 3)
    np.testing.assert_array_equal(again.probes, VECTORS)
    state = records.State("u", txn=5, extra={"later": [1, 2]})
    assert records.State.unpack(state.pack()) == state


@given(st.data())
def test_any_flipped_bit_is_noticed(data: st.DataObject) -> None:
    pages = {
        "leaf": (bytes(format.pack_leaf(7, 9, VECTORS, ROWS)), lambda raw: format.unpack_leaf(7, raw)),
        "meta": (LeafMeta(2, 2, 1, 1, None).pack(7), lambda raw: LeafMeta.unpack(7, raw)),
        "delta": (
            format.pack_deltas(7, 1, ROWS[:1], VECTORS[:1])[0][1],
            lambda raw: format.unpack_delta(format.delta_key(7, 1), raw),
        ),
        "vector": (format.pack_vector(7, VECTORS[0]), lambda raw: format.unpack_vector(7, raw)),
        "triple": (
            records.TripleRecord("h", 1, 2, 1).pack(7),
            lambda raw: records.TripleRecord.unpack(7, raw),
        ),
        "text": (records.pack_text(7, "text"), lambda raw: records.unpack_text(7, raw)),
    }
    page, unpack = pages[data.draw(st.sampled_from(sorted(pages)))]
    bit = data.draw(st.integers(0, len(page) * 8 - 1))
    flipped = bytearray(page)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CorruptStoreError):
        unpack(bytes(flipped))
    with pytest.raises(CorruptStoreError):
        unpack(page[: data.draw(st.integers(0, len(page) - 1))])


def test_a_page_under_another_key_is_noticed() -> None:
    with pytest.raises(CorruptStoreError, match="leaf 8 is damaged"):
        format.unpack_leaf(8, format.pack_leaf(7, 9, VECTORS, ROWS))


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_and_never_run(data: bytes) -> None:
    for unpack in (
        lambda: format.unpack_leaf(1, data),
        lambda: NodeRecord.unpack(1, data),
        lambda: LeafMeta.unpack(1, data),
        lambda: format.unpack_delta(format.delta_key(1, 1), data),
        lambda: records.TripleRecord.unpack(1, data),
        lambda: records.State.unpack(data),
        lambda: records.unpack_encoder(data),
        lambda: unpack_relation(1, xxhash.xxh3_64(data, seed=1).digest()[:4] + data),
    ):
        with pytest.raises(CorruptStoreError):
            unpack()


@pytest.mark.parametrize("length", [0, 3, 7, 9, 136])
def test_a_key_of_another_length_is_damage(length: int) -> None:
    """A flipped bit in the length of a key of LMDB's, say."""
    for read in (format.read_u32, format.read_u64):
        with pytest.raises(CorruptStoreError, match="a key is damaged"):
            read(b"\x01" * length)


def test_widening_is_exact_for_every_finite_float16() -> None:
    every = np.arange(65536, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)].reshape(-1, 8)
    wide = half.widen(finite)
    assert wide.dtype == np.float32
    np.testing.assert_array_equal(wide.view(np.uint32), finite.astype(np.float32).view(np.uint32))
