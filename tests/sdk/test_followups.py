"""What a turn means, given what the last question was about; the store is a table, the match shared words."""

from __future__ import annotations

import re

import pytest

from kvdb import Fact
from kvdb_sdk import Answer, Citation
from kvdb_sdk.question.followups import Meant, Topic, stand_alone, topic_of
from kvdb_sdk.question.reading import Subject
from kvdb_sdk.question.references import reference, spoken_out

FACTS = [
    ("Inception", "director", "Christopher Nolan"),
    ("Inception", "year of release", "2010"),
    ("Inception", "country", "United Kingdom"),
    ("Heat", "director", "Michael Mann"),
    ("Christopher Nolan", "place of birth", "London"),
    ("Christopher Nolan", "country", "United Kingdom"),
    ("Heathrow", "elevation", "83"),
    ("Heathrow", "city", "London"),
    ("Gatwick", "elevation", "203"),
    ("London", "population", "8,799,800"),
    ("London", "country", "United Kingdom"),
    ("France", "capital", "Paris"),
    ("It", "director", "Andy Muschietti"),
]
MEANS = {
    "cut": "film directed",
    "born": "place of birth",
    "film": "director",
    "made": "director",
    "high": "elevation",
    "people": "population",
}


class Table:
    """A reader over FACTS: terms as they are spelt; a text means the noun that it has, or has a word for."""

    def subjects(self, question: str, *, spelt: bool = False) -> list[Subject]:
        terms = sorted({end for head, _, tail in FACTS for end in (head, tail)}, key=len, reverse=True)
        found: list[Subject] = []
        for term in terms:
            for place in re.finditer(rf"(?<!\w){re.escape(term)}(?!\w)", question):
                if all(place.end() <= s.start or s.end <= place.start() for s in found):
                    found.append(Subject(*place.span(), term, tuple(self._facts(term))))
        return sorted(found, key=lambda subject: subject.start)

    def about(self, term: str) -> Subject | None:
        facts = tuple(self._facts(term))
        return Subject(0, len(term), term, facts) if facts else None

    def ends(self, term: str) -> Subject | None:
        made = [Fact(id, *fact) for id, fact in enumerate(FACTS) if fact[1:] == ("director", term)]
        facts = tuple(("film directed", fact, fact.head) for fact in made)
        return Subject(0, len(term), term, facts) if facts else None

    def _facts(self, term: str):
        for id, (head, relation, tail) in enumerate(FACTS):
            if term == head:
                yield relation, Fact(id, head, relation, tail), tail
            if term == tail:
                yield f"thing with the {relation}", Fact(id, head, relation, tail), head

    def best_noun(self, text: str, nouns: list[str]) -> tuple[str, float]:
        for noun in nouns:
            if noun in text or any(word in text and means == noun for word, means in MEANS.items()):
                return noun, 0.8
        return (nouns[0], 0.2) if nouns else ("", -1.0)


READER = Table()
FILM = Topic("Who directed Inception?", ("Inception",), ("Christopher Nolan",))
AIRPORT = Topic("What is the elevation of Heathrow?", ("Heathrow",), ("83",))
CITY = Topic("Which city does Heathrow serve?", ("Heathrow",), ("London",))
TWO = Topic("What is the elevation of Heathrow and Gatwick?", ("Heathrow", "Gatwick"), ("83", "203"))
UNKNOWN = Topic("What is the population of Nowhereville?", ("Nowhereville",))


def meant(turn: str, topic: Topic | None) -> list[str]:
    return list(stand_alone(turn, topic, READER).questions)


@pytest.mark.parametrize(
    "turn",
    [
        "What is the elevation of Heathrow?",
        "For Heathrow, what is its elevation?",
        "Nowhereville: what is its elevation?",
        "For Nowhereville, what is its elevation?",
        "What is the elevation of Nowhereville?",
        "Nowhereville elevation?",
        "Who is Bob?",
        "Where is London?",
        "Is Heathrow larger than its neighbours?",
        "Is it true that Paris is the capital of France?",
        "Write a haiku about autumn.",
        "Thanks, that was helpful!",
        "And you?",
        "",
        "?",
    ],
)
@pytest.mark.parametrize("topic", [FILM, AIRPORT, TWO, UNKNOWN, None])
def test_what_names_its_own_subject_or_none_at_all_stands_alone(turn, topic):
    assert meant(turn, topic) == [turn]


