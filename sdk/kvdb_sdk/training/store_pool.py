"""The rows of a store as a pool that training draws from."""

from __future__ import annotations

import random

import numpy as np

from kvdb import Snapshot
from kvdb.errors import LimitError
from kvdb.types import Fact, Mask, row_of

from .examples import Pool, PoolRow


def pool_of(snapshot: Snapshot, *, limit: int = 200_000, seed: int = 0) -> Pool:
    """At most `limit` facts of the store, drawn evenly, with all their rows and the vectors that the store
    has.

    Raises LimitError where the store is empty.
    """
    facts = _sample(snapshot, limit, seed)
    if not facts:
        raise LimitError(f"{snapshot.path} holds no facts: ingest some first")
    nouns = {relation.name: relation for relation in snapshot.relations()}
    masks: tuple[Mask, ...] = snapshot.masks
    ids, rows = [], []
    for fact in facts:
        for mask in masks:
            relation = nouns[fact.relation]
            ids.append(row_of(fact.id, mask))
            if mask == "tail":
                rows.append(PoolRow(relation.tail_noun, fact.head, fact.tail, fact.relation))
            else:
                rows.append(PoolRow(relation.head_noun, fact.tail, fact.head))
    keys = snapshot.key_vectors(ids).astype(np.float16)  # [n, d]
    values = snapshot.value_vectors(ids).astype(np.float16)  # [n, d]
    return Pool.of(rows, keys, values)


def _sample(snapshot: Snapshot, limit: int, seed: int) -> list[Fact]:
    """Reservoir sampling (Vitter, algorithm R): one pass, however many facts there are."""
    rng = random.Random(seed)
    kept: list[Fact] = []
    for seen, fact in enumerate(snapshot.match()):
        if seen < limit:
            kept.append(fact)
        elif (place := rng.randrange(seen + 1)) < limit:
            kept[place] = fact
    return kept
