"""The store against a dictionary: whatever is done to both, they answer alike, and every invariant holds."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

import kvdb
from kvdb import build, load
from kvdb.change import leaf_edit, node_edit, restructure, tree_edit, write
from kvdb.kg2kv import key_sentence
from kvdb.upkeep import verify_tree

names = st.sampled_from([f"name {i}" for i in range(12)]) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8
).filter(str.strip)
triples = st.tuples(names, st.sampled_from(["is in", "capital", "born", "x" * 40]), names)
masks = st.sampled_from([("tail",), ("head",), ("tail", "head")])


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
