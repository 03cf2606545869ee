"""Rows that a text names, against a search of every term of the store in the text."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kvdb
from kvdb.named import LONGEST, MOST_TOKENS, named_rows, spans

WORDS = ("New", "York", "City", "(of)", "St.", "東京", "都", "it's", "7-5")
phrases = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)


def oracle(facts: list[kvdb.Fact], text: str, masks: tuple[str, ...]) -> set[int]:
    """Every occurrence of every term that starts and ends where a word does; those inside another do not count."""
    terms: dict[str, set[int]] = {}
    for fact in facts:
        if "tail" in masks:
            terms.setdefault(fact.head, set()).add(kvdb.row_of(fact.id, "tail"))
        if "head" in masks:
            terms.setdefault(fact.tail, set()).add(kvdb.row_of(fact.id, "head"))
    places = [
        (match.start(), match.start() + len(term), rows)
        for term, rows in terms.items()
        for match in re.finditer(f"(?={re.escape(term)})", text)
        if whole(text, match.start()) and whole(text, match.start() + len(term))
    ]
    out: set[int] = set()
    for start, end, rows in places:
        if not any(s <= start and end <= e and (s, e) != (start, end) for s, e, _ in places):
            out |= rows
    return out


def whole(text: str, at: int) -> bool:
    """No word is cut at this place. Chinese and Japanese words may be cut anywhere."""
    around = text[max(0, at - 1) : at + 1]
    return not re.fullmatch(r"[A-Za-z0-9]{2}", around)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    triples=st.lists(st.tuples(phrases, st.just("r"), phrases), min_size=1, max_size=8, unique=True),
    text=st.lists(phrases, min_size=1, max_size=4).map(", ".join),
    masks=st.sampled_from([("tail",), ("head",), ("tail", "head")]),
)
def test_named_rows_equal_a_search_of_every_term(
    triples: list[tuple[str, str, str]],
    text: str,
    masks: tuple[kvdb.Mask, ...],
    fakes: ModuleType,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("named") / "facts.kvdb"
    with kvdb.open(path, create=True) as store:
        store.insert([kvdb.Triple(*triple) for triple in triples], fakes.encode, masks=masks)
        with store.snapshot() as snapshot:
            assert set(named_rows(snapshot, text).tolist()) == oracle(list(snapshot.match()), text, masks)


def test_a_longer_term_hides_the_shorter_inside_it_only(store: kvdb.Store, fakes: ModuleType) -> None:
    store.insert([kvdb.Triple(head, "r", "t") for head in ("York", "New York", "New York City")], fakes.encode)
    with store.snapshot() as snapshot:
        named = named_rows(snapshot, "Is New York City larger than York?")
        heads = {snapshot.triple(kvdb.fact_of(int(row))).head for row in named}
        assert heads == {"New York City", "York"}


def test_rows_of_a_term_are_limited(store: kvdb.Store, fakes: ModuleType) -> None:
    store.insert([kvdb.Triple("Paris", f"r{i}", "t") for i in range(9)], fakes.encode)
    with store.snapshot() as snapshot:
        assert len(named_rows(snapshot, "Paris", limit=4)) == 4


def test_an_endless_text_has_few_spans() -> None:
    assert sum(1 for _ in spans("word " * 100_000)) <= MOST_TOKENS * LONGEST


def test_nothing_is_named_in_an_empty_store(path: Path) -> None:
    with kvdb.open(path, create=True) as store, store.snapshot() as snapshot:
        assert len(named_rows(snapshot, "What is the capital of France?")) == 0
