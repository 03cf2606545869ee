"""What users of `attach` and of a model's routes rely on, with a tiny random model."""

from __future__ import annotations

import pytest
import torch

from kvdb.errors import LimitError
from kvdb_sdk import KnowledgeModel, attach
from kvdb_sdk.models.cache_names import cache_in, with_cache

from . import tiny_store
from .test_knowledge import TOKENIZER, inputs, logits, options
from .test_knowledge import model as model


def test_a_prompt_that_goes_on_after_a_cache_has_facts_of_its_own(model, store):
    """As people keep a chat's cache: the facts are those of the new question, and no earlier one's."""
    first, then = (inputs(f"What is the capital of Place {i}?")["input_ids"] for i in (3, 11))
    with attach(model, TOKENIZER, store, **options(model)) as knowledge, torch.no_grad():
        model.generate(first, attention_mask=torch.ones_like(first), max_new_tokens=2, do_sample=False)
        cache = cache_in(model(first, use_cache=True))
        whole = torch.cat([first, then], 1)
        reused = with_cache(model, cache)
        model.generate(whole, attention_mask=torch.ones_like(whole), max_new_tokens=2, do_sample=False, **reused)
        selected = [rows.tolist() for rows in knowledge.facts.selected]
        assert [question.text for question in knowledge.facts.questions] == ["What is the capital of Place 11?"]
        logits(model, inputs("What is the capital of Place 11?"))
        assert "Place 11" in {store.get(row // 2).head for row in selected[0]}
        assert len(set(selected[0]) & set(knowledge.facts.selected[0].tolist())) > len(selected[0]) // 2


def test_what_attach_generates_can_be_read_as_an_answer(model, store):
    batch = inputs("What is the capital of Place 3?")
    with attach(model, TOKENIZER, store, **options(model, threshold=0.0)) as knowledge:
        out = model.generate(**batch, max_new_tokens=8, do_sample=False)
        answer = knowledge.answer(out[0, batch["input_ids"].shape[1] :])
    assert (answer.answered, answer.source) == (True, "store")
    assert all(store.get(citation.id).tail == citation.tail for citation in answer.citations)


def test_a_route_that_needs_an_encoder_is_refused_where_there_is_none(model, store):
    asking = KnowledgeModel(model, TOKENIZER, store, **(options(model, route="attention") | {"encoder": None}))
    for route in ("hybrid", "encoder"):
        with pytest.raises(LimitError, match="give an encoder"):
            asking.ask("What is the capital of Place 3?", route=route)
    assert asking.ask("What is the capital of Place 3?", max_new_tokens=2).stats["route"] == "attention"


def test_the_stats_have_the_route_of_the_question(model, store):
    asking = KnowledgeModel(model, TOKENIZER, store, **options(model))
    routes = [
        asking.ask("capital of Place 3", route=route, max_new_tokens=2).stats["route"] for route in ("encoder", None)
    ]
    assert routes == ["encoder", "hybrid"]


def test_an_adapter_that_others_use_stays_as_it_is(model, store):
    adapter, card = tiny_store.adapter_for(model)
    with attach(model, TOKENIZER, store, adapter=(adapter, card), encoder=tiny_store.encoder()) as knowledge:
        assert knowledge.facts.adapter is adapter  # on its device already
