"""The way of a question through store, routes, attention and copying, with a tiny random model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import kvdb
from kvdb.errors import AdapterMismatchError, BudgetError, EncoderMismatchError, LimitError
from kvdb.types import row_of
from kvdb_sdk import KnowledgeModel, attach, citing
from kvdb_sdk.answer import Answer, Span
from kvdb_sdk.models.cache_names import cache_in, with_cache
from kvdb_sdk.models.encoders import Encoder
from kvdb_sdk.models.prompts import chat_prompt

from . import tiny, tiny_store

TOKENIZER = tiny_store.tokenizer()


@pytest.fixture(scope="module")
def model():
    return tiny.model("llama")


def options(model, **more):
    return {"adapter": tiny_store.adapter_for(model), "encoder": tiny_store.encoder(), **more}


def inputs(*questions):
    return TOKENIZER([chat_prompt(TOKENIZER, q) for q in questions], return_tensors="pt", padding=True)


def logits(model, batch):
    with torch.no_grad():
        return model(**batch).logits[:, -1]


@pytest.mark.parametrize("route", ["attention", "encoder", "hybrid"])
def test_each_route_selects_and_each_row_of_a_batch_its_own(model, store, route):
    with attach(model, TOKENIZER, store, **options(model, route=route)) as knowledge:
        both = logits(model, inputs("What is the capital of Place 3?", "Hm, the capital of Place 11?"))
        selected = [rows.tolist() for rows in knowledge.facts.selected]
        one = logits(model, inputs("What is the capital of Place 3?"))
        alone = knowledge.facts.selected[0].tolist()
    assert selected[0] == alone != selected[1]
    assert len(selected[0]) == {"attention": 16, "encoder": 16}.get(route, len(selected[0]))
    torch.testing.assert_close(both[:1], one, rtol=2e-3, atol=2e-3)
    if route != "attention":
        assert store.get(selected[0][0] // 2).head == "Place 3"


def test_a_full_pass_with_the_answer_selects_as_the_prompt_did(model, store):
    """The answer's tokens neither select nor change what was selected."""
    prompt = inputs("What is the capital of Place 3?")["input_ids"]
    longer = torch.cat([prompt, torch.tensor([TOKENIZER("The cap")["input_ids"]])], 1)
    with attach(model, TOKENIZER, store, **options(model)) as knowledge, torch.no_grad():
        out = model(prompt, use_cache=True)
        first = [rows.tolist() for rows in knowledge.facts.selected]
        step = model(longer[:, prompt.shape[1] :], **with_cache(model, cache_in(out))).logits
        whole = model(longer).logits
        assert [rows.tolist() for rows in knowledge.facts.selected] == first
    torch.testing.assert_close(step, whole[:, prompt.shape[1] :], rtol=2e-3, atol=2e-3)


