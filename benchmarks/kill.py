"""Kills a process that changes a store, at random moments, and checks what is left.

    python benchmarks/kill.py --kills 200

The process inserts, deletes, groups changes, compacts and backs up; pages are small, so that leaves split and merge all
the time. It says what it is about to do and when it is done. After each kill the store must verify, hold exactly what
was acknowledged, or that and the whole of the change that was under way; the last backup must be whole.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

DIM = 16


def encode(texts: Sequence[str]) -> np.ndarray:
    """A unit vector for each text: the same text has always the same one."""
    digests = [hashlib.shake_128(text.encode()).digest(DIM * 2) for text in texts]
    numbers = np.stack([np.frombuffer(digest, "<i2").astype(np.float32) for digest in digests])
    return numbers / np.linalg.norm(numbers, axis=1, keepdims=True)


def small_pages() -> None:
    """Leaves and nodes so small that every few facts split or merge one."""
    from kvdb import build, load
    from kvdb.change import leaf_edit, node_edit, restructure, write
    from kvdb.upkeep import verify_tree

    for module in (build, load, write):
        module.FLAT_ROWS = 300
    for module in (leaf_edit, restructure):
        module.LEAF_MAX = 16
    verify_tree.LEAF_MAX = 256
    leaf_edit.DELTA_MAX, restructure.SPLIT_TARGET, restructure.MERGE_BELOW, node_edit.NODE_MAX = 4, 8, 3, 8


def work(path: str, seed: int) -> None:
    """Change the store at `path` for ever. Heads are never used twice, so that they name facts."""
    import kvdb

    small_pages()
    rng = random.Random(seed)
    with kvdb.open(path, create=True) as store:
        ids = {fact.head: fact.id for fact in store.match()}
        number = 0
        while True:
            number += 1
            size = rng.choice([1, 1, 5, 100])
            new = [(f"head {seed} {number} {i}", "relation", f"tail {rng.randrange(30)}") for i in range(size)]
            old = rng.sample(sorted(ids), min(len(ids), rng.choice([1, 1, 5, 100])))
            what = rng.choices(["insert", "delete", "group", "compact", "backup"], [40, 35, 10, 8, 7])[0]
            say(
                "try",
                what,
                [head for head, _, _ in new] if what in ("insert", "group") else [],
                old if what in ("delete", "group") else [],
            )
            if what == "insert":
                report = store.insert(new, encode)
                ids.update((head, id) for (head, _, _), id in zip(new, report.ids, strict=True))
            elif what == "delete":
                store.delete([ids.pop(head) for head in old])
            elif what == "group":
                with store.write() as transaction:
                    transaction.delete([ids.pop(head) for head in old])
                    report = transaction.insert(new, encode)
                ids.update((head, id) for (head, _, _), id in zip(new, report.ids, strict=True))
            elif what == "compact":
                store.compact()
            else:
                store.backup(path + ".backup", overwrite=True)
            say("done", what, [], [])


def say(*what: object) -> None:
    os.write(1, (json.dumps(what) + "\n").encode())


def run_and_kill(path: Path, seed: int, seconds: float) -> list[list]:
    """What the process said before it was killed after so many seconds from its first word."""
    command = [sys.executable, __file__, "--work", str(path), "--seed", str(seed)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    first = child.stdout.readline()
    timer = threading.Timer(seconds, child.send_signal, (signal.SIGKILL,))
    timer.start()
    said = first + child.stdout.read()
    timer.cancel()
    if child.wait() != -signal.SIGKILL:
        raise AssertionError(f"the process ended by itself: {child.returncode}")
    whole, _, _ = said.rpartition(b"\n")
    return [json.loads(line) for line in whole.splitlines()]


def check(path: Path, before: set[str], said: list[list]) -> tuple[set[str], str]:
    """The heads that are there now, and what was under way. Raises AssertionError where something is wrong."""
    import kvdb

    sure = maybe = before
    what = "nothing"
    for word, what, added, removed in said:
        if word == "try":
            maybe = (sure | set(added)) - set(removed)
        else:
            sure, what = maybe, "nothing"
    with kvdb.open(path) as store:
        report = store.verify()
        assert report.ok, (what, report.problems)
        there = {fact.head for fact in store.match()}
        assert there in (sure, maybe), (what, sorted(there ^ sure)[:5])
        for head in sorted(there)[:: max(1, len(there) // 20)]:
            hits = store.search(encode([f"the relation of {head}"])[0], k=1, exact=True)
            assert hits[0].fact.head == head, head
    if os.path.exists(f"{path}.backup"):
        with kvdb.open(f"{path}.backup", read_only=True) as backup:
            assert backup.verify().ok, what
    return there, what


def rounds(path: Path, kills: int, seed: int) -> Counter[str]:
    """Kill so often; how many kills fell into which work."""
    small_pages()
    rng = random.Random(seed)
    before: set[str] = set()
    fell: Counter[str] = Counter()
    for number in range(kills):
        said = run_and_kill(path, seed * 100_000 + number, rng.uniform(0.0, 0.8))
        before, what = check(path, before, said)
        fell[what] += 1
    return fell


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", metavar="STORE", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(args.work, args.seed)
    with tempfile.TemporaryDirectory() as folder:
        fell = rounds(Path(folder, "s.kvdb"), args.kills, args.seed)
    print(f"{args.kills} kills, nothing lost; under way:", dict(fell))


if __name__ == "__main__":
    main()
