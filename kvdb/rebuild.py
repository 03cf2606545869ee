"""Rebuilding the tree of a whole store from its rows, in bounded memory and bounded transactions.

The writer lock is held throughout; readers go on with the old pages until the last transaction switches to the new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import lmdb
import numpy as np
from numpy.typing import NDArray

from kvdb.build import TreeBuilder, clear
from kvdb.change.changes import Run, record
from kvdb.file.records import State
from kvdb.file.tables import FactTables
from kvdb.snapshot import Snapshot
from kvdb.tree import cluster
from kvdb.types import F16, U64

if TYPE_CHECKING:
    from kvdb.store import Store

CLEAR_LEAVES = 256  # leaves freed by one transaction: LMDB slows down after freeing several 100,000 pages at once
CLEAR_RECORDS = 20_000

Indices = NDArray[np.int64]


class StoredVectors:
    """The live rows of a snapshot as a source of vectors, in the order of leaves."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._leaves = list(snapshot.leaf_ids())
        metas = [snapshot.leaf_meta(leaf) for leaf in self._leaves]
        self._starts = np.cumsum([0] + [meta.live for meta in metas])  # [L + 1]

    @property
    def dim(self) -> int:
        return self._snapshot.state.dim

    def __len__(self) -> int:
        return int(self._starts[-1])

    def rows(self) -> U64:
        """The row ids, uint64 [n]."""
        return np.concatenate([self._snapshot.leaf_rows(leaf)[1] for leaf in self._leaves])

    def take(self, indices: Indices, /) -> F16:
        """The vectors at ascending `indices` [m]: float16 [m, d]."""
        out = np.empty((len(indices), self.dim), np.float16)
        bounds = np.searchsorted(indices, self._starts)  # [L + 1]
        for at in np.flatnonzero(np.diff(bounds)).tolist():
            low, high = int(bounds[at]), int(bounds[at + 1])
            out[low:high] = self._snapshot.leaf_rows(self._leaves[at])[0][indices[low:high] - self._starts[at]]
        return out

    def chunks(self, size: int, /) -> Iterator[tuple[int, F16]]:
        """All vectors in order, at most `size` at a time."""
        for start in range(0, len(self), size):
            yield start, self.take(np.arange(start, min(start + size, len(self))))


def rebuild(store: Store) -> None:
    """Cluster all rows anew and switch to the new tree."""
    env = store.environment
    with env.writer(store.timeout):
        drop_leftovers(store)
        with store.snapshot() as snapshot:
            into = 1 - snapshot.state.tree_set
            source = StoredVectors(snapshot)
            target = env.tables.trees[into]
            builder = TreeBuilder(source, source.rows(), cluster.build(source, effort=cluster.FINE), target)
            generation = snapshot.state.txn + 1
            edit_state(store, builder.reserve)
            for start, stop in builder.slices():
                env.write(leaf_slice(builder, start, stop, generation), store.timeout)
            root = env.write(lambda txn: _upper(builder, txn, generation), store.timeout)
        edit_state(store, lambda state: builder.switch(state, root, into), commits=True)
        drop_leftovers(store)


def leaf_slice(builder: TreeBuilder, start: int, stop: int, generation: int) -> Callable[[lmdb.Transaction], None]:
    """The transaction that writes a slice of leaves."""
    return lambda txn: builder.write_leaves(txn, start, stop, generation)


def _upper(builder: TreeBuilder, txn: lmdb.Transaction, generation: int) -> int:
    builder.write_locations(txn)
    return builder.write_nodes(txn, generation)


def edit_state(
    store: Store, change: Callable[[State], None], *, commits: bool = False, runs: Sequence[Run] = ()
) -> None:
    """Change the state record in a transaction of its own. `commits`: what readers see changes with it. `runs`: what
    the feed of changes has to say of it.
    """
    env = store.environment

    def body(txn: lmdb.Transaction) -> None:
        state = State.unpack(txn.get(b"state", db=env.tables.meta) or b"")
        change(state)
        state.txn += commits
        record(txn, env.tables, state, runs)
        txn.put(b"state", state.pack(), db=env.tables.meta)

    env.write(body, store.timeout)


def drop_leftovers(store: Store) -> None:
    """Empty the sets of tables that are not in use: what a build that was cut short left behind, or an old tree."""
    env = store.environment
    with store.snapshot() as snapshot:
        trees = env.tables.trees[1 - snapshot.state.tree_set]
        facts = env.tables.facts[1 - snapshot.state.fact_set]
    while not env.write(lambda txn: clear(txn, trees, CLEAR_LEAVES), store.timeout):
        pass
    while not env.write(lambda txn: _clear_facts(txn, facts), store.timeout):
        pass


def leftovers(snapshot: Snapshot) -> int:
    """Entries in the sets of tables that are not in use."""
    tables = snapshot.tables
    trees = tables.trees[1 - snapshot.state.tree_set]
    facts = tables.facts[1 - snapshot.state.fact_set]
    return sum(snapshot.entries(t) for t in (trees.leaves, trees.nodes, facts.triples, facts.values))


def _clear_facts(txn: lmdb.Transaction, tables: FactTables) -> bool:
    if txn.stat(tables.values)["entries"] > CLEAR_RECORDS:
        cursor = txn.cursor(tables.values)
        cursor.first()
        for _ in range(CLEAR_RECORDS):
            cursor.delete()
        return False
    for name in tables.__slots__:
        txn.drop(getattr(tables, name), delete=False)
    return True
