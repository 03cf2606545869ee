"""What a write costs: latency of one fact, facts a second in batches, bytes written.

    python benchmarks/writes.py --vectors airports.npz        an array keys [n, d]
    python benchmarks/writes.py --rows 100000                 made-up vectors

Vectors are given, so that no encoder is timed. The yardstick is a bare LMDB commit, in the same run, of one record of
as many bytes under a random key. Bytes are those that the process hands to the system for writing.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import lmdb
import numpy as np
from load_vectors import make_triples, make_vectors

import kvdb
from kvdb.change.insert import insert_given


def written() -> int:
    """Bytes that this process has passed to write calls."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["wchar"])


def bare(path: Path, size: int, records: int, times: int) -> np.ndarray:
    """Seconds of each of so many commits of one record."""
    rng = np.random.default_rng(5)
    out = np.empty(times)
    with lmdb.open(str(path), subdir=False, lib_version=0, map_size=1 << 36, max_dbs=2) as env:
        table = env.open_db(b"records")
        with env.begin(write=True) as txn:
            for key in rng.permutation(records).tolist():
                txn.put(key.to_bytes(8, "big"), bytes(size), db=table)
        for at, key in enumerate(rng.integers(0, 1 << 62, times).tolist()):
            began = time.perf_counter()
            with env.begin(write=True) as txn:
                txn.put(key.to_bytes(8, "big"), os.urandom(size), db=table)
            out[at] = time.perf_counter() - began
    return out


def single(store: kvdb.Store, triples: list, keys: np.ndarray) -> np.ndarray:
    """Seconds of each insert of one fact, until a search finds it."""
    out = np.empty(len(triples))
    for at, triple in enumerate(triples):
        began = time.perf_counter()
        insert_given(store, [triple], keys[at : at + 1], keys[at : at + 1])
        out[at] = time.perf_counter() - began
    return out


class Timed:
    """Prints facts a second, of the clock and of this process's own processor time, and bytes written in the block."""

    def __init__(self, name: str, facts: int) -> None:
        self._name, self._facts = name, facts

    def __enter__(self) -> None:
        self._written, self._clock, self._processor = written(), time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        n, seconds, own = self._facts, time.perf_counter() - self._clock, time.process_time() - self._processor
        rates = f"{n / seconds:9,.0f} facts/s, {n / own:9,.0f} of processor time"
        print(f"{self._name:40} {rates}, {(written() - self._written) / n / 1024:6.1f} KiB written a fact", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--singles", type=int, default=500)
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--batch", type=int, default=1000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        loaded = np.load(args.vectors)["keys"][: args.rows] if args.vectors else None
        keys = np.asarray(make_vectors(Path(folder, "keys"), args.rows, 1.0, 0)) if loaded is None else loaded
        run(Path(folder), keys, args)


def run(folder: Path, keys: np.ndarray, args: argparse.Namespace) -> None:
    n, more = len(keys), args.singles + args.batches * args.batch
    triples = [kvdb.Triple(*fields) for fields in make_triples(n)]
    order = np.random.default_rng(1).permutation(np.arange(n - more, n))
    size = 2 * keys.shape[1] * 2 + 64  # two vectors, the texts
    ms = bare(folder / "bare", size, n // 4, args.singles) * 1e3
    base = float(np.median(ms))
    print(f"bare commit of {size} bytes: p50 {base:.2f} ms, p99 {np.percentile(ms, 99):.2f} ms", flush=True)
    with kvdb.open(folder / "facts.kvdb", create=True) as store:
        kvdb.load.load_vectors(store, triples[: n - more], keys[: n - more], keys[: n - more])
        os.sync()
        at = order[: args.singles]
        before = written()
        ms = single(store, [triples[i] for i in at], keys[at]) * 1e3
        p50, p99 = np.percentile(ms, (50, 99))
        size = (written() - before) / args.singles / 1024
        ratios = f"p50 {p50:.2f} ms ({p50 / base:.1f} x), p99 {p99:.2f} ms ({p99 / base:.1f} x the bare p50)"
        print(f"insert of one fact: {ratios}, {size:.0f} KiB written", flush=True)
        with Timed(f"inserts, {args.batch} together", more - args.singles):
            for start in range(args.singles, more, args.batch):
                at = order[start : start + args.batch]
                insert_given(store, [triples[i] for i in at], keys[at], keys[at])
        for name, ids in (
            ("random order", np.random.default_rng(2).permutation(n // 2)[: args.batches * args.batch] + 1),
            ("in order", np.arange(n // 2 + 1, n // 2 + 1 + args.batches * args.batch)),
        ):
            with Timed(f"deletes, {args.batch} together, {name}", len(ids)):
                deleted = sum(store.delete(ids[at : at + args.batch].tolist()) for at in range(0, len(ids), args.batch))
            assert deleted == len(ids)
        print("verify:", "ok" if store.verify().ok else "broken")


if __name__ == "__main__":
    main()
