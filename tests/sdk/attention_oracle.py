"""Knowledge attention written straight from the formula, in float64 numpy, slowly. Shares nothing with kvdb_sdk."""

from __future__ import annotations

import numpy as np


def layer_norm(x):
    """LayerNorm without affine over the last axis."""
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def keys(weight, bias, e):
    """K = LayerNorm(Wk e + bk) over the outputs of all KB layers together: e [n, E] -> [n, D]."""
    return np.stack([layer_norm(weight @ row + bias) for row in e]) if len(e) else np.zeros((0, len(bias)))


def fact_output(params, layer, hidden, fact_keys, fact_values, similarity, text_logits, text_values):
    """One token, one query head at a time. hidden [hidden]; text_logits [H, S]; text_values [H, S, d] -> [H, d]."""
    heads, groups, dim = params["heads"], params["groups"], params["dim"]
    width = groups * dim
    projected = keys(params["key_weight"], params["key_bias"], fact_keys)
    values = fact_values @ params["value_weight"].T + params["value_bias"]
    n = len(fact_keys)
    out = np.zeros((heads, dim))
    q = (params["query"][layer] @ hidden).reshape(heads, dim)
    for head in range(heads):
        group = head // (heads // groups)
        place = slice(layer * width + group * dim, layer * width + (group + 1) * dim)
        logits, rows = [], []
        for i in range(n):
            logit = q[head] @ projected[i, place] / np.sqrt(dim) - np.log(n) + np.log(100.0)
            if similarity is not None:
                logit += np.exp(params["prior"][layer]) * (similarity[i] - params["threshold"][layer])
            logits.append(logit)
            rows.append(values[i, place])
        null = q[head] @ params["null_key"][layer, group] / np.sqrt(dim) + params["null_bias"][layer]
        logits.append(null)
        rows.append(params["null_value"][layer, group])
        for s in range(text_logits.shape[1]):
            logits.append(text_logits[head, s])
            rows.append(text_values[head, s])
        z = np.array(logits)
        weights = np.exp(z - z.max())
        weights /= weights.sum()
        out[head] = weights @ np.array(rows)
    return out


def parameters(adapter):
    """An adapter's tensors as float64 arrays, with the dimensions beside them."""
    found = {name: tensor.detach().double().numpy() for name, tensor in adapter.state_dict().items()}
    config = adapter.config
    return found | {"heads": config.heads, "groups": config.kv_heads, "dim": config.head_dim}
