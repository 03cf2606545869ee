"""Yes or no, and comparisons, over a hand-made store: what the values settle, and what they do not."""

from __future__ import annotations

import pytest

from kvdb.types import Fact
from kvdb_sdk.question.claims import is_turned_round, says, verdict
from kvdb_sdk.question.reading import Subject

from .hand_made import ask, check_spans


@pytest.mark.parametrize(
    ("question", "lead"),
    [
        ("Is Paris the capital of France?", "Yes."),
        ("is rome the capital of France?", "No."),
        ("Isn't Rome the capital of France?", "No."),
        ("The capital of France is Paris, right?", "Yes."),
        ("Someone told me the capital of France is Lyon. Is that right?", "No."),
        ("Is the capital of France Paris or not?", "Yes."),
        ("Is the population of France 68042591?", "Yes."),
        ("Is the population of France 68,042,592?", "No."),
        ("Is the population of Spain 48,600,000?", "Yes."),
        ("Is the elevation of Berg 7.5?", "No."),
        ("Is the elevation of Berg -7.50?", "Yes."),
        ("Is the elevation of Foo 1,235 ft?", "No."),
        ("Is cat the nat\u0131onal an\u0131mal of Foo?", "No."),  # a letter that is another one in any case
        ("Is the country of Malabo Equatorial Guinea?", "Yes."),
        ("Is Chad the country of Malabo?", "No."),
        ("Is Italy a neighbour of France?", "Yes."),
        ("Is Chad a neighbour of France?", "No."),
        ("Is the colour of Tal red?", "No."),
        ("Is Tal's colour blue?", "Yes."),
        ("Is Anne Hidalgo the mayor of Paris, France?", "Yes."),
        ("Can Gout be a use of Velum?", "Yes."),
        ("Is Asthma a forbidden use of Kestoril?", "Yes."),
        ("Is Beijing the forbidden city of Gugong?", "Yes."),  # a name, and no denial
        ("Is Diseases of the digestive system the chapter of Asthma?", "No."),  # that of another
        ("Is the chapter of Asthma Diseases of the respiratory system?", "Yes."),
        ("Does France have more people than Spain?", "Yes."),
        ("Does Spain have more people than France?", "No."),
        ("Is the elevation of Berg higher than that of Tal?", "No."),
        ("Is Lower Saxony's population larger than Bavaria's?", "No."),
    ],
)
def test_a_claim_is_judged_from_the_values(question, lead):
    answer, rounds = ask(question)
    assert answer.text.startswith(f"{lead} The ")
    assert question not in rounds[-1]
    check_spans(answer)


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("Did Orla warn Petra?", "Orla warned Petra."),
        ("Was Petra warned by Orla?", "Orla warned Petra."),
        ("Was Orla hired by Quill?", "Orla was hired by Quill."),
        ("Did Quill hire Orla?", "Orla was hired by Quill."),
        ("Is Lumen a subsidiary of Orla?", "The subsidiary of Orla is Lumen."),
        ("Is France a neighbour of Italy?", "The neighbour of Italy is France."),
    ],
)
def test_who_does_what_to_whom(question, fact):
    assert ask(question)[0].text.startswith(f"Yes. {fact}")


def test_a_noun_may_be_the_verb_of_a_claim():
    effect = Subject(5, 10, "cough", (("cause", Fact(1, "smoke", "causes", "cough"), "smoke"),))
    assert is_turned_round("Does cough cause smoke?", effect, "cause")
    other = Subject(17, 22, "cough", effect.facts)
    assert not is_turned_round("Does smoke cause cough?", other, "cause")
    assert not is_turned_round("Is the cause of a cough smoke?", Subject(19, 24, "cough", effect.facts), "cause")


@pytest.mark.parametrize(
    "question",
    [
        "Did Petra warn Orla?",
        "Was Orla warned by Petra?",
        "Did Orla hire Quill?",
        "Was Quill hired by Orla?",
        "Is Orla a subsidiary of Lumen?",
        "Does Dunmarrow sell to Orla?",  # Orla refuses to sell to it
    ],
)
def test_the_wrong_way_round_is_neither_yes_nor_no(question):
    assert not ask(question)[0].text.startswith(("Yes.", "No."))


