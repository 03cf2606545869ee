"""Repair with the encoder: vectors that are lost are made anew from the texts, and nothing else is encoded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import kvdb
from kvdb import build, load
from kvdb.file.format import read_u64, u64
from kvdb.upkeep import repair

FACTS = [(f"head {i}", f"relation {i % 3}", f"tail {i % 40}") for i in range(600)]
NOUN = "chosen noun"


@pytest.fixture
def filled(path: Path, fakes: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with both maskings, nouns that were edited, rows in pages and in deltas, and deleted facts."""
    for module in (build, load):
        monkeypatch.setattr(module, "FLAT_ROWS", 400)
    monkeypatch.setattr("kvdb.change.write.FLAT_ROWS", 400)
    monkeypatch.setattr(repair, "BATCH", 100)
    with kvdb.open(path, create=True) as store:
        load.ingest(store, FACTS, fakes.encode, masks=("tail", "head"))
        store.set_nouns("relation 1", tail_noun=NOUN, encode=fakes.encode)
        store.insert([("in a delta", "relation 1", "tail 7")], fakes.encode)
        store.delete([10, 600])
    return path


def triples(path: Path) -> dict[int, tuple[str, str, str]]:
    with kvdb.open(path, read_only=True) as store:
        return {fact.id: tuple(fact.triple) for fact in store.match()}


def flip(path: Path, vectors: Iterable[bytes]) -> None:
    """Damage each place of the file at which one of the vectors is."""
    content = path.read_bytes()
    for vector in vectors:
        assert vector in content
        content = content.replace(vector, bytes([vector[0] ^ 1]) + vector[1:])
    path.write_bytes(content)


def sentences(fact: tuple[str, str, str]) -> set[str]:
    """The key sentences of a fact of these stores, by the nouns that were chosen or made."""
    head, relation, tail = fact
    noun = NOUN if relation == "relation 1" else relation
    return {f"the {noun} of {head}", f"the {kvdb.kg2kv.noun_forms(relation).head_noun} of {tail}"}


def check(path: Path, expected: dict[int, tuple[str, str, str]], fakes: ModuleType) -> None:
    """The store is whole, and every fact is found by its key sentence."""
    assert triples(path) == expected
    with kvdb.open(path) as store:
        report = store.verify()
        assert report.ok, report.problems
        for id, (head, relation, _) in list(expected.items())[::7]:
            noun = NOUN if relation == "relation 1" else relation
            hit = store.search(fakes.vector_of(f"the {noun} of {head}"), k=1)[0]
            assert hit.fact.id == id and hit.score > 0.998
        with store.snapshot() as snapshot:
            rows = [id * 2 for id in expected]
            cosines = np.sum(snapshot.value_vectors(rows) * fakes.encode(snapshot.value_texts(rows)), axis=1)
            assert (cosines > 0.998).all()


