"""Building a tree in bulk: rows are clustered and written, in tree order, into the set of tables that is not in use.

The pages of one build are written in slices, each small enough for one transaction. The set becomes the live one when
the state says so, in the last transaction: until then readers see the old rows and pages, and a crash leaves only
garbage in the other set, which the next build drops before it begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import lmdb
import numpy as np
from numpy.typing import NDArray

from kvdb.file import format
from kvdb.file.format import LOCATION_ROWS, LeafMeta, NodeRecord, u32, u64
from kvdb.file.records import State
from kvdb.file.space_record import SPACE_NODE, pack_space
from kvdb.file.tables import Reader, TreeTables
from kvdb.half import widen
from kvdb.tree import cluster
from kvdb.tree.cluster import ArraySource, Clustering, VectorSource
from kvdb.types import F32, U64

if TYPE_CHECKING:
    from kvdb.change.write import Write

FLAT_ROWS = 4096  # below this many rows every search looks at all of them
MAX_GROWN = 4 * FLAT_ROWS  # a flat store of more rows is an unfinished bulk load, too much for one transaction
SLICE_BYTES = 64 << 20


class TreeBuilder:
    """A clustering on its way into tables. Call `reserve` once, `write_leaves` for every slice, then `finish`."""

    def __init__(self, source: VectorSource, rows: U64, clustering: Clustering, into: TreeTables) -> None:
        self._source = source
        self._rows = rows  # [n]
        self._into = into
        self._clusters = clustering
        self._order = np.argsort(clustering.assignment, kind="stable")  # [n] rows in tree order
        self._ends = np.cumsum(np.bincount(clustering.assignment, minlength=len(clustering.leaf_counts)))  # [L]
        self._roots = int(clustering.root_of_leaf.max()) + 1
        self._centroids: F32 = np.zeros((len(self._ends), source.dim), np.float32)  # [L, d] known once written
        self._first_leaf = self._first_node = 0

    def reserve(self, state: State) -> None:
        """Take leaf and node ids from the state."""
        self._first_leaf, self._first_node = state.next_leaf, state.next_node
        state.next_leaf += len(self._ends)
        state.next_node += self._roots + 1

    def slices(self) -> Iterator[tuple[int, int]]:
        """Ranges of leaves, each of about SLICE_BYTES."""
        step = max(1, SLICE_BYTES // (self._source.dim * 2 + 8))
        start = 0
        while start < len(self._ends):
            done = self._ends[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(self._ends, done + step)))
            yield start, stop
            start = stop

    def write_leaves(self, txn: lmdb.Transaction, start: int, stop: int, generation: int) -> None:
        """Write the pages of leaves `start` to `stop`, and take their means for `write_nodes`."""
        first = int(self._ends[start - 1]) if start else 0
        at = self._order[first : int(self._ends[stop - 1])]  # [m] in tree order
        ascending = np.argsort(at)
        vectors = np.empty((len(at), self._source.dim), np.float16)  # [m, d]
        vectors[ascending] = self._source.take(at[ascending])
        pages: list[tuple[bytes, bytes | bytearray]] = []
        metas: list[tuple[bytes, bytes | bytearray]] = []
        for leaf in range(start, stop):
            low = (int(self._ends[leaf - 1]) if leaf else 0) - first
            high = int(self._ends[leaf]) - first
            id = self._first_leaf + leaf
            part = vectors[low:high]  # [l, d]
            self._centroids[leaf] = widen(part).mean(axis=0)
            pages.append((u32(id), format.pack_leaf(id, generation, part, self._rows[at[low:high]])))
            parent = self._first_node + 1 + int(self._clusters.root_of_leaf[leaf])
            metas.append((u32(id), LeafMeta(high - low, high - low, generation, parent, None).pack(id)))
        _append(txn, self._into.leaves, pages)
        _append(txn, self._into.leaf_meta, metas)

    def write_locations(self, txn: lmdb.Transaction) -> None:
        """Write where every row is."""
        leaves = (self._clusters.assignment + self._first_leaf).astype(np.uint32)  # [n]
        blocks = self._rows // np.uint64(LOCATION_ROWS)  # [n]
        order = np.argsort(blocks, kind="stable")
        numbers, starts = np.unique(blocks[order], return_index=True)
        table = np.zeros((len(numbers), LOCATION_ROWS), np.uint32)
        place = np.repeat(np.arange(len(numbers)), np.diff(np.append(starts, len(order))))
        table[place, (self._rows[order] % np.uint64(LOCATION_ROWS)).astype(np.int64)] = leaves[order]
        packed = [(u64(b), format.pack_locations(b, t)) for b, t in zip(numbers.tolist(), table, strict=True)]
        _append(txn, self._into.locations, packed)

    def write_nodes(self, txn: lmdb.Transaction, generation: int) -> int:
        """Write the nodes over the leaves; the root's id."""
        counts = np.diff(self._ends, prepend=0)  # [L]
        bounds = np.searchsorted(self._clusters.root_of_leaf, np.arange(self._roots + 1))
        centroids = np.zeros((self._roots, self._source.dim), np.float32)
        totals = np.zeros(self._roots, np.uint64)
        pages: list[tuple[bytes, bytes | bytearray]] = []
        for root in range(self._roots):
            part = slice(int(bounds[root]), int(bounds[root + 1]))
            totals[root] = counts[part].sum()
            weights = counts[part].astype(np.float64) / float(totals[root])  # [l]
            centroids[root] = weights @ self._centroids[part].astype(np.float64)
            children = np.arange(part.start, part.stop, dtype=np.uint32) + np.uint32(self._first_leaf)
            record = NodeRecord(1, generation, self._centroids[part], counts[part].astype(np.uint64), children)
            id = self._first_node + 1 + root
            pages.append((u32(id), record.pack(id)))
        children = np.arange(self._roots, dtype=np.uint32) + np.uint32(self._first_node + 1)
        top = NodeRecord(2, generation, centroids, totals, children)
        pages.insert(0, (u32(self._first_node), top.pack(self._first_node)))
        if self._clusters.space is not None:
            pages.insert(0, (u32(SPACE_NODE), pack_space(self._clusters.space, generation)))
        _append(txn, self._into.nodes, pages)
        return self._first_node

    def switch(self, state: State, root: int, into: int) -> None:
        """Make the new set the live one."""
        state.tree_set, state.root, state.staged, state.open_leaf = into, root, 0, 0


