"""Notes: small records beside the facts, which go wherever the store goes."""

from __future__ import annotations

import gzip
from pathlib import Path
from types import ModuleType

import lmdb
import pytest

import kvdb
from kvdb.errors import CorruptStoreError, FieldError, LimitError, ReadOnlyStoreError
from kvdb.file.notes import MAX_NOTE, MOST_NOTES, note_key, pack_note, unpack_note

BODY = bytes(range(256))


def note(store: kvdb.Store, name: str) -> bytes | None:
    with store.snapshot() as snapshot:
        return snapshot.note(name)


@pytest.fixture
def noted(store: kvdb.Store, fakes: ModuleType) -> kvdb.Store:
    store.insert([(f"head {i}", "relation", f"tail {i}") for i in range(20)], fakes.encode)
    store.set_note("one", BODY)
    store.set_note("two.2", b"")
    return store


def test_a_note_is_kept_replaced_and_removed(noted: kvdb.Store, path: Path) -> None:
    assert (note(noted, "one"), note(noted, "two.2"), note(noted, "three")) == (BODY, b"", None)
    assert noted.info().notes == ("one", "two.2")
    noted.set_note("one", b"other")
    noted.set_note("two.2", None)
    noted.set_note("never-there", None)
    noted.close()
    with kvdb.open(path, read_only=True) as again:
        assert (note(again, "one"), again.info().notes) == (b"other", ("one",))
        assert again.verify().ok
        with pytest.raises(ReadOnlyStoreError):
            again.set_note("one", b"")


def test_a_snapshot_keeps_the_note_that_it_began_with(noted: kvdb.Store) -> None:
    with noted.snapshot() as before:
        noted.set_note("one", b"other")
        assert before.note("one") == BODY
    assert note(noted, "one") == b"other"


def test_a_note_changes_no_fact(noted: kvdb.Store) -> None:
    facts, since = list(noted.match()), noted.info().txn_id
    noted.set_note("three", BODY)
    assert list(noted.match()) == facts
    assert list(noted.changes(since=since)) == []


@pytest.mark.parametrize("name", ["", "A", "a b", "x" * 65, "../a", "\0", "-a", "a\n"])
def test_what_is_no_name(store: kvdb.Store, name: str) -> None:
    with pytest.raises(FieldError):
        store.set_note(name, b"")
    with store.snapshot() as snapshot, pytest.raises(FieldError):
        snapshot.note(name)


def test_limits(store: kvdb.Store) -> None:
    store.set_note("n0", bytes(MAX_NOTE))
    with pytest.raises(LimitError, match="at most"):
        store.set_note("n1", bytes(MAX_NOTE + 1))
    for i in range(1, MOST_NOTES):
        store.set_note(f"n{i}", b"")
    with pytest.raises(LimitError, match="remove one first"):
        store.set_note("more", b"")
    store.set_note("n0", b"again")  # one that is there is replaced, not added
    assert len(store.info().notes) == MOST_NOTES


def test_the_bytes_of_a_note() -> None:
    """Part of the format: see docs/file-format.md."""
    assert note_key("one") == b"note:one"
    assert pack_note(b"note:one", b"body").hex() == "fdf0b740626f6479"


def test_any_flipped_bit_and_any_other_key_are_noticed() -> None:
    packed = pack_note(b"note:one", BODY)
    assert unpack_note(b"note:one", memoryview(packed)) == BODY
    for at in (0, 3, 4, len(packed) - 1):
        damaged = bytearray(packed)
        damaged[at] ^= 1
        with pytest.raises(CorruptStoreError):
            unpack_note(b"note:one", bytes(damaged))
    for wrong in (packed[:-1], b"", packed[:3]):
        with pytest.raises(CorruptStoreError):
            unpack_note(b"note:one", wrong)
    with pytest.raises(CorruptStoreError):
        unpack_note(b"note:two", packed)


def damage(store: kvdb.Store) -> None:
    store.write_with(lambda write: write.txn.put(b"note:one", b"12345678", db=write.tables.meta))


def test_verify_names_a_damaged_note(noted: kvdb.Store) -> None:
    assert noted.verify().checked["notes"] == 2
    damage(noted)
    report = noted.verify()
    assert len(report.problems) == 1 and "note:one" in report.problems[0]
    with pytest.raises(CorruptStoreError, match="note:one"):
        note(noted, "one")


def test_compaction_backup_and_restore_keep_notes(noted: kvdb.Store, tmp_path: Path) -> None:
    assert noted.compact() == ""
    assert note(noted, "one") == BODY
    noted.backup(tmp_path / "copy.kvdb")
    kvdb.restore(tmp_path / "copy.kvdb", tmp_path / "again.kvdb")
    with kvdb.open(tmp_path / "again.kvdb") as again:
        assert (note(again, "one"), note(again, "two.2")) == (BODY, b"")


def test_repair_keeps_the_notes_that_hold(noted: kvdb.Store, path: Path) -> None:
    damage(noted)
    noted.close()
    report = kvdb.repair(path)
    assert report.facts == 20
    assert [loss for loss in report.losses if "note:one" in loss]
    with kvdb.open(path) as again:
        assert again.info().notes == ("two.2",)
        assert again.verify().ok


def test_migration_keeps_notes(path: Path) -> None:
    path.write_bytes(gzip.decompress((Path(__file__).parent / "stores" / "format-2.gz").read_bytes()))
    with lmdb.open(str(path), subdir=False, max_dbs=64) as env, env.begin(write=True) as txn:
        txn.put(b"note:one", pack_note(b"note:one", BODY), db=env.open_db(b"meta", txn=txn))
    assert kvdb.migrate(path) == 2
    with kvdb.open(path) as again:
        assert note(again, "one") == BODY
        assert again.verify().ok
