"""Changes to leaves and nodes within one write transaction, kept in memory and written once at its end.

LMDB must not see the same large key twice in a transaction, and a leaf that ten rows go to should be written once.

Invariants:
- A leaf holds at most LEAF_MAX rows; an overfull one is split to parts of at most SPLIT_TARGET.
- A centroid is the mean of the live rows below it, computed anew from its children whenever one of them changed, so
  that rounding does not add up.
- All leaves that hang from the tree have the same depth. Staged leaves hang from no node (parent 0).
- A deleted row is a bit in its leaf's record; its bytes go when the leaf is next written. A leaf or node without live
  rows is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kvdb import format
from kvdb.errors import CorruptStoreError
from kvdb.format import LeafMeta, NodeRecord, u32, u64
from kvdb.nearest import nearest_leaves
from kvdb.tree.cluster import split
from kvdb.types import F16, F32, U32, U64, Bools

if TYPE_CHECKING:
    from kvdb.write import Write

LEAF_MAX = 256
SPLIT_TARGET = 128
NODE_MAX = 1024

Child = tuple[int, F32, int]  # id, centroid [d], live rows


@dataclass(slots=True)
class _Leaf:
    vectors: F16  # [n, d]
    rows: U64  # [n]
    live: Bools  # [n]
    parent: int
    before: int  # live rows when it was read
    rewrite: bool = False


class TreeEdit:
    """The pages that a write transaction changes."""

    def __init__(self, write: Write) -> None:
        self._w = write
        self._leaves: dict[int, _Leaf] = {}
        self._moved: list[tuple[U64, int]] = []  # rows and the leaf that they are in now, in order
        self._locations: dict[int, U32] = {}

    def stage(self, rows: U64, vectors: F16) -> None:
        """Append rows [n] with vectors [n, d] to leaves in the order in which they come."""
        state, start = self._w.state, 0
        while start < len(rows):
            leaf = self._leaf(state.open_leaf) if state.open_leaf else None
            room = LEAF_MAX - int(leaf.live.sum()) if leaf else 0
            if leaf is None or room == 0:
                state.open_leaf = self._new_leaf(vectors.shape[1])
                continue
            self._append(state.open_leaf, rows[start : start + room], vectors[start : start + room])
            start += room
        state.staged += len(rows)
        state.rows += len(rows)

    def place(self, rows: U64, vectors: F16) -> None:
        """Add rows [n] with vectors [n, d] to the leaves whose centroids are nearest."""
        leaves = nearest_leaves(self._w, vectors)
        for leaf in np.unique(leaves).tolist():
            self.place_at(leaf, rows[leaves == leaf], vectors[leaves == leaf])

    def place_at(self, leaf: int, rows: U64, vectors: F16) -> None:
        """Add rows [n] with vectors [n, d] to a leaf of the tree."""
        self._append(leaf, rows, vectors)
        self._w.state.rows += len(rows)

    def take(self, rows: U64) -> F16:
        """The vectors of live rows, float16 [n, d]."""
        out = []
        for row in rows.tolist():
            leaf, slot = self._find(row)
            out.append(leaf.vectors[slot])
        return np.stack(out)

    def remove(self, rows: list[int]) -> None:
        """Mark rows as dead."""
        for row in rows:
            leaf, slot = self._find(row)
            leaf.live[slot] = False
            self._move(np.array([row], np.uint64), 0)
            self._w.state.rows -= 1
            self._w.state.staged -= leaf.parent == 0

    def _find(self, row: int) -> tuple[_Leaf, int]:
        """The leaf of a live row, and its place there."""
        id = self._location(row)
        leaf = self._leaf(id) if id else None
        slots = np.flatnonzero((leaf.rows == row) & leaf.live) if leaf else np.empty(0)
        if leaf is None or len(slots) != 1:
            raise CorruptStoreError(f"row {row} is not in its leaf in {self._w.path}: run `kvdb verify`")
        return leaf, int(slots[0])

    def flush(self) -> None:
        """Write every changed page once."""
        changes: dict[int, dict[int, list[Child]]] = {}  # node -> child -> what is there in its stead
        for id, leaf in self._leaves.items():
            if not leaf.rewrite and leaf.live.sum() == leaf.before:
                continue
            children = self._write_leaf(id, leaf)
            if leaf.parent:
                changes.setdefault(leaf.parent, {})[id] = children
        while changes:
            changes = self._write_level(changes)
        self._write_locations()
        self._leaves.clear()

    def _leaf(self, id: int) -> _Leaf:
        leaf = self._leaves.get(id)
        if leaf is None:
            meta = self._w.leaf_meta(id)
            _, vectors, rows = self._w.leaf_page(id)
            live = np.ones(meta.n, np.bool_) if meta.dead is None else ~meta.dead
            leaf = self._leaves[id] = _Leaf(vectors, rows, live, meta.parent, meta.live)
        return leaf

    def _new_leaf(self, dim: int) -> int:
        id = self._w.state.next_leaf
        self._w.state.next_leaf += 1
        empty = np.empty((0, dim), np.float16)
        self._leaves[id] = _Leaf(empty, np.empty(0, np.uint64), np.empty(0, np.bool_), 0, 0)
        return id

    def _append(self, id: int, rows: U64, vectors: F16) -> None:
        leaf = self._leaf(id)
        leaf.vectors = np.concatenate([leaf.vectors[leaf.live], vectors])
        leaf.rows = np.concatenate([leaf.rows[leaf.live], rows])
        leaf.live = np.ones(len(leaf.rows), np.bool_)
        leaf.rewrite = True
        self._move(rows, id)

    def _write_leaf(self, id: int, leaf: _Leaf) -> list[Child]:
        """Write one leaf, split where it is overfull; what its parent has in its stead."""
        live = int(leaf.live.sum())
        if live == 0:
            return self._drop_leaf(id)
        if not leaf.rewrite:
            self._put_meta(id, LeafMeta(len(leaf.rows), live, self._w.state.txn, leaf.parent, ~leaf.live))
            return [self._child(id, leaf.vectors, leaf.live)]
        vectors, rows = leaf.vectors[leaf.live], leaf.rows[leaf.live]
        if live <= LEAF_MAX:
            return [self._put_leaf(id, vectors, rows, leaf.parent)]
        labels = split(vectors, SPLIT_TARGET)
        out = [self._put_leaf(id, vectors[labels == 0], rows[labels == 0], leaf.parent)]
        for label in range(1, int(labels.max()) + 1):
            new = self._w.state.next_leaf
            self._w.state.next_leaf += 1
            out.append(self._put_leaf(new, vectors[labels == label], rows[labels == label], leaf.parent))
            self._move(rows[labels == label], new)
        return out

    def _put_leaf(self, id: int, vectors: F16, rows: U64, parent: int) -> Child:
        generation = self._w.state.txn
        data = format.pack_leaf(id, generation, vectors, rows)
        self._w.txn.put(u32(id), data, db=self._w.tree_in.leaves)
        self._put_meta(id, LeafMeta(len(rows), len(rows), generation, parent, None))
        return self._child(id, vectors, np.ones(len(rows), np.bool_))

    def _put_meta(self, id: int, meta: LeafMeta) -> None:
        self._w.txn.put(u32(id), meta.pack(id), db=self._w.tree_in.leaf_meta)

    def _child(self, id: int, vectors: F16, live: Bools) -> Child:
        return id, vectors[live].mean(axis=0, dtype=np.float32), int(live.sum())

    def _drop_leaf(self, id: int) -> list[Child]:
        self._w.txn.delete(u32(id), db=self._w.tree_in.leaves)
        self._w.txn.delete(u32(id), db=self._w.tree_in.leaf_meta)
        if self._w.state.open_leaf == id:
            self._w.state.open_leaf = 0
        return []

    def _write_level(self, changes: dict[int, dict[int, list[Child]]]) -> dict[int, dict[int, list[Child]]]:
        """Write the changed nodes of one level; the changes that this makes to the level above."""
        above: dict[int, dict[int, list[Child]]] = {}
        parents = self._parents()
        for id, replaced in changes.items():
            old = self._w.node_record(id)
            children = [
                child
                for i, centroid, count in zip(old.children.tolist(), old.centroids, old.counts.tolist(), strict=True)
                for child in replaced.get(i, [(i, centroid, count)])
            ]
            out = self._write_node(id, old.level, children)
            if id == self._w.state.root:
                self._write_root(id, old.level, out)
            else:
                above.setdefault(parents[id], {})[id] = out
        return above

    def _parents(self) -> dict[int, int]:
        """The parent of every node but the root. Only nodes above the lowest level are read for it."""
        out: dict[int, int] = {}
        queue = [self._w.state.root]
        while queue:
            id = queue.pop()
            page = self._w.node_record(id)
            if page.level > 1:
                out.update((child, id) for child in page.children.tolist())
                if page.level > 2:
                    queue.extend(page.children.tolist())
        return out

    def _write_node(self, id: int, level: int, children: list[Child]) -> list[Child]:
        """Write a node, split where it is overfull; what its parent has in its stead."""
        if not children:
            self._w.txn.delete(u32(id), db=self._w.tree_in.nodes)
            return []
        if len(children) <= NODE_MAX:
            return [self._put_node(id, level, children)]
        labels = split(np.stack([c for _, c, _ in children]).astype(np.float16), NODE_MAX // 2)
        out = []
        for label in range(int(labels.max()) + 1):
            part = [child for child, at in zip(children, labels.tolist(), strict=True) if at == label]
            new = id if label == 0 else self._new_node()
            if new != id and level == 1:
                for leaf, _, _ in part:
                    self._put_meta(leaf, self._adopted(leaf, new))
            out.append(self._put_node(new, level, part))
        return out

    def _adopted(self, leaf: int, parent: int) -> LeafMeta:
        meta = self._w.leaf_meta(leaf)
        return LeafMeta(meta.n, meta.live, meta.generation, parent, meta.dead)

    def _new_node(self) -> int:
        self._w.state.next_node += 1
        return self._w.state.next_node - 1

    def _put_node(self, id: int, level: int, children: list[Child]) -> Child:
        centroids = np.stack([centroid for _, centroid, _ in children])  # [n, d]
        counts = np.array([count for _, _, count in children], np.uint64)  # [n]
        ids = np.array([child for child, _, _ in children], np.uint32)  # [n]
        record = NodeRecord(level, self._w.state.txn, centroids, counts, ids)
        self._w.txn.put(u32(id), record.pack(id), db=self._w.tree_in.nodes)
        total = int(counts.sum())
        mean = (counts.astype(np.float64) / total) @ centroids.astype(np.float64)  # [d]
        return id, mean.astype(np.float32), total

    def _write_root(self, id: int, level: int, parts: list[Child]) -> None:
        """The root after it was written in `parts`: none, itself, or more, which get a new root above them."""
        state = self._w.state
        if not parts:
            state.root = 0
        elif len(parts) > 1:
            state.root = self._new_node()
            self._put_node(state.root, level + 1, parts)

    def _location(self, row: int) -> int:
        block, at = divmod(row, format.LOCATION_ROWS)
        self._apply_moves()
        return int(self._block(block)[at])

    def _move(self, rows: U64, leaf: int) -> None:
        self._moved.append((rows, leaf))

    def _block(self, block: int) -> U32:
        if block not in self._locations:
            data = self._w.get(self._w.tree_in.locations, u64(block))
            self._locations[block] = format.unpack_locations(block, data)
        return self._locations[block]

    def _apply_moves(self) -> None:
        for rows, leaf in self._moved:
            for row in rows.tolist():
                block, at = divmod(row, format.LOCATION_ROWS)
                self._block(block)[at] = leaf
        self._moved.clear()

    def _write_locations(self) -> None:
        self._apply_moves()
        for block, leaves in sorted(self._locations.items()):
            if leaves.any():
                self._w.txn.put(u64(block), format.pack_locations(block, leaves), db=self._w.tree_in.locations)
            else:
                self._w.txn.delete(u64(block), db=self._w.tree_in.locations)
        self._locations.clear()
