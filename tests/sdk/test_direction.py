"""Which end of a relation is asked for, by where its subject stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvdb_sdk.question.direction import (
    acting_clause,
    asks_for_the_end_of_another,
    asks_it_of_the_subject,
    asks_the_other_way,
    own_clause,
)


@pytest.mark.parametrize(
    ("text", "meant", "other"),
    [
        ("Who did it warn?", "what it warned", "what warned it"),
        ("Who warned it?", "what warned it", "what it warned"),
        ("Who was warned by it?", "what it warned", "what warned it"),
        ("By whom was it warned?", "what warned it", "what it warned"),
        ("Who sued it?", "what it was sued by", "what was sued by it"),
        ("Who did it sue?", "what was sued by it", "what it was sued by"),
        ("When was it acquired?", "what it was acquired in", "what it acquired"),
        ("What is downstream of it?", "what is downstream of it", "what it is downstream of"),
        ("What is it downstream of?", "what it is downstream of", "what is downstream of it"),
        ("Who lost the election to it?", "what lost the election to it", "what it lost the election to"),
        ("Which race does it win?", "what it won", "what won it"),
        ("Whom has it betrayed", "what it betrayed", "what it was betrayed by"),
        ("What was it sold to?", "what it was sold to", "what was sold to it"),
        ("What must it be opened before?", "what it must be opened before", "what must be opened before it"),
        ("What was sold to it?", "what was sold to it", "what it was sold to"),
        ("What is the firm called that it bought?", "what it bought", "what bought it"),
    ],
)
def test_it_is_told_from_the_place_of_the_subject(text, meant, other):
    assert not asks_the_other_way(text, meant)
    assert asks_the_other_way(text, other)


@pytest.mark.parametrize(
    ("text", "noun"),
    [
        ("What is it used for?", "what it is used for"),
        ("What must it not be used for?", "what it must not be used for"),
        ("What is it known to attract?", "what it is known to attract"),
        ("What is it not connected to?", "what it is not connected to"),
        ("Who warned it?", "warner"),  # no clause
        ("Who pays it?", "what it warned"),  # of something else
        ("What does the warned note of it say?", "what it warned"),
        ("it warned it", "what it warned"),  # cannot be told
        ("", "what it warned"),
        ("it trigger start event", "what it is triggered by"),  # no sentence
        ("what do you get to use with it", "what it has use of"),  # used with it, not of it
        ("Who warned it?", "what it is"),  # has no word of its own
    ],
)
def test_nothing_else_speaks_against_a_relation(text, noun):
    assert not asks_the_other_way(text, noun)


@pytest.mark.parametrize(
    ("text", "noun", "another"),
    [
        ("Who acquired it?", "what it was sued by", True),  # what it acquired is known, and nothing that acquired it
        ("Who acquired it?", "what acquired it", False),
        ("Who acquired it?", "acquirer", False),
        ("Who did it acquire?", "what it was sued by", False),
        ("Who runs it?", "chief executive", False),
        ("Was it sued, or was it acquired?", "what it was sued by", False),
        ("Which chapter acquired it?", "code of the chapter", False),  # has a word of it
    ],
)
def test_the_missing_end_of_another_relation_is_asked_for(text, noun, another):
    assert asks_for_the_end_of_another(text, noun, ["what it acquired", "headquarters"]) is another


@pytest.mark.parametrize(
    ("text", "noun", "of_it"),
    [
        ("Who wrote it?", "what wrote the foreword to it", True),
        ("Who wrote the foreword to it?", "what wrote the foreword to it", False),
        ("Who wrote it?", "what wrote it", False),
        ("Who praised it?", "what wrote the foreword to it", False),
        ("it?", "what wrote the foreword to it", False),
    ],
)
def test_what_is_done_to_a_part_is_not_done_to_the_subject(text, noun, of_it):
    assert asks_it_of_the_subject(text, noun) is of_it


@given(st.text(), st.text())
def test_any_text_is_read(text, said):
    assert asks_the_other_way(text, f"what it {said}") in (True, False)
    assert asks_the_other_way(text, f"what {said} it") in (True, False)
    assert asks_it_of_the_subject(text, f"what {said} it") in (True, False)
    assert asks_for_the_end_of_another(text, said, [f"what {said} it"]) in (True, False)


@pytest.mark.parametrize(
    ("relation", "of_head", "of_tail"),
    [
        ("written by", "what it was written by", "what was written by it"),
        ("was_written_by", "what it was written by", "what was written by it"),
        ("warned", "what it warned", "what warned it"),
        ("must not be stored with", "what it is stored with", "what is stored with it"),
        ("reports to", "what it reports to", "what reports to it"),
        ("born in", "", ""),  # in either voice it is the subject that was born
        ("lived in", "", ""),
        ("capital", "", ""),
    ],
)
def test_the_own_words_of_a_relation_as_a_clause(relation, of_head, of_tail):
    assert (own_clause(relation, is_head=True), own_clause(relation, is_head=False)) == (of_head, of_tail)


def test_who_is_called_after_what_they_do():
    assert acting_clause("account manager", is_head=True) == "what manages it"
    assert acting_clause("supplier", is_head=False) == "what it supplys"  # only its stem counts
    assert acting_clause("written by", is_head=True) == own_clause("written by", is_head=True)
    assert acting_clause("river", is_head=True) == acting_clause("", is_head=True) == ""
    assert asks_the_other_way("Who does it manage?", acting_clause("manager", is_head=True))
    assert not asks_the_other_way("Who manages it?", acting_clause("manager", is_head=True))


def test_what_is_said_before_the_subject_in_the_passive_tells_nothing():
    assert not asks_the_other_way("What is not included here: it", "what it does not include")
    assert asks_the_other_way("What does not include it?", "what it does not include")
