"""The deltas of leaves that a process has read, decoded, so that a search does not do it again.

A search scores a leaf's page where it lies in the file and the delta beside it: the page is never copied. A delta is at
most 32 rows, 25 KB at 384 dimensions, so that the budget holds those of some thousand leaves.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from kvdb.file.format import LeafMeta
from kvdb.file.tables import Reader
from kvdb.types import F16, U64, LeafPage

BUDGET = 48 << 20  # bytes


class DeltaPages:
    """The most recently used ones, by leaf and generation. Threads may share it."""

    def __init__(self) -> None:
        self._pages: OrderedDict[tuple[int, int], tuple[int, F16, U64]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, reader: Reader, leaf: int, meta: LeafMeta) -> tuple[F16, U64]:
        """The vectors [m, d] and rows [m] of a leaf's delta, read-only. Raises CorruptStoreError."""
        key = (reader.state.tree_set, leaf)
        with self._lock:
            known = self._pages.get(key)
            if known is not None and known[0] == meta.generation:
                self._pages.move_to_end(key)
                return known[1:]
        delta = reader.delta(leaf, meta.delta)
        for array in (delta.vectors, delta.rows):
            array.flags.writeable = False
        with self._lock:
            self._forget(key)
            self._pages[key] = (meta.generation, delta.vectors, delta.rows)
            self._bytes += delta.vectors.nbytes
            while self._bytes > BUDGET and len(self._pages) > 1:
                self._forget(next(iter(self._pages)))
        return delta.vectors, delta.rows

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._pages.clear()
            self._bytes = 0

    def _forget(self, key: tuple[int, int]) -> None:
        old = self._pages.pop(key, None)
        if old is not None:
            self._bytes -= old[1].nbytes


def joined(parts: Sequence[LeafPage]) -> LeafPage:
    """The parts of a leaf copied into one page: vectors [n, d], rows [n] and live [n] of all."""
    first = parts[0]
    vectors = np.concatenate([part.vectors for part in parts])
    rows = np.concatenate([part.rows for part in parts])
    return LeafPage(first.id, first.generation, vectors, rows, np.concatenate([part.live for part in parts]))
