"""How well a store finds its facts after every one of them was replaced, against a fresh bulk build of the same facts.

    python benchmarks/churn.py --vectors airports.npz         arrays keys [n, d] and queries [q, d]
    python benchmarks/churn.py --rows 100000                  made-up vectors around centres

Every fact is deleted and inserted anew with another tail and the vector of another fact, in batches, in random order or
one neighbourhood of vectors after another (`--order domain`, the worst order: the tree is pulled from one corner to the
next). Bulk builds cluster finely, as those of `kvdb ingest` do. recall@16: the share of the 16 truly nearest rows that
a search down the tree finds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from load_vectors import make_triples, make_vectors

import kvdb
from kvdb.change.insert import insert_given
from kvdb.tree.cluster import FINE
from kvdb.tree.descend import descend
from kvdb.tree.score import DotScorer

K = 16


def recall(store: kvdb.Store, queries: np.ndarray, keys: np.ndarray, rows: np.ndarray) -> tuple[float, float, float]:
    """recall@16, rows scored per query, and the median milliseconds of a search once pages are warm. keys [n, d] of
    rows [n].
    """
    found, scored = 0, 0
    wide = keys.astype(np.float32)
    with store.snapshot() as snapshot:
        for query in queries.astype(np.float32):
            best = descend(snapshot, DotScorer(query), kvdb.SearchLimits(leaf_top_k=K))
            scores = wide @ query
            nearest = rows[np.argpartition(-scores, K)[:K]]
            found += len(np.intersect1d(best.rows, nearest))
            scored += best.scored_rows
        times = []
        for query in queries.astype(np.float32):
            began = time.perf_counter()
            snapshot.search(query, k=K)
            times.append(time.perf_counter() - began)
    return found / len(queries) / K, scored / len(queries), float(np.median(times)) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--order", choices=["random", "domain"], default="random")
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--empty", action="store_true", help="insert into an empty store instead of replacing")
    args = parser.parse_args()
    rng = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as folder:
        if args.vectors:
            loaded = np.load(args.vectors)
            keys, queries = loaded["keys"][: args.rows], loaded["queries"]
            queries = queries[rng.permutation(len(queries))[: args.queries]]
        else:
            keys = np.asarray(make_vectors(Path(folder, "keys"), args.rows, 1.0, 0))
            noise = rng.standard_normal((args.queries, keys.shape[1])).astype(np.float32) * 0.3
            queries = keys[rng.permutation(len(keys))[: args.queries]] + noise / keys.shape[1] ** 0.5
        report(Path(folder), keys, queries, args, rng)


def report(
    folder: Path, keys: np.ndarray, queries: np.ndarray, args: argparse.Namespace, rng: np.random.Generator
) -> None:
    n = len(keys)
    triples = make_triples(n)
    later = [kvdb.Triple(head, relation, f"{tail} again") for head, relation, tail in triples]
    order = rng.permutation(n) if args.order == "random" else neighbourhoods(keys)
    with kvdb.open(folder / "churned.kvdb", create=True) as store:
        if not args.empty:
            kvdb.load.load_vectors(store, triples, keys, keys, effort=FINE)
            show("fresh", store, queries, keys, np.arange(2, 2 * n + 2, 2))
        began = time.perf_counter()
        rows = np.empty(n, np.int64)
        for start in range(0, n, args.batch):
            at = order[start : start + args.batch]
            if not args.empty:
                store.delete((at + 1).tolist())
            made = insert_given(store, [later[i] for i in at], keys[at], keys[at])
            rows[at] = np.array(made.ids) * 2
        seconds = time.perf_counter() - began
        show(f"churned ({args.order}, {n / seconds:,.0f} facts/s)", store, queries, keys, rows)
        report = store.verify()
        print("verify:", "ok" if report.ok else report.problems[:5], report.checked, store.info().levels)
    with kvdb.open(folder / "fresh.kvdb", create=True) as store:
        shuffled = np.argsort(rows)  # a fresh build has them in the order in which they came
        kvdb.load.load_vectors(store, [later[i] for i in shuffled], keys[shuffled], keys[shuffled], effort=FINE)
        show("rebuilt", store, queries, keys[shuffled], np.arange(2, 2 * n + 2, 2))


def show(name: str, store: kvdb.Store, queries: np.ndarray, keys: np.ndarray, rows: np.ndarray) -> None:
    found, scored, ms = recall(store, queries, keys, rows)
    size = Path(store.path).stat().st_size / 2**20
    print(f"{name:40} recall@{K} {found:.4f}, {scored:,.0f} rows scored, {ms:.2f} ms, file {size:,.0f} MiB", flush=True)


def neighbourhoods(keys: np.ndarray) -> np.ndarray:
    """An order of the keys [n, d] in which like follows like."""
    rng = np.random.default_rng(3)
    centres = keys[rng.permutation(len(keys))[:64]].astype(np.float32)
    parts = (keys[start : start + 8192].astype(np.float32) for start in range(0, len(keys), 8192))
    return np.argsort(np.concatenate([(part @ centres.T).argmax(axis=1) for part in parts]), kind="stable")


if __name__ == "__main__":
    main()
