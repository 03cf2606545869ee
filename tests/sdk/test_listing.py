"""An answer with one of several values gets the others: against the facts themselves."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kvdb
from kvdb_sdk.answer import Answer, Citation, Span
from kvdb_sdk.question.listing import MOST, with_siblings

from . import tiny_store

ENCODER = tiny_store.encoder()
TRIPLES = st.lists(
    st.tuples(st.sampled_from("AB"), st.sampled_from(["owns", "likes"]), st.sampled_from([f"V{i}" for i in range(40)])),
    min_size=1, max_size=60, unique=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    count = iter(range(10_000))
    folder = tmp_path_factory.mktemp("stores")

    def made(triples):
        store = kvdb.open(folder / f"{next(count)}.kvdb", create=True)
        store.bind_encoder(ENCODER.record)
        store.insert(triples, ENCODER)
        return store

    return made


def answer_with(fact, copied, after="."):
    before = "It is "
    span = Span(len(before), len(before) + len(copied), fact.id, "value")
    term = Span(len(before + copied), len(before + copied + after), fact.id, "term")
    cited = (Citation(fact.id, fact.head, fact.relation, fact.tail, 0.7),)
    return Answer(before + copied + after, True, cited, (span, term))


@settings(max_examples=25, deadline=None)
@given(triples=TRIPLES, which=st.integers(0, 59), tail=st.booleans())
def test_the_list_is_what_the_store_has(stores, triples, which, tail):
    with stores(triples) as store, store.snapshot() as snapshot:
        facts = list(snapshot.match())
        fact = facts[which % len(facts)]
        answer = with_siblings(
            snapshot, answer_with(fact, fact.tail if tail else fact.head, " of all"), "tail" if tail else "head"
        )
        same = {
            f.id: f.tail if tail else f.head
            for f in facts
            if f.relation == fact.relation and (f.head == fact.head if tail else f.tail == fact.tail)
        }
    values = [span for span in answer.spans if span.kind == "value"]
    assert {span.id for span in values} <= same.keys()
    assert len({span.id for span in values}) == len(values) == min(len(same), 1 + MOST)
    for span in values:
        assert answer.text[span.start : span.end] == same[span.id]
    assert {citation.id for citation in answer.citations} == {span.id for span in values}
    left_out = len(same) - len(values)
    assert (f" and {left_out} more" in answer.text) is (left_out > 0)
    (term,) = [span for span in answer.spans if span.kind == "term"]
    assert answer.text[term.start : term.end] == " of all"
    assert answer.text.endswith(" of all")


def test_an_answer_without_a_value_stays(stores):
    with stores([("A", "owns", "V1"), ("A", "owns", "V2")]) as store, store.snapshot() as snapshot:
        refused = Answer("I do not know.", False)
        assert with_siblings(snapshot, refused, "tail") is refused


def test_a_tail_with_space_around_it_is_no_head(stores):
    """The answer shows it without: what was copied is told by the row, not by how it looks."""
    with stores([("Zed", "owner", " Lee "), ("Yon", "owner", " Lee ")]) as store, store.snapshot() as snapshot:
        fact = next(iter(snapshot.match(head="Zed")))
        answer = answer_with(fact, "Lee")
        assert with_siblings(snapshot, answer, "tail") is answer


def test_how_a_list_reads(stores):
    with stores([("A", "owns", f"V{i}") for i in range(3)]) as store, store.snapshot() as snapshot:
        first = next(iter(snapshot.match()))
        assert with_siblings(snapshot, answer_with(first, "V0"), "tail").text == "It is V0, V1 and V2."
