"""The ids of values that were dropped, kept in the file so that new values take them.

Values lie in the order of ids, five vectors of 384 dimensions to a page. LMDB joins a page with its neighbour only when
three quarters of it are gone, so a store whose new values always came at the end would keep pages that are half empty.
Ids are taken where they lie together, one block of them after another, and only once many are free: each one alone on
its page would cost a page to write. What a transaction frees, only later ones take.

Invariant: a free id is below the state's next, and no value has it. `compact` forgets all of them, for then no page has
a gap; ids that were forgotten are never used again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kvdb.file.format import read_u64, u64
from kvdb.file.free_block import BLOCK_IDS, pack_free, unpack_free
from kvdb.types import U64, Bools

if TYPE_CHECKING:
    from kvdb.change.write import Write

LEAST = 0.08  # of the values that there are: so many ids stay free before one is taken
SLACK = 256  # so many more


class FreeIds:
    """The free ids of a write transaction."""

    def __init__(self, write: Write) -> None:
        self._w = write
        self._given: list[int] = []

    def take(self, count: int) -> U64:
        """Ids for new values: [count] ascending."""
        state = self._w.state
        spare = state.free_values - SLACK - int(LEAST * state.values)
        parts = self._reused(min(count, spare)) if spare > 0 else []
        fresh = count - sum(map(len, parts))
        parts.append(np.arange(state.next_value, state.next_value + fresh, dtype=np.uint64))
        state.next_value += fresh
        return np.sort(np.concatenate(parts))

    def give(self, ids: Sequence[int]) -> None:
        """These ids are free once this transaction is done."""
        self._given += ids

    def flush(self) -> None:
        """Write what became free."""
        if not self._given:
            return
        ids = np.array(self._given, np.int64)
        for block in np.unique(ids // BLOCK_IDS).tolist():
            free = self._block(block)
            free[ids[ids // BLOCK_IDS == block] % BLOCK_IDS] = True
            self._put(block, free)
        self._w.state.free_values += len(ids)
        self._given.clear()

    def forget(self) -> None:
        """No id is free any more."""
        self._w.txn.drop(self._w.facts_in.free_values, delete=False)
        self._w.state.free_values = self._w.state.free_at = 0

    def _reused(self, count: int) -> list[U64]:
        """At most `count` free ids, from the block on that was taken from last."""
        state, cursor = self._w.state, self._w.txn.cursor(self._w.facts_in.free_values)
        parts: list[U64] = []
        while count and (cursor.set_range(u64(state.free_at)) or cursor.first()):
            block = state.free_at = read_u64(cursor.key())
            free = self._block(block)
            at = np.flatnonzero(free)[:count]
            if not len(at):
                break
            free[at] = False
            self._put(block, free)
            parts.append(at.astype(np.uint64) + np.uint64(block * BLOCK_IDS))
            count -= len(at)
            state.free_values -= len(at)
        return parts

    def _block(self, block: int) -> Bools:
        return unpack_free(block, self._w.get(self._w.facts_in.free_values, u64(block)))

    def _put(self, block: int, free: Bools) -> None:
        table = self._w.facts_in.free_values
        if free.any():
            self._w.txn.put(u64(block), pack_free(block, free), db=table)
        else:
            self._w.txn.delete(u64(block), db=table)
