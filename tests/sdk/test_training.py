"""Training: a run that stopped goes on to the same adapter, the model stays as it is, refusal is calibrated."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kvdb.errors import AdapterError, LimitError
from kvdb.kg2kv import answer, noun_forms
from kvdb_sdk.adapters import SHIPPED, shipped_adapters, shipped_encoder_change
from kvdb_sdk.attend.adapter import Adapter, AdapterConfig, load_adapter
from kvdb_sdk.models.encoders import load_encoder
from kvdb_sdk.question.relation_match import FARTHEST, RelationMatch
from kvdb_sdk.refusal.confidence import Evidence, known_probability
from kvdb_sdk.training import train as train_module
from kvdb_sdk.training.examples import TERM, VALUE, WRITE, Pool, PoolRow, answer_tokens, draw
from kvdb_sdk.training.losses import _attend_loss
from kvdb_sdk.training.relation_low_rank import STEPS
from kvdb_sdk.training.train import CHECKPOINT, TrainingOptions, default_config, train

from . import tiny, tiny_store

TOKENIZER = tiny_store.tokenizer()
ENCODER = tiny_store.encoder()
OPTIONS = TrainingOptions(
    steps=4,
    batch=4,
    candidates=5,
    checkpoint_every=2,
    calibration=48,
    learning_rate=1e-2,
    question_steps=0,
    relation_steps=0,
)


def pool() -> Pool:
    rows = [PoolRow(noun, f"Place {i}", f"Town {i * 7}") for i in range(30) for noun in ("capital", "river")]
    keys = ENCODER([f"the {row.noun} of {row.term}" for row in rows])
    values = ENCODER([row.value for row in rows])
    return Pool.of(rows, keys.astype(np.float16), values.astype(np.float16))


def run(model, out, *, options=OPTIONS, report=None, start=None):
    return train(
        model,
        TOKENIZER,
        ENCODER,
        pool(),
        out,
        model_name="tiny",
        options=options,
        report=report,
        start=start,
    )


def model():
    built = tiny.model("llama")
    built.config.max_position_embeddings = 256
    return built


class Killed(Exception):
    pass


def test_a_run_that_stopped_ends_in_the_same_adapter(tmp_path):
    whole = run(model(), tmp_path / "whole")

    def stop(progress):
        if progress.step == 3:
            raise Killed

    with pytest.raises(Killed):
        run(model(), tmp_path / "cut", report=stop)
    assert (tmp_path / "cut" / CHECKPOINT).exists()
    steps = []
    resumed = run(model(), tmp_path / "cut", report=lambda progress: steps.append(progress.step))
    assert steps == [3, 4]
    for (name, a), (_, b) in zip(whole.state_dict().items(), resumed.state_dict().items(), strict=True):
        assert torch.equal(a, b), name
    assert not (tmp_path / "cut" / CHECKPOINT).exists()


def test_the_model_is_frozen_and_the_adapter_learns(tmp_path):
    trained = model()
    before = {name: tensor.clone() for name, tensor in trained.state_dict().items()}
    attend = {}
    for rate in (0.0, 1e-2):  # the same examples, by an adapter that learns nothing and by one that learns
        options = replace(OPTIONS, steps=60, attention_only=0.0, learning_rate=rate)
        losses = attend[rate] = []
        run(trained, tmp_path / f"at {rate}", options=options, report=lambda p: losses.append(p.losses["attend"]))  # noqa: B023
    for name, tensor in trained.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert np.mean(attend[1e-2][-30:]) < 0.7 * np.mean(attend[0.0][-30:])
    assert trained.config._attn_implementation == "sdpa"


def test_the_card_holds_a_calibration_of_its_own(tmp_path):
    run(model(), tmp_path / "a")
    config = load_adapter(tmp_path / "a")[1].config
    default = AdapterConfig.__dataclass_fields__["known"].default
    assert config.known != default
    there = Evidence(null=0.02, weight=0.8, similarity=0.95, named=True, noun_share=1.0, match=0.9, lead=FARTHEST)
    missing = Evidence(null=0.02, weight=0.8, similarity=0.5, named=False, noun_share=0.0)
    assert known_probability(config.known, there) > 0.5 > known_probability(config.known, missing)


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / CHECKPOINT).write_bytes(b"not safetensors")
    with pytest.raises(AdapterError, match="remove it to start anew"):
        run(model(), tmp_path / "a")


def test_a_pool_with_nothing_to_ask_is_refused(tmp_path):
    twice = [PoolRow("capital", "Place", "A"), PoolRow("capital", "Place", "B")]
    vectors = ENCODER(["a", "b"]).astype(np.float16)
    with pytest.raises(LimitError, match="single value"):
        train(model(), TOKENIZER, ENCODER, Pool.of(twice, vectors, vectors), tmp_path, model_name="tiny")


def test_an_adapter_that_does_not_copy_learns_to_write_the_values(tmp_path):
    """As the papers train (benchmarks/recipes.py): the value's tokens are learnt, and nothing else is."""
    built = model()
    papers = {"question_layer": None, "copies": False, "null_fact": False}
    config = replace(default_config(built, "tiny", ENCODER.record), **papers)
    options = replace(
        OPTIONS, steps=40, attention_only=1.0, near=0.0, unknown=0.0, weights=(1.0, 0.0, 0.0), learning_rate=3e-2
    )
    losses = []
    trained = train(
        built, TOKENIZER, ENCODER, pool(), tmp_path, model_name="tiny", options=options, config=config,
        report=lambda p: losses.append(p.losses["write"]),
    )  # fmt: skip
    assert np.mean(losses[-8:]) < 0.95 * np.mean(losses[:8])
    start = Adapter(config)
    for name in ("mix", "gate_weight", "gate_bias", "prior", "null_bias"):
        assert torch.equal(getattr(trained, name), getattr(start, name)), name
    loaded = load_adapter(tmp_path)[1].config
    assert (loaded.copies, loaded.null_fact, loaded.known) == (False, False, config.known)


