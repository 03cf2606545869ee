"""Teaches the model's own vector of a question (kvdb_sdk/attend/question_vector.py) to be near the asked fact's key.

What it reads are the frozen model's hidden states a few layers up, the same in every step. So those of some ten
thousand questions are computed once, by the layers below alone, and each step compares 256 of them with their keys and
others, without running the model. Contrastive, and near in the absolute too, since refusal goes by the similarity:

    loss = cross-entropy of softmax_j(exp(s) v . key_j) and the asked key  +  1 - v . key
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
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from ..attend.adapter import Adapter
from ..attend.attention import attention_modules
from ..attend.question_vector import QuestionVector
from ..models.cache_names import with_cache
from .examples import Pool, question_of
from .losses import PromptPrefix

BATCH = 256
EVEN = 1536  # other keys of a step, drawn evenly
AMONG = 12_000  # from as many drawn keys come the nearest of each question's
HARD = 8  # so many each
TWIN = 0.999  # keys as near as this are the same sentence
RATE = 1e-3
SHARPEST = math.log(100.0)  # s never goes beyond


@dataclass(frozen=True, slots=True)
class Seen:
    """The hidden states of questions."""

    states: list[Tensor]  # each [T, hidden], float16
    gold: list[int]  # pool rows


def train_question_vector(
    adapter: Adapter, model: Any, pool: Pool, prefix: PromptPrefix, *, questions: int, steps: int, seed: int
) -> list[float]:
    """Train `adapter.question` in place; the loss of every step. Raises ValueError where the adapter has none."""
    if adapter.question is None or adapter.config.question_layer is None:
        raise ValueError("the adapter's config has no question_layer")
    seen = _seen(adapter.config.question_layer, model, pool, prefix, questions, seed)
    sharpness = nn.Parameter(torch.tensor(math.log(20.0), device=adapter.query.device))  # s
    learnt = [*adapter.question.parameters(), sharpness]
    optimizer = torch.optim.AdamW(learnt, lr=RATE, weight_decay=0.01)
    rng = np.random.default_rng(seed)
    losses = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 50) * (0.02 + 0.49 * (1 + math.cos(math.pi * step / steps)))
        loss = _loss(adapter.question, sharpness, pool, seen, rng)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learnt, 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def _seen(layer: int, model: Any, pool: Pool, prefix: PromptPrefix, count: int, seed: int) -> Seen:
    rng = random.Random(seed + 1)
    gold = [pool.askable[rng.randrange(len(pool.askable))] for _ in range(count)]
    rows = [prefix.question_ids(question_of(pool.rows[i], rng)) for i in gold]
    order = sorted(range(count), key=lambda i: len(rows[i]))  # questions of like length together
    states: list[Tensor] = []
    for start in range(0, count, 32):
        states += _states(layer, model, prefix, [rows[i] for i in order[start : start + 32]])
    return Seen(states, [gold[i] for i in order])


class _Enough(Exception):  # noqa: N818 -- no error
    """The layers above are not needed."""


@torch.no_grad()
def _states(layer: int, model: Any, prefix: PromptPrefix, rows: Sequence[Sequence[int]]) -> list[Tensor]:
    """What a layer reads of each question, given as its token ids: [T, hidden] each, float16."""
    mask = pad_sequence([torch.ones(len(row), dtype=torch.long) for row in rows], batch_first=True)  # [B, T]
    ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True)  # [B, T]
    before = torch.ones(len(rows), len(prefix.ids), dtype=torch.long)
    read: list[Tensor] = []

    def keep(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        read.append(args[0] if args else kwargs["hidden_states"])  # [B, T, hidden]
        raise _Enough

    handle = attention_modules(model)[layer].register_forward_pre_hook(keep, with_kwargs=True)
    try:
        model.base_model(
            ids.to(model.device),
            attention_mask=torch.cat([before, mask], 1).to(model.device),
            **with_cache(model.base_model, prefix.cache(len(rows))),
        )
    except _Enough:
        pass
    finally:
        handle.remove()
    return [hidden[: len(row)].half().cpu().clone() for hidden, row in zip(read[0], rows, strict=True)]


def _loss(own: QuestionVector, sharpness: Tensor, pool: Pool, seen: Seen, rng: np.random.Generator) -> Tensor:
    device = sharpness.device
    picked = rng.integers(len(seen.gold), size=BATCH)
    states = [seen.states[i].float() for i in picked]
    asking = pad_sequence([torch.ones(len(each), dtype=torch.bool) for each in states], batch_first=True)  # [B, T]
    vectors = own(pad_sequence(states, batch_first=True).to(device), asking.to(device))  # [B, E]
    right = _keys(pool, np.array([seen.gold[i] for i in picked])).to(device)  # [B, E]
    keys = torch.cat([right, _others(pool, right, rng)])  # [n, E], that of question b is key b
    at = torch.arange(BATCH, device=device)
    twins = (right @ keys.T > TWIN).index_put((at, at), torch.tensor(False, device=device))  # [B, n]
    logits = sharpness.clamp_max(SHARPEST).exp() * (vectors @ keys.T)  # [B, n]
    contrast = F.cross_entropy(logits.masked_fill(twins, -torch.inf), at)
    return contrast + 1 - (vectors * right).sum(1).mean()


def _others(pool: Pool, right: Tensor, rng: np.random.Generator) -> Tensor:
    """Keys that are not asked for: some drawn evenly, and of many drawn those nearest to the right ones: [n, E]."""
    drawn = _keys(pool, rng.integers(len(pool.rows), size=AMONG)).to(right.device)  # [m, E]
    near = (right @ drawn.T).topk(min(HARD, len(drawn)), dim=1).indices.unique()
    return torch.cat([drawn[near], drawn[:EVEN]])


def _keys(pool: Pool, rows: Any) -> Tensor:
    return torch.from_numpy(pool.keys[rows]).float()  # [m, E]
