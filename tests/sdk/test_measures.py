"""What a comparative weighs."""

from __future__ import annotations

import pytest

from kvdb_sdk.question.forms import comparative
from kvdb_sdk.question.measures import _MEASURES, measured
from kvdb_sdk.question.quantities import quantity

NOUNS = ["population", "area", "founding date", "body weight", "elevation in feet", "total revenue"]


@pytest.mark.parametrize(
    ("word", "nouns"),
    [
        ("older", ["founding date"]),
        ("heaviest", ["body weight"]),
        ("higher", ["elevation in feet"]),
        ("richer", ["total revenue"]),
        ("faster", []),
        ("larger", ["population", "area", "total revenue"]),
        ("more", None),
    ],
)
def test_a_comparative_weighs_what_it_is_about(word, nouns):
    assert measured(word, NOUNS) == nouns


def test_every_word_is_a_comparative():
    assert all(comparative(word) == word for word in _MEASURES)


@pytest.mark.parametrize("text", ["2004-05-01 to 2006-01-01", "1990-12 kg", "7" + " " * 10_000 + "x 8"])
def test_what_only_begins_as_a_date_is_none(text):
    found = quantity(text)
    assert found is None or found.unit != "date"
