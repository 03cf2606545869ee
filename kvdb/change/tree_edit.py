"""Changes to the tree within one write transaction, kept in memory and written once at its end.

LMDB must not see the same large key twice in a transaction, and a leaf that ten rows go to should be written once.

Invariants:
- Page and delta of a leaf hold at most LEAF_MAX rows. One with more live rows is split, to parts of about SPLIT_TARGET.
- A node knows a leaf's centroid and count as they were when the entry was last written; the leaf's record counts the
  rows that came and went since, and the entry is written anew before they are too many. A node's own centroid and
  count in the node above are always those of its entries.
- All leaves that hang from the tree have the same depth. Staged leaves hang from no node (parent 0).
- A deleted row is a bit in its leaf's record; its bytes go when the leaf is next written. A leaf or node without live
  rows is dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kvdb.change.leaf_edit import LEAF_MAX, LeafEdit
from kvdb.change.location_edit import LocationEdit
from kvdb.change.nearest import nearest_leaves
from kvdb.change.node_edit import NodeEdit
from kvdb.change.restructure import MERGE_BELOW, SPLIT_TARGET, restructure
from kvdb.errors import CorruptStoreError
from kvdb.file.items import Items, delta_items
from kvdb.types import F16, U32, U64

if TYPE_CHECKING:
    from kvdb.change.write import Write

Indices = NDArray[np.int64]

__all__ = ["LEAF_MAX", "MERGE_BELOW", "SPLIT_TARGET", "TreeEdit"]


class TreeEdit:
    """The pages that a write transaction changes."""

    def __init__(self, write: Write) -> None:
        self._w = write
        self._leaves: dict[int, LeafEdit] = {}
        self.metas: Items = []  # records of leaves, to be written together
        self._deltas: list[tuple[U64, U64, F16]] = []  # keys as numbers, rows and vectors of new delta rows
        self.locations = LocationEdit(write)

    @property
    def leaves(self) -> list[LeafEdit]:
        """The leaves that were looked into so far, in the order of ids."""
        return [self._leaves[id] for id in sorted(self._leaves)]

    def stage(self, rows: U64, vectors: F16) -> None:
        """Append rows [n] with vectors [n, d] to leaves in the order in which they come."""
        state, start = self._w.state, 0
        while start < len(rows):
            leaf = self.leaf(state.open_leaf) if state.open_leaf else None
            if leaf is None or leaf.room <= 0:
                state.open_leaf = self.new_leaf(0).id
                continue
            part = slice(start, start + leaf.room)
            self._append(leaf, rows[part], vectors[part])
            start = part.stop
        state.staged += len(rows)
        state.rows += len(rows)

    def place(self, rows: U64, vectors: F16) -> None:
        """Add rows [n] with vectors [n, d] to the leaves whose centroids are nearest."""
        leaves = nearest_leaves(self._w, vectors)
        for leaf, at in _groups(leaves):
            self.leaf(leaf).append(vectors[at], rows[at])
        self.locations.put(rows, leaves)
        self._w.state.rows += len(rows)

    def place_at(self, leaf: int, rows: U64, vectors: F16) -> None:
        """Add rows [n] with vectors [n, d] to a leaf of the tree."""
        self._append(self.leaf(leaf), rows, vectors)
        self._w.state.rows += len(rows)

    def take(self, rows: U64) -> F16:
        """The vectors of live rows [n]: float16 [n, d]."""
        out = np.empty((len(rows), self._w.state.dim), np.float16)
        for leaf, at in self._by_leaf(rows):
            out[at] = leaf.take(rows[at])
        return out

    def remove(self, rows: U64) -> None:
        """Take live rows [n] away."""
        for leaf, at in self._by_leaf(rows):
            leaf.remove(rows[at])
            if leaf.parent == 0:
                self._w.state.staged -= len(at)
        self.locations.put(rows, 0)
        self._w.state.rows -= len(rows)

    def move(self, rows: U64, vectors: F16, target: LeafEdit) -> None:
        """Put rows [n], which their old leaf has given away, into another leaf."""
        target.append(vectors, rows)
        self.locations.put(rows, target.id)

    def leaf(self, id: int) -> LeafEdit:
        """A leaf by its id."""
        found = self._leaves.get(id)
        if found is None:
            meta = self._w.leaf_meta(id)
            found = self._leaves[id] = LeafEdit(self._w, id, meta.parent, meta)
        return found

    def new_leaf(self, parent: int) -> LeafEdit:
        """A new leaf under a node; 0: a staged one."""
        id = self._w.state.next_leaf
        self._w.state.next_leaf += 1
        leaf = self._leaves[id] = LeafEdit(self._w, id, parent, None)
        return leaf

    def flush(self) -> None:
        """Write every changed page once."""
        nodes = NodeEdit(self._w, self)
        restructure(self._w, self)
        for leaf in self.leaves:
            if leaf.live == 0:
                leaf.drop()
                if self._w.state.open_leaf == leaf.id:
                    self._w.state.open_leaf = 0
                if leaf.parent:
                    nodes.replace(leaf.parent, leaf.id, [])
            elif leaf.changed or leaf.merge:
                child = leaf.write()
                if child is not None:
                    nodes.replace(leaf.parent, leaf.id, [child])
        self._put_records()
        self._leaves.clear()
        nodes.flush()
        self._w.toned_nodes.clear()
        self.locations.flush()

    def _append(self, leaf: LeafEdit, rows: U64, vectors: F16) -> None:
        leaf.append(vectors, rows)
        self.locations.put(rows, leaf.id)

    def _by_leaf(self, rows: U64) -> list[tuple[LeafEdit, Indices]]:
        """The leaves of rows [n], and which of the rows each has."""
        leaves = self.locations.find(rows)
        if not leaves.all():
            row = int(rows[leaves == 0][0])
            raise CorruptStoreError(f"row {row} is not in its leaf in {self._w.path}: run `kvdb verify`")
        return [(self.leaf(id), at) for id, at in _groups(leaves)]

    def add_delta(self, leaf: int, sequence: int, rows: U64, vectors: F16) -> None:
        """Note rows [n] with vectors [n, d] for the delta of a leaf, numbered from `sequence` on."""
        numbers = np.arange(sequence, sequence + len(rows), dtype=np.uint64) + np.uint64(leaf << 32)
        self._deltas.append((numbers, rows, vectors))

    def _put_records(self) -> None:
        """Write the records and the delta rows of leaves, each kind in the order of its keys."""
        txn, tables = self._w.txn, self._w.tree_in
        if self.metas:
            txn.cursor(tables.leaf_meta).putmulti(sorted(self.metas))
        if self._deltas:
            numbers, rows, vectors = (np.concatenate(part) for part in zip(*self._deltas, strict=True))
            txn.cursor(tables.deltas).putmulti(delta_items(numbers, rows, vectors))
        self.metas.clear()
        self._deltas.clear()


def _groups(leaves: U32) -> list[tuple[int, Indices]]:
    """The distinct leaves of `leaves` [n], n >= 0, in order, and the places of each."""
    if not len(leaves):
        return []
    order = np.argsort(leaves, kind="stable")
    starts = np.flatnonzero(np.diff(leaves[order], prepend=0))
    ids = leaves[order[starts]].tolist()
    ends = [*starts[1:].tolist(), len(order)]
    return [(id, order[start:end]) for id, start, end in zip(ids, starts.tolist(), ends, strict=True)]
