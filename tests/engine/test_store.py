"""The store against a dictionary: whatever is done to both, they answer alike, and every invariant holds."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

import kvdb
from kvdb import build, load
from kvdb.change import leaf_edit, node_edit, restructure, tree_edit, write
from kvdb.fields import check_triple, check_triples
from kvdb.kg2kv import key_sentence
from kvdb.upkeep import verify_tree

PARIS = ("Paris", "capital of", "France")
BERLIN = ("Berlin", "capital of", "Germany")
OSLO = ("Oslo", "twinned with", "Berlin")

names = st.sampled_from([f"name {i}" for i in range(12)]) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8
).filter(str.strip)
triples = st.tuples(names, st.sampled_from(["is in", "capital", "born", "x" * 40]), names)
masks = st.sampled_from([("tail",), ("head",), ("tail", "head")])


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


class DictionaryMachine(RuleBasedStateMachine):
    """Writes of every kind, on the store and on a dictionary from id to triple."""

    fakes: ModuleType

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name, "facts.kvdb")
        self.store = kvdb.open(self.path, create=True)
        self.model: dict[int, tuple[str, str, str]] = {}
        self.masks: dict[int, tuple[kvdb.Mask, ...]] = {}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    def _added(self, batch: list[tuple[str, str, str]], chosen: tuple[kvdb.Mask, ...]) -> int:
        known = set(self.model.values())
        new = [triple for triple in dict.fromkeys(batch) if triple not in known]
        for triple in new:
            id = self.store.find(triple)
            assert id is not None and id not in self.model
            self.model[id] = triple
            self.masks[id] = chosen
        return len(new)

    @rule(batch=st.lists(triples, max_size=30), chosen=masks)
    def insert(self, batch: list[tuple[str, str, str]], chosen: tuple[kvdb.Mask, ...]) -> None:
        report = self.store.insert(batch, self.fakes.encode, masks=chosen)
        assert report.inserted == self._added(batch, chosen)
        assert [self.model[id] for id in report.ids] == batch

    @rule(count=st.integers(1, 150), seed=st.integers(0, 5), chosen=masks)
    def ingest(self, count: int, seed: int, chosen: tuple[kvdb.Mask, ...]) -> None:
        batch = [(f"name {i % 9}", f"relation {i % 3}", f"value {seed} {i}") for i in range(count)]
        report = load.ingest(self.store, batch, self.fakes.encode, masks=chosen, batch=64)
        assert report.inserted == self._added(batch, chosen)

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        ids = data.draw(st.lists(st.sampled_from(sorted(self.model) or [1]), max_size=60))
        assert self.store.delete(ids) == len(self.model.keys() & set(ids))
        for id in ids:
            self.model.pop(id, None)

    @rule(data=st.data(), name=names)
    def update(self, data: st.DataObject, name: str) -> None:
        id = data.draw(st.sampled_from(sorted(self.model) or [1]))
        if id not in self.model:
            with pytest.raises(kvdb.errors.FactNotFoundError):
                self.store.update(id, tail=name, encode=self.fakes.encode)
            return
        changed = (*self.model[id][:2], name)
        other = {triple: other for other, triple in self.model.items()}.get(changed, id)
        assert self.store.update(id, tail=name, encode=self.fakes.encode) == other
        self.model[id] = changed
        if other != id:
            del self.model[id]

    @rule(batch=st.lists(triples, max_size=20), data=st.data(), breaks=st.booleans())
    def together(self, batch: list[tuple[str, str, str]], data: st.DataObject, breaks: bool) -> None:
        ids = data.draw(st.lists(st.sampled_from(sorted(self.model) or [1]), max_size=30))
        try:
            with self.store.write() as transaction:
                transaction.delete(ids)
                transaction.insert(batch, self.fakes.encode, masks=("tail",))
                if breaks:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            return
        for id in ids:
            self.model.pop(id, None)
        self._added(batch, ("tail",))

    @rule(seed=st.integers(0, 5), count=st.integers(1, 80))
    def follow(self, seed: int, count: int) -> None:
        batch = [(f"name {i % 9}", f"relation {i % 3}", f"value {seed} {i}") for i in range(count)]
        load.ingest(self.store, batch, self.fakes.encode, masks=("tail",), sync=True)
        self.model = {id: triple for id, triple in self.model.items() if triple in set(batch)}
        self._added(batch, ("tail",))

    @rule()
    def compact(self) -> None:
        assert self.store.compact() == ""

    @rule()
    def replay(self) -> None:
        """The feed of changes, followed from the beginning, gives the facts that are there."""
        there: set[int] = set()
        for change in self.store.changes(since=0):
            assert (change.id in there) != change.inserted
            there ^= {change.id}
        assert there == set(self.model)

    @rule(data=st.data(), noun=st.sampled_from(["thing", "place", "name"]))
    def rename(self, data: st.DataObject, noun: str) -> None:
        names = [relation.name for relation in self.store.relations()]
        if names:
            self.store.set_nouns(data.draw(st.sampled_from(names)), tail_noun=noun, encode=self.fakes.encode)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = kvdb.open(self.path)

    @invariant()
    def answers_alike(self) -> None:
        if not hasattr(self, "store"):
            return
        report = self.store.verify()
        assert report.ok, report.problems
        facts = list(self.store.match())
        assert [(f.id, tuple(f.triple)) for f in facts] == sorted(self.model.items())
        nouns = {relation.name: relation for relation in self.store.relations()}
        for fact in facts[:: max(1, len(facts) // 4)]:
            assert fact.id in {f.id for f in self.store.match(tail=fact.tail, head=fact.head)}
            for mask in self.masks[fact.id]:
                relation = nouns[fact.relation]
                tail = mask == "tail"
                key = (
                    key_sentence(relation.tail_noun, fact.head) if tail else key_sentence(relation.head_noun, fact.tail)
                )
                same = self.store.search(self.fakes.vector_of(key), k=200, exact=True)
                assert {hit.fact.id: hit.score for hit in same}[fact.id] > 0.998


def test_the_store_is_a_dictionary(fakes: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (build, write, load):
        monkeypatch.setattr(module, "FLAT_ROWS", 64)
    for module in (leaf_edit, restructure, tree_edit):
        monkeypatch.setattr(module, "LEAF_MAX", 16)
    monkeypatch.setattr(verify_tree, "LEAF_MAX", 256)  # the bulk build's
    monkeypatch.setattr(leaf_edit, "DELTA_MAX", 4)
    monkeypatch.setattr(leaf_edit, "STALE_LEAST", 2)
    monkeypatch.setattr(restructure, "SPLIT_TARGET", 8)
    monkeypatch.setattr(restructure, "MERGE_BELOW", 3)
    monkeypatch.setattr(node_edit, "NODE_MAX", 8)
    monkeypatch.setattr(DictionaryMachine, "fakes", fakes, raising=False)
    run_state_machine_as_test(
        DictionaryMachine,
        settings=settings(
            max_examples=25, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


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
