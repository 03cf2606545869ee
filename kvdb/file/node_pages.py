"""Nodes that a process keeps for all of its searches, copied out of the file.

Most of a tree's nodes are read by every search. A copy is good for a snapshot of the transaction that it was last seen
in, and for any other one where the node still has its generation.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kvdb.file.format import NodeRecord
from kvdb.types import NodeId, NodePage

BUDGET = 64 << 20  # bytes of centroids; what does not fit is read in place


@dataclass(slots=True)
class NodePages:
    """Copies by node id, of the tree under one root. Threads may share it: what they lose to each other is a copy."""

    _root: tuple[int, int] = (0, 0)
    _pages: dict[NodeId, tuple[int, NodePage]] = field(default_factory=dict)  # with the transaction last seen in
    _bytes: int = 0

    def get(self, root: tuple[int, int], txn: int, node: NodeId) -> NodePage | None:
        """The copy of a node that was seen in this transaction. root: (set of tables, root node) of the tree."""
        if root != self._root:
            return None
        seen, page = self._pages.get(node, (-1, None))
        return page if seen == txn else None

    def put(self, root: tuple[int, int], txn: int, node: NodeId, record: NodeRecord) -> NodePage:
        """A page of `record`, which was read in transaction `txn`: kept, or with views on the record."""
        if root != self._root:
            self.clear()
            self._root = root
        _, old = self._pages.get(node, (-1, None))
        if old is not None and old.generation == record.generation:
            self._pages[node] = txn, old
            return old
        self._bytes += record.centroids.nbytes - (0 if old is None else old.centroids.nbytes)
        keep = self._bytes <= BUDGET
        page = _page(node, record, keep)
        if keep:
            self._pages[node] = txn, page
        else:
            self._bytes -= record.centroids.nbytes
            self._pages.pop(node, None)
        return page

    def clear(self) -> None:
        """Forget all of them."""
        self._pages.clear()
        self._bytes = 0


def _page(node: NodeId, record: NodeRecord, copied: bool) -> NodePage:
    centroids, children, counts = record.centroids, record.children, record.counts
    spread = None
    if copied:
        centroids, children, counts = centroids.copy(), children.copy(), counts.copy()
        spread = np.sqrt(np.maximum(1 - np.einsum("nd,nd->n", centroids, centroids), 0))
        for array in (centroids, children, counts, spread):
            array.flags.writeable = False
    return NodePage(node, record.generation, centroids, children, counts, record.level == 1, spread)
