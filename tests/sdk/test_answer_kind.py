"""Amounts and times: what a question wants, and what a value can be."""

from __future__ import annotations

import pytest

from kvdb_sdk.question.answer_kind import is_of_another_kind


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("How old is it?", "Halvorsen Grid"),
        ("how much does it cost", "a paper lantern and soup"),
        ("When was it published?", "Annals of Cell Signalling"),
        ("In which year did it open?", "Port Lyndon"),
        ("Which three letters are printed on luggage tags for it?", "WIHL"),
        ("it 3-letter code", "EIMN"),
        ("What is its four-digit number?", "Ann Hay"),
    ],
)
def test_a_value_of_another_kind_is_no_answer(question, value):
    assert is_of_another_kind(question, value)


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("How old is it?", "62"),
        ("How many eyes has it?", "eight"),
        ("how much does it cost", "free for members"),
        ("How much of it is left?", "\u2014"),
        ("When was it published?", "in the spring of that year"),
        ("When was it torn down?", "still standing"),
        ("When does it apply?", "medical certificate"),  # a condition
        ("How about Ada?", "Ada"),
        ("What is its motto?", "Halvorsen Grid"),
        ("Which three letters are printed on luggage tags for it?", "CXP"),
        ("it 4 digit number", "UN 1230"),
        ("What is its 13-digit number?", "978-0-14-143951-3"),
        ("Which five characters?", "K-9B7"),
        ("Which two or three letters?", "WIHL"),
        ("the code, not the three-letter one", "WIHL"),
        ("two letters and a number", "LU0899123457"),
    ],
)
def test_what_may_be_an_answer_is_left_to_the_model(question, value):
    assert not is_of_another_kind(question, value)
