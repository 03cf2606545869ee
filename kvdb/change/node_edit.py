"""The nodes above the leaves as a write transaction changes them: level by level, each node written once.

Invariants:
- An entry's centroid is the mean of what is below it, computed anew whenever a child changed, so that rounding does
  not add up.
- A node holds at most `fan_out` children and is split when it has more; one with fewer than NODE_MIN goes to its
  nearest sibling. A root with a single child that is a node gives way to it; a split root gets a new one above it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from kvdb.change.leaf_edit import Child
from kvdb.file.format import LeafMeta, NodeRecord, u32
from kvdb.tree.cluster import split
from kvdb.types import F32

if TYPE_CHECKING:
    from kvdb.change.tree_edit import TreeEdit
    from kvdb.change.write import Write

NODE_MAX = 1024
NODE_LEAST = 64  # children that a node may always have
NODE_MIN = 4

Children = list[Child]


def fan_out(leaves: int) -> int:
    """Most children of a node of a tree with so many leaves: about twice the square root, so that both levels of a tree
    of three stay alike, up to NODE_MAX, where a level is added instead.
    """
    return min(NODE_MAX, max(NODE_LEAST, 2 * math.isqrt(leaves)))


class NodeEdit:
    """Which children of which nodes change; `flush` writes them."""

    def __init__(self, write: Write, edit: TreeEdit) -> None:
        self._w = write
        self._edit = edit
        self._replaced: dict[int, dict[int, Children]] = {}  # node -> child -> what is there in its stead
        self._most = fan_out(write.entries(write.tree_in.leaf_meta))

    def replace(self, node: int, child: int, by: Children) -> None:
        """Put other children in the place of one; of a new one: add it."""
        self._replaced.setdefault(node, {})[child] = by

    def flush(self) -> None:
        """Write the changed nodes of every level, from the lowest up."""
        parents = self._parents() if self._replaced else {}
        while self._replaced:
            level, self._replaced = self._replaced, {}
            lists = {id: self._children(id, replaced) for id, replaced in level.items()}
            self._join_small(lists, parents)
            for id, children in lists.items():
                self._write(id, children, parents)

    def _children(self, id: int, replaced: dict[int, Children]) -> Children:
        """The children of a node after the changes, in tree order."""
        out = []
        waiting = dict(replaced)
        for child in self._stored(id):
            out += waiting.pop(child.id, [child])
        for added in waiting.values():
            out += added
        return out

    def _stored(self, id: int) -> Children:
        page = self._w.node_record(id)
        centroids = np.array(page.centroids)  # a copy: writing invalidates what was read
        return [
            Child(child, centroids[at], count)
            for at, (child, count) in enumerate(zip(page.children.tolist(), page.counts.tolist(), strict=True))
        ]

    def _parents(self) -> dict[int, int]:
        """The parent of every node but the root. Only nodes above the lowest level are read for it."""
        out: dict[int, int] = {}
        queue = [self._w.state.root]
        while queue:
            id = queue.pop()
            page = self._w.node_record(id)
            if page.level > 1:
                out.update((child, id) for child in page.children.tolist())
                if page.level > 2:
                    queue.extend(page.children.tolist())
        return out

    def _join_small(self, lists: dict[int, Children], parents: dict[int, int]) -> None:
        """Give the children of nodes that have few to the nearest sibling."""
        for id in [id for id, children in lists.items() if 0 < len(children) < NODE_MIN and id in parents]:
            siblings = [c for c in self._stored(parents[id]) if c.id != id and lists.get(c.id) != []]
            if not siblings:
                continue
            mean = _mean(lists[id])
            nearest = min(siblings, key=lambda sibling: float(((sibling.centroid - mean) ** 2).sum()))
            level = self._w.node_record(id).level
            if nearest.id not in lists:
                lists[nearest.id] = self._stored(nearest.id)
            self._adopt(lists[id], nearest.id, level, parents)
            lists[nearest.id] = lists[nearest.id] + lists[id]
            lists[id] = []

    def _write(self, id: int, children: Children, parents: dict[int, int]) -> None:
        """Write a node, split where it is overfull, and tell its parent."""
        level = self._w.node_record(id).level
        parts: Children = []
        if not children:
            self._w.txn.delete(u32(id), db=self._w.tree_in.nodes)
        elif len(children) <= self._most:
            parts = [self._put(id, level, children)]
        else:
            parts = self._split(id, level, children, parents)
        if id != self._w.state.root:
            parent = parents[id]
            for part in parts:
                parents[part.id] = parent
            self.replace(parent, id, parts)
        elif not parts:
            self._w.state.root = 0
        elif len(parts) > 1:
            self._w.state.root = self._new()
            self._put(self._w.state.root, level + 1, parts)
        elif len(children) == 1 and level > 1:
            self._w.txn.delete(u32(id), db=self._w.tree_in.nodes)
            self._w.state.root = children[0].id
            self._lower_root()

    def _lower_root(self) -> None:
        """Let a root with a single child give way to it, as often as that is so."""
        while True:
            root = self._w.state.root
            page = self._w.node_record(root)
            if page.level == 1 or len(page.children) > 1:
                return
            self._w.state.root = int(page.children[0])
            self._w.txn.delete(u32(root), db=self._w.tree_in.nodes)

    def _split(self, id: int, level: int, children: Children, parents: dict[int, int]) -> Children:
        labels = split(np.stack([child.centroid for child in children]).astype(np.float16), max(1, self._most // 2))
        out = []
        for label in range(int(labels.max()) + 1):
            part = [child for child, at in zip(children, labels.tolist(), strict=True) if at == label]
            new = id if label == 0 else self._new()
            if new != id:
                self._adopt(part, new, level, parents)
            out.append(self._put(new, level, part))
        return out

    def _adopt(self, children: Children, parent: int, level: int, parents: dict[int, int]) -> None:
        """Tell children that they hang from another node now."""
        for child in children:
            if level > 1:
                parents[child.id] = parent
                continue
            m = self._w.leaf_meta(child.id)
            moved = LeafMeta(m.n, m.live, m.generation, parent, m.dead, m.delta, m.sequence, m.joined, m.left)
            self._w.txn.put(u32(child.id), moved.pack(child.id), db=self._w.tree_in.leaf_meta)

    def _new(self) -> int:
        self._w.state.next_node += 1
        return self._w.state.next_node - 1

    def _put(self, id: int, level: int, children: Children) -> Child:
        centroids = np.stack([child.centroid for child in children])  # [n, d]
        counts = np.array([child.count for child in children], np.uint64)  # [n]
        ids = np.array([child.id for child in children], np.uint32)  # [n]
        record = NodeRecord(level, self._w.state.txn, centroids, counts, ids)
        self._w.txn.put(u32(id), record.pack(id), db=self._w.tree_in.nodes)
        return Child(id, _mean(children), int(counts.sum()))


def _mean(children: Children) -> F32:
    """The mean of all rows below `children`."""
    weights = np.array([child.count for child in children], np.float64)  # [n]
    centroids = np.stack([child.centroid for child in children]).astype(np.float64)  # [n, d]
    mean: F32 = (weights / weights.sum() @ centroids).astype(np.float32)
    return mean
