"""Which of the rows that a prompt has read it read most."""

from __future__ import annotations

from collections.abc import Sequence

from kvdb import Snapshot
from kvdb.types import U64, fact_of, mask_of


def most_read(snapshot: Snapshot, rows: U64, weights: Sequence[float]) -> tuple[int, float]:
    """The place of the row read most, and how much it is read together with the other values of what was asked.

    Four tails of one head and relation are each read a quarter: they are one answer.
    """
    total: dict[tuple[str, str, str], float] = {}
    groups = []
    facts = snapshot.facts([fact_of(row) for row in rows.tolist()])
    for row, fact, weight in zip(rows.tolist(), facts, weights, strict=False):
        mask = mask_of(row)
        groups.append((mask, fact.relation, fact.head if mask == "tail" else fact.tail))
        total[groups[-1]] = total.get(groups[-1], 0.0) + weight
    best = max(range(len(groups)), key=lambda place: (total[groups[place]], weights[place]))
    return best, total[groups[best]]
