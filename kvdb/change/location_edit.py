"""Which leaf each row is in, as a write transaction changes it: blocks are read once and written once."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from kvdb.file import format
from kvdb.file.format import LOCATION_ROWS, u64
from kvdb.types import U32, U64

if TYPE_CHECKING:
    from kvdb.change.write import Write


class LocationEdit:
    """The locations that a transaction has read or changed."""

    def __init__(self, write: Write) -> None:
        self._w = write
        self._blocks: dict[int, U32] = {}  # as they were read
        self._moved: dict[int, int] = {}  # row -> its leaf from now on

    def find(self, rows: U64) -> U32:
        """The leaves of rows [n], 0 where there is none: [n]."""
        numbers, of_row = np.unique(rows // np.uint64(LOCATION_ROWS), return_inverse=True)
        blocks = [self._block(block) for block in numbers.tolist()]
        places = (rows % np.uint64(LOCATION_ROWS)).astype(np.int64)
        out: U32 = np.concatenate(blocks)[of_row * LOCATION_ROWS + places] if blocks else np.empty(0, np.uint32)
        if self._moved:
            moved = self._moved
            each = zip(rows.tolist(), out.tolist(), strict=True)
            out = np.array([moved.get(row, leaf) for row, leaf in each], np.uint32)
        return out

    def put(self, rows: U64, leaves: U32 | int) -> None:
        """The rows [n] are in `leaves` [n], or all in one leaf, from now on; 0: nowhere."""
        each = leaves.tolist() if isinstance(leaves, np.ndarray) else repeat(leaves, len(rows))
        self._moved.update(zip(rows.tolist(), each, strict=True))

    def flush(self) -> None:
        """Write the changed blocks; an empty one goes."""
        count = len(self._moved)
        if not count:
            self._blocks.clear()
            return
        rows = np.fromiter(self._moved.keys(), np.int64, count)
        leaves = np.fromiter(self._moved.values(), np.uint32, count)
        order = np.argsort(rows)
        rows, leaves = rows[order], leaves[order]
        numbers, starts = np.unique(rows // LOCATION_ROWS, return_index=True)
        ends = np.append(starts[1:], count).tolist()
        items, table = [], self._w.tree_in.locations
        for block, start, end in zip(numbers.tolist(), starts.tolist(), ends, strict=True):
            found = self._block(block)
            found[rows[start:end] % LOCATION_ROWS] = leaves[start:end]
            if found.any():
                items.append((u64(block), format.pack_locations(block, found)))
            else:
                self._w.txn.delete(u64(block), db=table)
        self._w.txn.cursor(table).putmulti(items)
        self._moved.clear()
        self._blocks.clear()

    def _block(self, block: int) -> U32:
        found = self._blocks.get(block)
        if found is None:
            data = self._w.get(self._w.tree_in.locations, u64(block))
            found = self._blocks[block] = format.unpack_locations(block, data)
        return found
