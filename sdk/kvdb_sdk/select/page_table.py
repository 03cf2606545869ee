"""Which page lies in which slot: bookkeeping alone, no tensors (compare a virtual memory's page table).

A page is a (leaf, generation): a leaf that a writer changed is another page, and its old one is dropped when the new
one comes in. Eviction is by clock: every hit sets a slot's bit, the hand clears bits and takes the first slot without.

Invariants: a slot holds at most one page; a page lies in at most one slot; pages of one request never evict each
other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kvdb.errors import BudgetError


class PageKey(NamedTuple):
    """A leaf at one of its generations."""

    leaf: int
    generation: int


@dataclass(slots=True)
class PageCounters:
    """What paging cost so far. `bytes` were brought in on misses."""

    hits: int = 0
    misses: int = 0
    evictions: int = 0
    stale: int = 0
    bytes: int = 0


class PageTable:
    """A fixed number of slots and the pages in them."""

    def __init__(self, slots: int) -> None:
        if slots < 1:
            raise BudgetError("a page table needs at least one slot")
        self.counters = PageCounters()
        self._slot_of: dict[PageKey, int] = {}
        self._newest: dict[int, PageKey] = {}
        self._page_in: list[PageKey | None] = [None] * slots
        self._recent = [False] * slots
        self._free = list(range(slots - 1, -1, -1))
        self._hand = 0

    @property
    def slots(self) -> int:
        return len(self._page_in)

    @property
    def used(self) -> int:
        return len(self._slot_of)

    def place(self, pages: Sequence[PageKey]) -> list[tuple[int, bool]]:
        """A slot for each of `pages` (distinct, at most `slots` of them), and whether it must be filled."""
        if len(pages) > self.slots:
            raise BudgetError(f"{len(pages)} pages were asked for at once, and {self.slots} fit")
        pinned = {self._slot_of[page] for page in pages if page in self._slot_of}
        placed = []
        for page in pages:
            slot = self._slot_of.get(page)
            missed = slot is None
            if slot is None:
                slot = self._take(page, pinned)
                pinned.add(slot)
                self.counters.misses += 1
            else:
                self.counters.hits += 1
            self._recent[slot] = True
            placed.append((slot, missed))
        return placed

    def _take(self, page: PageKey, pinned: set[int]) -> int:
        old = self._newest.get(page.leaf)
        if old is not None and old in self._slot_of and self._slot_of[old] not in pinned:
            self._free.append(self._release(old))
            self.counters.stale += 1
        slot = self._free.pop() if self._free else self._evict(pinned)
        self._page_in[slot] = page
        self._slot_of[page] = slot
        self._newest[page.leaf] = page
        return slot

    def _evict(self, pinned: set[int]) -> int:
        while True:
            slot, self._hand = self._hand, (self._hand + 1) % self.slots
            if slot in pinned:
                continue
            if self._recent[slot]:
                self._recent[slot] = False
                continue
            page = self._page_in[slot]
            if page is not None:
                self._release(page)
                self.counters.evictions += 1
            return slot

    def _release(self, page: PageKey) -> int:
        slot = self._slot_of.pop(page)
        self._page_in[slot] = None
        if self._newest.get(page.leaf) == page:
            del self._newest[page.leaf]
        return slot