def test_the_encoder_route_judges_by_the_named_term_as_hybrid_does(model, store):
    found = {}
    for route in ("encoder", "hybrid"):
        with attach(model, TOKENIZER, store, **options(model, route=route)) as knowledge:
            logits(model, inputs("What is the capital of Place 3?", "What is it?"))
            rows = knowledge.facts.selected[0].tolist()
            about = next(at for at, row in enumerate(rows) if store.get(row // 2).head == "Place 3")
            weights = [float(at == about) for at in range(len(rows) + 1)]
            found[route] = knowledge.facts.evidence(0, weights)
            unnamed = knowledge.facts.evidence(1, [1.0] + [0.0] * len(knowledge.facts.selected[1]))
            assert (unnamed.named, unnamed.match, unnamed.lead) == (False, 0.0, 0.0)
    assert found["encoder"] == found["hybrid"]
    assert found["encoder"].named and found["encoder"].match > 0


def test_an_empty_store_leaves_the_model_alone(model, tmp_path):
    batch = inputs("What is the capital of Place 3?")
    plain = logits(model, batch)
    empty = kvdb.open(tmp_path / "empty.kvdb", create=True)
    with empty as store, attach(model, TOKENIZER, store, **options(model)):
        assert torch.equal(logits(model, batch), plain)
    assert torch.equal(logits(model, batch), plain)
    assert "generate" not in vars(model)


def test_a_deleted_fact_is_gone_from_the_next_question_and_not_from_this_one(model, store):
    with attach(model, TOKENIZER, store, **options(model, route="encoder")) as knowledge:
        with knowledge.facts.generation():
            logits(model, inputs("What is the capital of Place 3?"))
            best = int(knowledge.facts.selected[0][0])
            store.delete([best // 2])
            logits(model, inputs("What is the capital of Place 3?"))
            assert int(knowledge.facts.selected[0][0]) == best
        logits(model, inputs("What is the capital of Place 3?"))
        assert best not in knowledge.facts.selected[0].tolist()


@pytest.mark.parametrize("how", [{"num_beams": 3}, {"do_sample": True, "top_k": 5}, {}])
def test_generate_works_as_it_always_does(model, store, how):
    torch.manual_seed(0)
    batch = inputs("What is the capital of Place 3?", "capital of Place 5")
    with attach(model, TOKENIZER, store, **options(model)):
        out = model.generate(**batch, max_new_tokens=12, pad_token_id=0, eos_token_id=2, **how)
    assert out.shape[0] == 2
    assert out.shape[1] > batch["input_ids"].shape[1]


@pytest.mark.parametrize("says_what", [True, False])
def test_ask_copies_verbatim_and_cites_what_it_copied(model, store, monkeypatch, says_what):
    """A copied value stands in the model's own sentence where that says what it is, else in the store's."""
    monkeypatch.setattr(citing, "_says_what", lambda *_: says_what)
    adapter, card = tiny_store.adapter_for(model)
    with torch.no_grad():  # an adapter that copies the value of the most similar fact at once
        adapter.gate_weight.zero_()
        adapter.gate_bias.copy_(torch.tensor([-30.0, 30.0]))
        adapter.gate_known.zero_()
        adapter.prior.fill_(6.0)
        adapter.threshold.fill_(-1.0)
        adapter.null_bias.fill_(-50.0)
    asking = KnowledgeModel(model, TOKENIZER, store, adapter=(adapter, card), encoder=tiny_store.encoder())
    answer = asking.ask("What is the capital of Place 3?", max_new_tokens=9)
    assert answer.answered
    assert answer.text.startswith("Town 21") is says_what
    assert says_what or answer.text == "The capital of Place 3 is Town 21."
    assert ("worded_by" in answer.stats) is not says_what
    assert (answer.citations[0].head, answer.citations[0].tail) == ("Place 3", "Town 21")
    span = answer.spans[0]
    assert (answer.text[span.start : span.end], span.kind, span.id) == (
        "Town 21",
        "value",
        answer.citations[0].id,
    )
    assert answer.stats["pages_missed"] + answer.stats["pages_hit"] > 0
    assert answer.stats["resident_bytes"] <= answer.stats["budget_bytes"]
    again = asking.ask("What is the capital of Place 3?", max_new_tokens=9)
    assert again.stats["pages_missed"] == 0 < again.stats["pages_hit"]
    assert again.text == answer.text


def test_a_sentence_says_what_its_value_is_by_the_noun(store):
    with store.snapshot() as snapshot:
        fact = next(iter(snapshot.match(head="Place 3")))

        def says(before, after="", *, copied=False):
            spans = [Span(len(before), len(before) + len(fact.tail), fact.id, "value")]
            if copied:
                start = before.index("Place 3")
                spans.insert(0, Span(start, start + len("Place 3"), fact.id, "term"))
            answer = Answer(before + fact.tail + after, True, (), tuple(spans))
            return citing._says_what(snapshot, row_of(fact.id, "tail"), answer)

        assert says("Place 3's capital: ") and says("The Capitals of Place 3 are ")
        assert says("The capital of Place 3 is ", copied=True)
        assert not says("The nice capital of Place 3 is ")  # also where that was asked for
        assert not says("The mayor of Place 3 is ") and not says("")
        assert not says("Its capital: ")  # whose?
        assert not says("The Place 3 is ", " in capital")
        assert not says("The capital of Place 3 of Place is ", copied=True)
        assert not says("The capital of Place 3 in the Yen is ")  # which nobody said
        assert not says("The capital of Place 4 is ")  # whose it is not


def test_the_store_words_a_fact_by_its_own_relation(tmp_path):
    """A value that a clause begins with is found there, also where its term has it too."""
    with kvdb.open(tmp_path / "a.kvdb", create=True) as store:
        store.bind_encoder(tiny_store.encoder().record)
        store.insert([("Velum", "must not be stored with", "Velum 2")], tiny_store.encoder(), masks=("tail", "head"))
        with store.snapshot() as snapshot:
            (fact,) = snapshot.match()
            for mask, start in (("tail", 30), ("head", 0)):
                told = citing._worded_by_store(snapshot, row_of(fact.id, mask), 1.0, {})
                assert told.text == "Velum must not be stored with Velum 2."
                assert (told.spans[0].start, told.spans[0].id) == (start, fact.id)


def test_where_the_model_copies_no_value_the_store_words_the_answer(model, store):
    """The store knows, and a model that will not copy does not make that "I do not know"."""
    adapter, card = tiny_store.adapter_for(model)
    with torch.no_grad():
        adapter.gate_weight.zero_()
        adapter.gate_bias.fill_(-30.0)
        adapter.gate_known.zero_()
        adapter.prior.fill_(6.0)
        adapter.null_bias.fill_(-50.0)
    fitting = {"adapter": (adapter, card), "encoder": tiny_store.encoder()}
    asking = KnowledgeModel(model, TOKENIZER, store, threshold=0.0, **fitting)
    answer = asking.ask("What is the capital of Place 3?", max_new_tokens=4)
    assert answer.text == "The capital of Place 3 is Town 21."
    assert [(c.head, c.tail) for c in answer.citations] == [("Place 3", "Town 21")]
    span = answer.spans[0]
    assert answer.text[span.start : span.end] == "Town 21"
    assert answer.stats["worded_by"] == "store"
    refusing = KnowledgeModel(model, TOKENIZER, store, threshold=1.0, **fitting)
    refused = refusing.ask("What is the capital of Place 3?", max_new_tokens=4)
    assert 0 <= refused.stats["confidence"] <= 1
    assert (refused.text, refused.answered, refused.citations, refused.spans) == ("I do not know.", False, (), ())


def test_a_fact_that_the_question_names_is_found_whatever_the_vectors_say(model, store):
    """Only the hybrid route looks words up; the encoder's vectors of this head are anybody's."""
    blind = Encoder(lambda texts: np.ones((len(texts), tiny.ENCODER_DIM), np.float32), name="blind")
    with kvdb.open(str(store.path) + ".blind", create=True) as other:
        other.bind_encoder(blind.record)
        other.insert(tiny_store.FACTS, blind)
        adapter, card = tiny_store.adapter_for(model)
        probes = tuple(tuple(float(x) for x in row) for row in blind.record.probes)
        fitting = {"adapter": (adapter, replace(card, encoder_probes=probes)), "encoder": blind}
        for route, there in (("hybrid", True), ("encoder", False)):
            with attach(model, TOKENIZER, other, route=route, limits=kvdb.SearchLimits(leaf_top_k=1), **fitting) as k:
                logits(model, inputs("What is the capital of Place 31?"))
                heads = {other.get(kvdb.fact_of(int(row))).head for row in k.facts.selected[0]}
            assert ("Place 31" in heads) is there


@pytest.mark.parametrize("route", ["attention", "encoder", "hybrid"])
def test_a_batch_is_answered_as_one_by_one(model, store, route):
    asking = KnowledgeModel(model, TOKENIZER, store, **options(model, route=route, threshold=0.2))
    asked = [f"What is the capital of Place {i}?" for i in (3, 17)] + ["Hm?", "the capital of Place 5, please"]
    alone = [asking.ask(question, max_new_tokens=12) for question in asked]
    together = asking.ask_many(asked, max_new_tokens=12)
    for one, other in zip(alone, together, strict=True):
        assert (one.text, one.answered, one.spans) == (other.text, other.answered, other.spans)
        assert [c.id for c in one.citations] == [c.id for c in other.citations]
        assert one.stats["tokens"] == other.stats["tokens"]
    assert asking.ask_many([]) == []


def test_what_does_not_fit_is_refused(model, store):
    with (
        pytest.raises(LimitError, match="attention, encoder, hybrid"),
        attach(model, TOKENIZER, store, **options(model, route="psychic")),
    ):
        pass
    with (
        pytest.raises(BudgetError, match="at least"),
        attach(model, TOKENIZER, store, **options(model, memory=100)),
    ):
        pass
    other = Encoder(lambda texts: np.ones((len(texts), tiny.ENCODER_DIM), np.float32), name="tiny")
    with (
        pytest.raises(EncoderMismatchError),
        attach(model, TOKENIZER, store, **options(model) | {"encoder": other}),
    ):
        pass
    adapter, card = tiny_store.adapter_for(tiny.model("llama", seed=8))
    with (
        pytest.raises(AdapterMismatchError),
        attach(model, TOKENIZER, store, **options(model) | {"adapter": (adapter, card)}),
    ):
        pass
    assert model.config._attn_implementation == "sdpa"


def test_the_threshold_decides_what_is_refused(model, store):
    sure = KnowledgeModel(model, TOKENIZER, store, **options(model, threshold=1.0))
    answer = sure.ask("What is the capital of Place 3?")
    assert (answer.text, answer.answered, answer.stats["tokens"]) == ("I do not know.", False, 1)


def test_several_values_of_what_was_asked_speak_for_each_other(model, tmp_path):
    """Four neighbours that are each read a fifth are one answer, read more than a capital with a third."""
    encoder = tiny_store.encoder()
    names = ["Spain", "Italy", "Andorra", "Monaco"]
    facts = [("France", "capital", "Paris"), *(("France", "neighbour", name) for name in names)]
    with kvdb.open(tmp_path / "several.kvdb", create=True) as store:
        store.bind_encoder(encoder.record)
        store.insert(facts, encoder)
        asked = KnowledgeModel(model, TOKENIZER, store, **options(model))
        asked.ask("What is the neighbour of France?", max_new_tokens=1)
        source = asked.facts
        with source.generation() as snapshot:
            order = [fact.relation for fact in snapshot.facts([kvdb.fact_of(int(row)) for row in source.selected[0]])]
            weights = [0.3 if relation == "capital" else 0.15 for relation in order]
            found = source.evidence(0, [*weights, 0.1])
    assert sorted(order) == ["capital", "neighbour", "neighbour", "neighbour", "neighbour"]
    assert found.weight == pytest.approx(0.6)
    assert found.noun_share == 1.0
