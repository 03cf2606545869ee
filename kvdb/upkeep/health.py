"""How well a store is: what waits, what is dead, how full the leaves are, how many of the nearest rows a search finds.

Leaf records are all read, and a few exact searches made: seconds for a large store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kvdb.change.leaf_edit import LEAF_MAX
from kvdb.change.pending import waiting
from kvdb.rebuild import leftovers
from kvdb.snapshot import Snapshot
from kvdb.tree.descend import descend, exact
from kvdb.tree.score import DotScorer
from kvdb.types import Health, LeafId, SearchLimits

if TYPE_CHECKING:
    from kvdb.store import Store

K = 16
BUCKETS = 8  # of leaf sizes


def health(store: Store, *, samples: int = 32, seed: int = 0) -> Health:
    """Store.health."""
    env = store.environment
    stale = env.check().reader_check()
    readers = max(0, len(env.check().readers().splitlines()) - 1)
    with store.snapshot() as snapshot:
        metas = [snapshot.leaf_meta(leaf) for leaf in snapshot.leaf_ids()]
        live = np.array([meta.live for meta in metas], np.int64)  # [L]
        sizes, _ = np.histogram(live, BUCKETS, (0, LEAF_MAX))
        small, middle, large = np.percentile(live, (0, 50, 100)).tolist() if len(live) else (0, 0, 0)
        return Health(
            leaves=len(metas),
            leaf_rows=(int(small), int(middle), int(large)),
            leaf_sizes=tuple(sizes.tolist()),
            delta_rows=sum(meta.delta for meta in metas),
            dead_rows=sum(meta.n + meta.delta - meta.live for meta in metas),
            queued=waiting(snapshot),
            leftovers=leftovers(snapshot),
            readers=readers,
            stale_readers=stale,
            recall=_recall(snapshot, samples, seed),
        )


def _recall(snapshot: Snapshot, samples: int, seed: int) -> float | None:
    """The share of the K nearest rows of sampled rows that a search finds; None where every search is exact."""
    if snapshot.flat or snapshot.rows == 0:
        return None
    rng = np.random.default_rng(seed)
    leaves = list(snapshot.leaf_ids())
    found = wanted = 0
    for at in rng.integers(0, len(leaves), samples).tolist():
        page = snapshot.leaf(LeafId(leaves[at]))
        rows = page.vectors[page.live]
        scorer = DotScorer(rows[int(rng.integers(len(rows)))].astype(np.float32))
        best = exact(snapshot, scorer, K).rows
        found += len(np.intersect1d(best, descend(snapshot, scorer, SearchLimits(leaf_top_k=K)).rows))
        wanted += len(best)
    return found / wanted
