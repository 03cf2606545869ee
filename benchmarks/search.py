"""One search at a time, vector given: kvdb against LanceDB and Chroma at their defaults, over the same facts.

    kvdb ingest airports.tsv.gz airports.kvdb && python benchmarks/search.py airports.kvdb
    python benchmarks/search.py airports.npz

A store gives its own facts, and the questions are made from 1,000 of them. A .npz file gives `keys` [n, d], `queries`
[q, d] and `gold` [q] (which key each query asks for), and a store is built from it. Prints a Markdown table. The other
databases are compared where they are installed (`pip install lancedb chromadb`); the pages of kvdb are read once before
it is timed, as theirs are.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import kvdb
from kvdb.tree import cluster
from kvdb.tree.descend import descend
from kvdb.tree.score import DotScorer

K = 16
WARM_UP = 100  # searches before any is timed
BLOCK = 20_000  # rows at a time

Search = Callable[[np.ndarray], list[int]]  # one query [d] -> places of the nearest keys, best first


@dataclass(frozen=True)
class Facts:
    """Keys, and questions with the key that each asks for."""

    keys: np.ndarray  # float16 [n, d] unit length
    queries: np.ndarray  # float32 [q, d] unit length
    gold: np.ndarray  # [q]
    exact: np.ndarray  # [q, K] the nearest keys, best first


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    name: str
    found: list[list[int]]
    seconds: list[float]
    build: float | None  # seconds
    scored: str = "not reported"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("facts", type=Path, help="a store, or vectors in a .npz file")
    parser.add_argument("--count", type=int, default=1000, help="questions")
    parser.add_argument("--rounds", type=int, default=3, help="times that every question is asked; the best counts")
    parser.add_argument("--coarse", action="store_true", help="build with the effort of a large load")
    parser.add_argument("--only", choices=SYSTEMS, help="run this one alone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        facts, store, build = _facts(options.facts, Path(folder), options.count, options.coarse)
        results = []
        for name, measure in SYSTEMS.items():
            if options.only in (None, name):
                try:
                    results.append(measure(facts, store, build, Path(folder), options.rounds))
                except ImportError as error:
                    print(f"{name} is left out ({error}): pip install lancedb chromadb\n")
    n, d = facts.keys.shape
    print(f"{n:,} facts of {d} dimensions, {len(facts.queries):,} questions, one search at a time, {K} results\n")
    print(f"exact search finds the right fact first in {100 * (facts.exact[:, 0] == facts.gold).mean():.1f} %\n")
    print(f"| | p50 ms | p95 ms | recall@{K} | right fact first | rows scored | built in s |")
    print("|---|---|---|---|---|---|---|")
    for result in results:
        print(_line(result, facts))


def _line(result: Result, facts: Facts) -> str:
    hits = [len(set(found) & set(wanted)) for found, wanted in zip(result.found, facts.exact.tolist(), strict=True)]
    first = [found[:1] == [gold] for found, gold in zip(result.found, facts.gold.tolist(), strict=True)]
    p50, p95 = np.percentile(result.seconds, [50, 95]) * 1000
    build = "-" if result.build is None else f"{result.build:.0f}"
    return (
        f"| {result.name} | {p50:.2f} | {p95:.2f} | {100 * np.mean(hits) / K:.1f} % | {100 * np.mean(first):.1f} % "
        f"| {result.scored} | {build} |"
    )


def _facts(path: Path, folder: Path, count: int, coarse: bool) -> tuple[Facts, Path, float | None]:
    """The facts, their store, and the seconds that it took where it was built here."""
    if path.suffix != ".npz":
        return *_stored(path, count), None
    with np.load(path) as arrays:
        keys, queries, gold = (arrays[name] for name in ("keys", "queries", "gold"))
    facts = _with_exact(keys, queries[:count], gold[:count])
    store = folder / "facts.kvdb"
    if coarse:
        cluster.FINE_ROWS = 0
    triples = [(f"fact {i}", "number", str(i)) for i in range(len(keys))]
    with kvdb.open(store, create=True) as opened:
        began = time.perf_counter()
        kvdb.load.load_vectors(opened, triples, keys, keys)
        return facts, store, time.perf_counter() - began


def _stored(path: Path, count: int) -> tuple[Facts, Path]:
    """Keys of a store's rows in the order of its leaves, and questions about some of them."""
    from kvdb_sdk.models.encoders import load_encoder

    with kvdb.open(path, read_only=True) as store, store.snapshot() as snapshot:
        pages = [snapshot.leaf_page(leaf) for leaf in snapshot.leaf_ids()]
        keys = np.concatenate([vectors for _, vectors, _ in pages])  # [n, d]
        rows = np.concatenate([rows for _, _, rows in pages])  # [n]
        nouns = {relation.name: relation.tail_noun for relation in snapshot.relations()}
        tails = np.flatnonzero(rows % 2 == 0)  # the tail is masked
        gold = np.random.default_rng(0).choice(tails, min(count, len(tails)), replace=False)
        facts = [snapshot.triple(int(row) // 2) for row in rows[gold]]
        questions = [f"What is the {nouns[fact.relation]} of {fact.head}?" for fact in facts]
    return _with_exact(keys, np.asarray(load_encoder()(questions), np.float32), gold), path


def _with_exact(keys: np.ndarray, queries: np.ndarray, gold: np.ndarray) -> Facts:
    """The facts with the K nearest keys of each query, in float32."""
    nearest = np.empty((len(queries), 0), np.int64)
    scores = np.empty((len(queries), 0), np.float32)
    for start in range(0, len(keys), BLOCK):
        part = queries @ keys[start : start + BLOCK].astype(np.float32).T  # [q, b]
        scores = np.concatenate([scores, part], axis=1)
        places = np.arange(start, start + part.shape[1])
        nearest = np.concatenate([nearest, np.broadcast_to(places, part.shape)], axis=1)
        best = np.argsort(-scores, axis=1, kind="stable")[:, :K]
        nearest, scores = (np.take_along_axis(array, best, axis=1) for array in (nearest, scores))
    return Facts(keys, queries, gold, nearest)


def _timed(search: Search, queries: np.ndarray, rounds: int) -> tuple[list[list[int]], list[float]]:
    """What each query found, and the least seconds that it took."""
    for query in queries[:WARM_UP]:
        search(query)
    found, seconds = [], []
    for round in range(rounds):
        taken = []
        for query in queries:
            began = time.perf_counter()
            result = search(query)
            taken.append(time.perf_counter() - began)
            if round == 0:
                found.append(result)
        seconds.append(taken)
    return found, np.min(seconds, axis=0).tolist()


def _kvdb(facts: Facts, path: Path, build: float | None, folder: Path, rounds: int) -> Result:
    with kvdb.open(path, read_only=True) as store:
        with store.snapshot() as snapshot:
            pages = [snapshot.leaf(leaf) for leaf in snapshot.leaf_ids()]  # reads and checks every page
            rows = np.concatenate([page.rows for page in pages])
            if build is None:
                place = {row: at for at, row in enumerate(rows.tolist())}
            else:
                place = {row: row // 2 - 1 for row in rows.tolist()}  # facts are numbered as they were given
        scored = []

        def search(query: np.ndarray) -> list[int]:
            with store.snapshot() as snapshot:
                found = descend(snapshot, DotScorer(query), kvdb.SearchLimits(leaf_top_k=K))
            scored.append((found.scored_rows, found.scored_centroids))
            return [place[row] for row in found.rows.tolist()]

        found, seconds = _timed(search, facts.queries, rounds)
    share, centroids = 100 * np.mean(scored, axis=0) / len(facts.keys)
    return Result("kvdb", found, seconds, build, f"{share:.1f} % + {centroids:.1f} % centroids")


def _lancedb(facts: Facts, path: Path, build: float | None, folder: Path, rounds: int) -> Result:
    import lancedb
    import pyarrow

    began = time.perf_counter()
    flat = pyarrow.array(facts.keys.astype(np.float32).ravel())
    vectors = pyarrow.FixedSizeListArray.from_arrays(flat, facts.keys.shape[1])
    columns = {"place": pyarrow.array(np.arange(len(facts.keys))), "vector": vectors}
    table = lancedb.connect(str(folder / "lancedb")).create_table("facts", pyarrow.table(columns))
    table.create_index(metric="cosine", index_type="IVF_FLAT")
    took = time.perf_counter() - began

    def search(query: np.ndarray) -> list[int]:
        found: Any = table.search(query).distance_type("cosine").select(["place", "_distance"]).limit(K).to_arrow()
        return found["place"].to_pylist()

    return Result(f"LanceDB {lancedb.__version__}, IVF_FLAT", *_timed(search, facts.queries, rounds), took)


def _chroma(facts: Facts, path: Path, build: float | None, folder: Path, rounds: int) -> Result:
    import chromadb

    began = time.perf_counter()
    client = chromadb.PersistentClient(str(folder / "chroma"))
    collection: Any = client.create_collection("facts", embedding_function=None)
    size = min(5000, client.get_max_batch_size())
    for start in range(0, len(facts.keys), size):
        part = facts.keys[start : start + size].astype(np.float32)
        collection.add(ids=[str(i) for i in range(start, start + len(part))], embeddings=part)
    took = time.perf_counter() - began

    def search(query: np.ndarray) -> list[int]:
        found = collection.query(query_embeddings=query[None], n_results=K, include=[])
        return [int(id) for id in found["ids"][0]]

    return Result(f"Chroma {chromadb.__version__}, HNSW", *_timed(search, facts.queries, rounds), took)


SYSTEMS = {"kvdb": _kvdb, "LanceDB": _lancedb, "Chroma": _chroma}


if __name__ == "__main__":
    main()
