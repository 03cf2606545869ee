"""Bulk loading: everything is there, found, encoded once; killed anywhere, nothing acknowledged is lost."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import kvdb
from kvdb import build, load, rebuild
from kvdb.kg2kv import key_sentence, noun_forms

Triples = list[tuple[str, str, str]]


def facts(n: int, name: str = "head") -> Triples:
    return [(f"{name} {i}", f"relation {i % 3}", f"tail {i % 40}") for i in range(n)]


def key_of(triple: tuple[str, str, str]) -> str:
    return key_sentence(noun_forms(triple[1]).tail_noun, triple[0])


@pytest.fixture(autouse=True)
def small_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree from 400 rows on, so that tests stay small."""
    monkeypatch.setattr(build, "FLAT_ROWS", 400)
    monkeypatch.setattr(load, "FLAT_ROWS", 400)


def found_by_itself(store: kvdb.Store, fakes: ModuleType, triples: Triples) -> float:
    """The share of facts that a search down the tree finds first for their own key."""
    hits = [store.search(fakes.vector_of(key_of(t)), k=1)[0].fact.triple == t for t in triples]
    return float(np.mean(hits))


def test_ingest_builds_a_tree_and_finds_everything(store: kvdb.Store, fakes: ModuleType) -> None:
    steps: list[tuple[int, int]] = []
    given = facts(3000)
    report = load.ingest(
        store, iter(given + given[:100]), fakes.encode, batch=500, progress=lambda *at: steps.append(at)
    )
    assert (report.triples, report.inserted, report.duplicates, report.rows) == (3100, 3000, 100, 3000)
    assert report.rebuilt and report.compacted and report.note == ""
    assert steps[-1] == (3100, 3000) and steps[0] == (500, 500)
    with store.snapshot() as snapshot:
        assert not snapshot.flat and len(snapshot.levels) == 3
    assert [tuple(f.triple) for f in store.match()] == given
    assert found_by_itself(store, fakes, given[::50]) == 1
    assert store.verify().ok
    assert store.info().free_bytes < 100_000


def test_ingest_encodes_each_string_once_a_batch_and_nothing_twice(store: kvdb.Store, fakes: ModuleType) -> None:
    encode = fakes.CountingEncoder()
    given = facts(1000)
    load.ingest(store, given, encode, batch=250)
    assert sorted(encode.seen) == sorted({key_of(t) for t in given} | {t[2] for t in given})
    encode.seen.clear()
    assert load.ingest(store, given, encode, batch=250).inserted == 0
    assert encode.seen == []


def test_a_small_store_stays_flat(store: kvdb.Store, fakes: ModuleType) -> None:
    report = load.ingest(store, facts(300), fakes.encode)
    assert not report.rebuilt
    with store.snapshot() as snapshot:
        assert snapshot.flat
        assert snapshot.levels == (1, 2)
    assert found_by_itself(store, fakes, facts(300)) == 1


def test_a_few_more_facts_are_placed_in_the_tree(store: kvdb.Store, fakes: ModuleType) -> None:
    load.ingest(store, facts(2000), fakes.encode)
    more = facts(390, "later")
    report = load.ingest(store, more, fakes.encode)
    assert not report.rebuilt
    with store.snapshot() as snapshot:
        assert not snapshot.flat and snapshot.rows == 2390
    assert found_by_itself(store, fakes, more) > 0.97
    assert store.verify().ok


def test_many_more_facts_rebuild_it(store: kvdb.Store, fakes: ModuleType) -> None:
    load.ingest(store, facts(1000), fakes.encode, masks=("tail", "head"))
    store.delete(range(1, 200))
    report = load.ingest(store, facts(1000, "later"), fakes.encode)
    assert report.rebuilt and report.rows == 2 * (2000 - 199)  # the store's maskings are kept
    assert store.verify().ok
    assert found_by_itself(store, fakes, facts(1000, "later")[::20]) == 1


