"""A full disk and a read-only one, really: small ones in memory, where tests may mount. And a full map."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import kvdb
from kvdb.errors import ReadOnlyStoreError, StoreFullError

FACTS = [(f"head {i}", "relation", f"tail {i}") for i in range(300)]

Child = Callable[..., Any]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder]
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no small disk can be mounted here: {getattr(error, 'stderr', None) or error}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def filled(disk: Path, fakes: ModuleType) -> Path:
    with kvdb.open(disk / "facts.kvdb", create=True) as store:
        store.insert(FACTS, fakes.encode)
    return disk / "facts.kvdb"


def fill(disk: Path, leave: int = 0) -> Path:
    """Fill the disk with a file, but for `leave` bytes."""
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    os.truncate(filler, filler.stat().st_size - leave)
    return filler


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", disk], check=True)


def triples(store: kvdb.Store) -> list[tuple[str, str, str]]:
    return sorted(tuple(fact.triple) for fact in store.match())


def test_inserts_until_the_disk_is_full_lose_nothing(disk: Path, fakes: ModuleType) -> None:
    path, filler = disk / "facts.kvdb", disk / "filler"
    filler.write_bytes(bytes(2 << 20))
    stored: list[tuple[str, str, str]] = []
    with kvdb.open(path, create=True) as store:
        with pytest.raises(StoreFullError, match=r"no space left on the disk of .*facts\.kvdb: free some"):
            while True:
                batch = [(f"head {len(stored)} {i}", "r", "tail " * 30 + str(i)) for i in range(50)]
                store.insert(batch, fakes.encode)
                stored += batch
        assert len(stored) > 1000
        assert triples(store) == sorted(stored) and store.verify().ok
    for read_only in (True, False):
        with kvdb.open(path, read_only=read_only) as store:
            assert triples(store) == sorted(stored) and store.verify().ok
            assert store.search(fakes.vector_of("x"), k=3)
    filler.unlink()
    with kvdb.open(path) as store:
        more = [(f"later {i}", "r", "t") for i in range(500)]
        assert store.insert(more, fakes.encode).inserted == 500
        assert store.delete([1, 2]) == 2
        assert triples(store) == sorted(stored[2:] + more) and store.verify().ok


def test_every_write_on_a_full_disk_is_done_or_refused(filled: Path, fakes: ModuleType) -> None:
    """What LMDB has freed inside of the file may still do for a small write."""
    filler = fill(filled.parent)
    with kvdb.open(filled) as store:
        expected = triples(store)
        new = [(f"new {i}", "relation", "t" * 100) for i in range(500)]
        for write in (
            lambda: store.insert(new, fakes.encode),
            lambda: kvdb.load.ingest(store, new, fakes.encode),
            lambda: store.set_nouns("relation", tail_noun="noun", encode=fakes.encode),
            lambda: store.backup(filled.parent / "backup.kvdb"),
        ):
            with pytest.raises(StoreFullError, match="no space left"):
                write()
            assert triples(store) == expected and store.verify().ok
        with suppress(StoreFullError):
            assert store.delete([1]) == 1
            expected = [triple for triple in expected if triple != FACTS[0]]
        with suppress(StoreFullError):
            assert "the disk lacks" in store.compact()
        assert triples(store) == expected and store.verify().ok
        filler.unlink()
        assert store.insert(new, fakes.encode).inserted == 500
        assert store.compact() == "" and store.verify().ok
    assert {name.name for name in filled.parent.iterdir()} == {
        "facts.kvdb", "facts.kvdb-lock", "facts.kvdb-writer",
    }  # fmt: skip


def test_many_readers_of_a_full_disk_live(filled: Path, child: Child) -> None:
    """Each takes its place in LMDB's lock file, which is mapped: a hole in it would kill the process."""
    fill(filled.parent)
    program = """
with kvdb.open(sys.argv[1]) as store:
    snapshots = [store.snapshot() for _ in range(400)]
    print(len(list(snapshots[-1].match())))
"""
    started = child(program, filled)
    assert started.communicate()[0] == "300\n"
    assert started.returncode == 0


