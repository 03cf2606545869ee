"""The same changes in kvdb, LanceDB, Chroma, sqlite-vec and faiss, side by side.

    pip install lancedb chromadb sqlite-vec faiss-cpu    # and pysqlite3-binary, where sqlite3 loads no extensions
    python benchmarks/compare_changes.py --vectors airports.npz         arrays keys [n, d] and queries [q, d]
    python benchmarks/compare_changes.py --rows 100000                  made-up vectors around centres

Every store takes these steps: load all items in bulk; delete some in batches; insert those again, a few one at a time
and the others in batches; then replace every item, a batch deleted and inserted with other texts and the same vectors,
in random order or one neighbourhood of vectors after another (`--order domain`); then the store's own compaction. A
change is done when it is as durable as the store makes it, which differs:

    kvdb         a synced transaction
    sqlite-vec   a synced transaction; a search reads every row
    Chroma       a synced log, from which the graph is caught up with after a crash
    LanceDB      new files and a manifest, not synced; searched row by row until the next optimize
    faiss        the whole index written anew, synced and renamed; no texts

recall@16 is the share of the 16 truly nearest items that a search finds, one search at a time. Each store has its
defaults but for faiss, which has none: 4 sqrt(n) lists, 64 of them searched. The table goes to standard output. With
`--json` the figures of each step are in the file when it ends, and a later call with other stores and equal settings
adds to it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from churn import neighbourhoods
from compared_base import Items, K, System
from compared_systems import SYSTEMS, TITLES
from load_vectors import make_triples, make_vectors
from numpy.typing import NDArray

import kvdb
from kvdb.types import F16, F32

WARM_UP = 20  # searches before any is timed
LINES = {
    "built, s": "build_s",
    "insert of one, p50 ms": "one_p50_ms",
    "insert of one, p99 ms": "one_p99_ms",
    "inserts/s": "inserts_per_s",
    "deletes/s": "deletes_per_s",
    "every item replaced, items/s": "replaced_per_s",
    f"recall@{K}, fresh": "recall_fresh",
    f"recall@{K}, all replaced": "recall_churned",
    f"recall@{K}, compacted": "recall_compacted",
    "search p50 ms, fresh": "search_ms_fresh",
    "search p50 ms, all replaced": "search_ms_churned",
    "search p50 ms, compacted": "search_ms_compacted",
    "MiB, fresh": "mib_fresh",
    "MiB, all replaced": "mib_churned",
    "MiB, compacted": "mib_compacted",
    "compaction": "compaction",
    "compaction, s": "compaction_s",
}

Figures = dict[str, Any]
Save = Callable[[Figures], None]


class Changes:
    """What is done to every store: the vectors, the order, and which item each vector has by now."""

    def __init__(self, keys: F16, queries: F32, order: NDArray[np.int64], options: argparse.Namespace) -> None:
        self.keys, self.queries, self.order = keys, queries, order
        self.options = options
        self.nearest = exact(keys, queries)  # [q, K]
        self._triples = make_triples(len(keys))
        self._rounds = np.zeros(len(keys), np.int64)  # times that each item was replaced

    def start(self) -> None:
        self._rounds[:] = 0

    def ids(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """The items that the vectors at [m] have now."""
        return self._rounds[at] * len(self.keys) + at

    def items(self, at: NDArray[np.int64], *, again: bool = True) -> Items:
        """The items to insert for the vectors at [m]: new ones, unless the first."""
        self._rounds[at] += again
        texts = [self._text(i, int(self._rounds[i])) for i in at.tolist()]
        return Items(self.ids(at), texts, self.keys[at])

    def _text(self, at: int, round: int) -> kvdb.Triple:
        head, relation, tail = self._triples[at]
        return kvdb.Triple(head, relation, f"{tail} again {round}" if round else tail)

    def found(self, system: System, figures: Figures, when: str) -> None:
        """Search, and note recall, time and size."""
        for query in self.queries[:WARM_UP]:
            system.search(query)
        hits, seconds = 0, []
        for query, nearest in zip(self.queries, self.nearest, strict=True):
            began = time.perf_counter()
            ids = system.search(query)
            seconds.append(time.perf_counter() - began)
            hits += len(np.intersect1d(np.array(ids, np.int64) % len(self.keys), nearest))
        figures[f"recall_{when}"] = hits / self.nearest.size
        figures[f"search_ms_{when}"] = float(np.median(seconds)) * 1e3
        figures[f"mib_{when}"] = system.size() / 2**20


def exact(keys: F16, queries: F32) -> NDArray[np.int64]:
    """The K nearest keys [n, d] of each query [q, d]: [q, K]."""
    out = np.empty((len(queries), K), np.int64)
    wide = keys.astype(np.float32)
    for at in range(0, len(queries), 64):
        scores = queries[at : at + 64] @ wide.T  # [64, n]
        out[at : at + 64] = np.argpartition(-scores, K, axis=1)[:, :K]
    return out


def measure(name: str, system: System, changes: Changes, save: Save) -> None:
    """Take one store through all changes."""
    options = changes.options
    n = len(changes.keys)
    figures: Figures = {"version": system.version}
    changes.start()

    def step(text: str) -> None:
        save(figures)
        print(f"{name}: {text}", file=sys.stderr, flush=True)

    step(f"loading {n:,} items")
    began = time.perf_counter()
    system.build(changes.items(np.arange(n), again=False))
    figures["build_s"] = time.perf_counter() - began
    changes.found(system, figures, "fresh")
    step(f"deleting (recall {figures['recall_fresh']:.3f})")
    some = np.random.default_rng(2).permutation(n)[: min(n // 2, options.singles + options.batches * options.batch)]
    figures["deletes_per_s"] = rate(some, options.batch, lambda at: delete(system, changes, at))
    step("inserting one at a time")
    seconds = singles(system, changes, some[: options.singles], options.seconds)
    figures["one_p50_ms"], figures["one_p99_ms"] = (float(p) for p in np.percentile(seconds, (50, 99)) * 1e3)
    step("inserting in batches")
    figures["inserts_per_s"] = rate(some[len(seconds) :], options.batch, lambda at: insert(system, changes, at))
    step("replacing every item")
    figures["replaced_per_s"] = rate(changes.order, options.batch, lambda at: replace(system, changes, at), name)
    changes.found(system, figures, "churned")
    if system.compaction:
        step(f"compacting (recall {figures['recall_churned']:.3f})")
        figures["compaction"] = system.compaction
        began = time.perf_counter()
        system.compact()
        figures["compaction_s"] = time.perf_counter() - began
        changes.found(system, figures, "compacted")
    step("done")


def insert(system: System, changes: Changes, at: NDArray[np.int64]) -> None:
    system.insert(changes.items(at))
    system.flush()


def delete(system: System, changes: Changes, at: NDArray[np.int64]) -> None:
    system.delete(changes.ids(at))
    system.flush()


def replace(system: System, changes: Changes, at: NDArray[np.int64]) -> None:
    system.delete(changes.ids(at))
    system.insert(changes.items(at))
    system.flush()


def rate(at: NDArray[np.int64], size: int, change: Callable[[NDArray[np.int64]], None], name: str = "") -> float:
    """Items a second of a change that is made to those at [m], a batch at a time. `name`: tells how far it is."""
    began = said = time.perf_counter()
    for start in range(0, len(at), size):
        change(at[start : start + size])
        if name and time.perf_counter() - said > 10:
            said = time.perf_counter()
            print(f"{name}: {start + size:,} of {len(at):,}", file=sys.stderr, flush=True)
    return len(at) / (time.perf_counter() - began)


def singles(system: System, changes: Changes, at: NDArray[np.int64], most: float) -> list[float]:
    """Seconds of each insert of one item; those that were made in `most` seconds."""
    out: list[float] = []
    for one in at[:, None]:
        began = time.perf_counter()
        insert(system, changes, one)
        out.append(time.perf_counter() - began)
        if sum(out) > most:
            break
    return out


def table(figures: dict[str, Figures]) -> str:
    """Markdown: a store a column."""
    titles = [f"{TITLES.get(name, name)} {found['version']}" for name, found in figures.items()]
    lines = ["| | " + " | ".join(titles) + " |", "|---" * (len(titles) + 1) + "|"]
    for title, key in LINES.items():
        lines.append(f"| {title} | " + " | ".join(cell(found.get(key)) for found in figures.values()) + " |")
    return "\n".join(lines)


def cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def load(options: argparse.Namespace, folder: Path) -> Changes:
    rng = np.random.default_rng(7)
    if options.vectors:
        with np.load(options.vectors) as arrays:
            keys, queries = arrays["keys"][: options.rows], arrays["queries"]
        queries = queries[rng.permutation(len(queries))[: options.queries]]
    else:
        keys = np.array(make_vectors(folder / "keys", options.rows, 1.0, 0))
        noise = rng.standard_normal((options.queries, keys.shape[1])).astype(np.float32) * 0.3
        queries = keys[rng.permutation(len(keys))[: options.queries]] + noise / keys.shape[1] ** 0.5
    order = rng.permutation(len(keys)) if options.order == "random" else neighbourhoods(keys)
    return Changes(keys, queries.astype(np.float32), order, options)


def kept(path: Path | None, settings: Figures) -> dict[str, Figures]:
    """What earlier runs with these settings left in the file."""
    if path is None or not path.exists():
        return {}
    found = json.loads(path.read_text())
    return found["stores"] if found["settings"] == settings else {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--rows", type=int, help="items (default: all vectors, or 100,000 made-up ones)")
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--order", choices=["random", "domain"], default="random")
    parser.add_argument("--singles", type=int, default=100, help="items inserted one at a time")
    parser.add_argument("--seconds", type=float, default=60, help="after which no more are inserted one at a time")
    parser.add_argument("--batches", type=int, default=10, help="of deletes and of inserts that are timed apart")
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--only", help=f"stores, with commas between: {', '.join(SYSTEMS)}")
    parser.add_argument("--json", type=Path, help="keep the figures in this file")
    parser.add_argument("--folder", help="where to put the stores (default: the system's temporary folder)")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(SYSTEMS)
    if unknown := set(names) - set(SYSTEMS):
        parser.error(f"no such store: {', '.join(unknown)}")
    if not options.vectors and not options.rows:
        options.rows = 100_000
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        print(table(run(names, options, Path(folder))))


def run(names: list[str], options: argparse.Namespace, folder: Path) -> dict[str, Figures]:
    changes = load(options, folder)
    about = {name: getattr(options, name) for name in ("queries", "order", "singles", "batches", "batch")}
    settings = {"vectors": options.vectors.name if options.vectors else "made up", "shape": list(changes.keys.shape)}
    figures = kept(options.json, settings | about)

    def save(name: str, found: Figures) -> None:
        figures[name] = found
        if options.json:
            new = options.json.with_suffix(".new")
            new.write_text(json.dumps({"settings": settings | about, "stores": figures}, indent=1))
            os.replace(new, options.json)

    for name in names:
        place = folder / name
        place.mkdir()
        try:
            system = SYSTEMS[name](place)
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        try:
            measure(name, system, changes, partial(save, name))
        finally:
            system.close()
        shutil.rmtree(place)
    return figures


if __name__ == "__main__":
    main()
