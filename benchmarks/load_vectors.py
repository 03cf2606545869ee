"""How fast facts with given vectors are loaded, in how much memory, into how many bytes.

    python benchmarks/load_vectors.py --rows 1000000

The vectors are made up: 384 dimensions, gathered around one centre for every 500 facts, mapped from files as a caller
with that many would have them. Their making is not timed. The peak is this process's resident memory, which counts the
pages of mapped files that it has touched.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

import kvdb

DIM = 384
CHUNK = 20_000


def make_vectors(path: Path, n: int, spread: float, seed: int) -> np.memmap[tuple[int, int], np.dtype[np.float16]]:
    """Unit vectors [n, DIM] around n / 500 centres, in a file."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((max(1, n // 500), DIM), np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    out = np.memmap(path, np.float16, "w+", shape=(n, DIM))
    for start in range(0, n, CHUNK):
        m = min(CHUNK, n - start)
        noise = rng.standard_normal((m, DIM), np.float32) * (spread / DIM**0.5)
        part = centres[rng.integers(0, len(centres), m)] + noise  # [m, d]
        out[start : start + m] = part / np.linalg.norm(part, axis=1, keepdims=True)
    out.flush()
    del out
    return np.memmap(path, np.float16, "r", shape=(n, DIM))


def make_triples(n: int) -> list[tuple[str, str, str]]:
    """n facts: 8 relations, 8 facts a head, about half of the tails distinct."""
    rng = np.random.default_rng(1)
    tails = rng.integers(0, n * 2 // 3, n).tolist()
    return [(f"Entity number {i // 8}", f"relation {i % 8} name", f"value {t}") for i, t in enumerate(tails)]


class PeakMemory:
    """The highest resident size of this process while the block runs, sampled."""

    def __enter__(self) -> PeakMemory:
        self.bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        page = resource.getpagesize()
        while not self._stop.wait(0.02):
            resident = int(Path("/proc/self/statm").read_text().split()[1]) * page
            self.bytes = max(self.bytes, resident)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    parser.add_argument("--folder", help="where to put the files (default: the system's temporary folder)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        keys = make_vectors(Path(folder, "keys.f16"), args.rows, 0.6, 1)
        values = make_vectors(Path(folder, "values.f16"), args.rows, 0.6, 2)
        triples = make_triples(args.rows)
        path = Path(folder, "facts.kvdb")
        with kvdb.open(path, create=True) as store, PeakMemory() as peak:
            began = time.perf_counter()
            if args.profile:
                import cProfile

                cProfile.runctx(
                    "kvdb.load.load_vectors(store, triples, keys, values)",
                    globals(),
                    locals(),
                    sort="tottime",
                )
            else:
                kvdb.load.load_vectors(store, triples, keys, values)
            seconds = time.perf_counter() - began
            info = store.info()
        print(f"facts            {args.rows:>12,}")
        print(f"seconds          {seconds:>12.2f}")
        print(f"facts a second   {args.rows / seconds:>12,.0f}")
        print(f"peak memory, MiB {peak.bytes / 2**20:>12,.0f}")
        print(f"bytes a fact     {info.file_bytes / args.rows:>12,.0f}")
        print(f"levels           {info.levels}")


if __name__ == "__main__":
    main()
