"""Who picks the facts: the three routes, as query vectors sent down one tree.

- `encoder`: the encoder's vector of the question
- `attention`: the model's own, and the facts about terms that stand verbatim in the question; no encoder is needed. An
  adapter that has no such vector selects by the absorbed queries of its select layers (AtlasKV's way)
- `hybrid`: the union of all three

The vector's similarity, and whether a fact was named, enter the attention as a prior.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from kvdb import SearchLimits, Snapshot
from kvdb.errors import LimitError
from kvdb.tree.descend import descend
from kvdb.tree.score import DotScorer
from kvdb.types import F32, U64, LeafPage, NodePage

from ..attend.projection import Projection
from .pager import Pager

Route = Literal["attention", "encoder", "hybrid"]
ROUTES: tuple[str, ...] = get_args(Route)


def check_route(route: str) -> Route:
    """The route by its name. Raises LimitError."""
    if route not in ROUTES:
        raise LimitError(f"route {route!r} does not exist: choose one of {', '.join(ROUTES)}")
    return route  # type: ignore[return-value]


class SimilarityScorer:
    """The encoder route's scorer: similarity to one question vector [E]. Rows are scored where the pager has them."""

    def __init__(self, query: F32, pager: Pager) -> None:
        self._dot = DotScorer(query)
        self._pager = pager
        self.takes_parts = pager.in_place  # what is copied to a device is copied as one page
        self._query = torch.from_numpy(np.ascontiguousarray(query, np.float32)).to(pager.device)  # [E]

    def nodes(self, pages: Sequence[NodePage], /) -> F32:
        return self._dot.nodes(pages)

    def leaves(self, pages: Sequence[LeafPage], /) -> F32:
        if self._pager.in_place:
            self._pager.touch(pages)
            return self._dot.leaves(pages)
        scores = [torch.mv(page.vectors.float(), self._query) for wave in self._pager.waves(pages) for page in wave]
        return _numpy(torch.cat(scores))


class AttentionScorer:
    """The attention route's scorer (HiKVP, AtlasKV section 3.3).

    A candidate's score is the softmax over its level of the absorbed logits, summed over heads and question tokens:
    vectors [m, E] and offsets [m] from `Projection.absorb`, m = tokens x heads.
    """

    def __init__(self, vectors: Tensor, offsets: Tensor, projection: Projection, pager: Pager) -> None:
        self._vectors, self._offsets, self._projection, self._pager = vectors, offsets, projection, pager

    def nodes(self, pages: Sequence[NodePage], /) -> F32:
        centroids = np.concatenate([page.centroids for page in pages])  # [n, E]
        e = torch.from_numpy(centroids).to(self._vectors.device)  # [n, E]
        return self._summed(self._logits(e, self._projection.sigma(e)))

    def leaves(self, pages: Sequence[LeafPage], /) -> F32:
        parts = []
        for wave in self._pager.waves(pages):
            e = torch.cat([page.vectors for page in wave]).float()  # [n, E]
            logits = self._logits(e, torch.cat([page.sigma for page in wave]))  # [m, n]
            parts.append(logits.masked_fill(~torch.cat([page.live for page in wave]), -math.inf))
        return self._summed(torch.cat(parts, dim=1))

    def _logits(self, e: Tensor, sigma: Tensor) -> Tensor:
        return torch.addmm(self._offsets[:, None], self._vectors, e.T) / sigma  # [m, n]

    @staticmethod
    def _summed(logits: Tensor) -> F32:
        return _numpy(logits.softmax(dim=1).nan_to_num(0.0).sum(dim=0))  # [n]


def select_by_vector(snapshot: Snapshot, query: F32, pager: Pager, limits: SearchLimits) -> U64:
    """Rows nearest to the question's vector [E], best first."""
    return descend(snapshot, SimilarityScorer(query, pager), limits).rows if snapshot.rows else _no_rows()


def select_by_attention(
    snapshot: Snapshot, q: Tensor, index: int, projection: Projection, pager: Pager, limits: SearchLimits
) -> U64:
    """Rows that the queries q [m, H, d] of KB layer `index` attend to most, best first."""
    if not snapshot.rows or not len(q):
        return _no_rows()
    vectors, offsets = projection.absorb(q, index)
    return descend(snapshot, AttentionScorer(vectors, offsets, projection, pager), limits).rows


def union(first: U64, second: U64) -> U64:
    """Both in order, each row once."""
    rows = np.concatenate([first, second])
    _, places = np.unique(rows, return_index=True)
    return rows[np.sort(places)]


def without(rows: U64, hidden: frozenset[int]) -> U64:
    """The rows that are not hidden, in their order."""
    return np.array([row for row in rows.tolist() if row not in hidden], np.uint64) if hidden else rows


def widened(limits: SearchLimits, hidden: frozenset[int]) -> SearchLimits:
    """Limits under which as many rows are left as ever, once the hidden ones are taken out."""
    return replace(limits, leaf_top_k=limits.leaf_top_k + len(hidden))


def _no_rows() -> U64:
    return np.empty(0, np.uint64)


def _numpy(tensor: Tensor) -> F32:
    array: Any = tensor.float().cpu().numpy()
    return array  # type: ignore[no-any-return]
