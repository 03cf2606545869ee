"""A tree that has lost nearly all of its rows becomes a flat store again: scoring every row is cheaper and exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kvdb.build import clear, gather

if TYPE_CHECKING:
    from kvdb.change.write import Write


def shrink(write: Write) -> None:
    """Move all rows to staged leaves in the other set of tables, within the write transaction that left so few."""
    vectors, rows = gather(write)
    state, old = write.state, write.tree_in
    into = 1 - state.tree_set
    clear(write.txn, write.tables.trees[into])
    write.tree_in = write.tables.trees[into]
    state.tree_set, state.root, state.open_leaf, state.staged = into, 0, 0, 0
    state.rows -= len(rows)  # staging counts them again
    write.tree.stage(rows, vectors)
    write.tree.flush()
    clear(write.txn, old)
