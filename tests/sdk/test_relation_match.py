"""Which relation a question means, and whether a question is one for the store at all."""

from __future__ import annotations

import re
import zlib

import numpy as np
import pytest

from kvdb.kg2kv import key_sentence
from kvdb_sdk.attend.adapter import AdapterConfig
from kvdb_sdk.question.relatedness import Relatedness, related_probability, relatedness
from kvdb_sdk.question.relation_match import (
    FARTHEST,
    MOST_TOLD,
    NOTHING,
    OTHER_WAY,
    TEMPERATURE,
    RelationMatch,
    lead,
    term_in,
    without_subject,
)

SIZE = 128
NOUNS = ["capital", "river", "code"]


def encoder(texts):
    """Bags of words, each in a direction of its own."""
    out = np.zeros((len(texts), SIZE), np.float32)
    for row, text in zip(out, texts, strict=True):
        for word in re.findall(r"\w+", text.lower()):
            row += np.random.default_rng(zlib.crc32(word.encode())).normal(size=SIZE)
    return out / np.linalg.norm(out, axis=1, keepdims=True).clip(1e-9)


def matcher(*, encode=encoder):
    return RelationMatch(encode)


def test_the_match_is_the_formula():
    change = np.random.default_rng(0).normal(size=(SIZE, SIZE)).astype(np.float32)
    asked = "What is the river of it?"
    moved = encoder([asked])[0] + change @ encoder([asked])[0]
    wanted = [float(moved @ encoder([f"the {noun} of it"])[0] / np.linalg.norm(moved)) for noun in NOUNS]
    found = RelationMatch(encoder, change)([asked, asked], [NOUNS, NOUNS[:1]])
    assert found[0].tolist() == pytest.approx(wanted, abs=1e-5)
    assert found[1].tolist() == pytest.approx(wanted[:1], abs=1e-5)


def test_what_the_facts_say_counts_as_well():
    asked, nouns, values = "Who holds it?", NOUNS[:2], ["Ann Lee", "the Ouse"]
    change = np.random.default_rng(2).normal(size=(SIZE, SIZE)).astype(np.float32)
    for of in (None, change):
        q = encoder([asked])[0]
        q = q if of is None else (q + of @ q) / np.linalg.norm(q + of @ q)
        wanted = encoder(["the capital of it: Ann Lee", "the river of it: the Ouse"]) @ q
        found = RelationMatch(encoder, of)([asked], [nouns], [values])[0]
        assert found.tolist() == pytest.approx(wanted.tolist(), abs=1e-5)


def test_a_relation_has_one_match_whatever_its_values():
    match = matcher()
    asked = ["Which stream has it?"]
    two, one = (
        match(asked, [["river", "code", "river"]], [["Ouse", "x", "Hudson"]])[0],
        match(asked, [["river"]], [["Ouse"]])[0],
    )
    assert two[0] == two[2] == pytest.approx(one[0])
    silent = match(asked, [["river", "code"]], [["", "x"]])[0]
    assert silent[0] == pytest.approx(match(asked, [["river"]])[0][0])


def test_a_relation_that_stands_word_for_word_loses_nothing_by_what_its_fact_says():
    match = matcher()
    asked = ["What is the river of it?"]
    found = match(asked, [NOUNS], [["the river", "Ouse", "the river of it"]])[0]
    alone = match(asked, [NOUNS])[0]
    assert found[1] == pytest.approx(float(alone[1])) and int(found.argmax()) == 1
    assert found[2] != pytest.approx(float(alone[2]))
    assert match(asked, [["river"]], [["What is?"]])[0][0] > alone[1]


def test_of_many_relations_the_likeliest_are_read_beside_their_values():
    texts: list[str] = []

    def counted(batch):
        texts.extend(batch)
        return encoder(batch)

    nouns = [f"thing {i}" for i in range(100)] + ["river bed"]
    found = matcher(encode=counted)(["Which river has it?"], [nouns], [["v" * 200] * 101])[0]
    beside = [text for text in texts if ": " in text]
    assert len(beside) == MOST_TOLD and any("river" in text for text in beside)
    assert int(found.argmax()) == 100
    assert max(map(len, beside)) < 120  # a value is cut


