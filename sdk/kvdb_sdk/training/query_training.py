"""Teaches the query heads to find keys before anything else is trained, from hidden states that are computed once.

What a query head reads is the frozen model's hidden state, and with no facts read it is the same in every step. So the
states of some thousand questions are kept, and the heads and the key projection learn from them against thousands of
keys a step, without running the model: hundreds of times cheaper a step than training through it. The training proper
(kvdb_sdk/training/train.py) then starts from heads that find.

    loss = sum over KB layers of -log of the right key's weight where the answer starts
         + -log of its share of the select layer's HiKVP score, over heads and question tokens

N questions, S question tokens that are kept of each, L KB layers, H heads, G key heads of d.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..attend.adapter import Adapter
from ..attend.attention import attention_modules
from ..attend.projection import Projection
from .examples import Encode, Pool, nearest, question_of
from .losses import PromptPrefix

KEPT = 16  # question tokens, the last ones
BATCH = 48
HARD = 16  # nearest keys of each question among the negatives
RANDOM = 1024  # keys drawn evenly
TWIN = 0.999  # keys as near as this to the right one are the same sentence


@dataclass(frozen=True, slots=True)
class Seen:
    """The hidden states of questions."""

    last: Tensor  # [N, L, hidden] where the answer starts, float16
    asked: Tensor  # [N, S, hidden] in the select layer, float16
    mask: Tensor  # [N, S]
    gold: list[int]  # pool rows
    near: Any  # int64 [N, HARD] pool rows


def train_queries(
    adapter: Adapter,
    model: Any,
    pool: Pool,
    encode: Encode,
    prefix: PromptPrefix,
    *,
    questions: int,
    steps: int,
    seed: int,
) -> list[float]:
    """Train `query`, `key_weight` and `key_bias` of the adapter in place; the loss of every step."""
    seen = _seen(adapter, model, pool, encode, prefix, questions, seed)
    learnt = [adapter.query, adapter.key_weight, adapter.key_bias]
    optimizer = torch.optim.AdamW(learnt, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.0)
    rng = np.random.default_rng(seed)
    losses = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min(1.0, (step + 1) / 50) * (0.02 + 0.49 * (1 + math.cos(math.pi * step / steps)))
        loss = _loss(adapter, pool, seen, rng)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learnt, 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def _seen(
    adapter: Adapter, model: Any, pool: Pool, encode: Encode, prefix: PromptPrefix, count: int, seed: int
) -> Seen:
    rng = random.Random(seed + 1)
    gold = [pool.askable[rng.randrange(len(pool.askable))] for _ in range(count)]
    texts = [question_of(pool.rows[i], rng) for i in gold]
    order = sorted(range(count), key=lambda i: len(texts[i]))  # questions of like length together
    gold, texts = [gold[i] for i in order], [texts[i] for i in order]
    near = nearest(pool.keys, np.asarray(encode(texts), np.float32), HARD)
    parts = [_states(adapter, model, prefix, texts[start : start + 64]) for start in range(0, count, 64)]
    last, asked, mask = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
    return Seen(last, asked, mask, gold, near)


@torch.no_grad()
def _states(adapter: Adapter, model: Any, prefix: PromptPrefix, texts: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
    """What the KB layers read of a batch of questions: [B, L, hidden], [B, S, hidden], [B, S]."""
    rows = [prefix.question_ids(text) for text in texts]
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows], device=model.device)  # [B, T]
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=model.device)
    read: list[Tensor] = []
    modules = attention_modules(model)

    def keep(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        read.append(args[0] if args else kwargs["hidden_states"])  # [B, T, hidden]

    handles = [modules[layer].register_forward_pre_hook(keep, with_kwargs=True) for layer in adapter.config.kb_layers]
    try:
        before = torch.ones(len(rows), len(prefix.ids), dtype=mask.dtype, device=mask.device)
        model.base_model(ids, attention_mask=torch.cat([before, mask], 1), past_key_values=prefix.cache(len(rows)))
    finally:
        for handle in handles:
            handle.remove()
    ends = torch.tensor([len(row) - 1 for row in rows], device=model.device)  # [B]
    last = torch.stack([hidden[torch.arange(len(rows)), ends] for hidden in read], 1)  # [B, L, hidden]
    select = read[adapter.config.kb_layers.index(adapter.config.select_layers[0])]
    places = ends[:, None] - torch.arange(KEPT, device=model.device)  # [B, S]
    asked = select.gather(1, places.clamp_min(0)[..., None].expand(-1, -1, select.shape[-1]))  # [B, S, hidden]
    return last.half(), asked.half(), places >= 0


def _loss(adapter: Adapter, pool: Pool, seen: Seen, rng: np.random.Generator) -> Tensor:
    picked = rng.integers(len(seen.gold), size=BATCH)
    gold = np.array([seen.gold[i] for i in picked])
    others = np.concatenate([seen.near[picked].ravel(), rng.integers(len(pool.rows), size=RANDOM)])
    device = adapter.query.device
    e = torch.from_numpy(pool.keys[np.concatenate([gold, others])]).float().to(device)  # [n, E]
    keys = Projection.of(adapter).keys(e)  # [n, L, G, d]
    right = torch.arange(BATCH, device=device)
    twins = (e[:BATCH] @ e.T > TWIN).index_put((right, right), torch.tensor(False, device=device))  # [B, n]
    last = seen.last[picked].float().to(device)  # [B, L, hidden]
    total = torch.zeros((), device=device)
    for index in range(last.shape[1]):
        q = last[:, index] @ adapter.query[index].T  # [B, H*d]
        total = total + _right_share(q[:, None], keys[:, index], twins, None)
    asked, mask = seen.asked[picked].float().to(device), seen.mask[picked].to(device)
    select = adapter.layer_index(adapter.config.select_layers[0])
    return total + _right_share(asked @ adapter.query[select].T, keys[:, select], twins, mask)


def _right_share(q: Tensor, keys: Tensor, twins: Tensor, mask: Tensor | None) -> Tensor:
    """-log of the right key's softmax weight, summed over tokens and heads: q [B, S, H*d], keys [n, G, d].

    The right key of question b is key b. `mask` [B, S]: tokens that count.
    """
    groups, dim = keys.shape[1:]
    batch, tokens = q.shape[:2]
    q = q.view(batch, tokens, groups, -1, dim)  # [B, S, G, H/G, d]
    logits = torch.einsum("bsghd,ngd->bsghn", q, keys) / math.sqrt(dim)  # [B, S, G, H/G, n]
    weights = logits.masked_fill(twins[:, None, None, None], -torch.inf).softmax(-1)
    at = torch.arange(batch, device=q.device)
    right = weights[at, :, :, :, at].mean((2, 3))  # [B, S]
    if mask is not None:
        right = (right * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True)
    return -right.clamp_min(1e-9).log().mean()
