"""Brings the partitions that a question needs to the device, within a budget of bytes.

On CUDA a fixed pool of slots lies on the device; missing pages go through pinned memory, asynchronously. On a CPU the
rows are read in place from the store's map, and the budget bounds how many pages count as resident and how much is
scored at once. Either way the results are the same for every budget: only hits, misses and time differ.

A slot also keeps sigma, the one number a row that the absorbed projection needs (kvdb_sdk/attend/projection.py).
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kvdb.errors import BudgetError
from kvdb.types import LeafPage

from .page_table import PageCounters, PageKey, PageTable

PAGE_ROWS = 256  # the most rows that a leaf holds
DEFAULT_BUDGET = "256MB"
_UNITS = {"": 1, "B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass(frozen=True, slots=True)
class DevicePage:
    """One partition on the device, valid until the next wave."""

    vectors: Tensor  # [n, E] float16
    sigma: Tensor  # [n] float32
    live: Tensor  # [n] bool


def parse_bytes(text: str | int) -> int:
    """256MB, 1GiB, 512k or a number of bytes, as an int (K, M and G are binary). BudgetError otherwise."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", str(text), re.IGNORECASE)
    if match is None:
        raise BudgetError(f"a budget of {text!r} is not understood: write bytes or a size such as 256MB")
    whole = float(match[1]) * _UNITS[match[2].upper()]
    if not math.isfinite(whole):
        raise BudgetError("a budget of more bytes than can be counted: write a size such as 256MB")
    return int(whole)


class Pager:
    """Pages partitions of dimension `dim` to `device`, never holding more than `budget` bytes of them.

    `sigma` maps vectors [n, E] to [n]. `copies` forces the slot pool also on a CPU (tests).
    """

    def __init__(
        self,
        dim: int,
        sigma: Callable[[Tensor], Tensor],
        *,
        budget: str | int = DEFAULT_BUDGET,
        device: torch.device | str = "cpu",
        copies: bool | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.budget = parse_bytes(budget)
        self.slot_bytes = PAGE_ROWS * (dim * 2 + 4)
        if self.budget < self.slot_bytes:
            raise BudgetError(
                f"a budget of {self.budget} bytes holds no page of {PAGE_ROWS} rows of {dim} dimensions: "
                f"give at least {self.slot_bytes} bytes"
            )
        self._dim = dim
        self._sigma_of = sigma
        self._table = PageTable(self.budget // self.slot_bytes)
        self._sigma: dict[int, Tensor] = {}
        copies = self.device.type != "cpu" if copies is None else copies
        self._pool = _SlotPool(self._table.slots, dim, self.device) if copies else None

    @property
    def counters(self) -> PageCounters:
        return self._table.counters

    @property
    def resident_bytes(self) -> int:
        return self._table.used * self.slot_bytes

    @property
    def in_place(self) -> bool:
        """True where rows are read in the store's map, and nothing is copied."""
        return self._pool is None

    def touch(self, pages: Sequence[LeafPage]) -> None:
        """Account for pages that a scorer reads in place, without their sigma. A leaf's parts count as one page."""
        sizes: dict[PageKey, int] = {}
        for page in pages:
            key = PageKey(page.id, page.generation)
            sizes[key] = sizes.get(key, 0) + page.vectors.nbytes
        keys = list(sizes)
        for start in range(0, len(keys), self._table.slots):
            wave = keys[start : start + self._table.slots]
            for key, (slot, miss) in zip(wave, self._table.place(wave), strict=True):
                if miss:
                    self._sigma.pop(slot, None)
                    self._table.counters.bytes += sizes[key]

    def waves(self, pages: Sequence[LeafPage]) -> Iterator[list[DevicePage]]:
        """The pages in order, as many at a time as the budget holds."""
        for start in range(0, len(pages), self._table.slots):
            yield self._bring(pages[start : start + self._table.slots])

    def _place(self, pages: Sequence[LeafPage]) -> list[tuple[tuple[int, bool], LeafPage]]:
        placed = self._table.place([PageKey(page.id, page.generation) for page in pages])
        return list(zip(placed, pages, strict=True))

    def _bring(self, pages: Sequence[LeafPage]) -> list[DevicePage]:
        placed = self._place(pages)
        missed = [(slot, page) for (slot, miss), page in placed if miss]
        self._table.counters.bytes += sum(page.vectors.nbytes for _, page in missed)
        for slot, _ in missed:
            self._sigma.pop(slot, None)
        if self._pool is not None:
            self._pool.fill(missed)
        return [self._device_page(slot, page) for (slot, _), page in placed]

    def _device_page(self, slot: int, page: LeafPage) -> DevicePage:
        vectors = as_tensor(page) if self._pool is None else self._pool.vectors(slot, len(page.rows))  # [n, E]
        sigma = self._sigma.get(slot)
        if sigma is None:
            sigma = self._sigma[slot] = self._sigma_of(vectors.float())  # [n]
        return DevicePage(vectors, sigma, torch.from_numpy(page.live.copy()).to(self.device))


class _SlotPool:
    """Page slots in one device tensor, filled through one pinned buffer on CUDA."""

    def __init__(self, slots: int, dim: int, device: torch.device) -> None:
        self._slots = torch.empty(slots, PAGE_ROWS, dim, dtype=torch.float16, device=device)  # [slots, rows, E]
        self._staging: Tensor | None = None
        if device.type == "cuda":
            self._staging = torch.empty(min(slots, 64), PAGE_ROWS, dim, dtype=torch.float16, pin_memory=True)

    def vectors(self, slot: int, rows: int) -> Tensor:
        return self._slots[slot, :rows]

    def fill(self, missed: Sequence[tuple[int, LeafPage]]) -> None:
        if self._staging is None:
            for slot, page in missed:
                self._slots[slot, : len(page.rows)].copy_(as_tensor(page))
            return
        for start in range(0, len(missed), len(self._staging)):
            for place, (slot, page) in enumerate(missed[start : start + len(self._staging)]):
                rows = len(page.rows)
                self._staging[place, :rows].copy_(as_tensor(page))
                self._slots[slot, :rows].copy_(self._staging[place, :rows], non_blocking=True)
            # The pinned buffer is written again in the next round: its copies must have left it.
            torch.cuda.current_stream(self._slots.device).synchronize()


def as_tensor(page: LeafPage) -> Tensor:
    """A page's rows as a tensor over the store's own memory, [n, E] float16. Never write through it."""
    with warnings.catch_warnings():
        # The map is read-only, and torch has no read-only tensors; nothing here writes.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
        return torch.from_numpy(page.vectors)
