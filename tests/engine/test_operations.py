"""Looking after the file: compaction, backups, repair, health, and making a store equal to its source."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import kvdb
from kvdb import build, load
from kvdb.change import leaf_edit, restructure
from kvdb.file.format import index_key, u64

Triples = list[tuple[str, str, str]]


def facts(n: int, name: str = "head") -> Triples:
    return [(f"{name} {i}", f"relation {i % 3}", f"tail {name} {i % 40}") for i in range(n)]


@pytest.fixture(autouse=True)
def small_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "FLAT_ROWS", 400)
    monkeypatch.setattr(load, "FLAT_ROWS", 400)
    monkeypatch.setattr("kvdb.change.write.FLAT_ROWS", 400)


@pytest.fixture
def filled(store: kvdb.Store, fakes: ModuleType) -> kvdb.Store:
    load.ingest(store, facts(1000), fakes.encode)
    return store


def triples(store: kvdb.Store) -> dict[int, tuple[str, str, str]]:
    return {f.id: tuple(f.triple) for f in store.match()}


def secrets(fakes: ModuleType) -> Triples:
    return [(f"secret head {i}", "secret relation", f"secret tail {i}") for i in range(60)]


def test_a_compacted_file_holds_nothing_of_what_was_deleted(filled: kvdb.Store, path: Path, fakes: ModuleType) -> None:
    """Texts and vectors of facts that lay in pages, in deltas and in staged leaves."""
    filled.insert(secrets(fakes)[:30], fakes.encode)
    filled.set_nouns("relation 1", tail_noun="secret noun", encode=fakes.encode)
    filled.set_nouns("relation 1", tail_noun="noun", encode=fakes.encode)
    for secret in secrets(fakes)[30:]:
        filled.insert([secret], fakes.encode)
    doomed = [f.id for f in filled.match(relation="secret relation")]
    with filled.snapshot() as snapshot:
        vectors = [bytes(v) for v in snapshot.key_vectors([id * 2 for id in doomed]).astype(np.float16)]
        vectors += [bytes(v) for v in snapshot.value_vectors([id * 2 for id in doomed]).astype(np.float16)]
    content = path.read_bytes()
    assert b"secret tail 3" in content and sum(v in content for v in vectors) == len(vectors)
    assert filled.delete(doomed) == 60
    assert filled.compact() == ""
    content = path.read_bytes()
    for text in (b"secret tail", b"secret head", b"secret relation", b"secret noun"):
        assert text not in content
    assert not any(vector in content for vector in vectors)
    assert not any(vector[8:40] in content for vector in vectors)
    report = filled.verify()
    assert report.ok and report.checked["delta rows"] == report.checked["queued"] == 0
    assert list(triples(filled).values()) == facts(1000)


def test_compaction_gives_space_back(filled: kvdb.Store, path: Path, fakes: ModuleType, tmp_path: Path) -> None:
    for _ in range(5):
        filled.delete([f.id for f in filled.match()][::2])
        load.ingest(filled, facts(1000), fakes.encode)
    assert filled.compact() == ""
    assert filled.verify().ok
    with kvdb.open(tmp_path / "fresh.kvdb", create=True) as fresh:
        load.ingest(fresh, facts(1000), fakes.encode)
        assert fresh.compact() == ""
        allowed = 1.02 * fresh.info().file_bytes + 10 * 4096
    assert path.stat().st_size <= allowed


def test_what_is_open_elsewhere_is_not_swapped(filled: kvdb.Store, path: Path) -> None:
    with kvdb.open(path):
        assert "has the file open" in filled.compact()
    with filled.snapshot():
        assert "has the file open" in filled.compact()
    assert filled.compact() == ""
    assert not [name for name in os.listdir(path.parent) if ".compact-" in name]


def test_a_backup_is_taken_while_others_write(filled: kvdb.Store, tmp_path: Path, fakes: ModuleType) -> None:
    target = tmp_path / "backup.kvdb"
    with filled.snapshot() as snapshot:  # a reader keeps the old pages meanwhile
        before = triples(filled)
        assert filled.backup(target).checked["triples"] == 1000
        filled.delete([1, 2, 3])
        assert snapshot.triple(1).head == "head 0"
    with kvdb.open(target, read_only=True) as copy:
        assert triples(copy) == before
        assert copy.verify().ok
    with pytest.raises(kvdb.errors.InputError, match="exists already"):
        filled.backup(target)
    with pytest.raises(kvdb.errors.InputError, match="the store itself"):
        filled.backup(filled.path, overwrite=True)
    filled.backup(target, overwrite=True)
    with kvdb.open(target, read_only=True) as copy:
        assert triples(copy) == triples(filled)
    assert not [name for name in os.listdir(tmp_path) if ".part-" in name]


def test_a_store_comes_back_from_its_backup(filled: kvdb.Store, path: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup.kvdb"
    filled.backup(target)
    before = triples(filled)
    filled.delete(range(1, 500))
    with pytest.raises(kvdb.errors.InputError, match="exists already"):
        kvdb.restore(target, path)
    with pytest.raises(kvdb.errors.StoreLockedError, match="is open somewhere"):
        kvdb.restore(target, path, overwrite=True)
    filled.close()
    kvdb.restore(target, path, overwrite=True)
    with kvdb.open(path) as again:
        assert triples(again) == before and again.verify().ok
        again.delete([1])
    content = bytearray(target.read_bytes())
    at = content.index(b"tail head 7")
    content[at] ^= 1
    target.write_bytes(bytes(content))
    with pytest.raises(kvdb.errors.CorruptStoreError, match="is damaged"):
        kvdb.restore(target, path, overwrite=True)
    with kvdb.open(path) as again:
        assert len(triples(again)) == 999


def test_a_damaged_store_is_not_backed_up_as_if_it_were_whole(filled: kvdb.Store, tmp_path: Path) -> None:
    filled.write_with(lambda write: write.txn.delete(u64(5), db=write.facts_in.triples))
    with pytest.raises(kvdb.errors.CorruptStoreError, match="kvdb repair"):
        filled.backup(tmp_path / "backup.kvdb")
    assert not (tmp_path / "backup.kvdb").exists()


def damage_index(write: Any) -> None:
    write.txn.drop(write.facts_in.index, delete=False)


def damage_counters(write: Any) -> None:
    write.state.facts += 5
    write.state.rows = 0


def damage_tree(write: Any) -> None:
    write.txn.drop(write.tree_in.nodes, delete=False)
    write.txn.drop(write.tree_in.locations, delete=False)


def damage_fact(write: Any) -> None:
    data = bytearray(write.txn.get(u64(5), db=write.facts_in.triples))
    data[6] ^= 1
    write.txn.put(u64(5), bytes(data), db=write.facts_in.triples)


def damage_name(write: Any) -> None:
    key = index_key(6, 1234)
    write.txn.put(key, u64(1), db=write.facts_in.index)


@pytest.mark.parametrize(
    ("harm", "lost"),
    [(damage_index, []), (damage_counters, []), (damage_tree, []), (damage_fact, [5]), (damage_name, [])],
)
def test_a_damaged_store_is_repaired(
    filled: kvdb.Store, path: Path, fakes: ModuleType, harm: Callable[[Any], None], lost: list[int]
) -> None:
    filled.set_nouns("relation 1", tail_noun="chosen", encode=fakes.encode)
    filled.set_nouns("relation 2", aliases=["also called"])
    filled.insert([("in a delta", "relation 0", "tail head 1")], fakes.encode)
    filled.delete([10, 1000])
    whole = triples(filled)
    filled.write_with(harm)
    assert not filled.verify().ok
    filled.close()
    report = kvdb.repair(path)
    assert (report.facts, report.lost) == (len(whole) - len(lost), len(lost)), report.losses
    assert Path(report.damaged).exists()
    for id in lost:
        assert any(f"fact {id}:" in loss for loss in report.losses)
        del whole[id]
    with kvdb.open(path) as again:
        found = again.verify()
        assert found.ok, found.problems
        assert triples(again) == whole
        assert {r.name: r.tail_noun for r in again.relations()}["relation 1"] == "chosen"
        assert {r.name: r.aliases for r in again.relations()}["relation 2"] == ("also called",)
        hit = again.search(fakes.vector_of("the chosen of head 1"), k=1)[0]
        assert hit.fact.id == 2 and hit.score > 0.998
        assert again.insert([("new", "r", "t")], fakes.encode).ids == (1002,)


def test_a_page_that_is_lost_costs_its_own_facts_only(filled: kvdb.Store, path: Path) -> None:
    with filled.snapshot() as snapshot:
        leaf = next(snapshot.leaf_ids())
        gone = {row // 2 for row in snapshot.leaf(kvdb.LeafId(leaf)).rows.tolist()}
        vector = bytes(snapshot.leaf(kvdb.LeafId(leaf)).vectors[0])
    whole = triples(filled)
    filled.close()
    content = path.read_bytes()
    path.write_bytes(content.replace(vector, bytes([vector[0] ^ 1]) + vector[1:]))
    report = kvdb.repair(path)
    assert report.facts == len(whole) - len(gone)
    with kvdb.open(path) as again:
        assert again.verify().ok
        assert triples(again) == {id: t for id, t in whole.items() if id not in gone}


def test_what_killed_processes_left_is_removed(filled: kvdb.Store, path: Path, child: Callable[..., Any]) -> None:
    gone = child("")
    gone.communicate()
    target = path.parent / "backup.kvdb"
    left = [
        Path(f"{path}.compact-{gone.pid}"),
        Path(f"{target}.part-{gone.pid}"),
        Path(f"{target}.part-{gone.pid}-lock"),
    ]
    for name in (*left, other := Path(f"{target}.part-{os.getppid()}")):
        name.write_bytes(b"x")
    filled.backup(target)
    assert filled.compact() == ""
    assert not any(name.exists() for name in left)
    assert other.exists()  # its process may still be at work


def test_health_tells_what_waits(filled: kvdb.Store, fakes: ModuleType) -> None:
    before = filled.health()
    assert (before.delta_rows, before.dead_rows, before.queued, before.leftovers) == (0, 0, 0, 0)
    assert before.leaves == sum(before.leaf_sizes) and before.recall == 1.0
    for at in range(5):
        filled.insert([(f"later {at}", "relation 1", "t")], fakes.encode)
    filled.delete([1, 2, 3])
    after = filled.health()
    assert (after.delta_rows, after.dead_rows) == (5, 3)
    assert after.leaf_rows[0] <= after.leaf_rows[1] <= after.leaf_rows[2] <= leaf_edit.LEAF_MAX
    with filled.snapshot():
        assert filled.health().readers >= 1
    assert filled.compact() == ""
    assert (filled.health().delta_rows, filled.health().dead_rows) == (0, 0)


def test_an_empty_store_is_healthy(store: kvdb.Store) -> None:
    assert store.health().leaves == 0 and store.health().recall is None
    assert store.compact() == "" and store.verify().ok


def test_a_store_follows_its_source(filled: kvdb.Store, fakes: ModuleType) -> None:
    source = facts(1000)[200:] + facts(50, "new")
    report = load.ingest(filled, source, fakes.encode, sync=True)
    assert (report.inserted, report.deleted, report.duplicates) == (50, 200, 800)
    assert sorted(triples(filled).values()) == sorted(source)
    assert filled.verify().ok
    again = load.ingest(filled, source, fakes.encode, sync=True)
    assert (again.inserted, again.deleted) == (0, 0)
    with pytest.raises(kvdb.errors.FieldError):
        load.ingest(filled, [source[0], ("", "r", "t")], fakes.encode, sync=True)
    assert len(triples(filled)) == len(source)  # a source that breaks off deletes nothing


def test_a_tree_grows_from_nothing_and_shrinks_to_nothing(
    store: kvdb.Store, fakes: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Levels come and go with the rows; a search finds every fact all the way."""
    for module in (leaf_edit, restructure):
        monkeypatch.setattr(module, "LEAF_MAX", 16)
    monkeypatch.setattr("kvdb.upkeep.verify_tree.LEAF_MAX", 400)
    monkeypatch.setattr(restructure, "SPLIT_TARGET", 8)
    monkeypatch.setattr(restructure, "MERGE_BELOW", 3)
    monkeypatch.setattr("kvdb.change.node_edit.NODE_MAX", 8)
    levels = set()
    given = [(f"head {i}", "relation", f"tail {i}") for i in range(2000)]
    for start in range(0, 2000, 100):
        store.insert(given[start : start + 100], fakes.encode)
        with store.snapshot() as snapshot:
            levels.add(len(snapshot.levels))
    assert max(levels) >= 4 and store.verify().ok
    for at in range(0, 2000, 97):
        assert store.search(fakes.vector_of(f"the relation of head {at}"), k=1)[0].fact.id == at + 1
    for start in range(0, 2000, 100):
        assert store.delete(range(start + 1, start + 101)) == 100
        report = store.verify()
        assert report.ok, report.problems
    with store.snapshot() as snapshot:
        assert snapshot.levels == () and snapshot.flat
