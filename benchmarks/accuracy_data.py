"""What benchmarks/accuracy.py asks, and of how many facts: nested sets that all hold the asked facts, as stores.

one file of facts --shuffled--> asked facts first, then the others: the set of N facts is the first N
                                some facts are set aside, are in no set, and are asked about for refusal
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

import kvdb
from kvdb import Triple
from kvdb.kg2kv import noun_forms
from kvdb.load import ingest, load_vectors
from kvdb.types import F16, row_of
from kvdb_sdk import Encoder
from kvdb_sdk.evaluation.evaluate import worded
from kvdb_sdk.evaluation.report import Asked

BLOCK = 20_000


@dataclass(frozen=True, slots=True)
class Protocol:
    """Facts in the order in which sets grow, and the questions that every set is asked."""

    facts: Sequence[Triple]
    asked: Sequence[Asked]

    def sizes(self, wanted: Iterable[int]) -> list[int]:
        """Those of the wanted sizes that there are facts for, ascending."""
        return sorted(size for size in set(wanted) if size <= len(self.facts))


def protocol(triples: Iterable[Triple], smallest: int, *, count: int, unknown: int, seed: int) -> Protocol:
    """At most `count` questions about facts of every set from size `smallest` on, `unknown` ones about facts of none.

    Only facts that are alone with their head and their relation's noun are asked about: one answer is right.
    """
    rng = random.Random(seed)
    order = list(dict.fromkeys(triples))
    rng.shuffle(order)
    tails = Counter((triple.head, _noun(triple.relation)) for triple in order)
    single = [triple for triple in order if tails[triple.head, _noun(triple.relation)] == 1]
    there, aside = single[: min(count, smallest)], single[min(count, smallest) :][:unknown]
    taken = {*there, *aside}
    asked = [worded(triple, _noun, rng) for triple in there]
    asked += [worded(triple, _noun, rng, known=False) for triple in aside]
    return Protocol([*there, *(triple for triple in order if triple not in taken)], asked)


@cache
def _noun(relation: str) -> str:
    return noun_forms(relation).tail_noun


def sized_stores(plan: Protocol, sizes: Sequence[int], folder: Path, name: str, encoder: Encoder) -> dict[int, Path]:
    """A store of each size in `folder`, made where it is not there yet.

    The largest is encoded, which takes a while and goes on where it was cut off; the others take their vectors from it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {size: folder / f"{name}-{size}.kvdb" for size in sizes}
    largest = max(sizes)
    for size in sorted(sizes, reverse=True):
        if size == largest:
            with kvdb.open(paths[size], create=True) as store:
                if store.info().triples != size:
                    store.bind_encoder(encoder.record)
                    ingest(store, plan.facts[:size], encoder, progress=_say)
        elif not paths[size].exists():
            _part_of(plan.facts[:size], paths[largest], paths[size])
        _check(plan, size, paths[size])
    return paths


def _part_of(facts: Sequence[Triple], whole: Path, target: Path) -> None:
    part = target.with_suffix(".part")
    part.unlink(missing_ok=True)
    with kvdb.open(whole, read_only=True) as source:
        record = source.encoder
        ids = [source.find(fact) for fact in facts]
        with source.snapshot() as snapshot:
            keys, values = _vectors(snapshot, [row_of(id, "tail") for id in ids if id is not None])
    assert record is not None
    with kvdb.open(part, create=True) as store:
        store.bind_encoder(record)
        load_vectors(store, facts, keys, values)
    part.replace(target)


def _vectors(snapshot: kvdb.Snapshot, rows: Sequence[int]) -> tuple[F16, F16]:
    """Key and value vectors of rows, [n, E] each."""
    blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    keys = np.concatenate([snapshot.key_vectors(block).astype(np.float16) for block in blocks])
    values = np.concatenate([snapshot.value_vectors(block).astype(np.float16) for block in blocks])
    return keys, values


def _check(plan: Protocol, size: int, path: Path) -> None:
    """A store from another file, seed or count would answer other questions."""
    with kvdb.open(path, read_only=True) as store:
        wrong = [one for one in plan.asked if (store.find(one.triple) is not None) != one.known]
        if wrong or store.info().triples != size:
            raise SystemExit(f"{path} was made for other questions: remove it, or give another --stores folder")


def _say(read: int, _: int) -> None:
    print(f"{read:,} facts encoded", flush=True)
