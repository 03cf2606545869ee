"""How benchmarks/ask_wordings.py judges answers."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

import kvdb
from kvdb import Triple
from kvdb_sdk import Answer, Citation
from kvdb_sdk.evaluation.report import Asked

from . import tiny_store

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
OLD, NEW = Triple("Acme", "founded in", "1900"), Triple("Zed Inc.", "founded in", "1950")


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("ask_wordings")


def told(text: str, *facts: Triple, answered: bool = True) -> Answer:
    return Answer(text, answered, tuple(Citation(at, *fact, 1.0) for at, fact in enumerate(facts)))


@pytest.mark.parametrize(
    ("answer", "triples", "wanted", "right"),
    [
        (told("It is 1900.", OLD), (OLD,), ("1900",), True),
        (told("It is 1900.", NEW), (OLD,), ("1900",), True),  # cited is counted by itself
        (told("It is 19001.", OLD), (OLD,), ("1900",), False),
        (told("It is 1900.", answered=False), (OLD,), ("1900",), False),
        (told("1900 and 1950", OLD, NEW), (OLD, NEW), ("1900", "1950"), True),
        (told("1900", OLD), (OLD, NEW), ("1900", "1950"), False),
        (told("1900, 1950 and 2000", OLD, NEW, Triple("A", "b", "2000")), (OLD, NEW), ("1900", "1950"), False),
        (told("Yes. It is 1900.", OLD), (OLD,), ("yes",), True),
        (told("It is 1900.", OLD), (OLD,), ("yes",), False),
        (told("Acme. It is 1900.", OLD, NEW), (OLD, NEW), ("Acme",), True),
        (told("Zed Inc. It is 1950.", OLD, NEW), (OLD, NEW), ("Zed Inc.",), True),
        (told("The year of Acme is 1900.", OLD), (OLD, NEW), ("Acme",), False),
    ],
)
def test_what_is_right(asking: ModuleType, answer: Answer, triples: tuple, wanted: tuple, right: bool) -> None:
    assert asking.is_right(answer, triples, wanted) is right


def test_shares_and_the_f1_of_refusal(asking: ModuleType) -> None:
    def of(text: str, answered: bool) -> object:
        return asking.Told(Asked("In welchem Aktienindex ist Acme?", OLD), told(text, OLD, answered=answered))

    there = [of("1900", True), of("1901", True), of("I do not know.", False), of("1900.", True)]
    row = asking.shares(there, [of("I do not know.", False), of("1900", True)])
    assert (row["questions"], row["right"], row["of those answered, right"]) == (4, 0.5, 0.6667)
    assert (row["in other languages"], row["of these right"]) == (4, 0.5)
    assert (row["deleted"], row["refused"], row["refusal F1"]) == (2, 0.5, 0.5)  # one of two, and one of two


def test_a_copy_lacks_what_is_asked_and_the_store_keeps_it(asking: ModuleType, tmp_path: Path) -> None:
    with kvdb.open(tmp_path / "a.kvdb", create=True) as store:
        store.bind_encoder(tiny_store.encoder().record)
        store.insert([OLD, NEW], tiny_store.encoder())
        with asking.without(store, [OLD, Triple("no", "such", "fact")]) as copy:
            assert [fact.triple for fact in copy.match()] == [NEW]
            path = copy.path
        assert not Path(path).exists()
        assert store.find(OLD) is not None
