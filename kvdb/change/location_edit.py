"""Which leaf each row is in, as a write transaction changes it: blocks are read once and written once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kvdb.file import format
from kvdb.file.format import LOCATION_ROWS, u64
from kvdb.types import U32, U64

if TYPE_CHECKING:
    from kvdb.change.write import Write


class LocationEdit:
    """The location blocks that a transaction has read or changed."""

    def __init__(self, write: Write) -> None:
        self._w = write
        self._blocks: dict[int, U32] = {}
        self._changed: set[int] = set()

    def get(self, row: int) -> int:
        """The leaf of a row, 0 where there is none."""
        block, at = divmod(row, LOCATION_ROWS)
        return int(self._block(block)[at])

    def put(self, rows: U64, leaves: U32 | int) -> None:
        """The rows [n] are in `leaves` [n], or all in one leaf, from now on; 0: nowhere."""
        each = leaves.tolist() if isinstance(leaves, np.ndarray) else [leaves] * len(rows)
        for row, leaf in zip(rows.tolist(), each, strict=True):
            block, at = divmod(row, LOCATION_ROWS)
            self._block(block)[at] = leaf
            self._changed.add(block)

    def flush(self) -> None:
        """Write the changed blocks; an empty one goes."""
        for block in sorted(self._changed):
            leaves = self._blocks[block]
            if leaves.any():
                self._w.txn.put(u64(block), format.pack_locations(block, leaves), db=self._w.tree_in.locations)
            else:
                self._w.txn.delete(u64(block), db=self._w.tree_in.locations)
        self._changed.clear()
        self._blocks.clear()

    def _block(self, block: int) -> U32:
        found = self._blocks.get(block)
        if found is None:
            data = self._w.get(self._w.tree_in.locations, u64(block))
            found = self._blocks[block] = format.unpack_locations(block, data)
        return found
