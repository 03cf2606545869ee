"""Words that exclude each other."""

from __future__ import annotations

import pytest

from kvdb_sdk.question.contrasts import contrasts


@pytest.mark.parametrize(
    ("text", "noun", "so"),
    [
        ("what is the minimum daily dose of it", "maximum daily dose", True),
        ("what is the maximum daily dose of it", "maximum daily dose", False),
        ("what is the daily dose of it", "maximum daily dose", False),
        ("the min and max dose of it", "max dose", False),
        ("the shipping address of it", "billing address", True),
        ("the boiling point of it", "flash point", True),
        ("when did it start", "end date", True),
        ("when did it end", "end date", False),
        ("the fax number of it", "phone number", True),
        ("the number of it", "phone number", False),
        ("who is its mother", "father", True),
        ("", "father", False),
    ],
)
def test_a_word_against_another(text, noun, so):
    assert contrasts(text, noun) is so


@pytest.mark.parametrize(
    ("text", "noun", "value", "so"),
    [
        ("who is the deputy mayor of it", "mayor", "Ann", True),
        ("who is the deputy mayor of it", "deputy mayor", "Ann", False),
        ("who is the vice president of it", "key people", "Ann (CEO), Bob (vice president)", False),
        ("who was the former coach of it", "coach", "Ann", True),
        ("who was the former coach of it", "previous coach", "Ann", False),
        ("who are the grandparents of it", "parents", "Ann", True),
        ("who is the co-director of it", "director", "Ann", True),
        ("who is the mayor of it", "mayor", "Ann", False),
    ],
)
def test_somebody_beside_or_before(text, noun, value, so):
    assert contrasts(text, noun, value) is so
