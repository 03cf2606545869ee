"""The model's own vector of a question: its formula, how it is learnt, and what the routes do with it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from kvdb.kg2kv import key_sentence
from kvdb.types import fact_of
from kvdb_sdk import attach
from kvdb_sdk.attend.adapter import Adapter, Card, fingerprint
from kvdb_sdk.attend.question_vector import POOLINGS, WIDTH, QuestionVector
from kvdb_sdk.models.cache_names import cache_in, with_cache
from kvdb_sdk.models.prompts import chat_prompt
from kvdb_sdk.question.word_match import noun_share, word_match
from kvdb_sdk.training import question_training
from kvdb_sdk.training.examples import Pool, PoolRow
from kvdb_sdk.training.losses import PromptPrefix
from kvdb_sdk.training.question_training import _states, train_question_vector
from kvdb_sdk.training.relation_wordings import with_made_up
from kvdb_sdk.training.train import default_config

from . import tiny, tiny_store
from .test_training import ENCODER, TOKENIZER, model, pool

HIDDEN = 32


def made() -> QuestionVector:
    torch.manual_seed(0)
    own = QuestionVector(HIDDEN, tiny.ENCODER_DIM)
    with torch.no_grad():
        own.weigh.normal_()
        own.bias.normal_()
    return own.requires_grad_(False)


def vector_by_hand(own: QuestionVector, states: torch.Tensor) -> np.ndarray:
    """The formula in float64, a token and a pooling at a time: states [T, hidden] of the tokens that ask."""
    weigh, read, out = (p.double().numpy() for p in (own.weigh, own.read, own.out))
    x = states.double().numpy()
    x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    pooled = []
    for k in range(POOLINGS):
        exps = [math.exp(weigh[k] @ token) for token in x]
        shares = [e / sum(exps) for e in exps]
        pooled.append(sum(a * read[k * WIDTH : (k + 1) * WIDTH] @ t for a, t in zip(shares, x, strict=True)))
    v = out @ np.concatenate(pooled) + own.bias.double().numpy()
    return v / np.linalg.norm(v)


def test_the_vector_is_the_formula_and_only_of_the_tokens_that_ask():
    own, hidden = made(), torch.randn(2, 7, HIDDEN)
    asking = torch.tensor([[False, False, True, True, True, False, False], [True] * 7])
    found = own(hidden, asking)
    for b in range(2):
        np.testing.assert_allclose(found[b].numpy(), vector_by_hand(own, hidden[b, asking[b]]), atol=1e-5)
    nothing = own(hidden, torch.zeros_like(asking))
    assert torch.isfinite(nothing).all()


def test_the_states_are_what_the_layer_reads_and_no_layer_above_runs():
    of = model()
    prefix = PromptPrefix(of, TOKENIZER)
    texts = ["What is the capital of Place 3?", "river of Place 17"]
    rows = [prefix.question_ids(text) for text in texts]
    ran = []
    handles = [layer.register_forward_hook(lambda *_, i=i: ran.append(i)) for i, layer in enumerate(of.model.layers)]
    found = _states(1, of, prefix, rows)
    for handle in handles:
        handle.remove()
    assert ran == [0]
    for text, states in zip(texts, found, strict=True):
        ids = TOKENIZER(chat_prompt(TOKENIZER, text), return_tensors="pt")["input_ids"]
        with torch.no_grad():
            before = of.model(ids, output_hidden_states=True).hidden_states[
                1
            ]  # [1, T, hidden] the second layer's input
            whole = of.model.layers[1].input_layernorm(before)[0]
        torch.testing.assert_close(states.float(), whole[-len(states) :], rtol=1e-2, atol=1e-2)


def test_it_learns_to_find_the_key_and_nothing_else_changes(monkeypatch):
    for name, value in (("BATCH", 16), ("EVEN", 32), ("AMONG", 40), ("HARD", 2), ("RATE", 3e-3)):
        monkeypatch.setattr(question_training, name, value)
    of = model()
    torch.manual_seed(0)
    adapter = Adapter(default_config(of, "tiny", ENCODER.record))
    before = {name: tensor.clone() for name, tensor in adapter.state_dict().items()}
    frozen = {name: tensor.clone() for name, tensor in of.state_dict().items()}
    losses = train_question_vector(adapter, of, pool(), PromptPrefix(of, TOKENIZER), questions=200, steps=150, seed=0)
    assert np.mean(losses[-30:]) < np.mean(losses[:30]) - 0.5
    changed = {name for name, tensor in adapter.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {f"question.{name}" for name in ("weigh", "read", "out", "bias")}
    assert all(torch.equal(tensor, frozen[name]) for name, tensor in of.state_dict().items())


def test_the_same_sentence_under_another_number_is_no_wrong_key():
    """Two facts with one key: neither is held against the other, which would be a loss that nothing can lower."""
    twice = [PoolRow("capital", "Place 1", value) for value in ("Rome", "Roma")]
    keys = np.repeat(ENCODER(["the capital of Place 1"]), 2, axis=0).astype(np.float16)
    rows = Pool(twice, keys, keys, askable=[0, 1])
    own = made()
    seen = question_training.Seen([torch.randn(3, HIDDEN).half() for _ in range(2)], [0, 1])
    found = question_training._loss(own, torch.tensor(3.0), rows, seen, np.random.default_rng(0))
    near = [float(1 - own(each.float()[None], torch.ones(1, 3, dtype=torch.bool))[0] @ torch.tensor(keys[0]).float())
            for each in seen.states]  # fmt: skip
    assert min(near) - 1e-3 <= float(found) <= max(near) + 1e-3  # no contrast is left


def test_made_up_pairs_widen_the_relations_and_are_asked_in_their_own_words():
    facts = pool()
    wide = with_made_up(facts, ENCODER, 40, seed=0)
    made_up = [wide.rows[i] for i in wide.askable if i >= len(facts.rows)]
    assert len(made_up) == 40 and wide.rows[: len(facts.rows)] == facts.rows
    assert {row.term for row in made_up} <= {row.term for row in facts.rows}
    assert len({row.noun for row in made_up}) > 30
    for row, key in zip(made_up, wide.keys[len(facts.rows) :], strict=True):
        np.testing.assert_allclose(key, ENCODER([key_sentence(row.noun, row.term)])[0], atol=1e-3)
        assert all("{term}" in wording for wording in row.asked)
    assert with_made_up(facts, ENCODER, 40, seed=0).rows == wide.rows


def attached(of, store, monkeypatch, *, wanted: str, **more):
    """A store attached with an adapter whose vector of any question is the encoder's of `wanted`."""
    built, card = tiny_store.adapter_for(of, question_layer=0)
    vector = torch.from_numpy(tiny_store.encoder()([wanted]))  # [1, E]
    monkeypatch.setattr(built.question, "forward", lambda hidden, asking: vector.expand(len(hidden), -1))
    return attach(of, TOKENIZER, store, adapter=(built, card), **more)