def test_a_slip_is_mended_before_it_is_compared():
    asked = ["Which rivver has it?", "Which river has it?"]
    slip, right = matcher()(asked, [NOUNS, NOUNS])
    assert slip.tolist() == right.tolist()


def test_the_best_noun():
    match = matcher()
    asked = "What is the river of it?"
    noun, score = match.best(asked, NOUNS)
    assert (noun, match.best(asked, [])) == ("river", ("", -1.0))
    assert score == pytest.approx(float(match([asked], [NOUNS])[0].max()))


def test_a_relation_leads_by_its_log_odds_in_the_softmax():
    match = matcher()
    said = {"capital": "Rome", "river": "the Tiber", "code": "RM"}
    asked = "Which water runs through it?"
    scores = match([asked], [NOUNS], [list(said.values())])[0].astype(np.float64)
    odds, nothing = np.exp(scores / TEMPERATURE), np.exp(NOTHING / TEMPERATURE)
    for at, (noun, value) in enumerate(said.items()):
        others = {other: each for other, each in said.items() if other != noun}
        wanted = TEMPERATURE * np.log(odds[at] / (odds.sum() - odds[at] + nothing))
        assert lead(match, asked, noun, value, others) == pytest.approx(np.clip(wanted, -FARTHEST, FARTHEST), abs=1e-4)
    alone = lead(match, asked, "river", "the Tiber", {})
    assert alone == pytest.approx(match([asked], [["river"]], [["the Tiber"]])[0][0] - NOTHING, abs=1e-4)


def test_what_was_encoded_is_kept():
    texts = []

    def counted(batch):
        texts.extend(batch)
        return encoder(batch)

    match = matcher(encode=counted)
    for _ in range(2):
        match(["Which river has it?"], [NOUNS])
    assert sorted(texts) == sorted(["Which river has it?", *(f"the {noun} of it" for noun in NOUNS)])
    assert match([], []) == []


def test_a_term_is_found_whole_in_any_case():
    place = term_in("the code of NEW york?", "New York")
    assert without_subject("the code of NEW york?", *place.span()) == "the code of it?"
    assert term_in("the Yorks", "York") is None


def test_a_question_is_for_the_store_by_nearness_relation_and_name():
    related = AdapterConfig.__dataclass_fields__["related"].default
    base = Relatedness(similarity=0.4, relation=0.3, named=False)
    p = related_probability(related, base)
    for more in (Relatedness(0.6, 0.3, False), Relatedness(0.4, 0.6, False), Relatedness(0.4, 0.3, True)):
        assert related_probability(related, more) > p
    assert related_probability((1e9, 0, 0, 0), base) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("What is the river of Nowhere Town?", True),
        ("Write a haiku about autumn", False),
        ("What is the code of the USA?", True),
        ("", False),
    ],
)
def test_a_name_that_the_store_does_not_know_is_a_name(question, named):
    found = relatedness(question, 0.5, [], NOUNS, matcher())
    assert found.named is named
    if "river" in question:  # compared with the name masked
        assert found.relation == pytest.approx(matcher().best("What is the river of it?", NOUNS)[1])
    assert relatedness(question, 0.5, [0.99], [], matcher()) == Relatedness(0.5, 0.99, True)


def test_a_clause_whose_other_end_is_asked_for_matches_less():
    match = matcher()
    nouns = ["what it warned", "what warned it"]
    for asked, meant in (("Who did it warn?", 0), ("Who warned it?", 1), ("By whom was it warned?", 1)):
        vectors = encoder([asked, *(key_sentence(noun, "it") for noun in nouns)])
        plain = vectors[1:] @ vectors[0]
        plain[1 - meant] -= OTHER_WAY
        assert match([asked], [nouns])[0] == pytest.approx(plain, abs=1e-5)