def test_another_user_of_the_file_keeps_it_from_being_compacted(
    store: kvdb.Store, path: Path, fakes: ModuleType, child: Callable[..., Any]
) -> None:
    program = """
with kvdb.open(sys.argv[1], read_only=True) as store, store.snapshot() as snapshot:
    print(snapshot.rows, flush=True)
    sys.stdin.readline()
    print(snapshot.rows, len(list(snapshot.match())), store.verify().ok, len(list(store.match())), flush=True)
"""
    load.ingest(store, facts(50), fakes.encode)
    other = child(program, path)
    assert other.stdout.readline() == "50\n"
    report = load.ingest(store, facts(1000), fakes.encode)
    assert report.rebuilt and not report.compacted and "has the file open" in report.note
    assert other.communicate("\n")[0] == "50 50 True 1000\n"
    with kvdb.open(path):
        assert "another store object" in kvdb.upkeep.compact.compact(store)
    before = path.stat().st_size
    assert kvdb.upkeep.compact.compact(store) == ""
    assert path.stat().st_size < before
    assert len(list(store.match())) == 1000
    assert store.verify().ok


@pytest.mark.parametrize("masks", [("tail",), ("head",), ("tail", "head")])
@pytest.mark.parametrize("kind", ["empty", "filled"])
def test_given_vectors(store: kvdb.Store, fakes: ModuleType, masks: tuple[kvdb.Mask, ...], kind: str) -> None:
    if kind == "filled":
        load.ingest(store, [*facts(100), ("x", "relation 0", "tail 1")], fakes.encode, masks=masks)
    given = facts(1200)
    both = {
        "tail": ([key_of(t) for t in given], [t[2] for t in given]),
        "head": ([key_sentence(noun_forms(t[1]).head_noun, t[2]) for t in given], [t[0] for t in given]),
    }
    keys = np.stack([fakes.encode(both[mask][0]) for mask in masks], axis=1)  # [n, m, d]
    values = np.stack([fakes.encode(both[mask][1]) for mask in masks], axis=1)
    if len(masks) == 1:
        keys, values = keys[:, 0], values[:, 0]
    repeated = [*range(1200), 5, 7]
    report = load.load_vectors(store, [given[i] for i in repeated], keys[repeated] * 3, values[repeated], masks=masks)
    expected = 1200 if kind == "empty" else 1100
    assert (report.inserted, report.duplicates) == (expected, 1202 - expected)
    assert store.verify().ok
    assert store.info().rows == len(masks) * (1200 + (kind == "filled"))
    with store.snapshot() as snapshot:
        id = snapshot.find(*given[1100])
        assert id is not None
        for at, mask in enumerate(masks):
            row = kvdb.row_of(id, mask)
            np.testing.assert_allclose(snapshot.key_vectors([row])[0], fakes.vector_of(both[mask][0][1100]), atol=1e-3)
            np.testing.assert_allclose(
                snapshot.value_vectors([row])[0], fakes.vector_of(both[mask][1][1100]), atol=1e-3
            )
            assert snapshot.value_texts([row]) == [both[mask][1][1100]], at
    assert {f.triple for f in store.match(tail="tail 7")} == {t for t in given if t[2] == "tail 7"}
    assert store.insert([("new", "relation 0", "tail 7")], fakes.encode).inserted == 1
    assert store.verify().ok


def test_the_fast_path_and_the_slow_path_write_the_same(tmp_path: Path, fakes: ModuleType) -> None:
    """load_vectors packs records in its own way: they must be those of an insert."""
    given = [("a\u00e9", "r", "t"), ("b", "r", "a\u00e9"), *facts(500)]
    keys, values = fakes.encode([key_of(t) for t in given]), fakes.encode([t[2] for t in given])
    tables = []
    for name in ("slow", "fast"):
        with kvdb.open(tmp_path / name, create=True) as store:
            if name == "slow":
                load.ingest(store, given, fakes.encode)
            else:
                load.load_vectors(store, given, keys, values)
            with store.snapshot() as snapshot:
                tables.append(
                    {
                        table: [(bytes(k), bytes(v)) for k, v in snapshot.txn.cursor(getattr(snapshot.facts_in, table))]
                        for table in ("triples", "index", "relations", "texts", "values")
                    }
                )
    assert tables[0] == tables[1]


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_given_vectors_are_checked_before_anything_is_written(
    store: kvdb.Store, fakes: ModuleType, value: float
) -> None:
    given = facts(600)
    good = fakes.encode([t[0] for t in given])
    for which in (0, 1):
        arrays = [good.copy(), good.copy()]
        arrays[which][444] = value
        with pytest.raises(kvdb.errors.VectorError, match="444"):
            load.load_vectors(store, given, *arrays)
    for keys, values in ((good[:-1], good[:-1]), (good, good[:, :8]), (good[:, :, None], good[:, :, None])):
        with pytest.raises(kvdb.errors.VectorError):
            load.load_vectors(store, given, keys, values)
    with pytest.raises(kvdb.errors.FieldError, match="tail is empty"):
        load.load_vectors(store, [*given[:-1], ("h", "r", "")], good, good)
    assert list(store.match()) == []
    assert load.load_vectors(store, given, good, good).inserted == 600
    assert store.verify().ok


