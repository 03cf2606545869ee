"""Steps through an attached model: one batch a round, and stats that add up."""

from __future__ import annotations

import pytest
import torch

import kvdb
from kvdb.types import row_of
from kvdb_sdk import KnowledgeModel

from . import tiny, tiny_store


@pytest.fixture
def asking(tmp_path):
    """A model whose adapter copies the value of the most similar fact at once."""
    built = tiny.model("llama")
    built.config.max_position_embeddings = 256
    adapter, card = tiny_store.adapter_for(built)
    with torch.no_grad():
        adapter.gate_weight.zero_()
        adapter.gate_bias.copy_(torch.tensor([-30.0, 30.0]))
        adapter.gate_known.zero_()
        adapter.prior.fill_(6.0)
        adapter.threshold.fill_(-1.0)
        adapter.null_bias.fill_(-50.0)
    with kvdb.open(tmp_path / "s.kvdb", create=True) as store:
        store.bind_encoder(tiny_store.encoder().record)
        store.insert(tiny_store.FACTS, tiny_store.encoder())
        yield KnowledgeModel(
            built, tiny_store.tokenizer(), store, adapter=(adapter, card), encoder=tiny_store.encoder(), threshold=0.0
        )


def test_two_entities_are_answered_side_by_side(asking):
    answer = asking.ask("What is the capital of Place 3 and Place 5?", max_new_tokens=9)
    assert sorted(citation.tail for citation in answer.citations) == ["Town 21", "Town 35"]
    assert [answer.text[span.start : span.end] for span in answer.spans] == ["Town 21", "Town 35"]
    alone = [asking.ask(f"What is the capital of Place {i}?", max_new_tokens=9) for i in (3, 5)]
    assert answer.text == f"{alone[0].text} {alone[1].text}"
    assert answer.stats["tokens"] == sum(each.stats["tokens"] for each in alone)
    assert answer.stats["confidence"] == min(each.stats["confidence"] for each in alone)
    assert answer.stats["parts"] == 2


def test_questions_of_one_and_of_several_steps_in_one_batch(asking):
    questions = ["What is the capital of Place 3 and Place 5?", "What is the capital of Place 8?", ""]
    together = asking.ask_many(questions, max_new_tokens=9)
    for question, one in zip(questions, together, strict=True):
        alone = asking.ask(question, max_new_tokens=9)
        assert (alone.text, alone.spans, alone.stats["tokens"]) == (one.text, one.spans, one.stats["tokens"])


def test_all_that_is_known_takes_no_token(asking):
    """Of a subject, in any case, and of a name that is a value and nothing more; hidden rows are told by neither."""
    questions = ["Tell me about Place 3", "place 3", "Who is Town 21?"]
    for answer in asking.ask_many([*questions, "What is the capital of Place 8?"], max_new_tokens=9)[:3]:
        assert answer.text == "The capital of Place 3 is Town 21."
        assert answer.stats["tokens"] == 0 and answer.citations[0].head == "Place 3"
    asking.facts.hidden = frozenset([row_of(asking.store.find(("Place 3", "capital", "Town 21")), "tail")])
    assert all("Town 21" not in asking.ask(question, max_new_tokens=9).text for question in questions[:2])
    assert asking.facts.values_named("Who is Town 21?") == []


def test_other_routes_ask_as_it_stands(asking):
    answer = asking.ask("What is the capital of Place 3 and Place 5?", route="encoder", max_new_tokens=9)
    assert "parts" not in answer.stats


def test_the_tokens_of_the_plain_model_are_added_once(asking, monkeypatch):
    """A refused question that is none for the store: one token of the refusal, and those of the plain answer."""
    monkeypatch.setattr(asking.facts, "threshold", 1.1)
    refused = asking.ask("What is the capital of Place 3?", max_new_tokens=9)
    assert refused.stats["ms_per_token"] == pytest.approx(1000 * refused.stats["seconds"], rel=0.02)
    monkeypatch.setattr(asking.facts, "related", lambda prompt: 0.0)
    plain = asking.ask("Write a haiku.", max_new_tokens=4)
    assert (refused.stats["tokens"], plain.stats["tokens"]) == (1, 1 + 4)
    assert not plain.answered
    assert plain.citations == ()
