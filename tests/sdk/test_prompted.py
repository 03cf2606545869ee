"""Answers through the prompt, without an adapter: what is put into it, and what is made of the text."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest

import kvdb
from kvdb import Fact, SearchLimits
from kvdb.errors import AdapterError, EncoderMismatchError, LimitError
from kvdb.kg2kv import Nouns, rows
from kvdb_sdk import KnowledgeModel, attach, prompted
from kvdb_sdk.answer import says_unknown
from kvdb_sdk.models.encoders import Encoder
from kvdb_sdk.prompted import PromptedFacts
from kvdb_sdk.text_answer import answer_from_text

from . import tiny, tiny_store

TOKENIZER = tiny_store.tokenizer()
ENCODER = tiny_store.encoder()
QUESTION = "What is the capital of Place 3?"


@pytest.fixture
def store(tmp_path):
    with kvdb.open(tmp_path / "s.kvdb", create=True) as store:
        store.bind_encoder(ENCODER.record)
        store.insert(tiny_store.FACTS, ENCODER)
        yield store


class Writer:
    """Stands in for a model: keeps its prompts, and writes what it is told to."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.prompts: list[str] = []

    def __call__(self, model, tokenizer, prompts, most):
        self.prompts += prompts
        ids = TOKENIZER(self.text, add_special_tokens=False)["input_ids"]
        return [[*ids, TOKENIZER.eos_token_id] for _ in prompts]


def numbered(prompt: str) -> list[str]:
    return [line for line in prompt.splitlines() if line.startswith("[")]


def prompted_facts(store, *, context=None, encoder=ENCODER, **options):
    config = SimpleNamespace(max_position_embeddings=context)
    return PromptedFacts(SimpleNamespace(config=config, device=None), TOKENIZER, store, encoder=encoder, **options)


def asked(facts, question, writer):
    with mock.patch.object(prompted, "written", writer):
        [answer] = facts.ask_many([question], route=None, most_tokens=0)
    return answer


def ask(store, text="Town 21", question=QUESTION, **options):
    writer = Writer(text)
    answer = asked(prompted_facts(store, **options), question, writer)
    return answer, writer.prompts[0]


def test_the_best_facts_stand_numbered_in_the_prompt(store):
    answer, prompt = ask(store)
    assert len(numbered(prompt)) == answer.stats["facts"] == 5
    assert numbered(prompt)[0] == "[1] The capital of Place 3 is Town 21."
    assert prompt.endswith(f"Question: {QUESTION}")
    assert "I do not know." in prompt
    assert [len(numbered(ask(store, facts_in_prompt=n)[1])) for n in (1, 20)] == [1, 20]


def test_the_whole_store_by_id(store):
    _, prompt = ask(store, facts_in_prompt=None)
    assert numbered(prompt) == [f"[{i + 1}] The capital of Place {i} is Town {i * 7}." for i in range(40)]


def test_the_value_in_the_text_is_cited_with_its_place(store):
    answer, _ = ask(store, "It is Town 21, sir")
    assert answer.answered
    assert [(c.head, c.relation, c.tail, c.weight) for c in answer.citations] == [("Place 3", "capital", "Town 21", 1)]
    assert [(answer.text[s.start : s.end], s.kind, s.id) for s in answer.spans] == [
        ("Town 21", "value", answer.citations[0].id)
    ]
    assert {"route", "tokens", "seconds", "ms_per_token", "facts"} <= answer.stats.keys()
    assert answer.stats["tokens"] == len("It is Town 21, sir") + 1
    assert answer.stats["route"] == "hybrid"


def test_a_model_that_does_not_know_cites_nothing(store):
    answer, _ = ask(store, "I do not know. Town 21")
    assert (answer.answered, answer.citations, answer.spans) == (False, (), ())


def test_an_empty_store_is_not_asked(tmp_path):
    writer = Writer("Town 21")
    with kvdb.open(tmp_path / "empty.kvdb", create=True) as empty:
        answer = asked(prompted_facts(empty), QUESTION, writer)
    assert (answer.text, answer.answered, writer.prompts) == ("I do not know.", False, [])


@pytest.mark.parametrize(("route", "there"), [("hybrid", True), ("encoder", False)])
def test_only_the_hybrid_route_looks_names_up(tmp_path, route, there):
    blind = Encoder(lambda texts: np.ones((len(texts), tiny.ENCODER_DIM), np.float32), name="blind")
    with kvdb.open(tmp_path / "blind.kvdb", create=True) as store:
        store.bind_encoder(blind.record)
        store.insert(tiny_store.FACTS, blind)
        writer = Writer("Hm")
        facts = prompted_facts(store, encoder=blind, route=route, facts_in_prompt=1)
        asked(facts, "What is the capital of Place 31?", writer)
    assert (numbered(writer.prompts[0]) == ["[1] The capital of Place 31 is Town 217."]) is there


def test_as_many_facts_as_asked_for_whatever_the_limits(store):
    _, prompt = ask(store, facts_in_prompt=18, limits=SearchLimits(leaf_top_k=2))
    assert len(numbered(prompt)) == 18