def selected(of, knowledge, question):
    inputs = TOKENIZER([chat_prompt(TOKENIZER, question)], return_tensors="pt")
    with torch.no_grad(), knowledge.facts.generation() as snapshot:
        of(**inputs)
        return [fact.head for fact in snapshot.facts([fact_of(int(row)) for row in knowledge.facts.selected[0]])]


def test_the_attention_route_selects_by_it_without_an_encoder(store, monkeypatch):
    of = model()
    with attached(of, store, monkeypatch, wanted="the capital of Place 8", route="attention") as knowledge:
        heads = selected(of, knowledge, "Which one is it?")
        assert heads[0] == "Place 8"
        similarity = knowledge.facts._similarity
        assert float(similarity[0, 0]) == pytest.approx(1.0, abs=1e-2)


def test_the_attention_route_finds_what_the_question_names(store, monkeypatch):
    of = model()
    with attached(of, store, monkeypatch, wanted="the capital of Place 8", route="attention") as knowledge:
        assert selected(of, knowledge, "What is the capital of Place 31?")[0] == "Place 31"
        evidence = knowledge.facts.evidence(0, [0.5] + [0.0] * (len(knowledge.facts.selected[0]) - 1) + [0.5])
        assert (evidence.named, evidence.match, evidence.noun_share) == (True, 1.0, 1.0)


def test_hybrid_reads_what_it_finds_beside_the_rest(store, monkeypatch):
    of, question = model(), "What is the capital of Place 31?"
    with attached(of, store, monkeypatch, wanted="the capital of Place 8", encoder=tiny_store.encoder()) as knowledge:
        heads = selected(of, knowledge, question)
        assert "Place 31" in heads and "Place 8" in heads
        knowledge.facts.route = "encoder"
        assert selected(of, knowledge, question) != heads


def test_words_alone_tell_relations_apart():
    asked = ["What is the ICAO airport code of it?", "Where is it?", "its elevtion in feet?"]
    nouns = [["ICAO airport code", "IATA airport code"], ["city"], ["elevation in feet"]]
    first, second, third = word_match(asked, nouns)
    assert first.tolist() == pytest.approx([1.0, 2 / 3])
    assert second.tolist() == [0.0]
    assert third.tolist() == [1.0]  # the slip is mended
    assert noun_share("its elevtion in feet?", "elevation in feet") == 0.5


def test_only_the_prompt_is_read_as_a_question(store, monkeypatch):
    """As many tokens again, after the prompt, are no new question."""
    of = model()
    with attached(of, store, monkeypatch, wanted="the capital of Place 8", route="attention") as knowledge:
        inputs = TOKENIZER([chat_prompt(TOKENIZER, "Which one is it?")], return_tensors="pt")
        with torch.no_grad(), knowledge.facts.generation():
            cache = cache_in(of(**inputs, use_cache=True))
            before = knowledge.facts.selected[0].tolist()
            other = torch.from_numpy(tiny_store.encoder()(["the capital of Place 9"]))
            monkeypatch.setattr(knowledge.facts.adapter.question, "forward", lambda hidden, asking: other)
            of(input_ids=inputs["input_ids"], **with_cache(of, cache))
        assert knowledge.facts.selected[0].tolist() == before


def test_another_vector_of_a_question_is_another_adapter():
    """A store's calibration of the attention route is of the vector that it was made with."""
    built, card = tiny_store.adapter_for(model(), question_layer=0)
    before = fingerprint(built, card)
    built.question.out[0, 0] += 1
    assert fingerprint(built, card) != before


def test_a_fingerprint_tells_what_compares_relations_apart():
    built = tiny.adapter(tiny.model("llama"))
    card = Card(built.config, (0.0,), ((0.0,),))
    before = fingerprint(built, card)
    built.encoder_change = {"encoder.layer.1.a": torch.ones(2, 3)}
    assert fingerprint(built, card) != before
