"""Attention over facts and text in one softmax (KBLaM section 3, AtlasKV eq. 6; see docs/attention.md).

Shapes: B batch, T query tokens, S text keys, n facts, H query heads, G key heads (H a multiple of G), d head size.
The null fact is always the last of the n + 1 fact columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .adapter import Adapter
from .projection import Projection


@dataclass(frozen=True, slots=True)
class FactBatch:
    """The facts that one batch attends to, projected for every KB layer at once."""

    keys: Tensor  # [B, n, L, G, d]
    values: Tensor  # [B, n, L, G, d]
    valid: Tensor  # [B, n] False where a row of the batch has fewer facts
    prior: Tensor | None  # [B, n] similarity of question and key, and more where named; None on the attention route
    readers: Tensor | None = None  # [B, T] tokens that read facts (from the question on); None for all

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


def fact_logits(adapter: Adapter, index: int, q: Tensor, facts: FactBatch) -> Tensor:
    """Logits of the facts and, last, of the null fact in KB layer `index`: q [B, T, H, d] -> [B, H, T, n + 1].

    logit_i = q . K_i / sqrt(d) - log n + log scale + exp(prior) * (similarity_i - threshold)
    """
    batch, tokens, heads, dim = q.shape
    groups = facts.keys.shape[3]
    grouped = q.view(batch, tokens, groups, heads // groups, dim)  # [B, T, G, H/G, d]
    logits = torch.einsum("btghd,bngd->bghtn", grouped, facts.keys[:, :, index])  # [B, G, H/G, T, n]
    logits = logits.reshape(batch, heads, tokens, -1) / math.sqrt(dim)  # [B, H, T, n]
    count = facts.valid.sum(-1).clamp_min(1).float()  # [B]
    logits = logits + (math.log(adapter.config.scale) - count.log())[:, None, None, None]
    if facts.prior is not None:
        bias = adapter.prior[index].exp() * (facts.prior - adapter.threshold[index])  # [B, n]
        logits = logits + bias[:, None, None, :]
    logits = logits.masked_fill(~facts.valid[:, None, None, :], -math.inf)
    null = torch.einsum("btghd,gd->bght", grouped, adapter.null_key[index])  # [B, G, H/G, T]
    null = null.reshape(batch, heads, tokens) / math.sqrt(dim) + adapter.null_bias[index]  # [B, H, T]
    logits = torch.cat([logits, null[..., None]], dim=-1)  # [B, H, T, n + 1]
    if facts.readers is not None:
        logits = logits.masked_fill(~facts.readers[:, None, :, None], -math.inf)
    return logits


def fact_values(adapter: Adapter, index: int, facts: FactBatch) -> Tensor:
    """Values of the facts and the null fact for every query head: [B, H, n + 1, d]."""
    null = adapter.null_value[index].expand(facts.values.shape[0], 1, -1, -1)  # [B, 1, G, d]
    values = torch.cat([facts.values[:, :, index], null], dim=1).transpose(1, 2)  # [B, G, n + 1, d]
    return values.repeat_interleave(adapter.config.heads // values.shape[1], dim=1)


def text_logits(
    query: Tensor, key: Tensor, mask: Tensor | None, *, scaling: float, softcap: float | None = None
) -> Tensor:
    """The model's own attention logits in float32: query [B, H, T, d], key [B, G, S, d] -> [B, H, T, S].

    `mask` is what transformers gives to eager or SDPA attention: None (causal), boolean (True = attend) or additive.
    """
    key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)  # [B, H, S, d]
    logits = (query.float() @ key.float().transpose(2, 3)) * scaling  # [B, H, T, S]
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

    facts [B, H, T, n + 1] and text [B, H, T, S] logits, fact_value [B, H, n + 1, d], text_value [B, G, S, d]
    -> [B, T, H, d]. A token that sees nothing at all (padding) gets zeros, not NaN.
    """
    weights = torch.cat([facts, text], dim=-1).softmax(dim=-1).nan_to_num(0.0)  # [B, H, T, n + 1 + S]
    split = facts.shape[-1]
    text_value = text_value.repeat_interleave(fact_value.shape[1] // text_value.shape[1], dim=1)  # [B, H, S, d]
    out = weights[..., :split] @ fact_value + weights[..., split:] @ text_value.float()  # [B, H, T, d]
    return out.transpose(1, 2)


def copy_weights(adapter: Adapter, logits: dict[int, Tensor]) -> Tensor:
    """How much each fact, and last the null fact, is read: the adapter's mix over layers and heads.

    logits: KB layer index -> [B, H, T, n + 1]; result [B, T, n + 1], summing to 1 (text is left out).
    """
    mix = adapter.mix.flatten().softmax(0).view_as(adapter.mix)  # [L, H]
    parts = [torch.einsum("bhtn,h->btn", part.softmax(-1), mix[index]) for index, part in logits.items()]
    total = torch.stack(parts).sum(0)  # [B, T, n + 1]
    return total / total.sum(-1, keepdim=True).clamp_min(1e-9)


def gate_logits(adapter: Adapter, hidden: Tensor, weights: Tensor) -> Tensor:
    """Logits of [go on writing, copy a term, copy a value]: hidden [B, T, hidden], weights [B, T, n + 1] -> [B, T, 3].

    Whether a fact is known (1 - the null fact's weight) enters beside the hidden state.
    """
    scaled = hidden.float() / hidden.float().pow(2).mean(-1, keepdim=True).clamp_min(1e-9).sqrt()  # [B, T, hidden]
    start = scaled @ adapter.gate_weight.T / hidden.shape[-1] ** 0.5 + adapter.gate_bias  # [B, T, 2]
    start = start + (1 - weights[..., -1:]) * adapter.gate_known
    return torch.cat([torch.zeros_like(start[..., :1]), start], dim=-1)
