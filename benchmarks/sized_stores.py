"""Makes stores of given sizes out of one store's facts and vectors, for benchmarks/ask.py.

    python benchmarks/sized_stores.py airports.kvdb --sizes 1000 10000 100000 1000000 --out folder

A smaller store is an even sample. A larger one repeats the facts with numbered heads, whose vectors are those of the
original with a little noise (0.1 of their length), since a million real sentences take an hour to encode.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import kvdb
from kvdb.tree.cluster import FINE
from kvdb.types import row_of

NOISE = 0.1
BLOCK = 20_000


def vectors_of(snapshot: kvdb.Snapshot, facts: list[kvdb.Fact]) -> tuple[np.ndarray, np.ndarray]:
    """Keys and values of the tail-masked rows of facts: float16 [n, d] each."""
    keys, values = [], []
    for start in range(0, len(facts), BLOCK):
        rows = [row_of(fact.id, "tail") for fact in facts[start : start + BLOCK]]
        keys.append(snapshot.key_vectors(rows).astype(np.float16))
        values.append(snapshot.value_vectors(rows).astype(np.float16))
    return np.concatenate(keys), np.concatenate(values)


def jittered(vectors: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Vectors [n, d] with noise of NOISE times their length, unit length again, in blocks."""
    out = np.empty_like(vectors)
    for start in range(0, len(vectors), BLOCK):
        part = vectors[start : start + BLOCK].astype(np.float32)
        part += rng.standard_normal(part.shape, np.float32) * (NOISE / part.shape[1] ** 0.5)
        out[start : start + BLOCK] = part / np.linalg.norm(part, axis=1, keepdims=True)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("--sizes", nargs="+", type=int, required=True)
    parser.add_argument("--out", type=Path, default=Path())
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    with kvdb.open(options.store, read_only=True) as source:
        with source.snapshot() as snapshot:
            facts = list(snapshot.match())
            facts = [facts[i] for i in rng.permutation(len(facts))]
            keys, values = vectors_of(snapshot, facts)
        record = source.encoder
    for size in options.sizes:
        triples, parts, tails = [], [], []
        for copy in range(-(-size // len(facts))):
            n = min(len(facts), size - copy * len(facts))
            suffix = f" no. {copy + 1}" if copy else ""
            triples += [(fact.head + suffix, fact.relation, fact.tail) for fact in facts[:n]]
            parts.append(jittered(keys[:n], rng) if copy else keys[:n])
            tails.append(values[:n])
        path = options.out / f"facts-{size}.kvdb"
        with kvdb.open(path, create=True) as store:
            store.bind_encoder(record)
            report = kvdb.load.load_vectors(store, triples, np.concatenate(parts), np.concatenate(tails), effort=FINE)
        print(f"{path}: {report.inserted:,} facts in {report.seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
