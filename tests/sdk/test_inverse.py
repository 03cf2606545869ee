"""Facts that are asked for by their tails, over a hand-made store."""

from __future__ import annotations

import pytest

from kvdb_sdk.question.inverse import inverse

from . import hand_made
from .hand_made import FACTS, ask


@pytest.fixture(autouse=True)
def more_facts(monkeypatch):
    more = [
        ("Bonn", "seat of", "Rhineland"), ("Rhineland", "area", "23,560 km2"), ("Ziv", "sibling", "Orla"),
        ("Ledger", "runs on", "vm1"), ("Billing", "runs on", "vm1"), ("vm1", "area", "2 m2"),
        ("Ziv", "manager", "Quill"),
    ]  # fmt: skip
    monkeypatch.setattr(hand_made, "FACTS", FACTS + more)
    monkeypatch.setattr(hand_made.Reader, "surely", lambda *_: 0.75)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What is the seat of Rhineland?", "The seat of Rhineland is Bonn."),
        ("Who was hired by Quill?", "Orla was hired by Quill."),  # of which nothing else is known
        ("What runs on vm1?", "Ledger and Billing run on vm1."),  # whose noun is "thing that runs on the platform"
        ("Who is sibling of Orla?", "The sibling of Orla is Ziv."),
    ],
)
def test_the_heads_of_a_tail(question, text):
    answer, rounds = ask(question)
    assert (answer.text, rounds) == (text, [])
    assert answer.answered and answer.stats["confidence"] == 0.75
    assert [answer.text[span.start : span.end] for span in answer.spans] == [each.head for each in answer.citations]


@pytest.mark.parametrize("question", ["Whose manager is Quill?", "Who has Quill as manager?"])
def test_whose_it_is(question):
    answer, rounds = ask(question)
    assert (answer.text, rounds) == ("The manager of Ziv is Quill.", [])


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Is Bonn the seat of Rhineland?", "Yes. The seat of Rhineland is Bonn."),
        ("Is Paris the seat of Rhineland?", "No. The seat of Rhineland is Bonn."),
    ],
)
def test_a_claim(question, text):
    answer, rounds = ask(question)
    assert (answer.text, rounds) == (text, [])


def test_a_part_of_a_question():
    answer, rounds = ask("What is the seat of Rhineland and the capital of France?")
    assert rounds == [["the capital of France?"]]
    assert answer.text == "The seat of Rhineland is Bonn. The capital of France is Paris."


@pytest.mark.parametrize(
    "question",
    [
        "What is the area of Rhineland?",  # its own
        "What is the population of Rhineland?",  # nobody's
        "What is the country of Equatorial Guinea?",  # "thing with the country" is no noun to ask for
    ],
)
def test_else_a_question_is_asked_as_it_stands(question):
    assert question in ask(question)[1][0]


def test_what_is_not_sure_enough_is_not_told(monkeypatch):
    monkeypatch.setattr(hand_made.Reader, "threshold", 0.8)
    question = "What is the seat of Rhineland?"
    assert ask(question)[1] == [[question]]
    assert inverse("", [], hand_made.Reader()) is None


def test_a_store_with_both_maskings_is_read_as_before():
    """Where a subject has the noun among its rows, the attention reads it."""
    reader = hand_made.Reader()
    found = [hand_made.Subject(23, 32, "Rhineland", reader.ends("Rhineland").facts)]
    assert inverse("What is the seat of Rhineland?", found, reader) is None
