"""What a language model reads of relations: against one question at a time, and as part of the match."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import DynamicCache

from kvdb.errors import AdapterMismatchError
from kvdb.kg2kv import key_sentence
from kvdb_sdk.attend.adapter import load_adapter, save_adapter
from kvdb_sdk.attend.attention import Attachment
from kvdb_sdk.question.relation_match import MOST_READ, NOTHING, OTHER_WAY, TEMPERATURE, RelationMatch, beside_value
from kvdb_sdk.question.relation_reader import (
    MOST_TOKENS,
    QUESTIONS_AT,
    Reading,
    RelationReader,
    relation_reader,
)
from kvdb_sdk.training.losses import TrainingFacts

from . import tiny, tiny_store
from .test_relation_match import NOUNS, encoder

TOKENIZER = tiny_store.tokenizer()
FAMILIES = ["llama", "qwen3", "mistral", "phi3"]
CANDIDATES = ["the river of it, the Ouse", "the capital of it", "the code of it, 12"]
QUESTIONS = ["what runs through it?", "its seat"]


def reader_of(model, *, layers=2, rank=3, seed=0):
    """A reader whose every learnt number is away from its start."""
    torch.manual_seed(seed)
    reader = RelationReader(model, TOKENIZER, layers=layers, rank=rank)
    with torch.no_grad():
        for parameter in reader.learnt().values():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return reader


def changed_model(model, reader, layers):
    """The model's first layers with their maps changed outright, W + b a, and no final norm."""
    changed, learnt = copy.deepcopy(model.model), reader.learnt()
    changed.layers = changed.layers[:layers]
    changed.norm = torch.nn.Identity()
    for name in {name[:-2] for name in learnt if name.startswith("layers.")}:
        weight = changed.get_submodule(name).weight
        weight.data += (learnt[f"{name}.b"] @ learnt[f"{name}.a"]).detach()
    return changed


def read_alone(model, reader, layers, candidates, question):
    """Logits of one question: each candidate is read by itself, and then the question after all of them."""
    changed, learnt = changed_model(model, reader, layers), {n: p.detach() for n, p in reader.learnt().items()}

    def tokens(text):
        return TOKENIZER.encode(text, add_special_tokens=False)[:MOST_TOKENS] + TOKENIZER.encode("\n")

    def run(ids, at, cache):
        where = torch.arange(at, at + len(ids))[None]
        seen = torch.zeros(1, 1, len(ids), cache.get_seq_length() + len(ids))
        seen[..., cache.get_seq_length() :] = torch.full((len(ids), len(ids)), -torch.inf).triu(1)
        out = changed(torch.tensor([ids]), position_ids=where, past_key_values=cache, attention_mask=seen)
        return out.last_hidden_state[0, -1]

    begun = DynamicCache()
    run([TOKENIZER.bos_token_id], 0, begun)
    together, states = copy.deepcopy(begun), []
    for text in candidates:
        own = copy.deepcopy(begun)
        states.append(run(tokens(f"- {text}"), 1, own))
        for at in range(layers):
            together.update(own.layers[at].keys[:, :, 1:], own.layers[at].values[:, :, 1:], at)
    asked = run(tokens(f"Q: {question}"), QUESTIONS_AT, together)

    def normalised(x):
        return x / math.sqrt(float((x * x).mean()) + 1e-6)

    x = normalised(asked)
    left = learnt["head.question.weight"] @ x
    logits = [float(learnt["head.none.weight"][0] @ x + learnt["head.none.bias"][0])]
    for state in states:
        right = learnt["head.candidate.weight"] @ normalised(state)
        logits.append(float(left @ right) / math.sqrt(len(left)))
    return logits


