"""Flips bytes of a store, one at a time, and checks that no answer is wrong and no process dies.

    python benchmarks/flips.py --flips 500

After each flip a process of its own opens the store, reads every fact, searches for some, and verifies. Every answer
must be the right one or an error of kvdb; nothing may be wrong and unnoticed, and the process must end by itself.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from kill import encode, small_pages

FACTS = [(f"head {i}", "relation", f"tail {i % 30}") for i in range(600)]


def make(path: Path) -> None:
    """A store with pages, deltas, dead rows and a tree."""
    import kvdb

    small_pages()
    with kvdb.open(path, create=True) as store:
        kvdb.load.ingest(store, FACTS[:500], encode)
        for fact in FACTS[500:]:
            store.insert([fact], encode)
        store.delete(range(1, 600, 10))


def look(path: str) -> str:
    """Read everything; "same" where every answer is right, else the error that came first. Wrong answers raise."""
    import kvdb
    from kvdb.errors import KvdbError

    small_pages()
    right = {i + 1: fact for i, fact in enumerate(FACTS) if i % 10}
    seen = "same"
    try:
        with kvdb.open(path, read_only=True) as store:
            tries = [lambda: compare({f.id: tuple(f.triple) for f in store.match()}, right, store)]
            tries += [lambda at=at: searched(store, at, right[at]) for at in list(right)[::25]]
            tries += [lambda at=at: fetched(store, at, right[at]) for at in list(right)[::25]]
            for attempt in tries:
                try:
                    attempt()
                except KvdbError as error:
                    seen = type(error).__name__
            if not store.verify().ok:
                seen = "named by verify" if seen == "same" else seen
    except KvdbError as error:
        seen = type(error).__name__
    return seen


def compare(found: dict, right: dict, store: object) -> None:
    """A listing may lack nothing, unless verify says that something is wrong."""
    wrong = {id for id in found if found[id] != right.get(id)}
    assert not wrong, f"wrong facts {sorted(wrong)[:5]}"
    if len(found) < len(right):
        assert not store.verify().ok, "facts are missing and verify does not see it"


def searched(store: object, id: int, fact: tuple) -> None:
    hit = store.search(encode([f"the relation of {fact[0]}"])[0], k=1, exact=True)[0]
    if tuple(hit.fact.triple) != fact:
        assert not store.verify().ok, f"a search found {hit.fact.triple} in the place of {fact}"


def fetched(store: object, id: int, fact: tuple) -> None:
    from kvdb.errors import FactNotFoundError

    try:
        assert tuple(store.get(id).triple) == fact, f"fact {id} reads {store.get(id).triple}"
    except FactNotFoundError:
        assert not store.verify().ok, f"fact {id} is missing and verify does not see it"


def rounds(folder: Path, flips: int, seed: int) -> Counter[str]:
    """Flip so often; how many flips ended how. Raises AssertionError at a wrong answer or a dead process."""
    original, flipped = folder / "whole.kvdb", folder / "flipped.kvdb"
    make(original)
    rng = random.Random(seed)
    content = original.read_bytes()
    ended: Counter[str] = Counter()
    for number in range(flips):
        at, bit = rng.randrange(len(content)), 1 << rng.randrange(8)
        shutil.copyfile(original, flipped)
        with flipped.open("r+b") as file:
            file.seek(at)
            file.write(bytes([content[at] ^ bit]))
        for name in ("-lock", "-writer"):
            if os.path.exists(f"{flipped}{name}"):
                os.unlink(f"{flipped}{name}")
        command = [sys.executable, __file__, "--look", str(flipped)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise AssertionError(f"flip {number} at byte {at} bit {bit}: exit {done.returncode}, {last}")
        ended[done.stdout.strip()] += 1
    return ended


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flips", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--look", metavar="STORE", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.look:
        print(look(args.look))
        return
    with tempfile.TemporaryDirectory() as folder:
        print(f"{args.flips} flips, no wrong answer:", dict(rounds(Path(folder), args.flips, args.seed)))


if __name__ == "__main__":
    main()
