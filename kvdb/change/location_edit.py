"""Which leaf each row is in, as a write transaction changes it: blocks are read once and written once."""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from kvdb.file import format
from kvdb.file.format import LOCATION_ROWS, u64
from kvdb.file.items import location_items
from kvdb.types import U32, U64

if TYPE_CHECKING:
    from kvdb.change.write import Write


class LocationEdit:
    """The locations that a transaction has read or changed."""

    def __init__(self, write: Write) -> None:
        self._w = write
        self._blocks: dict[int, bytes] = {}  # as they were read, without their checksums
        self._moved: dict[int, int] = {}  # row -> its leaf from now on

    def find(self, rows: U64) -> U32:
        """The leaves of rows [n], 0 where there is none: [n]."""
        numbers, of_row = np.unique(rows // np.uint64(LOCATION_ROWS), return_inverse=True)
        places = (rows % np.uint64(LOCATION_ROWS)).astype(np.int64)
        out: U32 = self._table(numbers.tolist())[of_row, places]
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
        txn, locations = self._w.txn, self._w.tree_in.locations
        rows = np.fromiter(self._moved.keys(), np.int64, len(self._moved))
        numbers, of_row = np.unique(rows // LOCATION_ROWS, return_inverse=True)
        table = self._table(numbers.tolist())
        table[of_row, rows % LOCATION_ROWS] = np.fromiter(self._moved.values(), np.uint32, len(rows))
        used = table.any(axis=1)
        txn.cursor(locations).putmulti(location_items(numbers[used].astype(np.uint64), table[used]))
        for block in numbers[~used].tolist():
            txn.delete(u64(block), db=locations)
        self._moved.clear()
        self._blocks.clear()

    def _table(self, numbers: list[int]) -> U32:
        """The blocks of these numbers, as they were read: [n, LOCATION_ROWS] to be changed."""
        known, get, locations = self._blocks, self._w.get, self._w.tree_in.locations
        for block in numbers:
            if block not in known:
                known[block] = format.check_locations(block, get(locations, u64(block)))
        raw = b"".join([known[block] for block in numbers])
        table = np.frombuffer(raw, "<u4") if raw else np.empty(0, np.uint32)
        return table.astype(np.uint32).reshape(-1, LOCATION_ROWS)
