"""One leaf as a write transaction changes it, in memory until the end of the transaction.

A few new rows go to the leaf's delta and dead rows are bits of its record, so that the page (200 KB) stays as it is.
When the delta is full, or page and delta outgrow a page, everything is merged into a new page.

Invariant: page and delta together hold at most LEAF_MAX rows, dead ones included: what the pager's slots hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kvdb.errors import CorruptStoreError
from kvdb.file import format
from kvdb.file.format import LeafMeta, u32
from kvdb.file.items import Delta
from kvdb.types import F16, F32, U64, Bools

if TYPE_CHECKING:
    from kvdb.change.write import Write

LEAF_MAX = 256
DELTA_MAX = 32  # rows of a delta; more are merged into the page
STALE_SHARE = 0.5  # of the rows that the parent's entry counts: so many may come and go before it is written anew
STALE_LEAST = 16
FEW = 8  # rows that are looked for one by one


@dataclass(frozen=True, slots=True)
class Child:
    """What a node knows of one of its children."""

    id: int
    centroid: F32  # [d] mean of the live rows
    count: int  # live rows


class LeafEdit:
    """A leaf with what came and went. `meta` is its record as read, None for a leaf that is new."""

    def __init__(self, write: Write, id: int, parent: int, meta: LeafMeta | None) -> None:
        self.id = id
        self.parent = parent
        self.changed = meta is None
        self.merge = False  # whether page, delta and dead rows are to become one page in any case
        self.split = False  # whether its rows moved to or from other leaves: its parent must know
        self._w = write
        self._meta = meta or LeafMeta(0, 0, 0, parent, None)
        self._dead = self._meta.dead  # [n] of the page, None: none is
        self._delta: Delta | None = None
        self._gone: list[int] = []  # sequence numbers of delta rows that were removed
        self._new: list[tuple[F16, U64]] = []
        self._content: tuple[F16, U64] | None = None if meta else _no_rows(write.state.dim)
        self._live = self._meta.live
        self._size = self._meta.n + self._meta.delta
        self._joined, self._left = self._meta.joined, self._meta.left

    @property
    def live(self) -> int:
        """Live rows."""
        return self._live

    @property
    def room(self) -> int:
        """Rows that fit before the leaf has to be split."""
        return LEAF_MAX - self._live

    def append(self, vectors: F16, rows: U64) -> None:
        """Add rows [n] with vectors [n, d]."""
        self._new.append((vectors, rows))
        self._live += len(rows)
        self._size += len(rows)
        self._joined += len(rows)
        self.changed = True

    def gather(self) -> tuple[F16, U64]:
        """All live rows, copied: vectors [n, d] and rows [n]."""
        content = self._content
        if content is None:
            _, vectors, rows = self._w.leaf_page(self.id)
            if len(rows) != self._meta.n:
                raise CorruptStoreError(f"leaf {self.id} has {len(rows)} rows, its record says {self._meta.n}")
            live = slice(None) if self._dead is None else ~self._dead
            parts, numbers = [vectors[live]], [rows[live]]
            if self._meta.delta:
                delta = self._delta_rows()
                stays = ~np.isin(delta.sequences, self._gone)
                parts.append(delta.vectors[stays])
                numbers.append(delta.rows[stays])
        else:
            parts, numbers = [content[0]], [content[1]]
        parts += [vectors for vectors, _ in self._new]
        numbers += [rows for _, rows in self._new]
        return np.concatenate(parts), np.concatenate(numbers)

    def set_rows(self, vectors: F16, rows: U64) -> None:
        """Make rows [n] with vectors [n, d] all that the leaf has: it was split, or gave rows away."""
        self._content = vectors, rows
        self._new.clear()
        self._live = self._size = len(rows)
        self.changed = self.split = True

    def take(self, rows: U64) -> F16:
        """The vectors of some of its live rows [m]: float16 [m, d]."""
        vectors, found = self.gather()
        place = {row: at for at, row in enumerate(found.tolist())}
        if any(row not in place for row in rows.tolist()):
            raise self._lost(rows)
        return vectors[[place[row] for row in rows.tolist()]]

    def remove(self, rows: U64) -> None:
        """Take live rows [m] away. Raises CorruptStoreError where one is not there."""
        removed = self._from_new(rows) if self._new else 0
        if removed < len(rows):
            removed += self._from_page(rows) if self._content is None else self._from_content(rows)
        if removed < len(rows) and self._content is None:
            removed += self._from_delta(rows)
        if removed != len(rows):
            raise self._lost(rows)
        self._live -= removed
        self._left += removed
        self.changed = True

    def _from_new(self, rows: U64) -> int:
        removed = 0
        for at, (vectors, numbers) in enumerate(self._new):
            hit = np.isin(numbers, rows)
            if hit.any():
                self._new[at] = vectors[~hit], numbers[~hit]
                removed += int(hit.sum())
        self._size -= removed
        return removed

    def _from_content(self, rows: U64) -> int:
        vectors, numbers = self._content or _no_rows(self._w.state.dim)
        hit = np.isin(numbers, rows)
        self._content = vectors[~hit], numbers[~hit]
        self._size -= int(hit.sum())
        return int(hit.sum())

    def _from_page(self, rows: U64) -> int:
        page_rows = self._w.leaf_row_ids(self.id)
        if len(page_rows) != self._meta.n:
            raise self._lost(rows)
        if len(rows) > FEW:
            hit: Bools = np.isin(page_rows, rows)
        else:
            hit = page_rows == rows[0]
            for row in rows[1:]:
                hit |= page_rows == row
        if self._dead is None:
            self._dead = hit
        else:
            hit &= ~self._dead
            self._dead = self._dead | hit
        return int(np.count_nonzero(hit))

    def _from_delta(self, rows: U64) -> int:
        if not self._meta.delta:
            return 0
        delta = self._delta_rows()
        hit: list[int] = delta.sequences[np.isin(delta.rows, rows) & ~np.isin(delta.sequences, self._gone)].tolist()
        self._gone += hit
        self._size -= len(hit)
        return len(hit)

    def _delta_rows(self) -> Delta:
        if self._delta is None:
            self._delta = self._w.delta(self.id, self._meta.delta)
        return self._delta

    def _lost(self, rows: U64) -> CorruptStoreError:
        return CorruptStoreError(
            f"rows {rows.tolist()[:5]} are not all in leaf {self.id} of {self._w.path}: run `kvdb verify`"
        )

    def write(self) -> Child | None:
        """Write what changed, the delta or the whole page; what the parent has to know of it, None where its entry is
        still good enough.
        """
        delta = self._meta.delta - len(self._gone) + sum(len(rows) for _, rows in self._new)
        whole = self.merge or self.split or self._content is not None
        dead = 0 if self._dead is None else int(np.count_nonzero(self._dead))
        whole = whole or delta > DELTA_MAX or self._size > LEAF_MAX or dead * 2 > self._meta.n
        child = self._child() if self.parent and (self.split or self._stale()) else None
        if child is not None:
            self._joined = self._left = 0
        if whole:
            self._put_page()
        else:
            self._put_delta(delta)
        return child

    def drop(self) -> None:
        """Take a leaf without live rows out of its tables."""
        self._w.txn.delete(u32(self.id), db=self._w.tree_in.leaves)
        self._w.txn.delete(u32(self.id), db=self._w.tree_in.leaf_meta)
        self._drop_delta()

    def _stale(self) -> bool:
        """True where so many rows came and went that the centroid in the parent may be far from their mean."""
        counted = self._live - self._joined + self._left
        return self._joined + self._left > max(STALE_LEAST, STALE_SHARE * counted)

    def _child(self) -> Child:
        vectors, rows = self.gather()
        return Child(self.id, vectors.mean(axis=0, dtype=np.float32), len(rows))

    def _put_page(self) -> None:
        vectors, rows = self.gather()
        generation = self._w.state.txn
        self._w.txn.put(u32(self.id), format.pack_leaf(self.id, generation, vectors, rows), db=self._w.tree_in.leaves)
        if self._meta.delta:
            self._drop_delta()
        n, sequence = len(rows), self._meta.sequence
        self._put_meta(LeafMeta(n, n, generation, self.parent, None, 0, sequence, self._joined, self._left))

    def _put_delta(self, delta: int) -> None:
        for sequence in self._gone:
            self._w.txn.delete(format.delta_key(self.id, sequence), db=self._w.tree_in.deltas)
        sequence = self._meta.sequence
        for vectors, rows in self._new:
            self._w.tree.add_delta(self.id, sequence, rows, vectors)
            sequence += len(rows)
        n, generation = self._meta.n, self._w.state.txn
        joined, left = self._joined, self._left
        self._put_meta(LeafMeta(n, self._live, generation, self.parent, self._dead, delta, sequence, joined, left))

    def _put_meta(self, meta: LeafMeta) -> None:
        self._w.tree.metas.append((u32(self.id), meta.pack(self.id)))

    def _drop_delta(self) -> None:
        prefix = u32(self.id)
        cursor = self._w.txn.cursor(self._w.tree_in.deltas)
        found = cursor.set_range(prefix)
        while found and cursor.key()[:4] == prefix:
            found = cursor.delete()


def _no_rows(dim: int) -> tuple[F16, U64]:
    return np.empty((0, dim), np.float16), np.empty(0, np.uint64)