@pytest.mark.parametrize(
    ("turn", "topic", "asked"),
    [
        # a pronoun is the subject, and for a person, or where the subject's facts do not fit, what was answered
        ("What is its year of release?", FILM, ["What is Inception's year of release?"]),
        ("Where was he born?", FILM, ["Where was Christopher Nolan born?"]),
        ("And where was he born?", FILM, ["where was Christopher Nolan born?"]),
        ("How many people live there?", CITY, ["How many people live in London?"]),
        ("How high is it?", CITY, ["How high is Heathrow?"]),
        ("What is the elevation of the same airport?", CITY, ["What is the elevation of Heathrow?"]),
        ("What is the elevation of that one?", CITY, ["What is the elevation of Heathrow?"]),
        # both have a country: a thing is the subject, a person what was answered; the other is the second choice
        ("What is its country?", FILM, ["What is Inception's country?", "What is Christopher Nolan's country?"]),
        ("What is his country?", FILM, ["What is Christopher Nolan's country?", "What is Inception's country?"]),
        # of a person that the store does not know, rather than of the film
        (
            "Where was he born?",
            Topic("Who directed Heat?", ("Heat",), ("Michael Mann",)),
            ["Where was Michael Mann born?"],
        ),
        # claims
        ("Is it in London?", AIRPORT, ["Is Heathrow in London?"]),
        ("Is Paris its city?", AIRPORT, ["Is Paris Heathrow's city?"]),
        # several
        ("What are their cities?", TWO, ["What are Heathrow and Gatwick's cities?"]),
        # no subject at all
        ("And the elevation?", CITY, ["What is the elevation of Heathrow?"]),
        ("elevation?", CITY, ["What is the elevation of Heathrow?"]),
        ("Population?", CITY, ["What is the Population of London?"]),
        ("what about the weather?", CITY, ["What is the weather of Heathrow?"]),
        ("and its elevation?", CITY, ["What is Heathrow's elevation?"]),
        ("What is the elevation?", CITY, ["What is the elevation of Heathrow?"]),
        # the same of another subject
        ("What about Gatwick?", AIRPORT, ["What is the elevation of Gatwick?"]),
        ("and for Gatwick?", AIRPORT, ["What is the elevation of Gatwick?"]),
        ("What is it for Gatwick?", AIRPORT, ["What is the elevation of Gatwick?"]),
        ("Gatwick?", AIRPORT, ["What is the elevation of Gatwick?"]),
        ("And Nowhereville?", AIRPORT, ["What is the elevation of Nowhereville?"]),
        ("And Heathrow?", UNKNOWN, ["What is the population of Heathrow?"]),
        ("And Paris?", TWO, ["What is the elevation of Paris?"]),
        ("And Heathrow and Gatwick?", AIRPORT, ["What is the elevation of Heathrow and Gatwick?"]),
        ("And the elevation of Gatwick?", CITY, ["the elevation of Gatwick?"]),
        # the store's own spelling tells the film from the pronoun
        ("What about It?", FILM, ["Who directed It?"]),
        # what was not known is still what is spoken of
        ("And the population?", UNKNOWN, ["What is the population of Nowhereville?"]),
    ],
)
def test_a_turn_that_leans_on_the_last_one(turn, topic, asked):
    assert meant(turn, topic) == asked


def test_a_turn_may_ask_for_what_the_topic_is_the_tail_of():
    """Rather than of the value, of which nobody knows whether it is a person."""
    topic = Topic("What is the alias of Christopher Nolan?", ("Christopher Nolan",), ("Chris Edward",))
    found = stand_alone("What did he cut?", topic, READER)
    assert (found.questions, found.doubtful) == (("What did Christopher Nolan cut?",), False)


def test_what_the_facts_of_the_topic_do_not_fit_is_doubtful():
    assert stand_alone("Tell me a joke about it", FILM, READER) == Meant(("Tell me a joke about Inception",), True)
    assert not stand_alone("What is its year of release?", FILM, READER).doubtful


@pytest.mark.parametrize(
    ("asked", "fact", "topic"),
    [
        ("Who directed Inception?", 0, ("Inception", "Christopher Nolan")),
        ("Which film is by Christopher Nolan?", 0, ("Christopher Nolan", "Inception")),
    ],
)
def test_the_topic_is_the_end_of_the_fact_that_was_asked_about(asked, fact, topic):
    head, relation, tail = FACTS[fact]
    answer = Answer("", True, (Citation(fact, head, relation, tail, 1.0),))
    assert topic_of(asked, answer, READER) == Topic(asked, topic[:1], topic[1:])


def test_a_refused_question_leaves_its_subject_behind():
    refused = Answer("I do not know.", False)
    assert topic_of("What is the mayor of Heathrow?", refused, READER) == Topic(
        "What is the mayor of Heathrow?", ("Heathrow",)
    )
    assert topic_of(UNKNOWN.asked, refused, READER) == UNKNOWN
    assert topic_of("what is the mayor?", refused, READER) is None


def test_lists_leave_few_terms_behind():
    cited = tuple(Citation(i, "France", "city", f"City {i}", 1.0) for i in range(9))
    topic = topic_of("Cities of France?", Answer("", True, cited), READER)
    assert topic == Topic("Cities of France?", ("France",), ("City 0", "City 1", "City 2"))


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Who married her in 1990?", "Who married X in 1990?"),
        ("Where is her house?", "Where is X's house?"),
        ("Is there a lake there?", "Is there a lake in X?"),
        ("What time is it?", None),
        ("Is there a lake?", None),
        ("Does it have the same mayor?", "Does X have the same mayor?"),
        ("Who runs this company?", "Who runs X?"),
        ("Who is that?", "Who is X?"),
        ("That is the mayor that I like", None),
        ("Is this true?", None),
    ],
)
def test_references(text, spoken):
    assert (reference(text, ["mayor"]) is None) == (spoken is None)
    assert spoken_out(text, "X", ["mayor"]) == (spoken or text)


def test_a_term_is_put_in_as_it_is():
    assert spoken_out("What is its size?", r"It \1 (their) {x}") == r"What is It \1 (their) {x}'s size?"


def test_a_topic_may_have_a_common_word_for_a_name():
    film = Topic("Who directed It?", ("It",), ("Andy Muschietti",))
    assert meant("And its director?", film) == ["What is It's director?"]
