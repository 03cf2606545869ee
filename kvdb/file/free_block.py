"""Which of a block of value ids are free: a bit each, behind them a checksum that is seeded by the block's number."""

from __future__ import annotations

import numpy as np
import xxhash

from kvdb.errors import CorruptStoreError
from kvdb.file.format import CHECKSUM
from kvdb.types import Bools

BLOCK_IDS = 4096


def pack_free(block: int, free: Bools) -> bytes:
    """The record of a block, of free [BLOCK_IDS]."""
    raw = np.packbits(free, bitorder="little").tobytes()
    return raw + xxhash.xxh3_64_digest(raw, seed=block)


def unpack_free(block: int, data: bytes | memoryview | None) -> Bools:
    """The free ids of a block, [BLOCK_IDS] to be changed; None: none is. Raises CorruptStoreError where the checksum
    does not hold.
    """
    if data is None:
        return np.zeros(BLOCK_IDS, np.bool_)
    raw = bytes(data[:-CHECKSUM])
    if len(raw) != BLOCK_IDS // 8 or xxhash.xxh3_64_digest(raw, seed=block) != bytes(data[-CHECKSUM:]):
        raise CorruptStoreError(f"block {block} of free value ids is damaged (checksum); run `kvdb verify`")
    return np.unpackbits(np.frombuffer(raw, np.uint8), bitorder="little").astype(np.bool_)
