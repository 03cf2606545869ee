"""What a process keeps in memory about an open store, for all of its snapshots."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from kvdb.file.delta_pages import DeltaPages
from kvdb.file.format import LeafMeta, u32
from kvdb.file.node_pages import NodePages
from kvdb.file.tables import Reader
from kvdb.file.toned import TonedCache
from kvdb.types import Bools

MOST_METAS = 100_000  # decoded records of leaves that a process keeps, about 300 bytes each


@dataclass(frozen=True, slots=True)
class SeenLeaf:
    """A leaf's record, decoded, and the transaction that it was last seen in."""

    txn: int
    data: bytes
    meta: LeafMeta
    live: Bools  # [n] of page and delta: False where the row was deleted

    @staticmethod
    def of(txn: int, data: bytes, meta: LeafMeta) -> SeenLeaf:
        """The record `data` of a leaf, which says `meta`."""
        live = np.ones(meta.n + meta.delta, np.bool_)  # [n]
        if meta.dead is not None:
            live[: meta.n] = ~meta.dead
        live.flags.writeable = False
        return SeenLeaf(txn, data, meta, live)


def seen_leaf(metas: dict[int, SeenLeaf], reader: Reader, leaf: int) -> SeenLeaf:
    """The record of a leaf, kept in `metas`: read once a transaction, decoded once for the same bytes."""
    known, txn = metas.get(leaf), reader.state.txn
    if known is not None and known.txn == txn:
        return known
    data = reader.need(reader.tree_in.leaf_meta, u32(leaf), f"leaf {leaf}")
    if known is not None and known.data == data:
        seen = replace(known, txn=txn)
    else:
        seen = SeenLeaf.of(txn, bytes(data), LeafMeta.unpack(leaf, data))
    if len(metas) >= MOST_METAS:
        metas.clear()
    metas[leaf] = seen
    return seen


@dataclass(slots=True)
class Caches:
    """Each can be lost at any time."""

    checked: dict[tuple[int, int], int] = field(default_factory=dict)  # (table, page) -> generation that held
    leaf_metas: dict[int, SeenLeaf] = field(default_factory=dict)  # by leaf
    nodes: NodePages = field(default_factory=NodePages)
    delta_pages: DeltaPages = field(default_factory=DeltaPages)
    relation_names: dict[int, str] = field(default_factory=dict)
    toned: TonedCache = field(default_factory=TonedCache)

    def clear(self) -> None:
        """Forget what depends on the file: another one took its place."""
        self.checked.clear()
        self.leaf_metas.clear()
        self.nodes.clear()
        self.delta_pages.clear()
        self.relation_names.clear()
        self.toned.clear()