def test_a_page_of_vectors_is_encoded_anew(filled: Path, fakes: ModuleType) -> None:
    before = triples(filled)
    with kvdb.open(filled, read_only=True) as store, store.snapshot() as snapshot:
        leaf = next(snapshot.leaf_ids())
        gone = snapshot.leaf_rows(leaf)[1].tolist()
        flip(filled, [bytes(snapshot.leaf_page(leaf)[1][0])])
    encoder = fakes.CountingEncoder()
    report = kvdb.repair(filled, encode=encoder)
    assert (report.facts, report.lost, report.losses) == (len(before), 0, ())
    assert report.encoded == len(encoder.seen)
    assert len(gone) / 2 < report.encoded <= len(gone)  # facts of a relation and a tail share a head-masked sentence
    assert set(encoder.seen) <= set.union(*(sentences(before[row // 2]) for row in gone))
    check(filled, before, fakes)


def test_the_vector_of_a_value_is_encoded_once(filled: Path, fakes: ModuleType) -> None:
    """Many facts in many batches share it."""
    before = triples(filled)
    with kvdb.open(filled, read_only=True) as store, store.snapshot() as snapshot:
        flip(filled, [bytes(snapshot.vector(snapshot.value_id(text))) for text in ("tail 7", "head 3")])
    encoder = fakes.CountingEncoder()
    report = kvdb.repair(filled, encode=encoder)
    assert (report.lost, report.encoded, sorted(encoder.seen)) == (0, 2, ["head 3", "tail 7"])
    check(filled, before, fakes)


def test_a_row_of_a_delta_is_encoded_anew(filled: Path, fakes: ModuleType) -> None:
    before = triples(filled)
    flip(filled, [fakes.encode([f"the {NOUN} of in a delta"]).astype("<f2").tobytes()])
    encoder = fakes.CountingEncoder()
    assert kvdb.repair(filled, encode=encoder).encoded == 1
    assert encoder.seen == [f"the {NOUN} of in a delta"]
    check(filled, before, fakes)


def drop_vectors(write: Any) -> None:
    for table in (write.tree_in.leaves, write.tree_in.deltas, write.facts_in.values):
        write.txn.drop(table, delete=False)


def drop_records(write: Any) -> None:
    write.txn.drop(write.tree_in.leaf_meta, delete=False)


@pytest.mark.parametrize("harm", [drop_vectors, drop_records])
def test_all_vectors_may_be_lost(filled: Path, fakes: ModuleType, harm: Callable[[Any], None]) -> None:
    before = triples(filled)
    with kvdb.open(filled) as store:
        store.write_with(harm)
    report = kvdb.repair(filled, encode=fakes.encode)
    assert (report.facts, report.lost) == (len(before), 0)
    assert report.encoded >= len(before)
    check(filled, before, fakes)


def test_without_the_encoder_they_are_lost_and_named(filled: Path, fakes: ModuleType) -> None:
    before = triples(filled)
    with kvdb.open(filled, read_only=True) as store, store.snapshot() as snapshot:
        flip(filled, [bytes(snapshot.vector(snapshot.value_id("head 3")))])
    report = kvdb.repair(filled)
    assert (report.facts, report.encoded) == (len(before) - 1, 0)
    assert report.losses == ("fact 4: the vector of its value is lost (the store's encoder could make it anew)",)
    del before[4]
    check(filled, before, fakes)


def test_a_damaged_text_is_not_made_up(filled: Path, fakes: ModuleType) -> None:
    """The fact and what is left of its rows are gone; others keep their vectors."""
    before = triples(filled)

    def harm(write: Any) -> None:
        data = bytearray(write.txn.get(u64(5), db=write.facts_in.triples))
        data[-1] ^= 1
        write.txn.put(u64(5), bytes(data), db=write.facts_in.triples)
        key = next(iter(write.txn.cursor(write.facts_in.values).iternext(values=False)))
        write.txn.delete(key, db=write.facts_in.values)
        lost.append(write.text(read_u64(key)))

    lost: list[str] = []
    with kvdb.open(filled) as store:
        store.write_with(harm)
    encoder = fakes.CountingEncoder()
    report = kvdb.repair(filled, encode=encoder)
    assert report.lost == 1 and report.losses[0].startswith("fact 5:")
    assert encoder.seen == lost
    del before[5]
    check(filled, before, fakes)


def test_a_damaged_record_of_the_encoder_is_not_carried_over(filled: Path, fakes: ModuleType) -> None:
    record = kvdb.EncoderRecord("fake", fakes.DIM, fakes.encode(["probe"]).astype(np.float16))
    with kvdb.open(filled) as store:
        store.bind_encoder(record)
    flip(filled, [bytes(record.probes)])
    report = kvdb.repair(filled)
    assert report.losses == ("the encoder record 0 is damaged (checksum); run `kvdb verify`",)
    with kvdb.open(filled) as store:
        assert store.encoder is None and store.verify().ok
        store.bind_encoder(record)
        assert store.encoder is not None and store.encoder.name == "fake"


def test_an_encoder_that_does_not_fit_changes_nothing(filled: Path, fakes: ModuleType) -> None:
    with kvdb.open(filled) as store:
        store.write_with(drop_vectors)
    content, names = filled.read_bytes(), sorted(os.listdir(filled.parent))
    with pytest.raises(kvdb.errors.VectorError, match="32 dimensions"):
        kvdb.repair(filled, encode=lambda texts: np.ones((len(texts), 5), np.float32))
    assert filled.read_bytes() == content
    assert sorted(os.listdir(filled.parent)) == names
