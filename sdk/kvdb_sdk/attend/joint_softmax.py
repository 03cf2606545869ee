"""Attention over facts and text in one softmax (KBLaM section 3, AtlasKV eq. 6; see docs/attention.md).

Shapes: B batch, T query tokens, S text keys, n facts, H query heads, G key heads (H a multiple of G), d head size.
The null fact is always the last of the n + 1 fact columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .adapter import Adapter
from .projection import Projection


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """The facts of a batch as one KB layer reads them, and after them the null fact."""

    keys: Tensor  # [B, G, d, n + 1] divided by sqrt(d)
    values: Tensor  # [B, G, n + 1, d]
    bias: Tensor  # [B, H, 1, n + 1] what is added to the logits; -inf where there is no fact


@dataclass(frozen=True, slots=True)
class FactBatch:
    """The facts that one batch attends to, projected for every KB layer at once."""

    keys: Tensor  # [B, n, L, G, d]
    values: Tensor  # [B, n, L, G, d]
    valid: Tensor  # [B, n] False where a row of the batch has fewer facts
    prior: Tensor | None  # [B, n] similarity of question and key, and more where named; None on the attention route
    readers: Tensor | None = None  # [B, T] tokens that read facts (from the question on); None for all
    _layers: dict[int, LayerFacts] = field(default_factory=dict)  # the same for every token: made once

    @classmethod
    def project(
        cls,
        projection: Projection,
        keys: Tensor,
        values: Tensor,
        valid: Tensor,
        *,
        prior: Tensor | None = None,
        readers: Tensor | None = None,
    ) -> FactBatch:
        """Project sentence vectors keys, values [B, n, E]."""
        return cls(projection.keys(keys), projection.values(values), valid, prior, readers)

    def layer(self, adapter: Adapter, index: int) -> LayerFacts:
        """The facts of KB layer `index`.

        The bias of fact i is log(scale / n) + exp(prior) * (similarity_i - threshold).
        """
        if index not in self._layers:
            self._layers[index] = _layer_facts(adapter, index, self)
        return self._layers[index]


def _layer_facts(adapter: Adapter, index: int, facts: FactBatch) -> LayerFacts:
    batch, n, _, _, dim = facts.keys.shape
    heads = adapter.config.heads
    null_key = adapter.null_key[index].expand(batch, 1, -1, -1)  # [B, 1, G, d]
    null_value = adapter.null_value[index].expand(batch, 1, -1, -1)  # [B, 1, G, d]
    keys = torch.cat([facts.keys[:, :, index], null_key], dim=1).permute(0, 2, 3, 1)  # [B, G, d, n + 1]
    values = torch.cat([facts.values[:, :, index], null_value], dim=1).transpose(1, 2)  # [B, G, n + 1, d]
    count = facts.valid.sum(-1, keepdim=True).clamp_min(1).float()  # [B, 1]
    bias = (math.log(adapter.config.scale) - count.log()).expand(batch, n)  # [B, n]
    if facts.prior is not None:
        bias = bias + adapter.prior[index].exp() * (facts.prior - adapter.threshold[index])  # [B, n]
    bias = bias.masked_fill(~facts.valid, -math.inf)[:, None].expand(batch, heads, n)  # [B, H, n]
    null_bias = adapter.null_bias[index].expand(batch, heads)[..., None]  # [B, H, 1]
    bias = torch.cat([bias, null_bias], dim=-1)[:, :, None]  # [B, H, 1, n + 1]
    return LayerFacts((keys / math.sqrt(dim)).contiguous(), values.contiguous(), bias)


def fact_logits(adapter: Adapter, index: int, q: Tensor, facts: FactBatch) -> Tensor:
    """Logits of the facts and, last, of the null fact in KB layer `index`: q [B, T, H, d] -> [B, H, T, n + 1].

    logit_i = q . K_i / sqrt(d) + bias_i (FactBatch.layer)
    """
    layer = facts.layer(adapter, index)
    logits = _per_group(q.transpose(1, 2), layer.keys) + layer.bias  # [B, H, T, n + 1]
    if facts.readers is not None:
        logits = logits.masked_fill(~facts.readers[:, None, :, None], -math.inf)
    return logits


def _per_group(heads: Tensor, group: Tensor) -> Tensor:
    """Products of heads [B, H, T, x] with what their group of heads shares, [B, G, x, y]: [B, H, T, y]."""
    batch, count, tokens, width = heads.shape
    groups = group.shape[1]
    out = heads.reshape(batch, groups, count // groups * tokens, width) @ group  # [B, G, H/G * T, y]
    return out.view(batch, count, tokens, -1)


def text_logits(
    query: Tensor, key: Tensor, mask: Tensor | None, *, scaling: float, softcap: float | None = None
) -> Tensor:
    """The model's own attention logits in float32: query [B, H, T, d], key [B, G, S, d] -> [B, H, T, S].

    `mask` is what transformers gives to eager or SDPA attention: None (causal), boolean (True = attend) or additive.
    """
    logits = _per_group(query.float() * scaling, key.float().transpose(2, 3))  # [B, H, T, S]
    if softcap is not None:
        logits = softcap * torch.tanh(logits / softcap)
    tokens, length = logits.shape[-2:]
    if mask is None:
        if tokens == 1:
            return logits
        mask = torch.ones(tokens, length, dtype=torch.bool, device=logits.device).tril(length - tokens)
    mask = mask[..., :length]
    if mask.dtype == torch.bool:
        return logits.masked_fill(~mask, -math.inf)
    return logits + mask


def joint_softmax(facts: Tensor, text: Tensor, fact_value: Tensor, text_value: Tensor) -> Tensor:
    """One softmax over [facts ; text] and the weighted sum of both values.

    facts [B, H, T, n + 1] and text [B, H, T, S] logits, fact_value [B, G, n + 1, d], text_value [B, G, S, d]
    -> [B, T, H, d]. A token that sees nothing at all (padding) gets zeros, not NaN.
    """
    weights = torch.cat([facts, text], dim=-1).softmax(dim=-1).nan_to_num(0.0)  # [B, H, T, n + 1 + S]
    split = facts.shape[-1]
    out = _per_group(weights[..., :split], fact_value)  # [B, H, T, d]
    out = out + _per_group(weights[..., split:], text_value.float())  # [B, H, T, d]
    return out.transpose(1, 2)


def copy_weights(adapter: Adapter, logits: dict[int, Tensor]) -> Tensor:
    """How much each fact, and last the null fact, is read: the adapter's mix over layers and heads.

    logits: KB layer index -> [B, H, T, n + 1]; result [B, T, n + 1], summing to 1 (text is left out).
    """
    mix = adapter.mix.flatten().softmax(0).view_as(adapter.mix)  # [L, H]
    read = torch.stack(list(logits.values())).softmax(-1)  # [l, B, H, T, n + 1]
    total = torch.einsum("lbhtn,lh->btn", read, mix[list(logits)])  # [B, T, n + 1]
    return total / total.sum(-1, keepdim=True).clamp_min(1e-9)


def gate_logits(adapter: Adapter, hidden: Tensor, weights: Tensor) -> Tensor:
    """Logits of [go on writing, copy a term, copy a value]: hidden [B, T, hidden], weights [B, T, n + 1] -> [B, T, 3].

    Whether a fact is known (1 - the null fact's weight) enters beside the hidden state.
    """
    scaled = hidden.float() / hidden.float().pow(2).mean(-1, keepdim=True).clamp_min(1e-9).sqrt()  # [B, T, hidden]
    start = scaled @ adapter.gate_weight.T / hidden.shape[-1] ** 0.5 + adapter.gate_bias  # [B, T, 2]
    start = start + (1 - weights[..., -1:]) * adapter.gate_known
    return torch.cat([torch.zeros_like(start[..., :1]), start], dim=-1)