@pytest.mark.parametrize("family", FAMILIES)
def test_questions_read_together_are_as_read_alone(family):
    model = tiny.model(family)
    reader = reader_of(model)
    seen = [[True, True, True], [True, False, True]]
    with torch.no_grad():
        found = reader([Reading(CANDIDATES, QUESTIONS, seen), Reading(CANDIDATES[1:2], QUESTIONS[:1], [[True]])])
        for row, (question, sees) in enumerate(zip(QUESTIONS, seen, strict=True)):
            open_to = [text for text, is_seen in zip(CANDIDATES, sees, strict=True) if is_seen]
            wanted = read_alone(model, reader, 2, open_to, question)
            kept = found[0][row][torch.tensor([True, *sees])]
            assert kept.tolist() == pytest.approx(wanted, abs=2e-3)
        assert found[0][1, 2] < -1000  # what it does not see
        assert found[1][0].tolist() == pytest.approx(
            read_alone(model, reader, 2, CANDIDATES[1:2], QUESTIONS[0]), abs=2e-3
        )


def test_the_order_of_candidates_means_nothing():
    read = reader_of(tiny.model("llama")).read
    first, second = read(QUESTIONS[:1] * 2, [CANDIDATES, CANDIDATES[::-1]])
    assert first[0] == pytest.approx(second[0], abs=1e-4)
    assert first[1:].tolist() == pytest.approx(second[:0:-1].tolist(), abs=1e-4)


def test_many_texts_are_read_in_batches_and_come_back_in_their_order():
    read = reader_of(tiny.model("llama")).read
    asked = [f"what is number {i}?" for i in range(20)]
    sentences = [CANDIDATES[: 1 + i % 3] for i in range(20)]
    for text, of, found in zip(asked, sentences, read(asked, sentences), strict=True):
        assert found.shape == (1 + len(of),) and found.dtype == np.float32
        assert found.tolist() == pytest.approx(read([text], [of])[0].tolist(), abs=1e-4)


def test_a_long_text_is_cut():
    read = reader_of(tiny.model("llama")).read
    [found] = read(["why " * 5000], [["the name of it, " + "x" * 100_000]])
    assert np.isfinite(found).all()


def test_the_weights_are_the_models_own_and_stay():
    model = tiny.model("llama")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    reader = reader_of(model)
    own = model.model.layers[0].self_attn.q_proj.weight
    assert reader.decoder.layers[0].self_attn.q_proj.weight is own
    assert len(model.model.layers) == 3 and model.config.num_hidden_layers == 3
    assert not any(name.startswith(("layers.0.", "layers.1.")) for name in reader_of(model, layers=3).learnt())
    reader.read(QUESTIONS[:1], [CANDIDATES])
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_an_attached_store_is_not_read_along():
    model = tiny.model("llama")
    wanted = reader_of(model).read(QUESTIONS[:1], [CANDIDATES])[0]
    adapter, _ = tiny_store.adapter_for(model)
    source = TrainingFacts(adapter)
    with Attachment(model, adapter, source) as attachment:
        attachment.trace.hidden = torch.zeros(3, requires_grad=True) * 2  # nothing that could be copied
        reader = reader_of(model)
        assert not any(part._forward_pre_hooks or part._forward_hooks for part in reader.decoder.modules())
        assert reader.read(QUESTIONS[:1], [CANDIDATES])[0].tolist() == pytest.approx(wanted.tolist(), abs=1e-5)


def test_a_model_of_another_make_is_refused():
    with pytest.raises(AdapterMismatchError, match="GPT2LMHeadModel"):
        reader_of(tiny.model("gpt2"))
    reader = reader_of(tiny.model("llama"))
    weights = {name: p.detach() for name, p in reader_of(tiny.model("llama"), rank=2).learnt().items()}
    with pytest.raises(AdapterMismatchError, match="does not fit"):
        reader.load(weights)


def test_an_adapter_keeps_its_reader(tmp_path):
    model = tiny.model("llama")
    adapter, card = tiny_store.adapter_for(model)
    assert relation_reader(adapter, model, TOKENIZER) is None
    reader = reader_of(model)
    adapter.reader = {name: p.detach() for name, p in reader.learnt().items()}
    save_adapter(tmp_path, adapter, replace(card, config=replace(card.config, reader_layers=2, reader_rank=3)))
    loaded, _ = load_adapter(tmp_path)
    read = relation_reader(loaded, model, TOKENIZER)
    assert read(QUESTIONS[:1], [CANDIDATES])[0] == pytest.approx(reader.read(QUESTIONS[:1], [CANDIDATES])[0], abs=0.05)


