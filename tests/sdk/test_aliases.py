"""Relations by other names: a question that has an alias means the relation as if it had its noun."""

from __future__ import annotations

import numpy as np
import pytest

import kvdb
from kvdb_sdk import KnowledgeModel
from kvdb_sdk.question.aliases import by_any_name, in_nouns, own_name, with_aliases
from kvdb_sdk.question.relation_match import OTHER_WAY
from kvdb_sdk.question.word_match import word_match
from kvdb_sdk.refusal.confidence import Evidence, in_words
from kvdb_sdk.select.relations import StoreRelations

from . import tiny, tiny_store

ALIASES = {
    "forbidden companion": ("Excludes1 note", "type 1 exclusion"),
    "block": ("group of categories",),
    "ICD chapter": ("chapter",),
}


def test_a_noun_is_meant_as_well_as_the_best_of_its_names():
    nouns = [["forbidden companion", "block", "code"], ["code"], []]
    asked = ["the excludes1 note of it", "the block of it", "what"]
    plain = word_match(asked, nouns)
    any_name = by_any_name(word_match, ALIASES)(asked, nouns, [["a", "b", "c"], ["d"], []])
    assert [scores.tolist() for scores in any_name] == [[1.0, 0.0, 0.0], [0.0], []]
    assert plain[0].tolist() == [0.0, 0.0, 0.0]
    assert by_any_name(word_match, {}) is word_match


def test_each_name_is_compared_beside_the_value_of_its_noun():
    seen = []

    def match(asked, nouns, values):
        seen.append((nouns, values))
        return [np.arange(len(group), dtype=np.float32) for group in nouns]

    [scores] = by_any_name(match, ALIASES)(["?"], [["code", "forbidden companion", "block"]], [["A00", "B00", "C00"]])
    [([names], [values])] = seen
    assert dict(zip(names, values, strict=True)) == {
        "code": "A00", "forbidden companion": "B00", "Excludes1 note": "B00", "type 1 exclusion": "B00",
        "block": "C00", "group of categories": "C00",
    }  # fmt: skip
    assert scores.tolist() == [0.0, 3.0, 5.0]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("What is the excludes1 note of it?", "What is the forbidden companion of it?"),
        ("name the Excludes1 notes of it", "name the forbidden companion of it"),
        ("the ICD chapter of it", "the ICD chapter of it"),  # which has the alias in it
        ("which chapter is it in", "which ICD chapter is it in"),
        ("the chapters and groups of categories of it", "the ICD chapter and groups of categories of it"),
        ("chapterhouse", "chapterhouse"),
        ("", ""),
    ],
)
def test_aliases_in_a_text_give_way_to_their_nouns(text, plain):
    assert in_nouns(text, ALIASES) == plain
    assert in_nouns(text, {}) == text


def test_user_text_is_no_pattern_and_no_template():
    assert in_nouns("the a+b of it", {r"\1 (x": ("a+b",)}) == r"the \1 (x of it"


def test_a_noun_is_no_alias_of_another():
    assert with_aliases(["block", "chapter"], {"block": ["chapter", "group"]}) == {
        "chapter": "chapter", "group": "block", "block": "block",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "noun", "own"),
    [
        ("code also", "condition to code also", "code also"),
        ("type_of_company", "company type", "type of company"),
        ("covers", "what it covers", "covers"),
        ("Capital", "capital", None),
        ("P19", "place of birth", None),
        ("is in", "what it is in", None),
        ("supplier to", "what it is supplier to", None),
        ("acquired by", "acquirer", None),
        ("owns", "property", None),
    ],
)
def test_the_words_that_the_facts_have_are_a_name_where_the_noun_has_them_too(name, noun, own):
    assert own_name(name, noun) == own


def test_other_names_are_asked_for_the_other_way_round_as_the_noun_is():
    """What covers it is not what it covers, nor "the covers of it"."""
    names = {"what it covers": ("covers",)}

    def match(asked, nouns, values=None):
        return [np.array([0.3 if noun.startswith("what") else 0.9 for noun in group], np.float32) for group in nouns]

    [other_way, this_way] = by_any_name(match, names)(
        ["What covers it?", "What does it cover?"], [["what it covers"]] * 2
    )
    assert other_way.tolist() == [pytest.approx(0.9 - OTHER_WAY)] and this_way.tolist() == [pytest.approx(0.9)]
    assert other_way.dtype == np.float32


def test_the_words_that_the_facts_have_are_no_alias(tmp_path):
    """They count for what a question means, and do not make it one that has the noun."""
    encoder = tiny_store.encoder()
    with kvdb.open(tmp_path / "s.kvdb", create=True) as store:
        store.bind_encoder(encoder.record)
        store.insert([("Ada", "was born in", "Rome"), ("Ada", "has birthplace", "Rome")], encoder)
        for relation in store.relations():
            store.set_nouns(relation.name, tail_noun="birthplace", encode=encoder)
        store.set_nouns("was born in", aliases=["cradle"])
        relations = StoreRelations()
        with store.snapshot() as snapshot:
            assert relations.aliases(snapshot) == {"birthplace": ("cradle",)}
            assert relations.names(snapshot) == {"birthplace": ("cradle", "has birthplace")}
        store.set_nouns("was born in", aliases=[])
        with store.snapshot() as snapshot:
            assert relations.aliases(snapshot) == {}


def test_refusal_takes_an_alias_for_the_noun():
    """Else "the chapter of it", word for word another relation's alias, is a question for another one."""

    def judged(noun, aliases):
        return in_words(
            Evidence(0.1, 0.8), by_any_name(word_match, aliases), "What is the Excludes1 note of Cholera?",
            term="Cholera", noun=noun, value="Typhus", match=0.5,
            askable={"includes note": "see A01", "forbidden companion": "Typhus"}, aliases=aliases,
        )  # fmt: skip

    assert judged("forbidden companion", {}).lead < 0
    aliased = judged("forbidden companion", ALIASES)
    assert aliased.lead > 0 and aliased.noun_share == 1.0
    assert judged("includes note", ALIASES).lead < 0


@pytest.mark.parametrize("route", ["hybrid", "attention"])
def test_an_alias_that_is_given_while_a_model_is_attached_counts_from_then_on(store, route):
    model = tiny.model("llama")
    adapter, encoder = tiny_store.adapter_for(model, question_layer=0), tiny_store.encoder()
    reading = KnowledgeModel(model, tiny_store.tokenizer(), store, adapter=adapter, encoder=encoder, route=route)
    question = "the zenith of Place 3"
    [before] = reading.judge([question])
    store.set_nouns("capital", aliases=["zenith"])
    [after] = reading.judge([question])
    assert (before.evidence.noun_share, after.evidence.noun_share) == (0.0, 1.0)
    assert after.evidence.match > before.evidence.match


def test_facts_in_the_prompt_are_chosen_by_aliases_too(store):
    model, tokenizer, encoder = tiny.model("llama"), tiny_store.tokenizer(), tiny_store.encoder()
    store.insert([("Place 3", relation, f"{relation} of three") for relation in ("river", "mayor", "hill")], encoder)
    store.set_nouns("hill", aliases=["zenith"])
    reading = KnowledgeModel(model, tokenizer, store, adapter=None, encoder=encoder, facts_in_prompt=1)
    answer = reading.ask("the zenith of Place 3", max_new_tokens=1)
    assert answer.stats["facts"] == 1
    assert reading.reader.best_noun("the zenith of it", ["capital", "hill"])[0] == "hill"
    assert reading.reader.best_noun("the zenith of it", []) == ("", -1.0)
