"""The store: what goes in comes out, what is wrong is refused, and nothing is seen by halves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import kvdb
from kvdb.fields import check_triple, check_triples
from kvdb.kg2kv import Nouns, key_sentence, namer_nouns
from kvdb.load import ingest

PARIS = ("Paris", "capital of", "France")
BERLIN = ("Berlin", "capital of", "Germany")
OSLO = ("Oslo", "twinned with", "Berlin")


def test_insert_says_what_is_new_and_gives_every_triple_its_fact(store: kvdb.Store, fakes: ModuleType) -> None:
    report = store.insert([PARIS, BERLIN, PARIS], fakes.encode)
    assert (report.inserted, report.duplicates, report.ids) == (2, 1, (1, 2, 1))
    assert store.insert([BERLIN, OSLO], fakes.encode).ids == (2, 3)
    assert store.get(3).triple == OSLO
    assert store.find(PARIS) == 1
    assert store.find(("Paris", "capital of", "Spain")) is None


def test_match_finds_by_any_field(store: kvdb.Store, fakes: ModuleType) -> None:
    store.insert([PARIS, BERLIN, OSLO, ("Paris", "twinned with", "Rome")], fakes.encode)
    assert [f.id for f in store.match()] == [1, 2, 3, 4]
    assert [f.id for f in store.match(head="Paris")] == [1, 4]
    assert [f.id for f in store.match(relation="capital of")] == [1, 2]
    assert [f.id for f in store.match(tail="Berlin")] == [3]
    assert [f.id for f in store.match(head="Paris", relation="twinned with")] == [4]
    assert list(store.match(head="paris")) == list(store.match(tail="Paris")) == list(store.match(relation="x")) == []


def test_a_fact_is_found_by_its_key_sentences(store: kvdb.Store, fakes: ModuleType) -> None:
    store.insert([PARIS, BERLIN, OSLO], fakes.encode, masks=("tail", "head"))
    nouns = {r.name: r for r in store.relations()}["capital of"]
    for sentence, row in (
        (key_sentence(nouns.tail_noun, "Paris"), 2),
        (key_sentence(nouns.head_noun, "France"), 3),
    ):
        for exact in (False, True):
            best = store.search(fakes.vector_of(sentence), k=1, exact=exact)[0]
            assert (best.fact.triple, best.row) == (PARIS, row)
            assert best.score == pytest.approx(1, abs=1e-3)
    assert len({hit.fact.id for hit in store.search(fakes.vector_of("anything"), k=5)}) == 3


def test_rows_lead_to_texts_and_vectors(store: kvdb.Store, fakes: ModuleType) -> None:
    store.insert([PARIS, BERLIN], fakes.encode, masks=("tail", "head"))
    with store.snapshot() as snapshot:
        assert snapshot.value_texts([2, 3, 5]) == ["France", "Paris", "Berlin"]
        expected = fakes.encode(["France", "Paris", "Berlin"])
        np.testing.assert_allclose(snapshot.value_vectors([2, 3, 5]), expected, atol=1e-3)
        nouns = {r.name: r for r in store.relations()}["capital of"]
        keys = fakes.encode([key_sentence(nouns.head_noun, "Germany"), key_sentence(nouns.tail_noun, "Paris")])
        np.testing.assert_allclose(snapshot.key_vectors([5, 2]), keys, atol=1e-3)
        assert [f.head for f in snapshot.facts([2, 1])] == ["Berlin", "Paris"]


def test_delete_takes_everything_that_only_the_fact_used(store: kvdb.Store, fakes: ModuleType) -> None:
    store.insert([PARIS, ("Lyon", "lies in", "France")], fakes.encode)
    assert store.delete([1, 1, 77]) == 1
    assert [f.id for f in store.match()] == [2]
    assert store.search(fakes.vector_of("the capital of Paris"), k=5)[0].fact.id == 2
    with pytest.raises(kvdb.errors.FactNotFoundError):
        store.get(1)
    assert store.delete([2]) == 1
    with store.snapshot() as snapshot:
        assert [snapshot.entries(table) for table in (snapshot.facts_in.texts, snapshot.facts_in.values)] == [
            0,
            0,
        ]
    assert store.relations() == []
    assert store.verify().ok
    assert store.insert([PARIS], fakes.encode).ids == (3,)  # ids are not used again


def test_a_snapshot_does_not_see_later_writes(store: kvdb.Store, fakes: ModuleType) -> None:
    store.insert([PARIS], fakes.encode)
    with store.snapshot() as before:
        store.insert([BERLIN], fakes.encode)
        store.delete([1])
        assert [f.triple for f in before.match()] == [PARIS]
        assert before.search(fakes.vector_of("x"), k=5)[0].fact.triple == PARIS
        with store.snapshot() as after:
            assert [f.triple for f in after.match()] == [BERLIN]
            assert after.txn_id == before.txn_id + 2
    with pytest.raises(kvdb.errors.StoreClosedError):
        before.triple(1)


def test_edited_nouns_change_the_key_sentences(store: kvdb.Store, fakes: ModuleType) -> None:
    store.insert([PARIS, BERLIN, OSLO], fakes.encode)
    store.set_nouns("capital of", tail_noun="land ruled", encode=fakes.encode)
    relation = {r.name: r for r in store.relations()}["capital of"]
    assert (relation.tail_noun, relation.edited, relation.facts) == ("land ruled", True, 2)
    best = store.search(fakes.vector_of("the land ruled of Berlin"), k=1)[0]
    assert best.fact.triple == BERLIN and best.score > 0.999
    store.insert([("Rome", "capital of", "Italy")], fakes.encode)
    assert store.search(fakes.vector_of("the land ruled of Rome"), k=1)[0].score > 0.999
    assert store.verify().ok
    with pytest.raises(kvdb.errors.FieldError, match="no relation"):
        store.set_nouns("nothing", tail_noun="x")
    with pytest.raises(kvdb.errors.InputError, match="encoder"):
        store.set_nouns("capital of", tail_noun="y")


def test_aliases_stay_with_their_relation(store: kvdb.Store, fakes: ModuleType) -> None:
    store.insert([PARIS, BERLIN, OSLO], fakes.encode)
    before = {r.name: r for r in store.relations()}
    with store.snapshot() as snapshot:
        set_to = store.set_nouns("capital of", aliases=[" seat ", "Seat", "Land", before["capital of"].tail_noun])
        assert set_to.aliases == ("seat", "Land") and not set_to.edited
        assert {r.aliases for r in snapshot.relations()} == {()}  # a snapshot is of one state
        with store.snapshot() as after:
            assert after.txn_id > snapshot.txn_id
    store.set_nouns("capital of", tail_noun="land ruled", encode=fakes.encode)
    store.insert([("Rome", "capital of", "Italy")], fakes.encode)
    now = {r.name: r for r in store.relations()}
    changed = {"tail_noun": "land ruled", "edited": True, "facts": 3, "aliases": ("seat", "Land")}
    assert now["capital of"] == replace(before["capital of"], **changed)
    store.delete([fact.id for fact in store.match(relation="capital of")])
    store.insert([PARIS], fakes.encode)
    assert {r.name: r.aliases for r in store.relations()}["capital of"] == ("seat", "Land")
    assert store.set_nouns("capital of", aliases=[]).aliases == ()
    assert store.verify().ok


@pytest.mark.parametrize(
    ("aliases", "reason"),
    [
        ([" "], "empty"),
        (["a\nb"], "line break"),
        (["x" * 5000], "longer than"),
        ([f"n{i}" for i in range(33)], "at most 32"),
    ],
)
def test_aliases_that_are_none(store: kvdb.Store, fakes: ModuleType, aliases: list[str], reason: str) -> None:
    store.insert([PARIS], fakes.encode)
    with pytest.raises(kvdb.errors.FieldError, match=reason):
        store.set_nouns("capital of", aliases=aliases)
    assert store.relations()[0].aliases == ()


@pytest.mark.parametrize("fresh", [True, False])
def test_aliases_of_a_noun_file_come_with_the_facts(tmp_path: Path, fakes: ModuleType, fresh: bool) -> None:
    """By the bulk load of an empty store, and by inserts into one that has facts."""
    named = {"capital of": Nouns("land ruled", "capital", aliases=("realm",))}
    with kvdb.open(tmp_path / "n.kvdb", create=True) as store:
        if not fresh:
            store.insert([OSLO], fakes.encode)
        ingest(store, [PARIS, BERLIN], fakes.encode, nouns=namer_nouns(named))
        assert {r.name: (r.tail_noun, r.aliases) for r in store.relations()}["capital of"] == ("land ruled", ("realm",))


@pytest.mark.parametrize(
    ("triple", "reason"),
    [
        (("", "r", "t"), "head is empty"),
        (("h", " ", "t"), "relation is empty"),
        (("h", "r", "a\0b"), "tail holds a NUL"),
        (("h" * 4097, "r", "t"), "head has 4097 bytes"),
        (("h", "\u00e9" * 2049, "t"), "relation has 4098 bytes"),
        (("h", "r", "t" * (2**20 + 1)), "tail has 1048577 bytes"),
        (("h", "r", "\ud800"), "not valid Unicode"),
        (("h", "r"), "three fields"),
        (("h", "r", 3), "not a string"),
    ],
)
def test_bad_fields_are_refused_and_nothing_is_written(
    store: kvdb.Store, fakes: ModuleType, triple: tuple[str, str, str], reason: str
) -> None:
    with pytest.raises(kvdb.errors.FieldError, match=reason):
        store.insert([PARIS, triple], fakes.encode)
    assert list(store.match()) == []


def test_the_longest_fields_fit(store: kvdb.Store, fakes: ModuleType) -> None:
    longest = ("h" * 4096, "r" * 4096, "t" * 2**20)
    store.insert([longest], fakes.encode, masks=("tail", "head"))
    assert next(store.match(tail=longest[2])).triple == longest
    assert store.verify().ok


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_vectors_without_direction_are_refused(store: kvdb.Store, fakes: ModuleType, value: float) -> None:
    with pytest.raises(kvdb.errors.VectorError, match="zero, NaN or infinite"):
        store.insert([PARIS], lambda texts: np.full((len(texts), 8), value, np.float32))
    assert list(store.match()) == []
    store.insert([PARIS], fakes.encode)
    with pytest.raises(kvdb.errors.VectorError):
        store.search(np.full(fakes.DIM, value, np.float32))


def test_vectors_of_another_shape_are_refused(store: kvdb.Store, fakes: ModuleType) -> None:
    store.insert([PARIS], fakes.encode)
    with pytest.raises(kvdb.errors.VectorError, match="32 dimensions"):
        store.insert([BERLIN], lambda texts: np.ones((len(texts), 8), np.float32))
    with pytest.raises(kvdb.errors.VectorError, match="the encoder gave 1"):
        store.insert([BERLIN], lambda texts: fakes.encode(texts[:1]))
    with pytest.raises(kvdb.errors.VectorError):
        store.search(np.ones(8, np.float32))
    with pytest.raises(kvdb.errors.LimitError):
        store.search(fakes.vector_of("x"), k=0)
    assert [f.triple for f in store.match()] == [PARIS]


def test_the_encoder_sees_each_new_string_once(store: kvdb.Store, fakes: ModuleType) -> None:
    encode = fakes.CountingEncoder()
    batch = [PARIS, ("Paris", "capital of", "Gaul"), ("Lyon", "lies in", "France")]
    store.insert(batch, encode)
    assert len(encode.seen) == len(set(encode.seen)) == 4  # two key sentences, two values
    encode.seen.clear()
    store.insert([*batch, ("Nice", "lies in", "France")], encode)
    assert len(encode.seen) == 1


def test_a_writer_that_comes_in_between_is_noticed(store: kvdb.Store, fakes: ModuleType) -> None:
    """While the first insert encodes, a second one adds the same fact and deletes the value that the first
    relied on.
    """
    store.insert([("Lyon", "lies in", "France")], fakes.encode)
    calls = 0

    def encode(texts: list[str]) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls == 1:
            store.insert([BERLIN], fakes.encode)
            store.delete([1])
        return fakes.encode(texts)

    report = store.insert([PARIS, BERLIN], encode)
    assert report.inserted == 1 and calls == 2
    assert {f.triple for f in store.match()} == {PARIS, BERLIN}
    assert store.verify().ok


def test_an_encoder_is_bound_once(store: kvdb.Store, path: Path, fakes: ModuleType) -> None:
    probes = fakes.encode(["one", "two"]).astype(np.float16)
    record = kvdb.EncoderRecord("mini", fakes.DIM, probes)
    store.bind_encoder(record)
    store.bind_encoder(record)
    assert store.encoder is not None and store.encoder.name == "mini" and store.dim == fakes.DIM
    other = fakes.encode(["three", "four"]).astype(np.float16)
    for wrong in (
        kvdb.EncoderRecord("maxi", fakes.DIM, probes),
        kvdb.EncoderRecord("mini", 8, probes[:, :8]),
        kvdb.EncoderRecord("mini", fakes.DIM, other),
    ):
        with pytest.raises(kvdb.errors.EncoderMismatchError, match=r"made with|dimensions"):
            store.bind_encoder(wrong)
    np.testing.assert_array_equal(store.encoder.probes, probes)


def test_a_batch_is_checked_as_its_facts_are() -> None:
    good = [("head", "relation", "tail"), ("ä" * 2048, "relation", "t" * 300_000), ["a", "b", "c"]]
    assert check_triples(good) == [check_triple(triple) for triple in good]
    assert all(isinstance(triple, kvdb.Triple) for triple in check_triples(good))
    for bad in (("a", "b"), ("a", "", "c"), ("a", " ", "c"), ("a", "b\0", "c"), ("a", "b", 3), ("\ud800", "b", "c")):
        with pytest.raises(kvdb.errors.FieldError):
            check_triples([*good, bad])  # type: ignore[list-item]
    with pytest.raises(kvdb.errors.FieldError, match="at most 4096"):
        check_triples([("a" * 4097, "b", "c")])
    assert check_triples([]) == []
