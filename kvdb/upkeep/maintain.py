"""Doing all the work that transactions left: the queue is drained, deltas merged, dead rows taken out of pages."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING

from kvdb.change.pending import waiting
from kvdb.change.write import Write

if TYPE_CHECKING:
    from kvdb.store import Store

LEAVES = 128  # leaves that a transaction writes, about 25 MB at 384 dimensions


def maintain(store: Store) -> None:
    """Leave no delta row, no dead row and no queued work. Each transaction is bounded, and readers go on."""
    with store.environment.writer(store.timeout):
        queued = -1
        while True:
            with store.snapshot() as snapshot:
                left = waiting(snapshot)
            if left == 0 or left == queued:  # a merge that found no neighbour with room stays as it is
                break
            queued = left
            store.write_with(Write.take_on_work)
        with store.snapshot() as snapshot:
            metas = ((leaf, snapshot.leaf_meta(leaf)) for leaf in snapshot.leaf_ids())
            untidy = [leaf for leaf, meta in metas if meta.delta or meta.dead is not None]
        todo = iter(untidy)
        while part := list(islice(todo, LEAVES)):
            store.write_with(_merging(part))


def _merging(leaves: list[int]) -> Callable[[Write], None]:
    def body(write: Write) -> None:
        for leaf in leaves:
            if write.has_leaf(leaf):
                write.tree.leaf(leaf).merge = True

    return body
