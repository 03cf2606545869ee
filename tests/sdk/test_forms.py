"""What the words of a question alone tell."""

from __future__ import annotations

import pytest

from kvdb_sdk.question.forms import (
    asks_for,
    asks_of_another,
    asks_yes_or_no,
    compares_by,
    has_noun,
    is_noun,
    noun_places,
)


@pytest.mark.parametrize(
    ("text", "noun", "there"),
    [
        ("the capital of it", "capital", True),
        ("The CAPITALS of it", "capital", True),
        ("which boxes has it", "box", True),
        ("all the industries of it", "industry", True),
        ("which country", "country", True),
        ("the industrial sector of it", "industry", False),
        ("its subcapital", "capital", False),
        ("C++ of it", "C++", True),
        ("", "capital", False),
    ],
)
def test_a_noun_stands_there_in_singular_or_plural(text, noun, there):
    assert has_noun(text, noun) is there


def test_every_place_of_a_noun():
    text = "a code, and the codes"
    assert [text[start:end] for start, end in noun_places(text, "code")] == ["code", "codes"]


@pytest.mark.parametrize(
    ("text", "noun", "asked"),
    [
        ("in which country is it?", "country", True),
        ("name the country where it lies", "country", True),
        ("what is the country of it?", "country", True),
        ("What's the elevation of it?", "elevation", True),
        ("which countries border it?", "country", True),
        ("what is the name of the river at it?", "name", False),
        ("how far is it from the city?", "city", False),
        ("the region, not the country, of it", "country", False),
    ],
)
def test_what_is_asked_for_by_name(text, noun, asked):
    assert asks_for(text, noun) is asked


@pytest.mark.parametrize(
    ("text", "so"),
    [
        ("Is it the capital of it?", True),
        ("Hello. Is it known?", True),
        ("I wonder what the exchange of it is.", False),
        ("I wonder what the exchange of Acme, Inc. is.", False),
        ("I wonder what the exchange of Acme, Inc. is now.", True),  # so names are masked before (steps.py)
    ],
)
def test_yes_or_no_is_asked_where_a_clause_begins_with_a_verb(text, so):
    assert asks_yes_or_no(text) is so


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Which is older, it or it?", "older"),
        ("who was there first, it or it", "earliest"),
        ("Which came first: it or it?", "earliest"),
        ("Who was the first president of it?", None),
        ("Who was first elected, it or it?", None),
    ],
)
def test_what_a_question_compares_by(text, word):
    assert compares_by(text) == word


@pytest.mark.parametrize(
    ("text", "noun", "so"),
    [
        ("capital", "capital", True),
        ("The Capitals", "capital", True),
        ("industries", "industry", True),
        ("Daiwa House Industry", "industry", False),
        ("capital city", "capital", False),
    ],
)
def test_a_text_that_is_a_noun(text, noun, so):
    assert is_noun(text, noun) is so


@pytest.mark.parametrize(
    ("text", "noun", "so"),
    [
        ("Is it the manager of Marek Dvorak?", "manager", True),
        ("Who has it as manager?", "manager", True),
        ("Whose account manager is it?", "account manager", True),
        ("Who is the manager of it?", "manager", False),
        ("Is Tomas the manager of it?", "manager", False),
        ("Is it's manager Tomas?", "manager", False),
        ("Is it the manager?", "manager", False),
    ],
)
def test_a_noun_of_somebody_else(text, noun, so):
    assert asks_of_another(text, noun) is so
