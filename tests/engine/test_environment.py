"""Opening: what is not a store, what is damaged, who else has it open, what is full."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import lmdb
import pytest

import kvdb
from kvdb.file import filecheck

FACTS = [(f"head {i}", "relation", f"tail {i}") for i in range(300)]

Child = Callable[..., Any]


@pytest.fixture
def filled(path: Path, fakes: ModuleType) -> Path:
    with kvdb.open(path, create=True) as store:
        store.insert(FACTS, fakes.encode)
    return path


def test_a_missing_file_is_not_made_unless_asked_for(path: Path) -> None:
    with pytest.raises(kvdb.errors.StoreNotFoundError, match="no store at"):
        kvdb.open(path)
    with pytest.raises(kvdb.errors.StoreNotFoundError):
        kvdb.open(path, create=True, read_only=True)
    with pytest.raises(kvdb.errors.StoreNotFoundError, match="no folder"):
        kvdb.open(path.parent / "no" / "facts.kvdb", create=True)
    assert os.listdir(path.parent) == []


@pytest.mark.parametrize("content", [b"", b"hello", b"x" * 100_000, bytes(100_000)])
def test_other_files_are_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(kvdb.errors.NotAStoreError):
        kvdb.open(path)
    if content:
        with pytest.raises(kvdb.errors.NotAStoreError):
            kvdb.open(path, create=True)
    assert path.read_bytes() == content


def test_a_folder_and_a_foreign_lmdb_file_are_refused(path: Path) -> None:
    with pytest.raises(kvdb.errors.NotAStoreError, match="not a file"):
        kvdb.open(path.parent)
    with lmdb.open(str(path), subdir=False) as env, env.begin(write=True) as txn:
        txn.put(b"a", b"b")
    with pytest.raises(kvdb.errors.NotAStoreError, match="not a kvdb store"):
        kvdb.open(path)


def test_a_newer_format_is_refused(filled: Path) -> None:
    with lmdb.open(str(filled), subdir=False, max_dbs=32, lib_version=0) as env:
        meta = env.open_db(b"meta")
        with env.begin(write=True) as txn:
            txn.put(b"format", b"4", db=meta)
    with pytest.raises(kvdb.errors.FormatVersionError, match="has format 4, this kvdb reads up to 3: upgrade"):
        kvdb.open(filled)


@pytest.mark.parametrize("keep", ["half", "all but a page", "all but a byte", "the meta pages"])
def test_a_truncated_store_is_refused(filled: Path, keep: str) -> None:
    size = filled.stat().st_size
    sizes = {
        "half": size // 2,
        "all but a page": size - 4096,
        "all but a byte": size - 1,
        "the meta pages": 8192,
    }
    os.truncate(filled, sizes[keep])
    for read_only in (False, True):
        with pytest.raises(kvdb.errors.CorruptStoreError, match="truncated"):
            kvdb.open(filled, read_only=read_only)


def test_the_length_check_reads_what_lmdb_wrote(filled: Path) -> None:
    with lmdb.open(str(filled), subdir=False, max_dbs=32, lib_version=0, readonly=True) as env:
        info, size = env.info(), env.stat()["psize"]
    with filled.open("rb") as file:
        state = filecheck.read_state(file.fileno(), str(filled))
    assert state == (size, info["last_pgno"], info["last_txnid"])


def test_a_flipped_byte_in_a_page_is_named(filled: Path, fakes: ModuleType) -> None:
    with kvdb.open(filled) as store, store.snapshot() as snapshot:
        vectors = bytes(snapshot.leaf(kvdb.LeafId(1)).vectors[5])
    content = filled.read_bytes()
    at = content.index(vectors)
    filled.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    with kvdb.open(filled) as store:
        with pytest.raises(kvdb.errors.CorruptStoreError, match="leaf 1 is damaged"):
            store.search(fakes.vector_of("x"))
        report = store.verify()
        assert not report.ok
        assert any("leaf 1 is damaged" in problem for problem in report.problems)


@pytest.mark.parametrize("what", ["triple", "text", "value vector"])
def test_a_flipped_byte_in_a_record_is_named(filled: Path, fakes: ModuleType, what: str) -> None:
    content = bytearray(filled.read_bytes())
    with kvdb.open(filled) as store, store.snapshot() as snapshot:
        vector = bytes(snapshot.vector(7))
    piece = {"triple": b"head 6\xa1", "text": b"tail 6", "value vector": vector}[what]
    places = [i for i in range(len(content)) if content.startswith(piece, i)]
    for at in places:
        content[at] ^= 1
    filled.write_bytes(content)
    with kvdb.open(filled) as store:
        report = store.verify()
        assert not report.ok
        assert any(f"{'triple' if what == 'triple' else 'value'} 7 is damaged" in p for p in report.problems)


def test_read_only_reads_and_does_not_write(filled: Path, fakes: ModuleType) -> None:
    before = filled.read_bytes()
    with kvdb.open(filled, read_only=True) as store:
        assert store.read_only
        assert len(list(store.match())) == len(FACTS)
        assert store.verify().ok
        for write in (
            lambda: store.insert([("a", "b", "c")], fakes.encode),
            lambda: store.delete([1]),
            lambda: store.set_nouns("relation", tail_noun="x", encode=fakes.encode),
            lambda: kvdb.load.ingest(store, [("a", "b", "c")], fakes.encode),
        ):
            with pytest.raises(kvdb.errors.ReadOnlyStoreError, match="read-only"):
                write()
        with kvdb.open(filled) as writable:
            writable.insert([("a", "b", "c")], fakes.encode)
        assert len(list(store.match())) == len(FACTS) + 1
    with kvdb.open(filled, read_only=True) as store:
        assert store.delete([]) == 0
    assert filled.read_bytes() != before


def test_a_store_may_be_open_twice_in_one_process(filled: Path, fakes: ModuleType) -> None:
    first, second = kvdb.open(filled), kvdb.open(str(filled))
    first.insert([("a", "b", "c")], fakes.encode)
    assert second.find(("a", "b", "c")) is not None
    first.close()
    with pytest.raises(kvdb.errors.StoreClosedError):
        first.find(("a", "b", "c"))
    assert second.find(("a", "b", "c")) is not None
    second.close()


def test_a_snapshot_outlives_its_store(filled: Path) -> None:
    store = kvdb.open(filled)
    snapshot = store.snapshot()
    store.close()
    assert snapshot.triple(1).head == "head 0"
    with kvdb.open(filled) as again:
        again.delete([1])
        assert snapshot.triple(1).head == "head 0"
    assert snapshot.triple(1).head == "head 0"
    snapshot.close()
    with kvdb.open(filled) as again:
        assert again.find(FACTS[0]) is None


def test_a_creation_that_was_killed_is_done_again(path: Path) -> None:
    lmdb.open(str(path), subdir=False, lib_version=0).close()
    with pytest.raises(kvdb.errors.NotAStoreError):
        kvdb.open(path)
    with kvdb.open(path, create=True) as store:
        assert store.verify().ok


def test_a_file_that_was_put_in_place_of_an_open_one_is_another_store(filled: Path, tmp_path: Path) -> None:
    shutil.copy(filled, tmp_path / "copy")
    with kvdb.open(filled) as old:
        old.delete([1])
    os.replace(tmp_path / "copy", filled)
    with kvdb.open(filled) as new:
        assert new.get(1).head == "head 0"


def test_a_forked_child_is_refused_and_does_no_harm(filled: Path) -> None:
    with kvdb.open(filled) as store, store.snapshot() as snapshot:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            refused = []
            for use in (lambda: store.get(1), lambda: snapshot.triple(1), lambda: kvdb.open(filled)):
                try:
                    use()
                except kvdb.errors.ForkedStoreError as error:
                    refused.append("when this process was forked" in str(error))
            snapshot.close()
            store.close()
            os.write(write, repr(refused).encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as pipe:
            message = pipe.read()
        assert os.waitpid(child, 0)[1] == 0
        assert message == "[True, True, True]"
        assert snapshot.triple(1).head == "head 0"
        assert str(os.getpid()) in store.environment.check().readers()


def test_two_writers_take_turns(filled: Path, child: Child) -> None:
    """The second waits for the first; with a timeout too short it says so."""
    program = """
