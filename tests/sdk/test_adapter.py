"""Adapter files: what is written is read, what is wrong is refused, what does not fit is named."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from kvdb.errors import AdapterError, AdapterMismatchError, KvdbError
from kvdb_sdk.attend.adapter import (
    CARD,
    WEIGHTS,
    Adapter,
    Card,
    check_fits_encoder,
    check_fits_model,
    load_adapter,
    model_probe,
    save_adapter,
)
from kvdb_sdk.attend.attention import model_shape

from . import tiny

PROBES = ((1.0, *[0.0] * (tiny.ENCODER_DIM - 1)),)


@pytest.fixture
def model():
    return tiny.model("llama")


@pytest.fixture
def folder(tmp_path, model):
    adapter = tiny.adapter(model)
    save_adapter(tmp_path / "a", adapter, Card(adapter.config, model_probe(model), PROBES, {"steps": 3}, {"em": 0.5}))
    return tmp_path / "a"


def test_what_is_saved_is_loaded(folder, model):
    adapter, card = load_adapter(folder)
    for name, tensor in tiny.adapter(model).state_dict().items():
        torch.testing.assert_close(adapter.state_dict()[name], tensor, rtol=1e-3, atol=1e-3)
    assert card.config == adapter.config
    assert (card.training, card.scores) == ({"steps": 3}, {"em": 0.5})
    check_fits_model(card, model, model_shape(model))
    check_fits_encoder(card, "tiny", torch.tensor(PROBES))


def test_another_model_or_encoder_is_refused(folder, model):
    _, card = load_adapter(folder)
    other = tiny.model("llama", seed=4)
    with pytest.raises(AdapterMismatchError, match="other weights"):
        check_fits_model(card, other, model_shape(other))
    other = tiny.model("gpt2")
    with pytest.raises(AdapterMismatchError, match="kvdb train"):
        check_fits_model(card, other, model_shape(other))
    shape = model_shape(model) | {"layers": 2}
    with pytest.raises(AdapterMismatchError, match="layer 2"):
        check_fits_model(card, model, shape)
    with pytest.raises(AdapterMismatchError, match="other-encoder"):
        check_fits_encoder(card, "other-encoder", -torch.tensor(PROBES))
    with pytest.raises(AdapterMismatchError, match="other-dim"):
        check_fits_encoder(card, "other-dim", torch.ones(1, 3))


def test_missing_files_say_so(tmp_path, folder):
    with pytest.raises(AdapterError, match="missing"):
        load_adapter(tmp_path / "nowhere")
    (folder / WEIGHTS).unlink()
    with pytest.raises(AdapterError, match="missing"):
        load_adapter(folder)


def test_weights_that_do_not_fit_the_card_are_refused(folder):
    tensors = load_file(folder / WEIGHTS)
    save_file({**tensors, "prior": torch.zeros(9)}, folder / WEIGHTS)
    with pytest.raises(AdapterError, match="prior differ"):
        load_adapter(folder)
    save_file({**tensors, "prior": torch.full_like(tensors["prior"], float("nan"))}, folder / WEIGHTS)
    with pytest.raises(AdapterError, match="NaN"):
        load_adapter(folder)


def test_a_newer_format_is_refused(folder):
    body = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(body | {"format": 99}))
    with pytest.raises(AdapterError, match="upgrade"):
        load_adapter(folder)


def test_format_2_is_read_and_what_was_before_it_is_not(folder):
    body = json.loads((folder / CARD).read_text())
    for name in ("reader_layers", "reader_rank"):
        del body["config"][name]
    (folder / CARD).write_text(json.dumps(body | {"format": 2}))
    adapter, card = load_adapter(folder)
    assert (card.config.reader_layers, adapter.reader) == (0, {})
    (folder / CARD).write_text(json.dumps(body | {"format": 1}))
    with pytest.raises(AdapterError, match="train the adapter again"):
        load_adapter(folder)


INFINITE = float("inf")


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"kv_heads": 0}, "kv_heads is 0"),
        ({"heads": -4}, "heads is -4"),
        ({"hidden_size": INFINITE}, "hidden_size is inf"),
        ({"encoder_dim": "12"}, "encoder_dim is '12'"),
        ({"reader_rank": -1}, "reader_rank is -1"),
        ({"kb_layers": [INFINITE]}, "not an adapter card"),
        ({"kb_layers": [-1, 2], "select_layers": [2]}, "count from 0"),
        ({"select_layers": []}, "at least one"),
        ({"kb_layers": [], "select_layers": []}, "at least one"),
        ({"scale": INFINITE}, "finite"),
        ({"related": [0.0, 1.0, 2.0, INFINITE]}, "finite"),
        ({"scale": 10**400}, "not an adapter card"),
        ({"refuse_below": "half"}, "not an adapter card"),
        ({"head_dim": 2**40, "hidden_size": 2**40}, "differ|sizes"),  # more memory than there is
        ({"head_dim": 2**62, "hidden_size": 2**62}, "sizes"),  # more than can be counted
        ({"head_dim": 2**100}, "sizes"),
        ({"reader_rank": 7}, "reader_rank differ"),
    ],
)
def test_a_card_that_cannot_be_is_refused_when_it_is_loaded(folder, said, match):
    tensors, body = load_file(folder / WEIGHTS), json.loads((folder / CARD).read_text())
    save_file({**tensors, "reader.layers.1.mlp.up_proj.a": torch.ones(3, 32)}, folder / WEIGHTS)
    (folder / CARD).write_text(json.dumps(body | {"config": body["config"] | {"reader_rank": 3} | said}))
    with pytest.raises(AdapterError, match=match):
        load_adapter(folder)


def test_nothing_is_allocated_for_what_the_file_does_not_hold(folder, monkeypatch):
    body = json.loads((folder / CARD).read_text())
    body["config"]["hidden_size"] = 1 << 20
    (folder / CARD).write_text(json.dumps(body))
    made = []
    monkeypatch.setattr(Adapter, "reset", lambda self: made.extend(self.parameters()))
    with pytest.raises(AdapterError, match="gate_weight, query differ"):
        load_adapter(folder)
    assert made and all(parameter.is_meta for parameter in made)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage=st.binary(max_size=300), which=st.sampled_from([CARD, WEIGHTS]), cut=st.integers(0, 400))
def test_hostile_files_give_an_error_of_ours(folder, garbage, which, cut):
    path = folder / which
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:cut] + garbage)
        with pytest.raises(KvdbError):
            load_adapter(folder)
    finally:
        path.write_bytes(whole)


def test_a_config_with_select_layers_outside_is_refused(folder):
    _, card = load_adapter(folder)
    with pytest.raises(AdapterError, match="must be among"):
        replace(card.config, select_layers=(1,))
