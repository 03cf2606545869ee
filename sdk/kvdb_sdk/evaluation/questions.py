"""Questions for an evaluation of a store: facts that it has, and as a check of refusal, facts that it has
not."""

from __future__ import annotations

import random
from collections.abc import Sequence

from kvdb import Store, Triple

from .evaluate import questions
from .report import Asked

UNKNOWN_SHARE = 0.25  # questions without a fact, for each one with


def store_questions(store: Store, triples: Sequence[Triple], *, count: int, seed: int = 0) -> list[Asked]:
    """`count` questions about those `triples` that the store has, in the store's own nouns, and a quarter as
    many that it cannot answer: about triples that it lacks, else about a head joined with a relation of
    another.

    Raises LimitError where no triple can be asked about.
    """
    nouns = {relation.name: relation.tail_noun for relation in store.relations()}
    there = [triple for triple in triples if store.find(triple) is not None]
    asked = questions(there, count=count, seed=seed, nouns=nouns.__getitem__)
    missing = _missing(store, triples, max(1, int(len(asked) * UNKNOWN_SHARE)), random.Random(seed))
    if not missing:
        return asked
    absent = questions(missing, count=len(missing), seed=seed, nouns=lambda name: nouns.get(name, name), known=False)
    return asked + absent


def _missing(store: Store, triples: Sequence[Triple], count: int, rng: random.Random) -> list[Triple]:
    """At most `count` triples whose (head, relation) the store has nothing about."""
    found: dict[tuple[str, str], Triple] = {}
    heads, relations = [t.head for t in triples], sorted({t.relation for t in triples})
    given = rng.sample(list(triples), min(len(triples), 4 * count))
    joined = (Triple(rng.choice(heads), rng.choice(relations), "") for _ in range(20 * count))
    for triple in (*given, *joined):
        if len(found) == count:
            break
        if next(store.match(head=triple.head, relation=triple.relation), None) is None:
            found[triple.head, triple.relation] = triple
    return list(found.values())
