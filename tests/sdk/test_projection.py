"""The absorbed projection against the reference formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kvdb_sdk.attend.projection import Projection

from . import attention_oracle as oracle
from . import tiny


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_absorbed_logits_equal_projected_ones(family):
    adapter = tiny.adapter(tiny.model(family))
    projection, params = Projection.of(adapter), oracle.parameters(adapter)
    config = adapter.config
    rng = np.random.default_rng(0)
    e = rng.normal(size=(40, tiny.ENCODER_DIM))
    e[1] *= 1e-3  # a centroid near the origin
    q = rng.normal(size=(6, config.heads, config.head_dim))
    projected = oracle.keys(params["key_weight"], params["key_bias"], e)
    width = config.kv_heads * config.head_dim
    for layer in range(len(config.kb_layers)):
        vectors, offsets = projection.absorb(torch.tensor(q, dtype=torch.float32), layer)
        sigma = projection.sigma(torch.tensor(e, dtype=torch.float32))
        found = (vectors @ torch.tensor(e, dtype=torch.float32).T + offsets[:, None]) / sigma
        for head in range(config.heads):
            group = head // (config.heads // config.kv_heads)
            place = slice(layer * width + group * config.head_dim, layer * width + (group + 1) * config.head_dim)
            wanted = q[:, head] @ projected[:, place].T / np.sqrt(config.head_dim)
            np.testing.assert_allclose(found[head :: config.heads].numpy(), wanted, rtol=1e-4, atol=2e-5)


def test_keys_and_sigma_equal_the_layer_norm():
    adapter = tiny.adapter(tiny.model("qwen3"))
    projection, params = Projection.of(adapter), oracle.parameters(adapter)
    e = np.random.default_rng(1).normal(size=(9, tiny.ENCODER_DIM))
    wanted = oracle.keys(params["key_weight"], params["key_bias"], e)
    found = projection.keys(torch.tensor(e, dtype=torch.float32)).flatten(1)
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-4, atol=2e-5)
    raw = e @ params["key_weight"].T + params["key_bias"]
    sigma = projection.sigma(torch.tensor(e, dtype=torch.float32))
    np.testing.assert_allclose(sigma.numpy(), np.sqrt(raw.var(-1) + 1e-5), rtol=1e-5)
