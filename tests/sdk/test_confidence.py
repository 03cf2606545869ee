"""The probability that the asked fact is there, and the words that speak for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kvdb.errors import AdapterError
from kvdb_sdk.attend.adapter import AdapterConfig
from kvdb_sdk.question.relation_match import FARTHEST, term_in
from kvdb_sdk.question.word_match import noun_share, word_match
from kvdb_sdk.refusal.confidence import NAMED_INSTEAD, Evidence, in_words, known_probability, names_another

CONFIG = AdapterConfig(
    model="m",
    model_type="llama",
    hidden_size=8,
    heads=2,
    kv_heads=1,
    head_dim=4,
    encoder="e",
    encoder_dim=4,
    kb_layers=(0,),
    select_layers=(0,),
)


@pytest.mark.parametrize(
    ("question", "term", "named"),
    [
        ("What is the code of Kay Ranch Airport?", "Kay Ranch Airport", True),
        ("what is the code of kay ranch airport", "Kay Ranch Airport", True),
        ("What is the code of Kay Ranch Airports?", "Kay Ranch Airport", False),
        ("What is the capital of Ontario?", "tari", False),
        ("Who made it (the 2nd)?", "it (the 2nd)", True),
        ("\u00c4ra's colour?", "\u00e4ra", True),
    ],
)
def test_a_term_is_named_as_whole_words_in_any_case(question, term, named):
    assert (term_in(question, term) is not None) is named


@pytest.mark.parametrize(
    ("question", "noun", "share"),
    [
        ("What is the ICAO airport code of X?", "ICAO airport code", 1.0),
        ("Which airport is it?", "ICAO airport code", 1 / 3),
        ("Where is it?", "city", 0.0),
        ("its id?", "id", 1.0),
        ("anything", "?", 0.0),
    ],
)
def test_the_share_of_a_noun_that_a_question_has(question, noun, share):
    assert noun_share(question, noun) == pytest.approx(share)


def test_each_piece_of_evidence_counts_the_right_way():
    base = Evidence(null=0.3, weight=0.4, similarity=0.8, named=False, noun_share=0.5)
    p = known_probability(CONFIG.known, base)
    assert 0 < p < 1
    for better in ({"weight": 0.6}, {"similarity": 0.9}, {"named": True}, {"noun_share": 1.0}, {"null": 0.1}):
        assert known_probability(CONFIG.known, replace(base, **better)) > p
    assert known_probability(CONFIG.known, Evidence(null=1.0, weight=0.0)) < 0.1


@pytest.mark.parametrize(
    ("asked", "noun", "others", "another"),
    [
        ("what is the ICAO airport code of it?", "IATA airport code", ["city", "ICAO airport code"], True),
        ("what are the ICAO airport codes of it?", "IATA airport code", ["ICAO airport code"], True),
        ("what is the IATA airport code of it?", "IATA airport code", ["ICAO airport code"], False),
        ("which airport code has it?", "IATA airport code", ["ICAO airport code"], False),
        ("in which country was it born?", "country of birth", ["country"], False),
        ("where was it born?", "place of birth", ["country of birth"], False),
        ("what is the city of it?", "IATA airport code", ["city"], True),  # asked for by name
        ("name the country where it lies", "state or region", ["country"], True),
        ("in which country is it?", "state or region", ["country"], True),
        ("how far is it from the city?", "IATA airport code", ["city"], False),
        ("what is the name of the river at it?", "river at hand", ["name"], False),
    ],
)
def test_a_question_may_name_a_relation_that_differs_by_a_word(asked, noun, others, another):
    assert names_another(asked, noun, others) is another


def test_the_relation_that_is_named_instead_speaks_against_what_was_read():
    def evidence(question, *others):
        return in_words(
            Evidence(0.0, 0.9, 0.8), word_match, question, term="Kay Ranch", noun="IATA airport code", value="KRA",
            match=0.7, askable=dict.fromkeys(["IATA airport code", *others], "KRA"),
        )  # fmt: skip

    asked = "the ICAO airport code of Kay Ranch"
    assert evidence(asked, "ICAO airport code").lead <= NAMED_INSTEAD
    for askable in (("city",), ()):
        assert 0.3 < evidence(asked, *askable).lead < FARTHEST
    assert 0 < evidence("the IATA airport code of Kay Ranch", "ICAO airport code").lead < FARTHEST


def test_what_the_store_calls_something_else_speaks_against_what_was_read():
    """Whoever of the store has it, and so does the other end of the fact's own words."""

    def evidence(question, **more):
        return in_words(
            Evidence(0.0, 0.9, 0.8), word_match, question, term="Ada", noun="founder", value="Gina", match=0.7,
            askable={"founder": "Gina"}, **more,
        )  # fmt: skip

    assert evidence("the founder of Ada").lead > 0
    assert evidence("What is Ada's phone number?", spelt=["phone number"]).lead <= NAMED_INSTEAD
    assert evidence("What was founded by Ada?", own="what it was founded by").lead <= NAMED_INSTEAD
    assert evidence("What was Ada founded by?", own="what it was founded by").lead > NAMED_INSTEAD


def test_a_subject_that_is_not_named_leads_nobody():
    unnamed = in_words(
        Evidence(0.0, 0.9, 0.8), word_match, "the code of it?", term="Kay Ranch", noun="code", value="KRA", match=None,
        askable={"city": "Rome"},
    )  # fmt: skip
    assert (unnamed.named, unnamed.match, unnamed.lead) == (False, 0.0, 0.0)


def test_far_evidence_does_not_overflow():
    assert known_probability((1e6, 0, 0, 0, 0, 0, 0, 0), Evidence(0.0, 1.0, 1.0)) == pytest.approx(1.0)


def test_coefficients_that_do_not_fit_are_refused():
    with pytest.raises(AdapterError, match="coefficients"):
        replace(CONFIG, known=(1.0, 2.0))