def _append(txn: lmdb.Transaction, table: Any, items: Sequence[tuple[bytes, bytes | bytearray]]) -> None:
    cursor = txn.cursor(table)
    cursor.putmulti(items, append=True)


def clear(txn: lmdb.Transaction, tables: TreeTables, most: int | None = None) -> bool:
    """Empty a set of tree tables, at most `most` leaves of it in this transaction. True when nothing is left."""
    if most is not None and txn.stat(tables.leaves)["entries"] > most:
        cursor = txn.cursor(tables.leaves)
        cursor.first()
        for _ in range(most):
            cursor.delete()
        return False
    for name in tables.__slots__:
        txn.drop(getattr(tables, name), delete=False)
    return True


def grow(txn: lmdb.Transaction, write: Write) -> None:
    """Turn a small flat store into a tree, within the write transaction that made it large enough."""
    vectors, rows = gather(write)
    into = 1 - write.state.tree_set
    clear(txn, write.tables.trees[into])
    source = ArraySource(vectors)
    builder = TreeBuilder(source, rows, cluster.build(source), write.tables.trees[into])
    builder.reserve(write.state)
    for start, stop in builder.slices():
        builder.write_leaves(txn, start, stop, write.state.txn)
    builder.write_locations(txn)
    old = write.tree_in
    builder.switch(write.state, builder.write_nodes(txn, write.state.txn), into)
    write.tree_in = write.tables.trees[into]
    clear(txn, old)


def gather(reader: Reader) -> tuple[NDArray[np.float16], U64]:
    """All live vectors [n, d] and rows [n] of a small store, copied."""
    vectors, rows = [], []
    for leaf in reader.leaf_ids():
        page, ids = reader.leaf_rows(leaf)
        vectors.append(page)
        rows.append(ids)
    return np.concatenate(vectors), np.concatenate(rows)