def test_a_store_without_a_lock_file_opens_when_there_is_room_for_one(filled: Path) -> None:
    os.unlink(f"{filled}-lock")
    filler = fill(filled.parent)
    for read_only in (True, False):
        with pytest.raises(StoreFullError, match="no space left"):
            kvdb.open(filled, read_only=read_only)
    os.truncate(filler, filler.stat().st_size - (1 << 16))
    with kvdb.open(filled, read_only=True) as store:
        assert triples(store) == sorted(FACTS)


def test_a_backup_that_does_not_fit_is_told_and_leaves_nothing(disk: Path, path: Path, fakes: ModuleType) -> None:
    """The store's own disk has room: it is the backup's that is named."""
    fill(disk, leave=1 << 16)
    with kvdb.open(path, create=True) as store:
        store.insert(FACTS, fakes.encode)
        with pytest.raises(StoreFullError, match=f"no space left on the disk of {disk}"):
            store.backup(disk / "backup.kvdb")
        assert store.verify().ok
    with pytest.raises(StoreFullError, match=f"no space left on the disk of {disk}"):
        kvdb.restore(path, disk / "restored.kvdb")
    assert os.listdir(disk) == ["filler"]


@pytest.mark.parametrize("locked", [True, False])
def test_a_read_only_disk_is_read_and_says_why_it_is_not_written(
    filled: Path, tmp_path: Path, fakes: ModuleType, locked: bool
) -> None:
    """With and without the lock files that a writer left."""
    disk = filled.parent
    if not locked:
        os.unlink(f"{filled}-lock")
        os.unlink(f"{filled}-writer")
    before = sorted(os.listdir(disk))
    remount(disk, "ro")
    for read_only in (True, False):
        with kvdb.open(filled, read_only=read_only) as store:
            assert store.read_only
            assert triples(store) == sorted(FACTS) and store.verify().ok and store.health().leaves
            store.backup(tmp_path / "backup.kvdb", overwrite=True)
            for write in (
                lambda: store.insert([("a", "b", "c")], fakes.encode),
                lambda: store.delete([1]),
                lambda: store.update(1, tail="new", encode=fakes.encode),
                lambda: store.write().__enter__(),
                lambda: store.set_nouns("relation", tail_noun="x", encode=fakes.encode),
                lambda: kvdb.load.ingest(store, [("a", "b", "c")], fakes.encode),
                lambda: store.compact(),
            ):
                with pytest.raises(ReadOnlyStoreError, match="the file or its disk is read-only"):
                    write()
    for make in (
        lambda: kvdb.open(disk / "new.kvdb", create=True),
        lambda: kvdb.repair(filled),
        lambda: kvdb.migrate(filled),
        lambda: kvdb.restore(tmp_path / "backup.kvdb", filled, overwrite=True),
    ):
        with pytest.raises(ReadOnlyStoreError, match="Read-only file system"):
            make()
    remount(disk, "rw")
    assert sorted(os.listdir(disk)) == before
    with kvdb.open(filled) as store:
        assert store.delete([1]) == 1 and store.verify().ok


def test_a_full_map_is_told_and_loses_nothing(path: Path, fakes: ModuleType) -> None:
    with kvdb.open(path, create=True, map_size=1 << 20) as store:
        count = 0
        with pytest.raises(kvdb.errors.StoreFullError, match="map size"):
            for count in range(100):
                store.insert([(f"head {count} {i}", "r", "t" * 500 + str(i)) for i in range(50)], fakes.encode)
        assert count > 0
        assert len(list(store.match())) == count * 50
        assert store.verify().ok
        assert store.delete(range(1, 51)) == 50 or count == 1
    with kvdb.open(path) as store:
        store.insert([(f"more {i}", "r", "t" * 500 + str(i)) for i in range(500)], fakes.encode)
        assert store.verify().ok
