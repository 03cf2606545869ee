"""Whether a store gives back the space of what was deleted, and still finds every fact, after many changes.

    python benchmarks/space.py --vectors airports.npz         an array keys [n, d]
    python benchmarks/space.py --rows 200000                  made-up vectors

In each round half of the facts, chosen at random, are deleted and inserted anew with another tail. The file is compared
with a fresh build of the facts that are there in the end. A fact is found where the search for its own vector brings
it first, or another fact with the very same vector.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from load_vectors import make_triples, make_vectors

import kvdb
from kvdb.change.insert import insert_given
from kvdb.load import load_vectors


@dataclass(frozen=True)
class Sizes:
    """Bytes of the file."""

    changed: int
    compacted: int
    fresh: int


def fill(store: kvdb.Store, keys: np.ndarray) -> tuple[list[kvdb.Triple], np.ndarray]:
    """A fact for each of the keys [n, d]: facts and ids [n]."""
    facts = [kvdb.Triple(*fields) for fields in make_triples(len(keys))]
    load_vectors(store, facts, keys, keys)
    return facts, np.arange(1, len(keys) + 1)


def replace_half(
    store: kvdb.Store, keys: np.ndarray, facts: list[kvdb.Triple], ids: np.ndarray, number: int, batch: int
) -> None:
    """Round `number`: delete half of the facts and insert them anew. Changes `facts` and `ids`."""
    half = np.random.default_rng(number).permutation(len(keys))[: len(keys) // 2]
    for start in range(0, len(half), batch):
        at = half[start : start + batch]
        store.delete(ids[at].tolist())
        for i in at.tolist():
            tail = facts[i].tail.partition(" of round ")[0]
            facts[i] = facts[i]._replace(tail=f"{tail} of round {number}")
        ids[at] = insert_given(store, [facts[i] for i in at], keys[at], keys[at]).ids


def lost(store: kvdb.Store, keys: np.ndarray, ids: np.ndarray, sample: int) -> tuple[int, int]:
    """How many of a sample of facts a search down the tree, and an exact one, do not find by their own vectors."""
    at = np.random.default_rng(1).permutation(len(keys))[:sample]
    live = set(ids.tolist())
    missed = [0, 0]
    with store.snapshot() as snapshot:
        for i in at.tolist():
            for exact in (False, True) if i % 20 == 0 else (False,):
                hit = snapshot.search(keys[i].astype(np.float32), k=1, exact=exact)[0]
                assert hit.fact.id in live, f"fact {hit.fact.id} was deleted"
                same = hit.fact.id == ids[i] or np.array_equal(keys[ids == hit.fact.id][0], keys[i])
                missed[exact] += not same
    return missed[0], missed[1]


def sizes(store: kvdb.Store, facts: list[kvdb.Triple], keys: np.ndarray, ids: np.ndarray, folder: Path) -> Sizes:
    """The file as it is, compacted, and of a fresh and compacted build of the same facts in the same order."""
    changed = Path(store.path).stat().st_size
    store.compact()
    order = np.argsort(ids)
    with kvdb.open(folder / "fresh.kvdb", create=True) as fresh:
        load_vectors(fresh, [facts[i] for i in order], keys[order], keys[order])
        fresh.compact()
    return Sizes(changed, Path(store.path).stat().st_size, (folder / "fresh.kvdb").stat().st_size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--sample", type=int, default=5000, help="facts that are looked for in the end")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loaded = np.load(args.vectors)["keys"][: args.rows] if args.vectors else None
        keys = np.asarray(make_vectors(folder / "keys", args.rows, 1.0, 0)) if loaded is None else loaded
        with kvdb.open(folder / "s.kvdb", create=True) as store:
            began = time.perf_counter()
            facts, ids = fill(store, keys)
            for number in range(args.rounds):
                replace_half(store, keys, facts, ids, number, args.batch)
                size, seconds = Path(store.path).stat().st_size, time.perf_counter() - began
                print(f"round {number + 1}: {size >> 20} MiB, {seconds:,.0f} s", flush=True)
            missed, missed_exactly = lost(store, keys, ids, args.sample)
            print(f"not found: {missed} of {args.sample} down the tree, {missed_exactly} exactly")
            print("verify:", "ok" if store.verify().ok else "problems")
            found = sizes(store, facts, keys, ids, folder)
    print(
        f"file {found.changed >> 20} MiB, {found.changed / found.fresh:.2f} x a fresh build ({found.fresh >> 20} MiB)"
    )
    print(f"compacted {found.compacted / found.fresh:.3f} x")


if __name__ == "__main__":
    main()
