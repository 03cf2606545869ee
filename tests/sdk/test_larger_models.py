"""What larger models have and SmolLM2 has not: normalised queries, bfloat16, templates that think, a first token."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as tf
from tokenizers.processors import TemplateProcessing

import kvdb
from kvdb_sdk import KnowledgeModel
from kvdb_sdk.attend.adapter import Adapter
from kvdb_sdk.attend.attention import attention_modules
from kvdb_sdk.models.prompts import chat_markers, chat_prompt, find_question
from kvdb_sdk.training.losses import PromptPrefix, start_from_model
from kvdb_sdk.training.query_norm import scale_as_normalised
from kvdb_sdk.training.train import default_config

from . import tiny, tiny_store
from .test_training import ENCODER, OPTIONS, TOKENIZER, run

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
LLAMA_ROPE = {
    "rope_type": "llama3", "rope_theta": 500_000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}  # fmt: skip
SMALL = tiny.SMALL | {"max_position_embeddings": 256}
ARCHITECTURES = {
    "llama-3.1": lambda: tf.LlamaConfig(**SMALL, rope_parameters=LLAMA_ROPE),
    "qwen3": lambda: tf.Qwen3Config(**SMALL, head_dim=16, tie_word_embeddings=True),
}
# As Qwen3's: an assistant that may think first, unless it is told not to.
THINKING = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>"
    "{% if enable_thinking is defined and enable_thinking is false %}nothing thought{% endif %}{% endif %}"
)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_adapter_is_trained_and_read_in_bfloat16(name, monkeypatch, tmp_path):
    monkeypatch.setitem(tiny.CONFIGS, name, ARCHITECTURES[name])
    built = tiny.model(name, dtype=torch.bfloat16)
    before = {key: tensor.clone() for key, tensor in built.state_dict().items()}
    attend = []
    options = replace(OPTIONS, steps=40, question_steps=2, questions=12, attention_only=0.0)
    trained = run(built, tmp_path / "a", options=options, report=lambda p: attend.append(p.losses["attend"]))
    assert np.mean(attend[-10:]) < 0.8 * np.mean(attend[:10])
    assert all(torch.equal(tensor, before[key]) for key, tensor in built.state_dict().items())
    assert {p.dtype for p in trained.parameters()} == {torch.float32}
    with kvdb.open(tmp_path / "s.kvdb", create=True) as store:
        store.bind_encoder(ENCODER.record)
        store.insert(tiny_store.FACTS, ENCODER)
        asking = KnowledgeModel(built, TOKENIZER, store, adapter=tmp_path / "a", encoder=ENCODER, threshold=0.0)
        answer = asking.ask("What is the capital of Place 13?", max_new_tokens=40)
    assert answer.citations
    assert all(cited.tail in answer.text or cited.head in answer.text for cited in answer.citations)


def queries(built):
    """[L, H*d, hidden] as a training starts with."""
    adapter = Adapter(default_config(built, "tiny", ENCODER.record))
    start_from_model(adapter, built, attention_modules(built))
    scale_as_normalised(adapter, built, TOKENIZER)
    return adapter.query.detach()


@pytest.mark.parametrize("family", ["qwen3", "gemma3"])
def test_the_size_of_a_projection_that_is_normalised_after_means_nothing(family):
    """A model whose queries are normalised is the same model at any size of its projection: so is the start from it."""
    built = tiny.model(family)
    usual = queries(built)
    with torch.no_grad():
        for module in attention_modules(built):
            module.q_norm.weight.add_(torch.rand_like(module.q_norm.weight))
            module.q_proj.weight.mul_(50)
    gained = queries(built)
    with torch.no_grad():
        for module in attention_modules(built):
            module.q_proj.weight.div_(50)
    torch.testing.assert_close(queries(built), gained, rtol=1e-3, atol=1e-5)
    assert float(gained.norm() / usual.norm()) > 1.2  # what the norm multiplies by is taken over


def test_knowledge_queries_start_as_large_as_the_models_own():
    built = tiny.model("qwen3")
    config = default_config(built, "tiny", ENCODER.record)
    own, ours = [], []

    def keep(module, args, kwargs):
        hidden = kwargs["hidden_states"]
        raw = module.q_proj(hidden)
        own.append(module.q_norm(raw.view(*raw.shape[:2], -1, 8)).pow(2).mean((0, 1, 3)))  # [H]
        q = hidden @ queries_of[config.kb_layers.index(module.layer_idx)].T
        ours.append(q.view(*q.shape[:2], -1, 8).pow(2).mean((0, 1, 3)))

    queries_of = queries(built)
    for layer in config.kb_layers:
        attention_modules(built)[layer].register_forward_pre_hook(keep, with_kwargs=True)
    with torch.no_grad():
        built(torch.tensor([TOKENIZER(chat_prompt(TOKENIZER, "river of Place 17"))["input_ids"]]))
    ratio = (torch.stack(ours) / torch.stack(own)).sqrt()
    assert 0.5 < float(ratio.min()) <= float(ratio.max()) < 2


def test_a_training_starts_there(tmp_path):
    built = tiny.model("qwen3")
    built.config.max_position_embeddings = 256
    nothing_learnt = replace(OPTIONS, steps=1, learning_rate=0.0, calibration=8)
    assert torch.equal(run(built, tmp_path, options=nothing_learnt).query, queries(built))


def test_a_model_without_such_a_norm_starts_as_its_own_heads():
    built = tiny.model("llama")
    for started, layer in zip(queries(built), default_config(built, "tiny", ENCODER.record).kb_layers, strict=True):
        assert torch.equal(started, attention_modules(built)[layer].q_proj.weight)


def test_a_template_that_thinks_is_told_not_to():
    thinking = tiny_store.tokenizer()
    thinking.chat_template = THINKING
    prompt = chat_prompt(thinking, "What is the river of Place 3?", [("a?", "b.")])
    assert prompt.endswith("<|user|>What is the river of Place 3?<end><|assistant|>nothing thought")
    found = find_question(thinking, chat_markers(thinking), thinking(prompt)["input_ids"])
    assert found.text == "What is the river of Place 3?"
    assert found.end == len(thinking(prompt)["input_ids"])


def test_without_a_template_the_first_token_is_the_tokenizers():
    """A base model's tokenizer, as Llama's: texts begin with a token of their own, which is no part of the question."""
    base = tiny_store.tokenizer()
    base.chat_template = None
    base.backend_tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    prompt = chat_prompt(base, "capital of Place 3")
    ids = base(prompt, add_special_tokens=False)["input_ids"]
    assert ids == base("capital of Place 3\n")["input_ids"]
    assert ids[:2].count(1) == 1
    found = find_question(base, None, ids)
    assert (found.text, found.start, found.end) == ("capital of Place 3", 1, len(ids))
    prefix = PromptPrefix(tiny.model("llama"), base)
    assert prefix.ids + prefix.question_ids("capital of Place 3") == ids


def test_the_architectures_of_the_guide_have_the_published_sizes(monkeypatch):
    """docs/larger-models.md; the counts are those of the models' own files."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    sizes = importlib.import_module("architecture_sizes")
    for name, count, kb_layers in (
        ("llama-3.1-8b", 8_030_261_248, (13, 16, 19, 22, 25, 28, 31)),
        ("qwen3-0.6b", 596_049_920, (12, 15, 18, 21, 24, 27)),
        ("qwen3-8b", 8_190_735_360, (15, 18, 21, 24, 27, 30, 33)),
    ):
        found, adapter = sizes.on_no_device(name, ENCODER.record)
        assert (sizes.parameters(found), adapter.config.kb_layers) == (count, kb_layers)
        config = sizes.config_of(name)
        assert adapter.query.shape == (len(kb_layers), config.num_attention_heads * 128, config.hidden_size)


def test_the_runs_of_the_trial(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    trial = importlib.import_module("architectures")
    assert trial.parsed("4:0,1") == (4, (0, 1))
    assert trial.parsed("28") == (28, ())
    assert trial.terms((12, 15), 28) == [1, 12, 16, 2]
