"""Slips in what a question says about its subject."""

from __future__ import annotations

import pytest

from kvdb_sdk.question.spelling import mended
from kvdb_sdk.training import known_words


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("what is the populaton of it", "what is the population of it"),  # a letter too few
        ("Which capittal has it?", "Which capital has it?"),  # too many
        ("the capitel of it", "the capital of it"),  # another
        ("wehn was it founded", "when was it founded"),  # two swapped
    ],
)
def test_a_slip_becomes_the_word_that_was_meant(typed, meant):
    assert mended(typed) == meant


def test_the_nouns_at_hand_are_known_and_preferred():
    assert mended("the zorgle of it") == "the zorgle of it"
    assert mended("the zorgl of it", ["zorgle count"]) == "the zorgle of it"
    assert mended("the zorgl of it", ["zorgl", "zorgle count"]) == "the zorgl of it"
    assert mended("field elevaton of it", ["elevation in feet"]) == "field elevation of it"


def test_what_is_no_slip_stays():
    for text in ("the CIKX of it", "Who is it?", "a1b2c3 of it", "the qqqqzz of it", "", "teh it"):
        assert mended(text) == text


def test_ordinary_words_are_no_slips():
    """Words that differ by a letter from commoner ones: each was once taken for a slip."""
    for text in ("when was its founding", "the rear of it", "who tore it down", "which wheat is in it", "who drove it"):
        assert mended(text) == text


def test_the_known_words_are_those_of_the_wordings():
    assert known_words.FILE.read_text(encoding="utf-8") == known_words.known_words(), (
        "wordings have changed: python -m kvdb_sdk.training.known_words"
    )
