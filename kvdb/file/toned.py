"""Nodes as a tree compares vectors with them: centroids in the space that it was clustered in.

Bringing a node's centroids there costs more than reading it, so they are kept between transactions; but only what was
committed: a generation of a transaction that was given up is used again, with other contents.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from kvdb.file.format import NodeRecord, node_generation, u32
from kvdb.file.space_record import SPACE_NODE, unpack_space
from kvdb.half import widened
from kvdb.tree.space import Space
from kvdb.types import F16, F32, U32

if TYPE_CHECKING:
    from kvdb.file.tables import Reader

MOST = 4096  # nodes that are kept


@dataclass(frozen=True, slots=True)
class TonedNode:
    """A node with its centroids in the tree's space."""

    generation: int
    level: int
    children: U32  # [c]
    centroids: F32  # [c, p]
    squares: F32  # [c] squared lengths of the centroids


@dataclass(slots=True)
class TonedCache:
    """What a process keeps of an open store's tree."""

    space: tuple[int, Space] | None = None  # with its generation
    nodes: dict[int, TonedNode] = field(default_factory=dict)

    def clear(self) -> None:
        self.space = None
        self.nodes.clear()


class TonedTree:
    """The tree of one transaction, seen in its space."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._cache = reader.toned_cache
        self.space = self._find_space()

    def vectors(self, vectors: F16 | F32) -> F32:
        """Vectors [n, d] in the tree's space, [n, p]; as they are where it has none."""
        return widened(vectors) if self.space is None else self.space.project(vectors)

    def boundaries(self, means: F32) -> tuple[F32, F32]:
        """Weights [d, k] and offsets [k] with which `vectors @ weights + offsets` is highest at the nearest of the
        means [k, d], as they are compared as centroids of a node.

        Centroids have unit length in the tree's space, so it does not matter how long a vector is there, and none has
        to be brought there.
        """
        if self.space is None:
            return means.T, np.einsum("kd,kd->k", means, means) / -2
        centroids = self.space.project(means)  # [k, p]
        weights: F32 = self.space.axes @ centroids.T  # [d, k]
        return weights, -(self.space.mean @ weights)

    def node(self, node: int) -> TonedNode:
        """A node by its id."""
        seen = self._reader.toned_nodes.get(node)
        if seen is None:
            seen = self._reader.toned_nodes[node] = self._find(node)
        return seen

    def _find(self, node: int) -> TonedNode:
        kept = self._cache.nodes.get(node)
        if kept is not None:
            data = self._reader.need(self._reader.tree_in.nodes, u32(node), f"node {node}")
            if kept.generation == node_generation(node, data):
                return kept
        record = self._reader.node_record(node)
        centroids = record.centroids.copy() if self.space is None else self.space.project(record.centroids)
        squares = np.einsum("cp,cp->c", centroids, centroids)
        toned = TonedNode(record.generation, record.level, record.children.copy(), centroids, squares)
        if record.generation <= self._reader.committed:
            if len(self._cache.nodes) >= MOST:
                self._cache.nodes.clear()
            self._cache.nodes[node] = toned
        return toned

    def _find_space(self) -> Space | None:
        data = self._reader.get(self._reader.tree_in.nodes, u32(SPACE_NODE))
        if data is None:
            return None
        generation = NodeRecord.unpack(SPACE_NODE, data, check=False).generation
        kept = self._cache.space
        if kept is not None and kept[0] == generation:
            return kept[1]
        space = unpack_space(NodeRecord.unpack(SPACE_NODE, data))
        if generation <= self._reader.committed:
            self._cache.space = generation, space
        return space
