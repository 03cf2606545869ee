"""Every invariant that verify checks: broken on purpose, one at a time, and named."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import kvdb
from kvdb import build, load
from kvdb.change.write import Write
from kvdb.file import format
from kvdb.file.format import LeafMeta, index_key, u32, u64
from kvdb.file.records import pack_encoder
from kvdb.upkeep import verify


@pytest.fixture
def filled(store: kvdb.Store, fakes: ModuleType, monkeypatch: pytest.MonkeyPatch) -> kvdb.Store:
    monkeypatch.setattr(build, "FLAT_ROWS", 400)
    monkeypatch.setattr(load, "FLAT_ROWS", 400)
    triples = [(f"head {i}", f"relation {i % 3}", f"tail {i}") for i in range(1000)]
    load.ingest(store, triples, fakes.encode, masks=("tail", "head"))
    assert store.verify().ok
    return store


def first_leaf(write: Write) -> int:
    return next(write.leaf_ids())


def lose(table: str, key: bytes) -> Callable[[Write], object]:
    def body(write: Write) -> object:
        part = write.facts_in if hasattr(write.facts_in, table) else write.tree_in
        assert write.txn.delete(key, db=getattr(part, table))
        return None

    return body


def lose_index(kind: int, number: int, id: int) -> Callable[[Write], object]:
    return lambda write: write.txn.delete(index_key(kind, number), u64(id), db=write.facts_in.index)


def add_index(write: Write) -> None:
    write.txn.put(index_key(format.TAIL, 12345), u64(1), db=write.facts_in.index)


def change_leaf(write: Write) -> None:
    leaf = first_leaf(write)
    generation, vectors, rows = write.leaf_page(leaf)
    vectors = -vectors
    write.txn.put(u32(leaf), format.pack_leaf(leaf, generation, vectors, rows), db=write.tree_in.leaves)


def stretch_leaf(write: Write) -> None:
    leaf = first_leaf(write)
    generation, vectors, rows = write.leaf_page(leaf)
    write.txn.put(u32(leaf), format.pack_leaf(leaf, generation, vectors * 2, rows), db=write.tree_in.leaves)


def double_row(write: Write) -> None:
    leaf = first_leaf(write)
    generation, vectors, rows = write.leaf_page(leaf)
    rows = rows.copy()
    rows[0] = rows[1]
    write.txn.put(u32(leaf), format.pack_leaf(leaf, generation, vectors, rows), db=write.tree_in.leaves)


def kill_row(write: Write) -> None:
    leaf = first_leaf(write)
    meta = write.leaf_meta(leaf)
    dead = np.zeros(meta.n, np.bool_)
    dead[0] = True
    changed = LeafMeta(meta.n, meta.live - 1, meta.generation, meta.parent, dead)
    write.txn.put(u32(leaf), changed.pack(leaf), db=write.tree_in.leaf_meta)


def move_leaf(write: Write) -> None:
    leaf = first_leaf(write)
    meta = write.leaf_meta(leaf)
    changed = LeafMeta(meta.n, meta.live, meta.generation, meta.parent + 1, meta.dead)
    write.txn.put(u32(leaf), changed.pack(leaf), db=write.tree_in.leaf_meta)


def swap_pages(write: Write) -> None:
    first, second = list(write.leaf_ids())[:2]
    table = write.tree_in.leaves
    pages = [write.txn.get(u32(leaf), db=table) for leaf in (first, second)]
    write.txn.put(u32(first), pages[1], db=table)


def miscount(write: Write) -> None:
    write.state.facts += 1


def misplace(write: Write) -> None:
    places = format.unpack_locations(0, write.get(write.tree_in.locations, u64(0)))
    places[2] += 1
    write.txn.put(u64(0), format.pack_locations(0, places), db=write.tree_in.locations)


def shorten_vector(write: Write) -> None:
    vector = np.ones(3, np.float16)
    write.txn.put(u64(1), format.pack_vector(1, vector), db=write.facts_in.values)


def damage_encoder(write: Write) -> None:
    write.txn.put(b"encoder", b"\0" * 50, db=write.tables.meta)


def change_encoder(write: Write) -> None:
    record = kvdb.EncoderRecord("other", 5, np.ones((1, 5), np.float16))
    write.txn.put(b"encoder", pack_encoder(record), db=write.tables.meta)


@pytest.mark.parametrize(
    ("harm", "problem"),
    [
        (lose("triples", u64(5)), "triples: 999, expected 1000"),
        (lose("texts", u64(5)), "missing|has no text"),
        (lose("values", u64(5)), "value 5 has no vector"),
        (lose("relations", u64(2)), "relation 2 is missing"),
        (lose_index(format.FACT, format.fact_number("head 6", "relation 0", "tail 6"), 7), "identity index"),
        (lose_index(format.TAIL, 7, 7), "fact 7 is missing from the tail index"),
        (lose_index(format.RELATION, 1, 7), "fact 7 is missing from the relation index"),
        (lose_index(format.TAIL, 1, 1), "fact 1 is missing from the tail index"),
        (lose_index(format.TEXT, format.hash_text("tail 0"), 1), "value 1 is missing from the text index"),
        (lose_index(format.NAME, format.hash_text("relation 0"), 1), "missing from the name index"),
        (add_index, "entries of the tail index: 1001, expected 1000"),
        (change_leaf, "is not the mean of its rows"),
        (stretch_leaf, "not of unit length"),
        (double_row, "distinct live rows"),
        (kill_row, "live rows: 1999, expected 2000"),
        (move_leaf, "its record says otherwise"),
        (swap_pages, "is damaged"),
        (miscount, "triples: 1000, expected 1001"),
        (misplace, "its location says otherwise"),
        (shorten_vector, "not a unit vector of 32 dimensions"),
        (damage_encoder, "the encoder record 0 is damaged"),
        (change_encoder, "dimensions of the encoder's record: 5, expected 32"),
    ],
)
def test_a_broken_invariant_is_named(filled: kvdb.Store, harm: Callable[[Write], object], problem: str) -> None:
    import re

    filled.write_with(harm)
    report = filled.verify()
    assert not report.ok
    assert any(re.search(problem, found) for found in report.problems), report.problems


def test_lost_pages_are_named(filled: kvdb.Store) -> None:
    with filled.snapshot() as snapshot:
        leaf, root = next(snapshot.leaf_ids()), snapshot.state.root
        node = int(snapshot.root().children[0])
    for table, id, words in (
        ("leaves", leaf, "not both"),
        ("nodes", node, "missing"),
        ("nodes", root, "missing"),
    ):
        filled.write_with(lose(table, u32(id)))
        assert any(words in problem for problem in filled.verify().problems)


def test_what_is_checked_is_counted(filled: kvdb.Store) -> None:
    checked = filled.verify().checked
    assert (checked["triples"], checked["rows"], checked["values"], checked["vectors"]) == (
        1000,
        2000,
        2000,
        2000,
    )
    assert (checked["relations"], checked["index"]) == (3, 3 * 1000 + 2000 + 3)
    info = filled.info()
    assert (info.triples, info.rows, info.relations, info.values, info.dim) == (1000, 2000, 3, 2000, 32)
    assert info.levels == (1, checked["nodes"] - 1, checked["leaves"])
    assert info.masks == ("tail", "head") and info.format == 3 and info.encoder is None


def test_exports_hold_every_fact(store: kvdb.Store, fakes: ModuleType) -> None:
    triples = [("a\tb", "r\\n", 'line 1\nline 2\r "q" \\'), ("\u00e9", "is", "\u4e2d")]
    store.insert(triples, fakes.encode)
    out = io.StringIO()
    assert store.export(out) == 2
    from kvdb.export import unescape

    lines = out.getvalue().split("\n")
    assert [tuple(map(unescape, line.split("\t"))) for line in lines[:-1]] == triples and lines[-1] == ""
    out = io.StringIO()
    store.export(out, format="jsonl")
    records = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(r["head"], r["relation"], r["tail"]) for r in records] == triples
    assert [r["id"] for r in records] == [1, 2]
    out = io.StringIO()
    store.export(out, format="ntriples")
    pyoxigraph = pytest.importorskip("pyoxigraph")
    parsed = list(pyoxigraph.parse(out.getvalue().encode(), format=pyoxigraph.RdfFormat.N_TRIPLES))
    assert [quad.object.value for quad in parsed] == [t[2] for t in triples]
    assert parsed[0].subject.value == "urn:kvdb:entity:a%09b"
    with pytest.raises(kvdb.errors.InputError, match="no export format"):
        store.export(out, format="xml")


def test_an_index_key_of_no_bytes_is_a_finding() -> None:
    """What a flipped bit in LMDB's own page leaves; LMDB would not write such a key."""
    keys = [memoryview(b""), memoryview(index_key(format.TEXT, 1))]
    cursor = SimpleNamespace(iternext=lambda **_: iter(keys))
    snapshot = SimpleNamespace(
        txn=SimpleNamespace(cursor=lambda _: cursor),
        facts_in=SimpleNamespace(index=None, relations=None),
        state=SimpleNamespace(facts=1, values=1),
        entries=lambda _: 0,
    )
    found: dict[str, tuple[int, int]] = {}
    findings: Any = SimpleNamespace(snapshot=snapshot, checked={}, equal=lambda name, *both: found.update({name: both}))
    verify._index(findings)
    assert found["entries of the identity index"] == (0, 1)
    assert found["entries of the text index"] == (1, 1)
    assert findings.checked["index"] == 2