@pytest.mark.parametrize(
    "question",
    [
        "Is Guinea the country of Malabo?",  # it is Equatorial Guinea
        "Is Boston's country the USA?",
        "Is Massachusetts the country of Boston?",  # true of another relation of it
        "Is Rome not the capital of France?",
        "Is the capital of France Rome or Paris?",
        "Is the capital of France a big city?",
        "Is the population of France over 1,000?",
        "Is the population of France sixty-eight million?",
        "Is the mayor of the capital of France Bob?",
        "Is ABN AMRO's founding date 1991?",
        "Is it true that the capital of France is Paris and the capital of Spain is Lisbon?",
        "Are Paris and Madrid the capitals of France and Spain?",
        "Is the elevation of Foo 376 m?",  # it is 1,234 ft
        "Is the length of Bar 3000 m?",  # it is 3 km
        "Is the share of Baz 50 %?",  # it is 0.5
        "Is the opening of Bar 1.1.90?",  # it is 1990-01-01
        "Is NYC the seat of Baz?",  # it is New York
        "Is the chapter of Ulcer stage Diseases of the digestive system?",  # part of what it is
        "Is the chapter of Asthma Diseases of the digestive system or another?",
        "Is the chapter of Asthma Diseases of the chest?",  # no value that the store has
        "Is Skillet not active?",
        "Has Paris a mayor in Spain?",  # a denial that no word of the question speaks of
        "May Skillet be cleaned with coarse salt or dish soap?",
        "Is Skillet unsafe in the dishwasher?",
        "Is Headache a use of Kestoril?",  # only what it must not be used for is known
        "Is the use of Kestoril forbidden for Asthma?",  # the question denies it itself
        "Is Gout a use of Velum?",  # it may be used for it
        "Is Lead a content of Velum?",  # no longer
        "Is Zinc the content of Velum?",  # not only
        "Does Qar decrease the effect of Iron?",  # it increases it
        "Is Zinc what Velum does not contain?",
    ],
)
def test_what_the_values_do_not_settle_gets_no_verdict(question):
    assert ask(question)[1] == [[question]]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("May Skillet be cleaned with dish soap?", "No. Skillet must not be cleaned with dish soap."),
        ("Can I clean Skillet with dish soap?", "No. Skillet must not be cleaned with dish soap."),
        ("Does Orla sell to Dunmarrow?", "No. Orla refuses to sell to Dunmarrow."),
        ("Is Skillet active?", "No. Skillet, active: no."),
        ("Does Skillet tolerate the dishwasher?", "No. Skillet does not tolerate the dishwasher."),
        ("Is Asthma a use of Kestoril?", "No. The forbidden use of Kestoril is Asthma."),
        ("May Colic be a use of Velum?", "No. The forbidden use of Velum is Colic."),
    ],
)
def test_what_is_denied_is_told_by_the_store_whatever_else_is_near(question, answer):
    told, rounds = ask(question)
    assert (told.text, rounds) == (answer, [])
    check_spans(told)


def test_a_clause_is_claimed_by_its_own_words():
    assert ask("Does Qar increase the effect of Iron?")[0].text == "Yes. Qar increases the effect of Iron."
    assert not ask("Does Qar decrease the effect of Iron?")[0].text.startswith("Yes.")


@pytest.mark.parametrize(
    ("question", "lead"),
    [
        ("Which has more people, Lower Saxony or Bavaria?", "Bavaria."),
        ("Which of Lower Saxony and Bavaria has the smaller population?", "Lower Saxony."),
        ("Which has the largest population: Spain, France or Italy?", "France."),
        ("Who is older, Ann or Ben?", "Ben."),  # by age
        ("Which was founded earlier, First Solar or ABN AMRO?", "ABN AMRO."),  # by dates
        ("Which has been founded longer, First Solar or ABN AMRO?", "ABN AMRO."),  # the earlier date
        ("Which has the higher elevation, Berg or Tal?", "They are the same."),
        ("Is the area of France or Spain larger?", "France."),
    ],
)
def test_what_is_compared(question, lead):
    answer, rounds = ask(question)
    assert answer.text.startswith(f"{lead} The ")
    assert len(rounds[0]) == len(answer.citations) == answer.stats["parts"]
    check_spans(answer)


@pytest.mark.parametrize(
    "question",
    [
        "Which has the larger area, France or Italy?",  # in km2 and m2
        "Which has the larger motto, France or Spain?",  # not numbers
        "Which has the higher elevation, Berg or France?",  # France has none
        "Is France larger than France?",
        "Which country is richer, France or Spain?",  # by none of area and population
        "Is France older than Spain?",
        "Who is heavier, Ann or Ben?",  # of whom only the age is known
    ],
)
def test_what_cannot_be_compared_is_asked_as_it_stands(question):
    assert ask(question)[1] == [[question]]


@pytest.mark.parametrize(
    ("question", "phrase", "has"),
    [
        ("the company that makes it", "compatible with", False),
        ("the treatment of it", "treats", True),
        ("who won it", "wins", True),
        ("an Italian", "italic", False),
    ],
)
def test_words_of_a_phrase_in_another_form(question, phrase, has):
    assert says(question, phrase) is has


@pytest.mark.parametrize(
    ("question", "right"),
    [
        ("Was it born in Rome?", True),
        ("Was it born in Oslo?", False),
        ("Did it get the Prize of Peace in Physics?", True),  # a value that is several phrases
        ("Did it get the Prize of Rome in Physics?", None),
    ],
)
def test_the_words_of_the_relation_and_a_whole_value_are_no_other_claim(question, right):
    facts = (
        ("place of birth", Fact(1, "it", "born in", "Rome"), "Rome"),
        ("award", Fact(2, "it", "award", "Prize of Peace in Physics"), "Prize of Peace in Physics"),
    )
    subject = Subject(question.index("it"), question.index("it") + 2, "it", facts)
    assert verdict(question, subject, "award" if "Prize" in question else "place of birth") is right
