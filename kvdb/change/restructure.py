"""How leaves follow their rows: split when overfull, dissolved when nearly empty, boundaries redrawn after a split.

In the manner of SPFresh's LIRE (SOSP 2023): a split draws a boundary through a leaf, so that rows on both sides of it,
and rows of neighbouring leaves, may now be nearer to another centroid than to their own; these, and only these, move.
A split cannot wait, for a page has LEAF_MAX slots; what follows from it may, so a transaction does a bounded amount of
it and leaves the rest in the queue (kvdb.change.pending).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kvdb.change import pending
from kvdb.change.leaf_edit import LEAF_MAX, LeafEdit
from kvdb.change.nearest import nearest_few
from kvdb.file.toned import TonedTree
from kvdb.half import widen
from kvdb.tree.cluster import split
from kvdb.types import F16, F32, I32, U64

if TYPE_CHECKING:
    from kvdb.change.tree_edit import TreeEdit
    from kvdb.change.write import Write

Indices = NDArray[np.int64]

SPLIT_TARGET = 128
MERGE_BELOW = 24  # live rows of a leaf that is given to its neighbours
NEIGHBOURS = 8  # leaves that a split leaf exchanges rows with
ROUNDS = 2  # of two-means after halving


def restructure(write: Write, edit: TreeEdit) -> None:
    """Split, merge and settle the leaves of a transaction, and some of what earlier ones left to do."""
    if not write.state.root:
        return
    work = write.work_limit
    queued = pending.pop(write, work)
    _dissolve_small(write, edit, [leaf for kind, leaf in queued if kind == pending.MERGE], work)
    parts: list[list[LeafEdit]] = []
    for leaf in edit.leaves:
        if leaf.parent and leaf.live > LEAF_MAX:
            parts.append(_split(write, edit, leaf))
    parts += [[edit.leaf(leaf)] for kind, leaf in queued if kind == pending.SETTLE and write.has_leaf(leaf)]
    for group in parts[:work]:
        _settle(write, edit, group)
    for group in parts[work:]:
        for leaf in group:
            pending.push(write, pending.SETTLE, leaf.id)


def _dissolve_small(write: Write, edit: TreeEdit, queued: list[int], most: int) -> None:
    """Give the rows of nearly empty leaves to their neighbours: those that waited, then this transaction's own."""
    small = {leaf: None for leaf in queued if write.has_leaf(leaf)}
    small |= {leaf.id: None for leaf in edit.leaves if leaf.parent and leaf.changed and 0 < leaf.live < MERGE_BELOW}
    ids = [leaf for leaf in small if 0 < edit.leaf(leaf).live < MERGE_BELOW and edit.leaf(leaf).parent]
    for leaf in ids[most:]:
        pending.push(write, pending.MERGE, leaf)
    chosen = set(ids[:most])
    for id in sorted(chosen):
        small_leaf = edit.leaf(id)
        vectors, rows = small_leaf.gather()
        targets = _nearest_but(write, vectors, chosen)  # [n]
        if not targets.all():  # it is the last leaf, or all those around it are as small
            chosen.discard(id)
            continue
        for target in np.unique(targets).tolist():
            at = targets == target
            edit.move(rows[at], vectors[at], edit.leaf(target))
        small_leaf.set_rows(vectors[:0], rows[:0])


def _nearest_but(write: Write, vectors: F16, without: set[int]) -> I32:
    """The nearest leaf of each vector [n, d] that is not among `without`: [n], 0 where there is none at hand."""
    found = nearest_few(write, vectors, NEIGHBOURS)  # [n, few]
    found = np.where(np.isin(found, list(without)), 0, found)
    first = (found > 0).argmax(axis=1)
    out: I32 = found[np.arange(len(found)), first].astype(np.int32)
    return out


def _split(write: Write, edit: TreeEdit, leaf: LeafEdit) -> list[LeafEdit]:
    """Divide an overfull leaf; the parts, of which the first is the leaf itself."""
    vectors, rows = leaf.gather()
    points = TonedTree(write).vectors(vectors)  # [n, p]
    labels = _two_means(points, split(points, SPLIT_TARGET))
    parts = [leaf] + [edit.new_leaf(leaf.parent) for _ in range(int(labels.max()))]
    for label, part in enumerate(parts):
        at = labels == label
        part.set_rows(vectors[at], rows[at])
        if part is not leaf:
            edit.locations.put(rows[at], part.id)
    return parts


def _two_means(wide: F32, labels: I32) -> I32:
    """Labels of the points [n, p] after a few rounds of k-means from the given ones [n].

    Stops before a round that would leave a part nearly empty or overfull.
    """
    k = int(labels.max()) + 1
    for _ in range(ROUNDS):
        centroids = np.stack([wide[labels == label].mean(axis=0) for label in range(k)])  # [k, d]
        moved = _nearer(wide, centroids).astype(np.int32)
        sizes = np.bincount(moved, minlength=k)
        if sizes.min() < MERGE_BELOW or sizes.max() > SPLIT_TARGET * 3 // 2:
            break
        labels = moved
    return labels


def _nearer(wide: F32, centroids: F32) -> I32:
    """The nearest centroid [k, d] of each vector [n, d]."""
    out: I32 = (wide @ centroids.T - (centroids**2).sum(axis=1) / 2).argmax(axis=1)
    return out


def _settle(write: Write, edit: TreeEdit, parts: list[LeafEdit]) -> None:
    """Move rows over the boundaries between new parts and the leaves around them, to the nearer centroid."""
    parts = [part for part in parts if part.live and part.parent]
    if not parts:
        return
    rows = [part.gather() for part in parts]
    wide = [widen(vectors) for vectors, _ in rows]
    means = np.stack([vectors.mean(axis=0) for vectors in wide])  # [p, d]
    own = {part.id for part in parts}
    found = np.unique(nearest_few(write, means, NEIGHBOURS))
    around = [edit.leaf(leaf) for leaf in found.tolist() if leaf and leaf not in own]
    around = [leaf for leaf in around if 0 < leaf.live <= LEAF_MAX]
    rows += [leaf.gather() for leaf in around]
    wide += [widen(vectors) for vectors, _ in rows[len(parts) :]]
    leaves = parts + around
    means = np.stack([vectors.mean(axis=0) for vectors in wide])  # [l, d]
    weights, offsets = TonedTree(write).boundaries(means)  # [d, l], [l]
    for place, leaf in enumerate(leaves):
        allowed = np.arange(len(leaves)) if place < len(parts) else np.append(np.arange(len(parts)), place)
        nearness = wide[place] @ weights[:, allowed] + offsets[allowed]  # [n, a]
        _give(edit, leaf, rows[place], leaves, allowed[nearness.argmax(axis=1)], place)


def _give(
    edit: TreeEdit, leaf: LeafEdit, own: tuple[F16, U64], leaves: list[LeafEdit], nearest: Indices, place: int
) -> None:
    """Move the rows of one leaf that are nearer to another there, as far as there is room."""
    vectors, rows = own
    for target in np.unique(nearest[nearest != place]).tolist():
        at = np.flatnonzero(nearest == target)
        room = min(leaves[target].room, leaf.live - MERGE_BELOW)
        at = at[: max(0, room)]
        if len(at):
            leaf.remove(rows[at])
            edit.move(rows[at], vectors[at], leaves[target])
