"""Answers put together: their text, and the spans in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvdb_sdk.answer import Answer, Citation, Span
from kvdb_sdk.question.joining import ended_once, joined, led

from .hand_made import FACTS, check_spans

ANSWERS = st.builds(
    lambda before, id, known: (
        Answer(
            f"{before}{FACTS[id][2]}.",
            known,
            (Citation(id, *FACTS[id], 0.5),),
            (Span(len(before), len(before) + len(FACTS[id][2]), id, "value"),),
            {"tokens": 1},
        )
        if known
        else Answer("I do not know.", False)
    ),
    st.text(max_size=9),
    st.integers(0, len(FACTS) - 1),
    st.booleans(),
)


@given(st.lists(ANSWERS, min_size=1, max_size=5), st.text(max_size=9), st.text(max_size=9))
def test_spans_move_with_their_text(answers, lead, more):
    questions = [f"question {i}" for i in range(len(answers))]
    answer = led(lead, joined(answers, questions, more))
    check_spans(answer)
    assert len(answer.spans) == sum(each.answered for each in answers)
    for each, question in zip(answers, questions, strict=True):
        assert (each.text if each.answered else f"I do not know: {question}.") in answer.text


@pytest.mark.parametrize(
    ("before", "value", "after", "text"),
    [
        ("The seat is ", "Palo Alto, U.S.", ".", "The seat is Palo Alto, U.S."),
        ("The seat is ", "Paris", ".", "The seat is Paris."),
        ("The seat is ", "Paris", "", "The seat is Paris."),
        ("The title is ", "What Is to Be Done?", ".", "The title is What Is to Be Done?"),
        ("The title is ", "What Is to Be Done?", "", "The title is What Is to Be Done?"),
        ("The seat is ", "Palo Alto, U.S.", "", "The seat is Palo Alto, U.S."),
        ("The seat is ", "U.S.", " and Paris. More.", "The seat is U.S. and Paris. More."),
        ("Bought by Acme Inc.. The seat is ", "U.S.", ". More.", "Bought by Acme Inc. The seat is U.S. More."),
        ("The title is ", "Wait.. what", ".", "The title is Wait.. what."),
        ("The title is ", "Wait...", ".", "The title is Wait...."),
    ],
)
def test_a_sentence_ends_once(before, value, after, text):
    answer = Answer(before + value + after, True, (), (Span(len(before), len(before) + len(value), 1, "value"),))
    ended = ended_once(answer)
    assert ended.text == text
    assert [ended.text[span.start : span.end] for span in ended.spans] == [value]
