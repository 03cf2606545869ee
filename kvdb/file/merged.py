"""Leaves whose page and delta a process has put together, kept so that a search does not do it again.

A page is a view on the file, a delta lies elsewhere: searching both means copying them side by side, 200 KB a leaf.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from kvdb.file.format import LeafMeta
from kvdb.file.tables import Reader
from kvdb.types import F16, U64

BUDGET = 48 << 20  # bytes


class MergedPages:
    """The most recently used ones, by leaf and generation. Threads may share it."""

    def __init__(self) -> None:
        self._pages: OrderedDict[tuple[int, int], tuple[int, F16, U64]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, reader: Reader, leaf: int, meta: LeafMeta, vectors: F16, rows: U64) -> tuple[F16, U64]:
        """The vectors [n, d] and rows [n] of a leaf's page with those of its delta after them, read-only."""
        key = (reader.state.tree_set, leaf)
        with self._lock:
            known = self._pages.get(key)
            if known is not None and known[0] == meta.generation:
                self._pages.move_to_end(key)
                return known[1:]
        both = reader.with_delta(leaf, meta, vectors, rows)
        for array in both:
            array.flags.writeable = False
        with self._lock:
            self._forget(key)
            self._pages[key] = (meta.generation, *both)
            self._bytes += both[0].nbytes
            while self._bytes > BUDGET and len(self._pages) > 1:
                self._forget(next(iter(self._pages)))
        return both

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._pages.clear()
            self._bytes = 0

    def _forget(self, key: tuple[int, int]) -> None:
        old = self._pages.pop(key, None)
        if old is not None:
            self._bytes -= old[1].nbytes