with kvdb.open(sys.argv[1]) as store, store.environment.writer(5.0):
    print("locked", flush=True)
    sys.stdin.readline()
"""
    other = child(program, filled)
    assert other.stdout.readline() == "locked\n"
    with kvdb.open(filled, timeout=0.05) as store:
        with pytest.raises(kvdb.errors.StoreLockedError, match="another process writes"):
            store.delete([1])
        assert store.get(1).head == "head 0"  # readers do not wait
    with kvdb.open(filled, timeout=30) as store:
        release = threading.Timer(0.2, lambda: other.communicate("\n"))
        release.start()
        assert store.delete([1]) == 1
        release.join()
    assert other.wait() == 0


def test_threads_write_in_turns(filled: Path, fakes: ModuleType) -> None:
    with kvdb.open(filled) as store:
        threads = [
            threading.Thread(target=store.insert, args=([(f"thread {i}", "r", f"t {i % 3}")], fakes.encode))
            for i in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(list(store.match(relation="r"))) == 12
        assert store.verify().ok


def test_a_full_disk_is_told_before_the_file_is_mapped(
    filled: Path, monkeypatch: pytest.MonkeyPatch, fakes: ModuleType
) -> None:
    def full(fd: int, start: int, size: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    os.unlink(f"{filled}-lock")
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(kvdb.errors.StoreFullError, match="no space left"):
        kvdb.open(filled)
    monkeypatch.undo()
    with kvdb.open(filled) as store:
        assert store.verify().ok


def test_without_address_space_for_the_map_a_smaller_one_grows(path: Path, child: Child) -> None:
    program = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
with kvdb.open(sys.argv[1], create=True) as store:
    small = store.environment.check().info()["map_size"]
    store.environment.check().set_mapsize(1 << 20)
    for start in range(0, 3000, 500):
        store.insert([(f"h {i}", "r", "t" * 300 + str(i)) for i in range(start, start + 500)], fakes.encode)
    print(small < 1 << 40, store.environment.check().info()["map_size"] > 1 << 20, store.verify().ok)
"""
    started = child(program, path)
    assert started.communicate()[0] == "True True True\n"


def test_a_copied_file_is_a_store(filled: Path, tmp_path: Path) -> None:
    shutil.copy(filled, tmp_path / "copy.kvdb")
    with kvdb.open(tmp_path / "copy.kvdb", read_only=True) as store:
        assert store.verify().ok
        assert len(list(store.match())) == len(FACTS)


def test_closing_gives_everything_back(filled: Path) -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for _ in range(30):
        with kvdb.open(filled) as store:
            store.get(1)
    after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert after == before
