"""The space that a tree was clustered in (kvdb.tree.space), kept as node 0 of the tree, which is no node of it.

Inserts and splits compare in the same space as the bulk build did. Compared in the encoder's own, a few leaves would
draw rows from everywhere (measured on 198,636 rows: one of 1,290 leaves was the nearest of 5,332 rows).
"""

from __future__ import annotations

import numpy as np

from kvdb.file.format import NodeRecord
from kvdb.tree.space import Space

SPACE_NODE = 0


def pack_space(space: Space, generation: int) -> bytes:
    """The record of a space: its mean and then its axes, as the rows of a node of level 0 without children."""
    rows = np.concatenate([space.mean[None], space.axes.T])  # [1 + p, d]
    none = np.zeros(len(rows), np.uint32)
    return NodeRecord(0, generation, rows, none.astype(np.uint64), none).pack(SPACE_NODE)


def unpack_space(record: NodeRecord) -> Space:
    """The space of a record of node 0, copied: it may outlive the transaction that read it."""
    return Space(record.centroids[0].copy(), record.centroids[1:].T.copy())
