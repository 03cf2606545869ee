"""Rows: the sentences of both maskings, written out in full."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kvdb import kg2kv
from kvdb.types import Fact, FactId, fact_of, mask_of

FRANCE = Fact(FactId(7), "France", "capital", "Paris")
NOUNS = kg2kv.Nouns("capital", "country with the capital")


def test_a_tail_masked_row_asks_for_the_tail() -> None:
    (row,) = kg2kv.rows(FRANCE, NOUNS, ["tail"])
    assert row.row_id == 14
    assert row.key == "the capital of France"
    assert row.value == "Paris"
    assert row.question == "What is the capital of France?"
    assert row.answer == "The capital of France is Paris."


def test_a_head_masked_row_asks_for_the_head() -> None:
    (row,) = kg2kv.rows(FRANCE, NOUNS, ["head"])
    assert row.row_id == 15
    assert row.key == "the country with the capital of Paris"
    assert row.value == "France"
    assert row.question == "What is the country with the capital of Paris?"
    assert row.answer == "The country with the capital of Paris is France."


def test_a_clause_has_its_term_in_the_place_of_it() -> None:
    fact = Fact(FactId(1), "Kestoril", "must not be stored with", "Velum")
    nouns = kg2kv.noun_forms(fact.relation)
    tail, head = kg2kv.rows(fact, nouns, ["tail", "head"])
    assert tail.key == "what Kestoril must not be stored with"
    assert tail.question == "Tell me what Kestoril must not be stored with."
    assert tail.answer == head.answer == "Kestoril must not be stored with Velum."
    assert head.key == "what must not be stored with Velum"
    assert head.question == "What must not be stored with Velum?"


def test_what_something_of_the_term_does_is_told_so() -> None:
    fact = Fact(FactId(1), "Casa Flor", "rent_does_not_include", "electricity")
    (row,) = kg2kv.rows(fact, kg2kv.noun_forms(fact.relation), ["tail"])
    assert row.key == "what Casa Flor's rent does not include"
    assert row.question == "Tell me what Casa Flor's rent does not include."
    assert row.answer == "Casa Flor's rent does not include electricity."


def test_what_only_bears_a_noun_is_told_by_it() -> None:
    fact = Fact(FactId(1), "Bell Rock", "keeper", "Tom Baird")
    (row,) = kg2kv.rows(fact, kg2kv.noun_forms("keeper"), ["head"])
    assert row.key == "the thing with the keeper of Tom Baird"
    assert row.answer == "The keeper of Bell Rock is Tom Baird."


def test_a_noun_that_only_begins_like_a_clause_is_none() -> None:
    assert kg2kv.key_sentence("what counts", "Kestoril") == "the what counts of Kestoril"
    assert kg2kv.clause("what it") == ("", "")


def test_no_masks_give_no_rows_and_order_is_kept() -> None:
    assert kg2kv.rows(FRANCE, NOUNS, []) == []
    assert [row.row_id for row in kg2kv.rows(FRANCE, NOUNS, ["head", "tail"])] == [15, 14]


@given(st.integers(1, 2**63 - 1), st.text(min_size=1), st.text(min_size=1))
def test_values_are_verbatim_and_ids_lead_back(fact_id: int, head: str, tail: str) -> None:
    tail_row, head_row = kg2kv.rows(Fact(FactId(fact_id), head, "r", tail), NOUNS, ["tail", "head"])
    assert (tail_row.value, head_row.value) == (tail, head)
    assert fact_of(tail_row.row_id) == fact_of(head_row.row_id) == fact_id
    assert (mask_of(tail_row.row_id), mask_of(head_row.row_id)) == ("tail", "head")