def test_what_cannot_be_is_refused(store):
    with pytest.raises(LimitError, match="needs an adapter"):
        ask(store, route="attention")
    with pytest.raises(LimitError, match="does not exist"):
        ask(store, route="other")
    with pytest.raises(LimitError, match="1 or more"):
        ask(store, facts_in_prompt=0)
    with pytest.raises(LimitError, match="lower facts_in_prompt"):
        ask(store, context=100)
    with pytest.raises(LimitError, match="40 facts do not fit"):
        ask(store, context=30, facts_in_prompt=None)
    other = Encoder(lambda texts: ENCODER(texts)[:, ::-1], name="tiny")
    with pytest.raises(EncoderMismatchError):
        prompted_facts(store, encoder=other)


@pytest.fixture(scope="module")
def model():
    built = tiny.model("llama")
    built.config.max_position_embeddings = 2048
    return built


def test_a_model_without_an_adapter_answers(store, model):
    asking = KnowledgeModel(model, TOKENIZER, store, adapter=None, encoder=ENCODER, facts_in_prompt=2)
    asked = [QUESTION, "the capital of Place 11, if you please"]
    together = asking.ask_many(asked, max_new_tokens=6)
    assert [answer.stats["facts"] for answer in together] == [2, 2]
    assert [asking.ask(question, max_new_tokens=6).text for question in asked] == [a.text for a in together]
    assert asking.ask_plain(QUESTION, max_new_tokens=4) is not None
    with pytest.raises(LimitError, match="needs an adapter"):
        asking.ask(QUESTION, route="attention")


def test_the_context_is_the_models(store):
    asking = KnowledgeModel(tiny.model("llama"), TOKENIZER, store, adapter=None, encoder=ENCODER)
    with pytest.raises(LimitError, match="the model reads 1024"):
        asking.ask(QUESTION + " Please?" * 200)


def test_attach_says_where_to_go_without_an_adapter(store, model):
    with pytest.raises(AdapterError, match="KnowledgeModel"), attach(model, TOKENIZER, store, adapter=None):
        pass


def in_words(*triples):
    facts = [Fact(i, *triple) for i, triple in enumerate(triples)]
    return [(fact, rows(fact, Nouns(fact.relation, fact.relation), ("tail",))[0]) for fact in facts]


READ = in_words(
    ("Ada", "office", "B 1"), ("Bob", "office", "B 12"), ("Eve", "office", "B 12"), ("Ada", "desk", "north, B 12")
)


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("It is B 12.", [1]),  # of two with that value the first
        ("The office of Eve is B 12.", [2]),  # the one whose term is there
        ("It is B 12 [3].", [2]),  # the one whose number is
        ("It is north, B 12.", [3]),  # the longest value, and not also what lies inside
        ("B 1 or B 12", [0, 1]),
        ("B 123", []),  # no whole word
        ("[2]", []),  # a number alone says nothing
        ("I cannot say [2].", []),
        ("[0] [9]", []),
        ("b 12", []),  # not verbatim
    ],
)
def test_what_is_cited_from_a_text(text, cited):
    answer = answer_from_text(text, READ, {}, numbered=True)
    assert [citation.id for citation in answer.citations] == cited
    assert all(answer.text[s.start : s.end] == READ[s.id][0].tail for s in answer.spans)
    assert answer.answered is bool(cited)


def test_a_value_may_say_that_nothing_is_known():
    read = in_words(("Song A", "title", "Things I Don't Know"))
    answer = answer_from_text("The title of Song A is Things I Don't Know [1].", read, {}, numbered=True)
    assert answer.answered and len(answer.citations) == 1
    assert not answer_from_text("I don't know Things I Don't Know.", read, {}, numbered=True).answered


def test_numbers_count_only_where_facts_were_numbered():
    answer = answer_from_text("[2] B 1", READ, {}, weights={i: i / 10 + 0.1 for i in range(4)})
    assert [dataclasses.astuple(c) for c in answer.citations] == [(0, "Ada", "office", "B 1", 0.1)]


@pytest.mark.parametrize(
    ("text", "unknown"),
    [("I do not know.", True), ("I don\u2019t know that", True), ("Sorry, i don't know", True), ("You know it", False)],
)
def test_says_unknown(text, unknown):
    assert says_unknown(text) is unknown


def test_what_the_store_has_about_a_term(store):
    found = prompted_facts(store).about("Place 3")
    assert (found.term, found.nouns, found.values("capital")) == ("Place 3", ["capital"], ["Town 21"])
    assert prompted_facts(store).about("Town 21") is None


def test_terms_as_they_are_spelt_are_found_without_the_encoder(store):
    reader = prompted_facts(store)
    reader.encoder = None
    assert [subject.term for subject in reader.subjects(QUESTION, spelt=True)] == ["Place 3"]
    assert reader.subjects(QUESTION.lower(), spelt=True) == []
    reader.encoder = ENCODER
    assert [subject.term for subject in reader.subjects(QUESTION.lower())] == ["Place 3"]


def test_only_the_store_speaks_where_that_is_asked_for(store, model):
    asking = KnowledgeModel(model, TOKENIZER, store, adapter=None, encoder=ENCODER, only_store=True)
    answer = asking.ask("Write a haiku.", max_new_tokens=6)
    assert (answer.text, answer.source, answer.spans) == ("I do not know.", "none", ())
