"""The invariants of rows and tree: every live row in exactly one leaf and at its recorded place, counts, centroids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kvdb.change.tree_edit import LEAF_MAX
from kvdb.errors import CorruptStoreError
from kvdb.file import format
from kvdb.file.format import LOCATION_ROWS, read_u32, read_u64
from kvdb.file.space_record import SPACE_NODE
from kvdb.file.tables import Reader
from kvdb.types import F32, U64

if TYPE_CHECKING:
    from kvdb.upkeep.verify import Findings

TOLERANCE = 1e-4  # of a centroid's components


def check_rows(f: Findings) -> None:
    """Leaves hold exactly the rows of the triples, each once and where the locations say."""
    s = f.snapshot
    live: list[U64] = []
    for leaf in s.leaf_ids():
        f.checked["leaves"] += 1
        f.attempt(lambda leaf=leaf: _check_leaf(f, leaf, live))  # type: ignore[misc]
    pages = {read_u32(key) for key in s.txn.cursor(s.tree_in.leaves).iternext(keys=True, values=False)}
    for leaf in sorted(pages.symmetric_difference(s.leaf_ids())):
        f.report(f"leaf {leaf} has a page or a record but not both")
    rows = np.concatenate(live) if live else np.empty(0, np.uint64)
    f.checked["rows"] = len(rows)
    f.equal("live rows", len(rows), s.state.rows)
    distinct = set(rows.tolist())
    f.equal("distinct live rows", len(distinct), len(rows))
    for row in sorted(f.rows - distinct)[:20]:
        f.report(f"row {row} of fact {row // 2} is in no leaf")
    for row in sorted(distinct - f.rows)[:20]:
        f.report(f"row {row} is in a leaf but its fact {row // 2} has no such row")
    placed = 0
    for key, data in s.txn.cursor(s.tree_in.locations):
        placed += int(np.count_nonzero(format.unpack_locations(read_u64(key), data)))
    f.equal("rows with a location", placed, s.state.rows)


def _check_leaf(f: Findings, leaf: int, live: list[U64]) -> None:
    s = f.snapshot
    meta = s.leaf_meta(leaf)
    data = s.need(s.tree_in.leaves, format.u32(leaf), f"leaf {leaf}")
    _, vectors, rows = format.unpack_leaf(leaf, data)
    if len(rows) != meta.n or vectors.shape[1] != s.state.dim:
        f.report(f"leaf {leaf} has {vectors.shape} rows and dimensions, its record says {meta.n}")
        return
    vectors, rows = s.leaf_rows(leaf)
    f.checked["delta rows"] += meta.delta
    f.equal(f"live rows of leaf {leaf}", len(rows), meta.live)
    if not (meta.live >= 1 and meta.n + meta.delta <= LEAF_MAX):
        f.report(f"leaf {leaf} has {meta.live} live rows of {meta.n} and {meta.delta}: outside of 1 to {LEAF_MAX}")
    norms = np.linalg.norm(vectors.astype(np.float32), axis=1)  # [n]
    if not bool((np.abs(norms - 1) < 1e-2).all()):
        f.report(f"leaf {leaf} holds a vector that is not of unit length")
    live.append(rows.copy())
    for block in np.unique(rows // np.uint64(LOCATION_ROWS)).tolist():
        own = rows[rows // np.uint64(LOCATION_ROWS) == block]
        raw = s.get(s.tree_in.locations, format.u64(block))
        places = format.unpack_locations(block, raw)[(own % np.uint64(LOCATION_ROWS)).astype(np.int64)]
        for row in own[places != leaf].tolist():
            f.report(f"row {row} is in leaf {leaf}, its location says otherwise")


def check_tree(f: Findings) -> None:
    """Every leaf hangs where its record says, and counts and centroids hold all the way up."""
    s = f.snapshot
    staged = 0
    hanging: dict[int, int] = {}
    for leaf in s.leaf_ids():
        meta = s.leaf_meta(leaf)
        if meta.parent:
            hanging[leaf] = meta.parent
        else:
            staged += meta.live
    f.equal("staged rows", staged, s.state.staged)
    seen: set[int] = set()
    if s.state.root:
        f.attempt(lambda: _check_node(f, s.state.root, None, hanging, seen) and None)
    for leaf in sorted(hanging):
        f.report(f"leaf {leaf} hangs from no node")
    keys = s.txn.cursor(s.tree_in.nodes).iternext(keys=True, values=False)
    nodes = {read_u32(key) for key in keys} - {SPACE_NODE}
    f.checked["nodes"] = len(nodes)
    for node in sorted(nodes - seen):
        f.report(f"node {node} is not in the tree")
    f.attempt(lambda: _check_space(s))


def _check_space(snapshot: Reader) -> None:
    space = snapshot.space()
    if space is not None and len(space.mean) != snapshot.state.dim:
        raise CorruptStoreError(f"the tree's space has {len(space.mean)} dimensions, the vectors {snapshot.state.dim}")


def _check_node(f: Findings, node: int, level: int | None, hanging: dict[int, int], seen: set[int]) -> tuple[F32, int]:
    """Check a node and all below it; its mean [d] and its count."""
    s = f.snapshot
    seen.add(node)
    data = s.need(s.tree_in.nodes, format.u32(node), f"node {node}")
    record = format.NodeRecord.unpack(node, data)
    if level is not None and record.level != level:
        f.report(f"node {node} has level {record.level}, expected {level}")
    if len(record.children) == 0:
        f.report(f"node {node} has no children")
        return np.zeros(s.state.dim, np.float32), 0
    for at, child in enumerate(record.children.tolist()):
        tolerance = TOLERANCE
        if record.level > 1:
            mean, count = _check_node(f, child, record.level - 1, hanging, seen)
        else:
            mean, count, tolerance = _leaf_mean(f, child)
            if hanging.pop(child, None) != node:
                f.report(f"leaf {child} is a child of node {node}, its record says otherwise")
        f.equal(f"rows below child {child} of node {node}", int(record.counts[at]), count)
        if not float(np.abs(record.centroids[at] - mean).max(initial=0)) <= tolerance:
            f.report(f"the centroid of child {child} of node {node} is not the mean of its rows")
    weights = record.counts.astype(np.float64)
    total = float(weights.sum()) or 1.0
    return (weights / total @ record.centroids.astype(np.float64)).astype(np.float32), int(total)


def _leaf_mean(f: Findings, leaf: int) -> tuple[F32, int, float]:
    """The mean [d] of a leaf's rows, what its node's entry has to count, and how far the entry may be from the mean.

    The entry is the mean of other rows than today's by those that joined and left since: each can have moved a mean of
    m unit vectors by 2 / m at most.
    """
    meta = f.snapshot.leaf_meta(leaf)
    vectors, _ = f.snapshot.leaf_rows(leaf)
    moved = 2 * meta.left / max(1, meta.counted) + 2 * meta.joined / max(1, meta.live)
    return vectors.mean(axis=0, dtype=np.float32), meta.counted, TOLERANCE + moved


def check_deltas(f: Findings) -> None:
    """Every delta row belongs to a leaf."""
    s = f.snapshot
    leaves = set(s.leaf_ids())
    found = {read_u64(key) >> 32 for key in s.txn.cursor(s.tree_in.deltas).iternext(keys=True, values=False)}
    for leaf in sorted(found - leaves):
        f.report(f"a delta row belongs to leaf {leaf}, which is not there")
    rows = s.entries(s.tree_in.deltas)
    f.equal("delta rows", rows, f.checked["delta rows"])
