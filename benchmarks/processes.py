"""Readers and writers of one store in processes of their own, one of them killed every now and then.

    python benchmarks/processes.py --seconds 60

Writers insert and delete facts in pairs, each pair in one transaction, and say what they are about to do and when it is
done. A reader must always see whole pairs, in a listing as in an exact search. No process may hang or end by itself; at
the end the store must verify, and hold what each writer was told is there.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from kill import encode, say, small_pages

PATIENCE = 60  # seconds in which a process that was told to end must have ended


def told_to_end() -> bool:
    return bool(select.select([0], [], [], 0)[0])


def read(path: str) -> None:
    """Look again and again, at pairs and at what a search finds."""
    import kvdb

    rounds = 0
    with kvdb.open(path, read_only=True) as store:
        while not told_to_end():
            with store.snapshot() as snapshot:
                heads = Counter(fact.head.rpartition(" ")[0] for fact in snapshot.match())
                halves = [head for head, count in heads.items() if count != 2]
                assert not halves, f"half a transaction: {halves[:3]}"
                hits = snapshot.search(encode([f"question {rounds}"])[0], k=2 * len(heads) + 9, exact=True)
                assert len(hits) == 2 * len(heads), f"{len(hits)} found of {2 * len(heads)}"
            rounds += 1
    say("rounds", rounds, [], [])


def write(path: str, name: str) -> None:
    """Insert and delete pairs."""
    import kvdb

    rng = random.Random(name)
    own: list[str] = []
    number = 0
    with kvdb.open(path, timeout=PATIENCE) as store:
        while not told_to_end():
            number += 1
            if own and rng.random() < 0.45:
                head = own.pop(rng.randrange(len(own)))
                say("try", "delete", [], [head])
                store.delete(fact.id for half in "ab" for fact in store.match(head=f"{head} {half}"))
            else:
                head = f"{name} {number}"
                say("try", "insert", [head], [])
                with store.write() as transaction:
                    for half in "ab":
                        transaction.insert([(f"{head} {half}", "relation", f"tail {number % 9}")], encode)
                own.append(head)
            say("done", "", [], [])


@dataclass
class Running:
    """A process and what it was started as."""

    role: str
    name: str
    process: subprocess.Popen[str]
    killed: bool = field(default=False)

    @staticmethod
    def start(path: Path, role: str, name: str, out: Path) -> Running:
        command = [sys.executable, __file__, "--role", role, "--name", name, "--store", str(path)]
        with (out / name).open("w") as said:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said, stderr=subprocess.PIPE, text=True)
        return Running(role, name, process)


def run(folder: Path, seconds: float, *, readers: int = 4, writers: int = 2, every: float = 2.0) -> Counter[str]:
    """Let them work so long, killing one every so many seconds; what was done. Raises AssertionError."""
    import kvdb

    path, rng = folder / "s.kvdb", random.Random(0)
    (folder / "said").mkdir()
    with kvdb.open(path, create=True) as store:
        store.insert([(f"first {half}", "relation", "tail") for half in "ab"], encode)
    roles = ["read"] * readers + ["write"] * writers
    running = [Running.start(path, role, f"{role}{n}", folder / "said") for n, role in enumerate(roles)]
    ended: list[Running] = []
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        victim = rng.randrange(len(running))
        try:
            running[victim].process.wait(min(every, max(0.0, stop - time.monotonic())))
        except subprocess.TimeoutExpired:
            running[victim].killed = True
            running[victim].process.kill()
        ended.append(running[victim])
        name = f"{running[victim].role}{len(ended) + len(roles)}"
        running[victim] = Running.start(path, running[victim].role, name, folder / "said")
    for each in [*running, *ended]:
        _, error = each.process.communicate(timeout=PATIENCE)
        assert each.killed or each.process.returncode == 0, f"{each.name} ended by itself: {error[-500:]}"
    return account(path, folder / "said", [*running, *ended])


def account(path: Path, said: Path, processes: list[Running]) -> Counter[str]:
    """Compare the store with what the writers were told."""
    import kvdb

    done: Counter[str] = Counter(killed=sum(each.killed for each in processes))
    with kvdb.open(path) as store:
        report = store.verify()
        assert report.ok, report.problems[:5]
        there = {fact.head.rpartition(" ")[0] for fact in store.match()} - {"first"}
    for each in processes:
        sure: set[str] = set()
        maybe: set[str] = set()
        whole, _, _ = (said / each.name).read_text().rpartition("\n")
        for word, what, added, removed in map(json.loads, whole.splitlines()):
            if word == "rounds":
                done["looks of readers"] += what
            elif word == "try":
                maybe = (sure | set(added)) - set(removed)
            else:
                sure = maybe
                done["transactions"] += 1
        own = {head for head in there if head.startswith(f"{each.name} ")}
        assert own in (sure, maybe), f"{each.name}: {sorted(own ^ sure)[:5]}"
        there -= own
    assert not there, f"nobody inserted {sorted(there)[:5]}"
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--writers", type=int, default=2)
    for hidden in ("--role", "--name", "--store"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.role:
        os.environ["OMP_NUM_THREADS"] = "1"
        small_pages()
        read(args.store) if args.role == "read" else write(args.store, args.name)
        return
    with tempfile.TemporaryDirectory() as folder:
        print("nothing wrong:", dict(run(Path(folder), args.seconds, readers=args.readers, writers=args.writers)))


if __name__ == "__main__":
    main()
