"""Subjects that are named by a part of their name."""

from __future__ import annotations

import pytest

from kvdb_sdk.question.short_names import with_whole_name

TERMS = [
    "William Shakespeare", "Northwind Traders", "Contoso Ltd.", "Marie Curie", "Pierre Curie", "Target Corporation",
    "Deutsche Bank", "Jane Smith", "X200 Drill", "Kay Ranch Airport", "the red kite", "Oslo",
]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "whole"),
    [
        ("How many children did Shakespeare have?", "How many children did William Shakespeare have?"),
        ("who's the ceo of northwind", "who's the ceo of Northwind Traders"),
        ("Who bought Contoso?", "Who bought Contoso Ltd.?"),
        ("What is Target's revenue?", "What is Target Corporation's revenue?"),
        ("What is the price of the x200?", "What is the price of the X200 Drill?"),
        ("Where is Kay Ranch?", "Where is Kay Ranch Airport?"),
        ("Who is Smith married to?", "Who is Jane Smith married to?"),
    ],
)
def test_a_part_that_one_term_has_stands_for_it(question, whole):
    assert with_whole_name(question, TERMS) == whole


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
        "Is Kay old?",  # too short to be sure
        "Is the capital Oslo?",
        "",
    ],
)
def test_else_the_question_stands_as_it_is(question):
    assert with_whole_name(question, TERMS) == question


def test_a_name_that_stands_there_whole_has_no_parts():
    assert with_whole_name("Did Northwind buy Contoso Ltd.?", TERMS) == "Did Northwind buy Contoso Ltd.?"
    assert with_whole_name("Did Northwind buy it?", []) == "Did Northwind buy it?"
