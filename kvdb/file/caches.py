"""What a process keeps in memory about an open store, for all of its snapshots."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kvdb.file.format import LeafMeta
from kvdb.file.merged import MergedPages
from kvdb.file.node_pages import NodePages
from kvdb.file.toned import TonedCache
from kvdb.types import Bools


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


@dataclass(slots=True)
class Caches:
    """Each can be lost at any time."""

    checked: dict[tuple[int, int], int] = field(default_factory=dict)  # (table, page) -> generation that held
    leaf_metas: dict[int, SeenLeaf] = field(default_factory=dict)  # by leaf
    nodes: NodePages = field(default_factory=NodePages)
    merged_pages: MergedPages = field(default_factory=MergedPages)
    relation_names: dict[int, str] = field(default_factory=dict)
    toned: TonedCache = field(default_factory=TonedCache)

    def clear(self) -> None:
        """Forget what depends on the file: another one took its place."""
        self.checked.clear()
        self.leaf_metas.clear()
        self.nodes.clear()
        self.merged_pages.clear()
        self.relation_names.clear()
        self.toned.clear()
