"""The invariants of free value ids: below the next id, no value's, and as many as the state says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kvdb.file.format import read_u64, u64
from kvdb.file.free_block import BLOCK_IDS, unpack_free

if TYPE_CHECKING:
    from kvdb.upkeep.verify import Findings


def check_free(f: Findings) -> None:
    """No free id is a value's or was never given out."""
    s = f.snapshot

    def check(block: int, data: memoryview) -> None:
        ids = np.flatnonzero(unpack_free(block, data)) + block * BLOCK_IDS
        f.checked["free values"] += len(ids)
        if len(ids) and int(ids[-1]) >= s.state.next_value:
            f.report(f"value {int(ids[-1])} is free, but the next is {s.state.next_value}")
        for value in ids.tolist():
            if any(s.get(table, u64(value)) is not None for table in (s.facts_in.texts, s.facts_in.values)):
                f.report(f"value {value} is free, but it is there")

    for key, data in s.txn.cursor(s.facts_in.free_values):
        block = read_u64(key)
        f.attempt(lambda block=block, data=data: check(block, data))  # type: ignore[misc]
    f.equal("free values", f.checked["free values"], s.state.free_values)