def test_where_something_is_around_the_layers_the_encoder_compares_alone(caplog):
    model = tiny.model("llama")
    adapter, _ = tiny_store.adapter_for(model)
    adapter.config = replace(adapter.config, reader_layers=3, reader_rank=3)
    adapter.reader = {name: p.detach() for name, p in reader_of(model, layers=3).learnt().items()}
    assert relation_reader(adapter, model, TOKENIZER) is not None and not caplog.records
    layer = model.model.layers[2].mlp
    layer.up_proj = torch.nn.Sequential(layer.up_proj)
    assert relation_reader(adapter, model, TOKENIZER) is None
    assert "encoder alone" in caplog.text


class Reads:
    """A reader that likes what it is told to, and remembers what it was asked."""

    def __init__(self, **likes):
        self.likes, self.asked = likes, []

    def __call__(self, asked, sentences):
        self.asked += list(zip(asked, sentences, strict=True))
        return [
            np.array([1.0, *(1.0 + self.likes.get(text.split()[1], 0.0) for text in of)], np.float32)
            for of in sentences
        ]


def test_the_match_is_half_what_is_read():
    asked, values = "Which stream is there in it?", ["Ann", "the Ouse", ""]
    plain = RelationMatch(encoder)([asked], [NOUNS], [values])[0]
    reads = Reads(river=4.0, code=-20.0)
    found = RelationMatch(encoder, read=reads)([asked], [NOUNS], [values])[0]
    logits = [0.0, 4.0, -12.0]  # no logit counts for more than 12
    wanted = [
        NOTHING + ((match - NOTHING) / TEMPERATURE + logit) * TEMPERATURE / 2
        for match, logit in zip(plain.tolist(), logits, strict=True)
    ]
    assert found.tolist() == pytest.approx(wanted, abs=1e-5)
    [(text, sentences)] = reads.asked
    assert text == asked
    assert set(sentences) == {
        beside_value("capital", "Ann"),
        beside_value("river", "the Ouse"),
        key_sentence("code", "it"),
    }


def test_what_is_named_in_words_is_not_read():
    reads = Reads(code=9.0)
    match = RelationMatch(encoder, read=reads)
    named = match(["the river of it", "Who?"], [NOUNS, []])
    assert reads.asked == []
    assert named[0].tolist() == RelationMatch(encoder)(["the river of it"], [NOUNS])[0].tolist()
    assert match.best("Which stream?", NOUNS) == RelationMatch(encoder).best("Which stream?", NOUNS)
    assert reads.asked == []


def test_nothing_is_read_twice():
    reads = Reads(river=3.0)
    match = RelationMatch(encoder, read=reads)
    for order in (NOUNS, NOUNS[::-1], NOUNS):
        found = match(["Which stream?"], [order])[0]
        assert order[int(found.argmax())] == "river"
    assert len(reads.asked) == 1


def test_what_is_not_read_is_meant_no_better_than_what_is():
    nouns = [f"code {letter}" for letter in "abcdefghijklm"]
    reads = Reads(code=-5.0)
    plain = RelationMatch(encoder)(["Which one?"], [nouns])[0]
    found = RelationMatch(encoder, read=reads)(["Which one?"], [nouns])[0]
    read = np.argsort(-plain, kind="stable")[:MOST_READ]
    assert len(reads.asked[0][1]) == MOST_READ
    assert max(found) == found[read].max() and (np.delete(found, read) <= found[read].min() + 1e-6).all()


def test_who_does_it_counts_after_reading():
    nouns = ["what it warned", "capital"]
    asked = "Who warned it?"
    reads = Reads()
    plain = RelationMatch(encoder)([asked], [nouns])[0]
    found = RelationMatch(encoder, read=reads)([asked], [nouns])[0]
    assert reads.asked and plain[0] < found[0] + OTHER_WAY
    assert found[0] == pytest.approx(NOTHING + (plain[0] + OTHER_WAY - NOTHING) / 2 - OTHER_WAY, abs=1e-5)
