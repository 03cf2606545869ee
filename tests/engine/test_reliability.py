"""Kills and flipped bytes, in a small form; benchmarks/kill.py and flips.py run many.

KVDB_KILLS and KVDB_FLIPS say how many here.
"""

from __future__ import annotations

import importlib
import os
import threading
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import kvdb

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch):
    """Import a script of benchmarks/; the small pages that it makes are gone after the test."""
    from kvdb import build, load
    from kvdb.change import leaf_edit, node_edit, restructure, write
    from kvdb.upkeep import verify_tree

    for module in (build, leaf_edit, load, node_edit, restructure, verify_tree, write):
        for name in ("FLAT_ROWS", "LEAF_MAX", "DELTA_MAX", "SPLIT_TARGET", "MERGE_BELOW", "NODE_MAX"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, getattr(module, name))
    root = str(Path(kvdb.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", root + os.pathsep + os.environ.get("PYTHONPATH", ""))
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


def test_kills_lose_nothing(script, path: Path) -> None:
    kills = int(os.environ.get("KVDB_KILLS", "6"))
    assert script("kill").rounds(path, kills, seed=3).total() == kills


def test_the_check_of_kills_sees_a_lost_and_a_resurrected_fact(script, path: Path) -> None:
    kill = script("kill")
    with kvdb.open(path, create=True) as store:
        store.insert([("a", "relation", "t"), ("b", "relation", "t")], kill.encode)
    said = [["try", "insert", ["a", "b"], []], ["done", "insert", [], []]]
    assert kill.check(path, set(), said)[0] == {"a", "b"}
    for before, more in (({"c"}, []), (set(), [["try", "delete", [], ["a"]], ["done", "delete", [], []]])):
        with pytest.raises(AssertionError):
            kill.check(path, before, said + more)


def test_flipped_bytes_are_never_a_wrong_answer(script, tmp_path: Path) -> None:
    flips = int(os.environ.get("KVDB_FLIPS", "40"))
    assert script("flips").rounds(tmp_path, flips, seed=5).total() == flips


def test_processes_beside_each_other_see_and_lose_nothing(script, tmp_path: Path) -> None:
    """Four readers and two writers, one killed every second; benchmarks/processes.py runs a minute."""
    done = script("processes").run(tmp_path, 4.0, every=1.0)
    assert done["killed"] >= 2 and done["looks of readers"] and done["transactions"]


def test_readers_go_on_while_writers_write(path: Path, fakes: ModuleType) -> None:
    """Each snapshot holds whole transactions only: facts come and go in pairs."""
    with kvdb.open(path, create=True) as store:
        store.insert([(f"head {i}", "relation", "tail") for i in range(20)], fakes.encode)
    wrong: list[object] = []
    stop = threading.Event()

    def read() -> None:
        with kvdb.open(path) as store:
            while not stop.is_set():
                with store.snapshot() as snapshot:
                    facts = [fact.id for fact in snapshot.match()]
                    hits = snapshot.search(fakes.vector_of("x"), k=len(facts) + 5, exact=True)
                    if len(facts) % 2 or sorted(hit.fact.id for hit in hits) != facts:
                        wrong.append((len(facts), len(hits)))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        with kvdb.open(path) as store:
            for number in range(40):
                report = store.insert([(f"new {number} {i}", "relation", "tail") for i in range(2)], fakes.encode)
                if number % 3 == 0:
                    store.delete(report.ids)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert wrong == []


def test_space_of_deleted_facts_is_used_again(script, tmp_path: Path) -> None:
    """Six rounds in which half of the facts are replaced; benchmarks/space.py does ten of 200,000."""
    space = script("space")
    keys = np.random.default_rng(0).normal(size=(5000, 32))
    keys = (keys / np.linalg.norm(keys, axis=1, keepdims=True)).astype(np.float16)
    with kvdb.open(tmp_path / "s.kvdb", create=True) as store:
        facts, ids = space.fill(store, keys)
        grown = []
        for number in range(6):
            space.replace_half(store, keys, facts, ids, number, 100)
            grown.append((tmp_path / "s.kvdb").stat().st_size)
        assert grown[-1] < 1.25 * grown[2]
        assert space.lost(store, keys, ids, 500)[1] == 0
        found = space.sizes(store, facts, keys, ids, tmp_path)
    assert found.compacted <= 1.12 * found.fresh  # the feed has 30,000 changes of 5,000 facts