def test_a_right_fact_that_is_hardly_read_is_still_learnt():
    """Its weight is far below what float16 holds, and a floor above it would leave no gradient."""
    logits = torch.tensor([[[40.0, 0.0]]], requires_grad=True)  # [B, T, n + 1]
    batch = SimpleNamespace(asking=torch.tensor([[True]]), kinds=torch.tensor([[WRITE]]), gold=torch.tensor([1]))
    loss = _attend_loss(logits.softmax(-1), batch)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(40.0, abs=0.1)
    assert float(logits.grad[0, 0, 1]) == pytest.approx(-1.0, abs=1e-3)


@pytest.mark.parametrize(("mask", "order"), [("tail", [TERM, VALUE]), ("head", [VALUE, TERM])])
def test_a_clause_is_learnt_as_the_store_words_it(mask, order):
    nouns = noun_forms("must not be stored with")
    row = PoolRow(getattr(nouns, f"{mask}_noun"), "Velum", "Kestoril")
    ids, kinds = answer_tokens(TOKENIZER, row, known=True)
    assert TOKENIZER.decode(ids, skip_special_tokens=True).strip() == answer(row.noun, row.term, row.value)
    assert [kind for kind in kinds if kind in order] == order


def test_how_many_candidates_are_near():
    matcher = RelationMatch(ENCODER)

    def drawn(**more):
        return draw(pool(), ENCODER, matcher, TOKENIZER, 6, candidates=10, unknown=0.5, seed=1, **more)

    keys = pool().keys.astype(np.float32)
    for near, least in ((1.0, 9), (0.0, 0)):
        for example in drawn(near=near):
            nearest = set(np.argsort(-(keys @ example.vector))[:12].tolist())
            found = len(nearest & set(example.candidates))
            assert len(example.candidates) == 10
            assert found >= least if least else found < 9
    assert all(set(example.kinds) == {WRITE} for example in drawn(copying=False))
    assert any(set(example.kinds) != {WRITE} for example in drawn())


def test_relations_are_taken_from_a_shipped_adapter_for_the_encoder(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(train_module, "learn_relations", lambda *_, steps, **__: asked.append(steps))
    options = replace(OPTIONS, steps=1, relation_steps=None)
    run(model(), tmp_path / "a", options=options)  # no shipped adapter is for the tiny encoder
    change = {"layer.a": torch.ones(1, 2)}
    monkeypatch.setattr(train_module, "shipped_encoder_change", lambda encoder: change)
    assert run(model(), tmp_path / "b", options=options).encoder_change == change
    run(model(), tmp_path / "c", options=replace(options, relation_steps=7))
    assert asked == [STEPS, 0, 7]


def test_the_shipped_change_is_for_its_encoder_alone():
    shipped = load_encoder("minilm").record
    assert (
        shipped_encoder_change(shipped).keys() == load_adapter(SHIPPED / shipped_adapters()[0])[0].encoder_change.keys()
    )
    assert shipped_encoder_change(ENCODER.record) == {}


@pytest.mark.parametrize("has", ["a matrix", "a change of the encoder", "neither"])
def test_what_an_adapter_knows_of_relations_is_not_learnt_again(tmp_path, monkeypatch, has):
    built, learnt = model(), []
    start = run(built, tmp_path / "a", options=replace(OPTIONS, steps=1))
    with torch.no_grad():
        start.relation.zero_()
        start.relation[0, 0] = 0.5 if has == "a matrix" else 0.0
    start.encoder_change = {"layer.a": torch.ones(1, 2)} if has == "a change of the encoder" else {}
    monkeypatch.setattr(train_module, "learn_relations", lambda *_, steps, **__: learnt.append(steps))
    further = run(built, tmp_path / "b", options=replace(OPTIONS, steps=1, relation_steps=None), start=start)
    assert learnt == [STEPS if has == "neither" else 0]
    assert torch.equal(further.relation, start.relation) and further.encoder_change == start.encoder_change


@pytest.mark.parametrize("steps", [0, 7])
def test_steps_that_are_asked_for_take_the_place_of_what_an_adapter_knows_of_relations(tmp_path, monkeypatch, steps):
    built, asked = model(), []
    start = run(built, tmp_path / "a", options=replace(OPTIONS, steps=1))
    with torch.no_grad():
        start.relation[0, 0] = 0.5
    start.encoder_change = {"layer.a": torch.ones(1, 2)}
    monkeypatch.setattr(train_module, "learn_relations", lambda *_, steps, **__: asked.append(steps))
    further = run(built, tmp_path / "b", options=replace(OPTIONS, steps=1, relation_steps=steps), start=start)
    assert asked == [steps]
    assert not further.relation.any() and further.encoder_change == {}
    assert start.relation.any() and start.encoder_change
