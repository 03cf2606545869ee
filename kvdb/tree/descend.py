"""The way of a query down the tree: a beam over the centroids, then the rows of the leaves that it reached.

A level is scored in one call with all its pages, so that a scorer may normalise over the level (HiKVP's softmax).
Which limit rules which choice (HiKVP, arXiv 2510.17934, section 3.3; DESIGN section 3):

    choosing nodes, at the root and at any level above the leaves    root_top_k
    choosing leaves                                                  inter_top_k
    choosing rows                                                    leaf_top_k

Invariants: a dead row is never selected; a row is selected at most once; equal scores are ordered by row id (rows) or
by place in the tree (centroids), so that a search is a function of the snapshot, the query and the limits alone; with
limits that cover everything the result is that of `exact`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from kvdb.errors import LimitError
from kvdb.types import F32, U64, LeafId, LeafPage, NodeId, NodePage, SearchLimits, Selection

EXACT_BATCH = 64  # leaves scored together in exact search: about 12 MB of rows at 384 dimensions


class Scorer(Protocol):
    """Gives every candidate of a level a score; higher is better. Called once per level with all pages of it."""

    def nodes(self, pages: Sequence[NodePage], /) -> F32:
        """Scores of all children of `pages`, in order: float32 [total children]."""
        ...

    def leaves(self, pages: Sequence[LeafPage], /) -> F32:
        """Scores of all rows of `pages`, dead ones included, in order: float32 [total rows]."""
        ...


class Tree(Protocol):
    """What a descent reads of a snapshot (`kvdb.snapshot.Snapshot` fits)."""

    @property
    def flat(self) -> bool:
        """True where the store has leaves but no tree over them yet: every leaf is scored."""
        ...

    def root(self) -> NodePage: ...

    def node(self, id: NodeId, /) -> NodePage: ...

    def leaf(self, id: LeafId, /) -> LeafPage: ...

    def leaf_parts(self, id: LeafId, /) -> Sequence[LeafPage]:
        """The rows of a leaf, in one part or more, each where it lies."""
        ...


def descend(tree: Tree, scorer: Scorer, limits: SearchLimits) -> Selection:
    """The `limits.leaf_top_k` best rows that a beam search reaches, best first.

    A flat store is searched exactly. Raises LimitError where a limit is below 1.
    """
    _check(limits.root_top_k, "root_top_k")
    _check(limits.inter_top_k, "inter_top_k")
    _check(limits.leaf_top_k, "leaf_top_k")
    if tree.flat:
        return exact(tree, scorer, limits.leaf_top_k)
    pages = [tree.root()]
    scored_centroids = 0
    while not pages[0].leaves:
        chosen = _best_children(pages, scorer, limits.root_top_k)
        scored_centroids += _children(pages)
        pages = [tree.node(NodeId(id)) for id in chosen]
        if not pages:
            return _nothing(scored_centroids)
    leaves = tuple(LeafId(id) for id in _best_children(pages, scorer, limits.inter_top_k))
    scored_centroids += _children(pages)
    parts = [part for id in leaves for part in _pages(tree, scorer, id)]
    return _best_rows(parts, scorer, limits.leaf_top_k, scored_centroids)


def exact(tree: Tree, scorer: Scorer, k: int) -> Selection:
    """The `k` best rows of all, best first: every leaf is scored, a batch of leaves at a time.

    Memory does not grow with the store. A scorer that normalises over a level sees a batch as a level, which is no
    longer comparable between batches: exact search is for scorers whose score of a row depends on that row alone.
    Raises LimitError where k is below 1.
    """
    _check(k, "k")
    rows: U64 = np.empty(0, np.uint64)
    scores: F32 = np.empty(0, np.float32)
    scored = 0
    batch: list[LeafPage] = []
    for id in _all_leaves(tree):
        batch += _pages(tree, scorer, id)
        if len(batch) >= EXACT_BATCH:
            found = _best_rows(batch, scorer, k, 0)
            rows, scores = _top(np.append(rows, found.rows), np.append(scores, found.scores), k)
            scored, batch = scored + found.scored_rows, []
    found = _best_rows(batch, scorer, k, 0)
    rows, scores = _top(np.append(rows, found.rows), np.append(scores, found.scores), k)
    return Selection(rows, scores, scored_rows=scored + found.scored_rows)


def _pages(tree: Tree, scorer: Scorer, id: LeafId) -> Sequence[LeafPage]:
    """A leaf as the scorer takes it: in parts where it says so (`takes_parts`), else as one page, which a scorer may
    know again by id and generation.
    """
    return tree.leaf_parts(id) if getattr(scorer, "takes_parts", False) else (tree.leaf(id),)


def _check(k: int, name: str) -> None:
    if k < 1:
        raise LimitError(f"{name} is {k}: a search keeps at least 1 candidate at each level, give 1 or more")


def _children(pages: Sequence[NodePage]) -> int:
    return sum(len(page.children) for page in pages)


def _best_children(pages: Sequence[NodePage], scorer: Scorer, k: int) -> list[int]:
    """Ids of the k best children of `pages`, in tree order (what is read together lies together)."""
    children = np.concatenate([page.children for page in pages])  # [n]
    counts = np.concatenate([page.counts for page in pages])  # [n]
    scores = np.where(counts > 0, scorer.nodes(pages), -np.inf)  # [n]
    keep = np.sort(np.argsort(-scores, kind="stable")[:k])  # [<=k]
    keep = keep[counts[keep] > 0]
    ids: list[int] = children[keep].tolist()
    return ids


def _best_rows(pages: Sequence[LeafPage], scorer: Scorer, k: int, scored_centroids: int) -> Selection:
    if not pages:
        return _nothing(scored_centroids)
    scores = scorer.leaves(pages)  # [n]
    rows = np.concatenate([page.rows for page in pages])  # [n]
    live = np.concatenate([page.live for page in pages])  # [n]
    if not live.all():
        best_rows, best_scores = _top(rows[live], scores[live], k)
    else:
        best_rows, best_scores = _top(rows, scores, k)
    leaves = tuple(dict.fromkeys(page.id for page in pages))
    return Selection(best_rows, best_scores, len(rows), scored_centroids, leaves)


def _top(rows: U64, scores: F32, k: int) -> tuple[U64, F32]:
    """The k best of rows [n] by scores [n], best first, equal scores by row id."""
    if len(scores) > k:
        threshold = np.partition(scores, len(scores) - k)[len(scores) - k]
        keep = np.flatnonzero(scores >= threshold)  # more than k where scores tie at the threshold
        rows, scores = rows[keep], scores[keep]
    order = np.lexsort((rows, -scores))[:k]
    return rows[order], scores[order]


def _all_leaves(tree: Tree) -> Iterator[LeafId]:
    """Every leaf once, in tree order."""
    stack = [tree.root()]
    while stack:
        page = stack.pop()
        if page.leaves:
            yield from (LeafId(id) for id in page.children.tolist())
        else:
            stack.extend(tree.node(NodeId(id)) for id in reversed(page.children.tolist()))


def _nothing(scored_centroids: int) -> Selection:
    return Selection(np.empty(0, np.uint64), np.empty(0, np.float32), 0, scored_centroids)
