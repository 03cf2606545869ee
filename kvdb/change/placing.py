"""Giving staged rows their places in an existing tree: all rows for a leaf at once, a few leaves a transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from kvdb.change.nearest import nearest_leaves
from kvdb.change.write import Write
from kvdb.rebuild import Indices
from kvdb.types import F16, U64

if TYPE_CHECKING:
    from kvdb.store import Store

LEAVES = 128  # leaves rewritten by one transaction: about 25 MB at 384 dimensions
CHUNK = 4096  # rows assigned at a time


def place_staged(store: Store) -> None:
    """Move every staged row to the leaf whose centroid is nearest."""
    with store.environment.writer(store.timeout):
        rows, targets = _targets(store)
        order = np.argsort(targets, kind="stable")
        leaves, starts = np.unique(targets[order], return_index=True)
        ends = np.append(starts[1:], len(order))
        for at in range(0, len(leaves), LEAVES):
            part = order[int(starts[at]) : int(ends[min(at + LEAVES, len(leaves)) - 1])]
            store.write_with(_move(rows[part], targets[part]))


def _targets(store: Store) -> tuple[U64, Indices]:
    """The staged rows [n] and the leaf that each belongs to [n]."""
    rows: list[U64] = []
    targets: list[Indices] = []
    with store.snapshot() as snapshot:
        for leaf in snapshot.leaf_ids():
            if snapshot.leaf_meta(leaf).parent == 0:
                vectors, ids = snapshot.leaf_rows(leaf)
                rows.append(ids.copy())
                targets.append(nearest_leaves(snapshot, vectors).astype(np.int64))
    return np.concatenate(rows), np.concatenate(targets)


def _move(rows: U64, targets: Indices) -> Callable[[Write], None]:
    def body(write: Write) -> None:
        vectors: F16 = write.tree.take(rows)  # [n, d]
        write.tree.remove(rows)
        for leaf in np.unique(targets).tolist():
            write.tree.place_at(leaf, rows[targets == leaf], vectors[targets == leaf])

    return body
