"""Subjects that are named by a part of their name."""

from __future__ import annotations

import pytest

from kvdb_sdk.question.short_names import part_of_a_name

TERMS = [
    "William Shakespeare", "Northwind Traders", "Contoso Ltd.", "Marie Curie", "Pierre Curie", "Target Corporation",
    "Deutsche Bank", "Jane Smith", "X200 Drill", "Kay Ranch Airport", "the red kite", "Oslo",
]  # fmt: skip


def whole(question, terms=TERMS):
    part = part_of_a_name(question, terms)
    return question if part is None else question[: part.start] + part.term + question[part.end :]


@pytest.mark.parametrize(
    ("question", "meant"),
    [
        ("How many children did Shakespeare have?", "How many children did William Shakespeare have?"),
        ("who's the ceo of northwind", "who's the ceo of Northwind Traders"),
        ("Who bought Contoso?", "Who bought Contoso Ltd.?"),
        ("What is Target's revenue?", "What is Target Corporation's revenue?"),
        ("What is the price of the x200?", "What is the price of the X200 Drill?"),
        ("Where is Kay Ranch?", "Where is Kay Ranch Airport?"),
        ("Who is Smith married to?", "Who is Jane Smith married to?"),
        ("When was Mary Curie born?", "When was Mary Curie born?"),  # Mary is no slip: too short
        ("When was William Shakespear born?", "When was William Shakespeare born?"),
        ("hq of norhtwind traders?", "hq of Northwind Traders?"),
        ("Price of the X300 Dirll?", "Price of the X300 Dirll?"),  # two differ
        ("Price of the X300 Drill?", "Price of the X300 Drill?"),  # the digit does
        ("Who runs Contosa Ltd.?", "Who runs Contoso Ltd.?"),
    ],
)
def test_a_part_that_one_term_has_stands_for_it(question, meant):
    assert whole(question) == meant


@pytest.mark.parametrize(
    "question",
    [
        "When was Curie born?",  # which of the two?
        "When was Marie Curie born?",
        "How do I hit the target?",  # a word that anybody knows
        "target",
        "Who runs the Bank of England?",
        "Who is John Smith?",
        "Who is Smith & Wesson's owner?",
        "Is a kite red?",
        "Who runs Contoso (UK)?",
        "Who runs Contoso, Ohio?",
        "Is Kay old?",  # too short to be sure
        "Is the capital Oslo?",
        "",
    ],
)
def test_else_the_question_stands_as_it_is(question):
    assert whole(question) == question


def test_a_name_that_stands_there_whole_has_no_parts():
    assert whole("Did Northwind buy Contoso Ltd.?") == "Did Northwind buy Contoso Ltd.?"
    assert part_of_a_name("Did Northwind buy it?", []) is None


def test_how_it_is_written():
    assert part_of_a_name("Who bought Contoso?", TERMS).is_a_name
    assert not part_of_a_name("who bought contoso?", TERMS).is_a_name
    assert not part_of_a_name("Contoso: who bought it?", TERMS).is_a_name
