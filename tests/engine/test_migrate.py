"""A store of every released format: refused with the remedy, migrated, and then whole."""

from __future__ import annotations

import gzip
from pathlib import Path
from types import ModuleType

import lmdb
import numpy as np
import pytest

import kvdb
from kvdb.file.format import FORMAT_VERSION
from kvdb.file.records import State, TripleRecord
from kvdb.upkeep.migrate import migrate

STORES = Path(__file__).parent / "stores"
OLD = range(1, FORMAT_VERSION)


def encode(fakes: ModuleType, texts: list[str]) -> np.ndarray:
    return np.stack([fakes.vector_of(text, 8) for text in texts])


def expected() -> set[tuple[str, str, str]]:
    """What the stores hold: 400 facts without every ninth, and one that came later."""
    facts = {(f"head {i}", f"relation {i % 3}", f"tail {i % 40}") for i in range(400) if i % 9}
    return facts | {("added", "relation 0", "later")}


def unpacked(path: Path, version: int) -> Path:
    path.write_bytes(gzip.decompress((STORES / f"format-{version}.gz").read_bytes()))
    return path


def test_every_format_has_a_store() -> None:
    assert sorted(p.name for p in STORES.iterdir()) == [f"format-{v}.gz" for v in range(1, FORMAT_VERSION + 1)]


def test_a_store_of_this_format_is_opened_as_it_is(path: Path, fakes: ModuleType) -> None:
    with kvdb.open(unpacked(path, FORMAT_VERSION), read_only=True) as store:
        assert store.info().format == FORMAT_VERSION
        assert store.verify().ok
        assert {tuple(f.triple) for f in store.match()} == expected()
    assert migrate(path) == FORMAT_VERSION


@pytest.mark.parametrize("version", OLD)
def test_an_older_store_is_refused_with_what_to_do(path: Path, version: int) -> None:
    for read_only in (True, False):
        with pytest.raises(kvdb.errors.FormatVersionError, match=f"has format {version}, .*run `kvdb migrate"):
            kvdb.open(unpacked(path, version), read_only=read_only)


@pytest.mark.parametrize("version", OLD)
def test_an_older_store_is_migrated(path: Path, fakes: ModuleType, version: int) -> None:
    assert migrate(unpacked(path, version)) == version
    with kvdb.open(path) as store:
        report = store.verify()
        assert report.ok, report.problems
        assert store.info().format == FORMAT_VERSION
        assert {tuple(f.triple) for f in store.match()} == expected()
        assert store.encoder is not None and store.encoder.name == "fixture"
        hit = store.search(fakes.vector_of("the thing of head 1", 8), k=1)[0]
        assert hit.fact.triple == ("head 1", "relation 1", "tail 1") and hit.score > 0.998
        store.insert([("new", "relation 2", "tail 1")], lambda texts: encode(fakes, list(texts)))
        store.delete([2])
        assert store.verify().ok


def leaf_records(path: Path) -> list[bytes]:
    """The records of the leaves as LMDB has them."""
    found = []
    with lmdb.open(str(path), subdir=False, max_dbs=32, readonly=True, lock=False, lib_version=0) as env:
        for which in ("a", "b"):
            with env.begin(db=env.open_db(f"leaf_meta.{which}".encode(), create=False)) as txn:
                found += [bytes(data) for _, data in txn.cursor()]
    return found


def test_a_damaged_store_is_left_as_it_was(path: Path) -> None:
    record = leaf_records(unpacked(path, 1))[0]
    content = path.read_bytes().replace(record, bytes([record[0] ^ 1]) + record[1:])
    path.write_bytes(content)
    with pytest.raises(kvdb.errors.CorruptStoreError, match="record of leaf"):
        migrate(path)
    with pytest.raises(kvdb.errors.FormatVersionError, match="has format 1"):
        kvdb.open(path)


def test_what_is_no_store_is_refused(path: Path) -> None:
    with pytest.raises(kvdb.errors.NotAStoreError):
        migrate(path)
    path.write_bytes(b"x" * 10_000)
    with pytest.raises(kvdb.errors.NotAStoreError):
        migrate(path)


def test_the_feed_of_format_2_goes_on(path: Path, fakes: ModuleType) -> None:
    migrate(unpacked(path, 2))
    with kvdb.open(path) as store:
        with store.snapshot() as snapshot:
            since = snapshot.state.feed_from
        found = [(change.id, change.inserted) for change in store.changes(since=since)]
        assert found[:400] == [(id, True) for id in range(1, 401)]
        assert sorted(found[400:-1]) == [(id, False) for id in range(1, 400, 9)]
        assert found[-1][1]


def test_what_a_build_left_behind_is_no_obstacle(path: Path) -> None:
    opened = lmdb.open(str(unpacked(path, 2)), subdir=False, max_dbs=32, lib_version=0, map_size=1 << 28)
    with opened as env, env.begin(write=True) as txn:
        state = State.unpack(txn.get(b"state", db=env.open_db(b"meta", txn=txn)))
        other = env.open_db(f"triples.{'ab'[1 - state.fact_set]}".encode(), txn=txn)
        txn.put((1).to_bytes(8, "big"), TripleRecord("head", 77, 88, 1).pack(1), db=other)  # without its parts
    migrate(path)
    with kvdb.open(path) as store:
        assert store.verify().ok and store.verify().checked["pending"] == 0
