"""What is found for a question: by its vector, and by the terms that stand in it, weighed by their relation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import kvdb
from kvdb import SearchLimits
from kvdb.named import MOST_ROWS
from kvdb.types import fact_of, row_of
from kvdb_sdk.question.reading import subjects
from kvdb_sdk.question.relation_match import RelationMatch
from kvdb_sdk.select.finding import asks_about_a_name, find, named_in
from kvdb_sdk.select.pager import Pager

from . import tiny, tiny_store

ENCODER = tiny_store.encoder()
MATCHER = RelationMatch(ENCODER)
FACTS = [
    *tiny_store.FACTS,
    ("New York", "river", "Hudson"),
    ("York", "river", "Ouse"),
    *(("Hub", f"gate {i}", f"G{i}") for i in range(30)),
]
NOTHING = np.empty(0, np.uint64)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    with kvdb.open(tmp_path_factory.mktemp("found") / "s.kvdb", create=True) as store:
        store.bind_encoder(ENCODER.record)
        store.insert(FACTS, ENCODER)
        with store.snapshot() as held:
            yield held


def heads(snapshot, rows):
    return {fact.head for fact in snapshot.facts([fact_of(int(row)) for row in rows])}


def found(snapshot, *questions, matcher=MATCHER, most=16):
    pager = Pager(tiny.ENCODER_DIM, torch.ones_like, device="cpu")
    return find(snapshot, questions, ENCODER(questions), matcher, pager, SearchLimits(leaf_top_k=most))


def test_the_longest_term_is_named_first_and_none_inside_of_it(snapshot):
    question = "Which river has New York, and which has Place 3?"
    terms = [question[term.start : term.end] for term in named_in(snapshot, question, NOTHING)]
    assert terms == ["New York", "Place 3"]


def test_terms_in_another_case_are_found_where_the_vector_found_their_facts(snapshot):
    question = "the river of new york"
    assert named_in(snapshot, question, NOTHING) == []
    near = np.array([row_of(fact.id, "tail") for fact in snapshot.match(head="New York")], np.uint64)
    (term,) = named_in(snapshot, question, near)
    assert question[term.start : term.end] == "new york"
    assert heads(snapshot, term.rows) == {"New York"}


def test_a_word_that_is_a_part_of_a_name_is_no_name_in_another_case(snapshot):
    near = np.array([row_of(fact.id, "tail") for fact in snapshot.match(head="York")], np.uint64)
    question = "the york river of New York"
    assert [question[term.start : term.end] for term in named_in(snapshot, question, near)] == ["New York"]
    assert [term.start for term in named_in(snapshot, "the york river", near)] == [4]


def test_without_a_matcher_only_the_vector_finds(snapshot):
    (one,) = found(snapshot, "What is the capital of Place 3?", matcher=None)
    assert one.match == {}
    (named,) = found(snapshot, "What is the capital of Place 3?")
    assert set(one.rows.tolist()) <= set(named.rows.tolist())
    assert {fact_of(row) for row in named.match} == {fact.id for fact in snapshot.match(head="Place 3")}


def test_each_question_of_a_batch_gets_what_it_gets_alone(snapshot):
    questions = ["the capital of Place 3", "", "the river of York", "gate 7 of Hub"]
    together = found(snapshot, *questions)
    for one, question in zip(together, questions, strict=True):
        (alone,) = found(snapshot, question)
        assert alone.rows.tolist() == one.rows.tolist()
        assert alone.match == pytest.approx(one.match)


def test_of_many_facts_about_a_term_those_that_fit_best_are_kept(snapshot):
    (one,) = found(snapshot, "gate 7 of Hub", most=4)
    about = [row for row in one.rows.tolist() if row in one.match]
    keys = snapshot.key_vectors(np.array(list(one.match), np.uint64)) @ one.vector
    score = dict(zip(one.match, keys + 0.5 * np.array(list(one.match.values())), strict=True))
    best = sorted(score, key=score.__getitem__, reverse=True)[:4]
    assert len(one.match) == 30
    assert set(best) <= set(about)
    assert len(one.rows) <= 8  # four that are named, four that are near


def test_a_match_is_that_of_the_relation_with_the_term_masked(snapshot):
    (one,) = found(snapshot, "the river of York")
    (row,) = one.match
    assert one.match[row] == pytest.approx(float(MATCHER(["the river of it"], [["river"]], [["Ouse"]])[0][0]))


def test_a_common_word_is_no_term_unless_it_is_written_as_a_name(tmp_path):
    facts = [("US", "population", "331,000,000"), ("Can", "genre", "krautrock"), ("Who", "genre", "rock")]
    with kvdb.open(tmp_path / "a.kvdb", create=True) as store:
        store.bind_encoder(ENCODER.record)
        store.insert(facts, ENCODER)
        with store.snapshot() as snapshot:
            for question, named in (
                ("Tell us the population of Madrid.", []),
                ("the population of the US", ["US"]),
                ("Can you tell me the genre of Queen?", []),
                ("What is the genre of Can?", ["Can"]),
                ("What is the genre of the Beatles? Who knows?", []),
                ("What is the genre of Who?", ["Who"]),
            ):
                near = np.array([row_of(id, "tail") for id in snapshot.fact_ids()], np.uint64)
                found = named_in(snapshot, question, near)
                assert [question[term.start : term.end] for term in found] == named, question


def test_the_subjects_have_their_facts_under_their_nouns(snapshot):
    question = "Has York the river that New York has?"
    york, new_york = subjects(snapshot, question, named_in(snapshot, question, NOTHING))
    assert (york.term, york.nouns, york.values("river")) == ("York", ["river"], ["Ouse"])
    assert (new_york.term, new_york.values("river")) == ("New York", ["Hudson"])
    assert question[new_york.start : new_york.end] == "New York"


@pytest.mark.parametrize(
    ("question", "about_it"),
    [
        ("Who is Ouse?", True),  # a tail
        ("Is New York nice?", True),  # a head
        ("Write a poem about York.", False),  # asks nothing
        ("Who is ouse?", False),  # not as a name
        ("Who is Nobody Else?", False),
        ("How are you?", False),
    ],
)
def test_a_question_may_be_about_a_name_of_the_store(snapshot, question, about_it):
    assert asks_about_a_name(snapshot, question) is about_it


def test_a_term_with_very_many_facts_has_those_near_the_question_too(store):
    """The first of its facts are looked up; what was asked for may have come later."""
    store.insert([("Hub", "member", f"Person {i}") for i in range(MOST_ROWS)], ENCODER)
    store.insert([("Hub", "capital", "Town 1")], ENCODER)
    capital = row_of(next(store.match(head="Hub", relation="capital")).id, "tail")
    with store.snapshot() as snapshot:
        far, near = (named_in(snapshot, "the capital of Hub", np.array(rows, np.uint64))[0] for rows in ([], [capital]))
    assert len(far.rows) == MOST_ROWS and capital not in far.rows
    assert near.rows == (*far.rows, capital)
