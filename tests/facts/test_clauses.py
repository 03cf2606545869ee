"""Relations that no noun fits: the clauses of `kvdb.nouns`, and what is no verb though it looks like one."""

from __future__ import annotations

import pytest

from kvdb.kg2kv import noun_forms


@pytest.mark.parametrize(
    ("relation", "tail", "head"),
    [
        ("lies upstream of", "what it lies upstream of", "what lies upstream of it"),
        ("dies near", "what it dies near", "what dies near it"),
        ("lands automatically when", "what it lands automatically when", "what lands automatically when it"),
        ("falls short of", "what it falls short of", "what falls short of it"),
        ("screws into", "what it screws into", "what screws into it"),
        ("cross-reacts with", "what it cross-reacts with", "what cross-reacts with it"),
        ("crosses", "what it crosses", "what crosses it"),
        ("lays eggs in the nest of", "what it lays eggs in the nest of", "what lays eggs in the nest of it"),
        ("spun out of", "what it is spun out of", "what is spun out of it"),
        ("also sold as", "what it is also sold as", "what is also sold as it"),
        ("is replaced in a pinch by", "what it is replaced in a pinch by", "what is replaced in a pinch by it"),
        ("on death goes to", "what it on death goes to", "what on death goes to it"),
        ("will go to", "what it will go to", "what will go to it"),
        ("does not cross", "what it does not cross", "what does not cross it"),
        ("wrote the foreword to", "what it wrote the foreword to", "what wrote the foreword to it"),
        ("signed a contract with", "what it signed a contract with", "what signed a contract with it"),
        ("torn apart by", "what it is torn apart by", "what is torn apart by it"),
        ("co-wrote", "what it co-wrote", "what co-wrote it"),
        ("upregulates", "what it upregulates", "what upregulates it"),
        ("before", "later event", "earlier event"),
        ("sued", "what it sued", "what sued it"),
        ("failed to win the award", "what it failed to win the award", "what failed to win the award it"),
        ("lied to", "what it lied to", "what lied to it"),
        ("filed for bankruptcy on", "what it filed for bankruptcy on", "what filed for bankruptcy on it"),
        ("blew the whistle on", "what it blew the whistle on", "what blew the whistle on it"),
        ("owns a yacht called", "what it owns a yacht called", "what owns a yacht called it"),
        ("now works for", "what it now works for", "what now works for it"),
        ("was ignored by", "what it was ignored by", "what was ignored by it"),
        ("agreed to pay", "what it agreed to pay", "what agreed to pay it"),
        ("published the book", "what it published the book", "what published the book it"),
        ("was first described by", "what it was first described by", "what was first described by it"),
        ("donated to", "what it donated to", "what donated to it"),
        ("stopped producing", "what it stopped producing", "what stopped producing it"),
        ("is suing", "what it is suing", "what is suing it"),
        ("had accused", "what it had accused", "what had accused it"),
        ("has a stake in", "what it has a stake in", "what has a stake in it"),
        ("could not find", "what it could not find", "what could not find it"),
        ("would have cost", "what it would have cost", "what would have cost it"),
        ("protected since", "what it is protected since", "what is protected since it"),
        ("must touch", "what it must touch", "what must touch it"),
        ("sidekick of", "what it is sidekick of", "sidekick"),
        ("valid from", "what it is valid from", "what is valid from it"),
        ("no discount for", "what it has no discount for", "what has no discount for it"),
        ("not fallacious when", "what it is not fallacious when", "what is not fallacious when it"),
    ],
)
def test_what_no_noun_fits_is_told_in_its_own_words(relation: str, tail: str, head: str) -> None:
    nouns = noun_forms(relation)
    assert (nouns.tail_noun, nouns.head_noun) == (tail, head)


@pytest.mark.parametrize(
    ("relation", "noun"),
    [
        ("fees do not cover", "what its fees do not cover"),
        ("priceExcludes", "what its price excludes"),
        ("commission is due on", "what its commission is due on"),
        ("age range from", "what its age range is from"),
        ("exclusion refers to", "what its exclusion refers to"),
        ("highest point is", "highest point"),
        ("notice given for", "what its notice is given for"),
        ("music by", "what its music is by"),
        ("lyrics by", "what its lyrics are by"),
        ("season start", "season start"),
        ("date the entry was closed", "date the entry was closed"),
    ],
)
def test_what_something_of_the_head_does(relation: str, noun: str) -> None:
    assert noun_forms(relation).tail_noun == noun


@pytest.mark.parametrize(
    "relation",
    ["parts of speech", "pupils on roll", "seats at stake", "doses in primary series", "drives", "calls",
     "withers height", "f-stop", "end-of-support date", "monthly report", "reasons for designation", "cost centre"],
)  # fmt: skip
def test_a_plural_noun_is_no_verb(relation: str) -> None:
    assert noun_forms(relation).tail_noun == relation
