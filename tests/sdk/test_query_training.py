"""The query heads learn to find keys from hidden states that are computed once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kvdb_sdk.attend.adapter import Adapter
from kvdb_sdk.attend.attention import attention_modules
from kvdb_sdk.training import query_training
from kvdb_sdk.training.losses import PromptPrefix, start_from_model
from kvdb_sdk.training.query_training import _right_share, _states, train_queries
from kvdb_sdk.training.train import default_config

from . import tiny_store
from .test_training import ENCODER, TOKENIZER, model, pool


@pytest.fixture
def trained():
    of = model()
    torch.manual_seed(0)
    adapter = Adapter(default_config(of, "tiny", ENCODER.record))
    start_from_model(adapter, of, attention_modules(of))
    return of, adapter


def test_the_share_of_the_right_key_is_the_formula():
    """Two key heads of two query heads each, against loops in float64."""
    torch.manual_seed(0)
    q, keys = torch.randn(3, 2, 4 * 5, dtype=torch.float64), torch.randn(7, 2, 5, dtype=torch.float64)
    twins = torch.zeros(3, 7, dtype=torch.bool)
    twins[0, 5] = True
    mask = torch.tensor([[True, True], [True, False], [True, True]])
    total = 0.0
    for b in range(3):
        shares = []
        for s in range(2):
            for h in range(4):
                logits = keys[:, h // 2] @ q[b, s, 5 * h : 5 * h + 5] / 5**0.5
                there = logits.exp() * ~twins[b]
                shares += [float(there[b] / there.sum())] * bool(mask[b, s])
        total -= np.log(np.mean(shares)) / 3
    assert float(_right_share(q, keys, twins, mask)) == pytest.approx(total)


def test_the_states_are_what_the_layers_read_whatever_the_padding(trained):
    of, adapter = trained
    prefix = PromptPrefix(of, tiny_store.tokenizer())
    texts = ["What is the capital of Place 3?", "river of Place 17"]
    last, asked, mask = _states(adapter, of, prefix, texts)
    for b, text in enumerate(texts):
        alone = _states(adapter, of, prefix, [text])
        torch.testing.assert_close(last[b], alone[0][0], rtol=1e-2, atol=1e-2)
        torch.testing.assert_close(asked[b][mask[b]], alone[1][0][alone[2][0]], rtol=1e-2, atol=1e-2)


def test_the_heads_learn_and_nothing_else_does(trained, monkeypatch):
    for name, value in (("BATCH", 8), ("RANDOM", 32), ("HARD", 2)):
        monkeypatch.setattr(query_training, name, value)
    of, adapter = trained
    before = {name: tensor.clone() for name, tensor in adapter.state_dict().items()}
    frozen = {name: tensor.clone() for name, tensor in of.state_dict().items()}
    found = train_queries(adapter, of, pool(), ENCODER, PromptPrefix(of, TOKENIZER), questions=12, steps=150, seed=0)
    assert np.mean(found[-30:]) < np.mean(found[:30]) - 0.5
    changed = {name for name, tensor in adapter.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {"query", "key_weight", "key_bias"}
    assert all(torch.equal(tensor, frozen[name]) for name, tensor in of.state_dict().items())