INGEST = """
from kvdb import build, load
build.FLAT_ROWS = load.FLAT_ROWS = 400
def triples():
    for i in range(4000):
        yield (f"head {i}", f"relation {i % 3}", f"tail {i % 40}")
with kvdb.open(sys.argv[1], create=True) as store:
    print("open", flush=True)
    load.ingest(store, triples(), fakes.encode, batch=200, progress=lambda read, new: print(read, flush=True))
    print("done", flush=True)
"""


@pytest.mark.parametrize("batches", [1, 7, 20])
def test_a_killed_ingest_loses_nothing_and_goes_on(
    path: Path, fakes: ModuleType, child: Callable[..., Any], batches: int
) -> None:
    """After the twentieth batch the kill falls into the building of the tree."""
    started = child(INGEST, path)
    for _ in range(batches + 1):
        line = started.stdout.readline()
    started.send_signal(signal.SIGKILL)
    started.wait()
    acknowledged = int(line)
    with kvdb.open(path) as store:
        report = store.verify()
        assert report.ok, report.problems
        there = [tuple(f.triple) for f in store.match()]
        assert len(there) >= acknowledged and there == facts(4000)[: len(there)]
        assert found_by_itself(store, fakes, there[::97]) == 1
        encode = fakes.CountingEncoder()
        again = load.ingest(store, facts(4000), encode, batch=200)
        assert again.inserted == 4000 - len(there)
        assert len([text for text in encode.seen if text.startswith("the ")]) == again.inserted
        assert [tuple(f.triple) for f in store.match()] == facts(4000)
        assert store.verify().ok and store.verify().checked["pending"] == 0
        with store.snapshot() as snapshot:
            assert not snapshot.flat


@pytest.mark.parametrize("transaction", [1, 2, 3, 4, 5])
def test_a_rebuild_that_breaks_off_leaves_the_store_as_it_was(
    store: kvdb.Store, fakes: ModuleType, monkeypatch: pytest.MonkeyPatch, transaction: int
) -> None:
    class Broken(Exception):
        pass

    load.ingest(store, facts(1000), fakes.encode)
    env, calls, write = store.environment, 0, store.environment.write

    def breaks(body: Any, timeout: float) -> Any:
        nonlocal calls
        calls += 1
        if calls == transaction + 2:  # the first two only look for leftovers
            raise Broken
        return write(body, timeout)

    with monkeypatch.context() as patched, pytest.raises(Broken):
        patched.setattr(env, "write", breaks)
        rebuild.rebuild(store)
    assert store.verify().ok
    assert found_by_itself(store, fakes, facts(1000)[::50]) == 1
    rebuild.rebuild(store)
    assert store.verify().ok and store.verify().checked["pending"] == 0


def test_a_load_of_vectors_that_breaks_off_leaves_an_empty_store(
    store: kvdb.Store, fakes: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = facts(600)
    vectors = fakes.encode([t[0] for t in given])

    def breaks(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(build.TreeBuilder, "write_nodes", breaks)
        load.load_vectors(store, given, vectors, vectors)
    assert store.info().triples == 0 and list(store.match()) == []
    report = store.verify()
    assert report.ok and report.checked["pending"] > 0
    assert load.load_vectors(store, given, vectors, vectors).inserted == 600
    assert store.verify().ok and store.verify().checked["pending"] == 0


def test_a_bad_triple_stops_an_ingest_and_keeps_what_came_before(store: kvdb.Store, fakes: ModuleType) -> None:
    with pytest.raises(kvdb.errors.FieldError, match="head is empty"):
        load.ingest(store, [*facts(500), ("", "r", "t")], fakes.encode, batch=100)
    assert len(list(store.match())) == 500
    assert store.verify().ok
