"""What is known of a subject, all of it: which questions ask for that, and that every value is there and cited."""

from __future__ import annotations

import pytest

from kvdb import Fact
from kvdb_sdk.question.overview import MOST_RELATIONS, MOST_VALUES, overview, told, told_of_value
from kvdb_sdk.question.reading import Subject

from .hand_made import ask, check_spans, facts_of


@pytest.mark.parametrize(
    "question",
    [
        "Tell me about Berg",
        "What do you know about Berg?",
        "List all facts about Berg, please.",
        "everything on Berg",
        "Berg",
        "Berg?",
        "Can you give me more information about Berg?",
        "Hi! What does the store say about Berg?",
        "Describe Berg.",
        "What's known about Berg?",
        "I'd like to know more about Berg",
        "Tell me something about Berg, thanks!",
        "Berg's info",
        "Show me Berg",
        "What is Berg?",
    ],
)
def test_a_question_about_nothing_in_particular_gets_all(question):
    answer, rounds = ask(question)
    assert rounds == []  # no model is asked
    assert answer.text == "The elevation of Berg is -7.5."
    assert answer.answered and answer.stats["tokens"] == 0
    check_spans(answer)


@pytest.mark.parametrize(
    "question",
    [
        "Tell me about the elevation of Berg",
        "Tell me a joke about Berg",
        "Is Berg in the store?",
        "What is known about Berg and Tal?",
        "Berg elevation",
        "What is Berg known for?",
        "What is Berg about?",
        "What does Berg know?",
        "Can Berg do anything?",
        "Tell me about it",
        "everything",
    ],
)
def test_a_question_about_something_does_not(question):
    assert ask(question)[1] != []


def test_a_relation_that_is_asked_for_by_name_is_asked_for():
    """ "summary" asks for all, but not of what has a summary."""
    facts = (("summary", Fact(1, "T7", "summary", "a leak"), "a leak"),)

    class Reader:
        def subjects(self, question, *, spelt=False):
            return [Subject(question.index("T7"), question.index("T7") + 2, "T7", facts)]

    assert overview("What is the summary of T7?", [], Reader()) is None
    assert overview("Give me an overview of T7", [], Reader()).text == "The summary of T7 is a leak."


def test_every_value_is_told_once_and_cited():
    facts = facts_of("France")
    answer = told(Subject(0, 6, "France", facts))
    assert [citation.id for citation in answer.citations] == [fact.id for _, fact, _ in facts]
    assert "The neighbour of France is Spain, Italy, Andorra and Monaco." in answer.text
    assert sorted(answer.text[span.start : span.end] for span in answer.spans) == sorted(value for _, _, value in facts)


def test_the_store_s_own_words_tell_a_clause():
    fact = Fact(1, "Kestoril", "must not be stored with", "Velum")
    answer = told(Subject(0, 8, "Kestoril", (("what it must not be stored with", fact, "Velum"),)))
    assert answer.text == "Kestoril must not be stored with Velum."
    fact = Fact(2, "Kestoril", "must not be stored with", "Kestoril 2")
    answer = told(Subject(0, 8, "Kestoril 2", (("what must not be stored with it", fact, "Kestoril"),)))
    assert answer.text == "Kestoril must not be stored with Kestoril 2."
    assert (answer.spans[0].start, answer.spans[0].end) == (0, 8)


@pytest.mark.parametrize("question", ["Who is Anne Hidalgo?", "Anne Hidalgo", "Tell me about Anne Hidalgo."])
def test_a_name_that_is_only_a_value_is_told_by_what_has_it(question):
    answer, rounds = ask(question)
    assert rounds == [] and answer.text == "The mayor of Paris is Anne Hidalgo."
    check_spans(answer)


@pytest.mark.parametrize("question", ["Where was Anne Hidalgo born?", "Is Anne Hidalgo tall?", "Who is the mayor?"])
def test_what_is_asked_of_such_a_name_is_not(question):
    assert ask(question)[1] != []


def test_of_a_value_of_many_some_are_told():
    facts = tuple(("owner", Fact(i, f"H{i}", "owner", "Bo"), "Bo") for i in range(9))
    answer = told_of_value(Subject(0, 2, "Bo", facts))
    assert answer.text.startswith("The owner of H0 is Bo. The owner of H1 is Bo.")
    assert answer.text.endswith("There is more.") and len(answer.citations) == len(answer.spans) == MOST_VALUES


def test_of_what_is_too_much_the_text_says_so():
    facts = tuple(
        (f"n{relation}", Fact(1 + relation * 100 + value, "X", f"n{relation}", f"v{value}"), f"v{value}")
        for relation in range(MOST_RELATIONS + 2)
        for value in range(MOST_VALUES + 3)
    )
    answer = told(Subject(0, 1, "X", facts))
    assert len(answer.citations) == MOST_RELATIONS * MOST_VALUES == len(answer.spans)
    assert answer.text.startswith("The n0 of X is v0, v1, v2, v3, v4, v5, v6, v7 and 3 more. The n1 of X is")
    assert answer.text.endswith("There is more, under 2 other relations.")


def test_a_count_is_not_told_where_not_all_facts_were_seen():
    facts = tuple(("member", Fact(i, "Club", "member", f"Person {i}"), f"Person {i}") for i in range(20))
    assert "and 12 more" in told(Subject(0, 4, "Club", facts)).text
    text = told(Subject(0, 4, "Club", facts, complete=False)).text
    assert "and many more" in text and "There is more." in text
