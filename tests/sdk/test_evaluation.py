"""From answers to a report, with answers made by hand; and the facts that a model attended to."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from kvdb import Triple
from kvdb_sdk import Answer, Citation, KnowledgeModel
from kvdb_sdk.attend.adapter import Adapter
from kvdb_sdk.evaluation.evaluate import evaluate, questions
from kvdb_sdk.evaluation.report import Asked, Outcome, summary

from . import tiny, tiny_store

TOKENIZER = tiny_store.tokenizer()
FRANCE = Asked("Capital of France?", Triple("France", "capital", "Paris"), True, "The capital of France is Paris.")
SPAIN = Asked("Capital of Spain?", Triple("Spain", "capital", "Madrid"), True, "The capital of Spain is Madrid.")
PERU = Asked("Capital of Peru?", Triple("Peru", "capital", "Lima"), False)


def answer(text, *cited, **stats):
    citations = tuple(Citation(i, *triple, 0.5) for i, triple in enumerate(cited))
    return Answer(text, bool(cited), citations, (), {"tokens": 4, "ms_per_token": 10.0, **stats})


def test_a_report_by_hand():
    outcomes = [
        Outcome(FRANCE, answer("It is Paris.", SPAIN.triple, FRANCE.triple, confidence=0.9, attended=[7, 1]), 1),
        Outcome(SPAIN, answer("It is Paris.", FRANCE.triple, confidence=0.9, attended=[9, 8, 7]), 2),
        Outcome(PERU, answer("It is Paris.", FRANCE.triple, confidence=0.6, attended=[1]), None),
        Outcome(PERU, answer("I do not know.", confidence=0.1, attended=[]), None),
    ]
    report = summary(outcomes, device_bytes=5)
    assert (report.n, report.em, report.citation_accuracy) == (4, 0.5, 0)
    assert (report.citations.precision, report.citations.recall) == (1 / 4, 1 / 2)
    assert (report.refusal.precision, report.refusal.recall, report.refusal_f1) == (1, 1 / 2, pytest.approx(2 / 3))
    assert (report.attention.acc_at_1, report.attention.acc_at_5) == (0, 0.5)
    assert [(bin.count, bin.right) for bin in report.calibration.bins] == [(1, 0), (1, 0), (2, 0)]
    assert report.calibration.error == pytest.approx((0.1 + 0.6 + 0.9 + 0.9) / 4)
    assert (report.cost.ms_per_token, report.cost.ms_per_answer) == (10, 40)
    assert (report.cost.resident_bytes, report.cost.device_bytes) == (None, 5)
    assert report.token_f1 == pytest.approx((2 * 2 / 9 + 2 * 1 / 9) / 2)
    assert report.misses == ({"question": SPAIN.question, "wanted": "Madrid", "answer": "It is Paris."},)
    printed = json.loads(json.dumps(report.as_dict()))
    assert (printed["refusal_f1"], printed["ms_per_token"]) == (report.refusal.f1, 10)


def test_what_was_not_told_is_not_reported():
    report = summary([Outcome(FRANCE, answer("It is Paris.", FRANCE.triple), 1)])
    assert (report.em, report.citation_accuracy) == (1, 1)
    assert (report.refusal, report.attention, report.calibration, report.refusal_f1) == (None, None, None, None)


def test_questions_carry_the_sentence_that_answers_them():
    triples = [
        Triple("France", "capital", "Paris"),
        Triple("Peru", "language", "Spanish"),
        Triple("Peru", "language", "Q"),
    ]
    asked = questions(triples, count=5)
    assert [(one.triple.tail, one.reference) for one in asked] == [("Paris", "The capital of France is Paris.")]


@pytest.fixture(scope="module")
def model():
    built = tiny.model("llama")
    built.config.max_position_embeddings = 256
    return built


def reading(model, store, *, route="hybrid", change=None, **config):
    """A model whose adapter attends by similarity alone, so that what it reads is known."""
    adapter, card = tiny_store.adapter_for(model)
    with torch.no_grad():
        adapter.prior.fill_(6.0)
        adapter.threshold.fill_(-1.0)
        adapter.null_bias.fill_(-50.0)
    adapter.config = replace(adapter.config, **config)
    fitting = (adapter, replace(card, config=adapter.config))
    return KnowledgeModel(model, TOKENIZER, store, adapter=fitting, encoder=tiny_store.encoder(), route=route)


def asked(*places):
    triples = [Triple(*tiny_store.FACTS[i]) for i in places]
    return [Asked(f"What is the capital of {triple.head}?", triple) for triple in triples]


@pytest.mark.parametrize("copies", [True, False])
def test_the_facts_attended_to_are_told(model, store, copies):
    asking = reading(model, store, copies=copies)
    answers = asking.ask_many([one.question for one in asked(3, 11)], max_new_tokens=3)
    for place, told in zip((3, 11), answers, strict=True):
        attended = told.stats["attended"]
        assert store.get(attended[0]).head == f"Place {place}"
        assert len(set(attended)) == len(attended) == 5
    assert [told.stats.get("confidence") is not None for told in answers] == [copies, copies]


def test_an_evaluation_of_a_model(model, store):
    heard = []
    report = evaluate(reading(model, store), asked(3, 11, 20), batch=2, progress=heard.append)
    assert heard == [1, 2, 3]
    assert report.attention.acc_at_1 == report.attention.acc_at_5 == 1
    assert report.cost.resident_bytes > 0
    assert report.calibration is not None
    by_attention = evaluate(reading(model, store, route="attention"), asked(3, 11, 20))
    assert by_attention.attention.acc_at_1 < 1  # a random adapter's attention finds nothing


def test_an_adapter_that_does_not_copy_writes_its_own_words(model, store):
    asking = reading(model, store, copies=False)
    told = asking.ask("What is the capital of Place 3?", max_new_tokens=5)
    assert (told.answered, told.citations) == (False, ())  # its words have no value of a fact
    assert "worded_by" not in told.stats


def test_without_a_null_fact_it_is_never_read():
    config = replace(tiny.adapter(tiny.model("llama")).config, null_fact=False)
    assert torch.all(Adapter(config).null_bias.half().float().softmax(0) > 0)
    logits = torch.cat([torch.zeros(3), Adapter(config).null_bias[:1]])
    assert logits.softmax(0)[-1] == 0


def test_where_every_layer_selects_each_goes_on_with_its_own_facts(model, store):
    """The paper's mode: the answer's tokens read, in each KB layer, what that layer selected for the prompt."""
    asking = reading(model, store, route="attention", select_layers=(0, 2), copies=False)
    facts, seen = asking.facts, []
    original = type(facts).facts

    def watched(self, layer, q):
        batch = original(self, layer, q)
        seen.append((layer, q.shape[1] > 1, batch.keys))
        return batch

    type(facts).facts = watched
    try:
        asking.ask("What is the capital of Place 3?", max_new_tokens=3)
    finally:
        type(facts).facts = original
    prompt = {layer: keys for layer, first, keys in seen if first}
    assert not torch.equal(prompt[0], prompt[1])
    later = [(layer, keys) for layer, first, keys in seen if not first]
    assert later and all(torch.equal(keys, prompt[layer]) for layer, keys in later)
