"""Fits the probability that the asked fact is there (kvdb_sdk/refusal/confidence.py) at the end of a training.

On new examples from the pool, half of them without their fact, as the attention sees them at the end of the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..attend.adapter import AdapterConfig
from ..attend.attention import Attachment, Trace
from ..attend.joint_softmax import copy_weights
from ..models.cache_names import with_cache
from ..question.kinds import Kinds
from ..question.relation_match import Match
from ..question.word_match import word_match
from ..refusal.confidence import SIGNS, Evidence, in_words
from ..refusal.refitting import fitted
from .examples import Encode, Example, Pool, draw
from .losses import Batch, PromptPrefix, TrainingFacts, collate

RIDGE = 0.1
NOTHING_TELLS = -2.0
SEED = 104_729  # added to the training's, so that no example is one of the training's


def calibrated(
    attachment: Attachment,
    source: TrainingFacts,
    pools: Sequence[Pool],
    encode: Encode,
    matcher: Match,
    prefix: PromptPrefix,
    *,
    count: int,
    batch: int,
    candidates: int,
    seed: int,
) -> AdapterConfig:
    """The adapter's config with `known` and `known_by_attention` fitted on `count` examples, as many of each pool."""

    def found(match: Match, *, hybrid: bool) -> list[tuple[Evidence, bool]]:
        out = []
        for pool in pools:
            kinds = _kinds(pool)
            examples = draw(
                pool, encode, match, prefix.tokenizer, count // len(pools),
                candidates=candidates, unknown=0.5, seed=seed + SEED,
            )  # fmt: skip
            for start in range(0, len(examples), batch):
                part = examples[start : start + batch]
                out += _evidence(attachment, source, pool, kinds, prefix, part, match, hybrid=hybrid)
        return out

    config = attachment.adapter.config
    return replace(
        config,
        known=_fitted(found(matcher, hybrid=True), config.known),
        known_by_attention=_fitted(found(word_match, hybrid=False), config.known_by_attention),
    )


def _fitted(found: Sequence[tuple[Evidence, bool]], before: tuple[float, ...]) -> tuple[float, ...]:
    """Intercept and coefficients of a logistic regression in which both classes weigh the same; as `before` where there
    is only one class.
    """
    x = np.array([evidence.features for evidence, _ in found], np.float64)
    y = np.array([right for _, right in found], np.float64)
    if y.min() == y.max():
        return before
    fit = fitted(np.zeros(1 + x.shape[1]), x, y, RIDGE, SIGNS[: x.shape[1]])
    if not fit[1:].any():  # nothing that was seen tells what is there from what is not: refuse
        fit[0] = NOTHING_TELLS
    return tuple(round(float(w), 4) for w in fit)


@torch.no_grad()
def _evidence(
    attachment: Attachment,
    source: TrainingFacts,
    pool: Pool,
    kinds: Kinds,
    prefix: PromptPrefix,
    examples: Sequence[Example],
    match: Match,
    *,
    hybrid: bool,
) -> list[tuple[Evidence, bool]]:
    """What speaks for the fact that each example reads most, and whether that is the asked one."""
    batch = collate(examples, pool, prefix, attachment.model.device)  # type: ignore[arg-type]
    weights = _weights(attachment, source, batch, prefix, hybrid=hybrid)  # [B, n + 1]
    similarity = None if source.vectors is None else batch.similarity(source.vectors)  # [B, n]
    out = []
    for b, example in enumerate(examples):
        best = int(weights[b, :-1].argmax())
        found = Evidence(float(weights[b, -1]), float(weights[b, best]))
        if similarity is not None:
            row = pool.rows[example.candidates[best]]
            found = in_words(
                replace(found, similarity=float(similarity[b, best])), match, example.question,
                term=row.term, noun=row.noun, value=row.value, match=example.match[best],
                askable=_askable(example, pool, kinds),
            )  # fmt: skip
        out.append((found, best == example.gold))
    return out


def _askable(example: Example, pool: Pool, kinds: Kinds) -> dict[str, str]:
    """What the subject of an example might have been asked for: what its candidates say, and the rest of its kind."""
    told: dict[str, str] = {}
    for at, match in zip(example.candidates, example.match, strict=True):
        if match is not None:
            told.setdefault(pool.rows[at].noun, pool.rows[at].value)
    return kinds.askable(told)


def _kinds(pool: Pool) -> Kinds:
    """Of all subjects of a pool."""
    subjects: dict[str, dict[str, str]] = {}
    for row in pool.rows:
        subjects.setdefault(row.term, {}).setdefault(row.noun, row.value)
    return Kinds.of(subjects.values())


def _weights(
    attachment: Attachment, source: TrainingFacts, batch: Batch, prefix: PromptPrefix, *, hybrid: bool
) -> Tensor:
    """Copy weights at the end of each prompt, [B, n + 1]."""
    source.use(batch, hybrid=hybrid)
    attachment.trace = Trace()
    before = torch.ones(len(batch.ids), len(prefix.ids), dtype=torch.bool, device=batch.mask.device)
    model: Any = attachment.model
    model.base_model(
        batch.ids,
        attention_mask=torch.cat([before, batch.mask], 1),
        **with_cache(model.base_model, prefix.cache(len(batch.ids))),
    )
    weights = copy_weights(attachment.adapter, attachment.trace.logits)  # [B, T, n + 1]
    ends = batch.asking.sum(1) - 1  # [B]
    return weights[torch.arange(len(ends)), ends].cpu()
