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
from ..attend.joint_softmax import FactBatch, copy_weights
from ..attend.projection import Projection
from ..question.relation_match import RelationMatch, term_in, without_subject
from ..question.spelling import mended
from ..refusal.confidence import SIGNS, Evidence, noun_share
from ..refusal.refitting import fitted
from .examples import Encode, Example, Pool, PoolRow, draw
from .losses import Batch, PromptPrefix, TrainingFacts, collate

RIDGE = 0.1
NOTHING_TELLS = -2.0
SEED = 104_729  # added to the training's, so that no example is one of the training's


def calibrated(
    attachment: Attachment,
    source: TrainingFacts,
    pools: Sequence[Pool],
    encode: Encode,
    matcher: RelationMatch,
    prefix: PromptPrefix,
    *,
    count: int,
    batch: int,
    candidates: int,
    seed: int,
) -> AdapterConfig:
    """The adapter's config with `known` and `known_by_attention` fitted on `count` examples, as many of each pool."""
    by_words: list[tuple[Evidence, bool]] = []
    by_model: list[tuple[Evidence, bool]] = []
    for pool in pools:
        examples = draw(
            pool, encode, matcher, prefix.tokenizer, count // len(pools),
            candidates=candidates, unknown=0.5, seed=seed + SEED,
        )  # fmt: skip
        for start in range(0, len(examples), batch):
            part = examples[start : start + batch]
            by_words += _evidence(attachment, source, pool, prefix, part, matcher)
            by_model += _evidence(attachment, source, pool, prefix, part, None)
    config = attachment.adapter.config
    return replace(
        config, known=_fitted(by_words, config.known), known_by_attention=_fitted(by_model, config.known_by_attention)
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
    prefix: PromptPrefix,
    examples: Sequence[Example],
    matcher: RelationMatch | None,
) -> list[tuple[Evidence, bool]]:
    """What speaks for the fact that each example reads most, and whether that is the asked one.

    Without `matcher` on the attention route.
    """
    batch = collate(examples, pool, prefix, attachment.model.device)  # type: ignore[arg-type]
    prior = batch.prior(attachment.adapter.config) if matcher else None  # [B, n]
    weights = _weights(attachment, source, batch, prefix, prior)
    out = []
    for b, example in enumerate(examples):
        best = int(weights[b, :-1].argmax())
        row = pool.rows[example.candidates[best]]
        found = Evidence(float(weights[b, -1]), float(weights[b, best]))
        if matcher:
            found = replace(
                found,
                similarity=float(batch.similarity[b, best]),
                named=example.match[best] is not None,
                noun_share=noun_share(mended(example.question, [row.noun]), row.noun),
                match=example.match[best] or 0.0,
                gap=_gap(matcher, example, row, pool) if example.match[best] is not None else 0.0,
            )
        out.append((found, best == example.gold))
    return out


def _gap(matcher: RelationMatch, example: Example, row: PoolRow, pool: Pool) -> float:
    """By how much a relation that the named facts lack matches a question better than the row's: the asked one, which a
    store has for other subjects if not for this, or another candidate's.
    """
    place = term_in(example.question, row.term)
    if not place:
        return 0.0
    candidates = [pool.rows[at].noun for at in example.candidates]
    there = {noun for noun, match in zip(candidates, example.match, strict=True) if match is not None}
    missing = list(dict.fromkeys(noun for noun in [pool.rows[example.gold_row].noun, *candidates] if noun not in there))
    return matcher.gap(without_subject(example.question, *place.span()), row.noun, missing)


def _weights(
    attachment: Attachment, source: TrainingFacts, batch: Batch, prefix: PromptPrefix, prior: Tensor | None
) -> Tensor:
    """Copy weights at the end of each prompt, [B, n + 1]."""
    valid = torch.ones(batch.keys.shape[:2], dtype=torch.bool, device=batch.keys.device)
    projection = Projection.of(attachment.adapter)
    source.batch = FactBatch.project(projection, batch.keys, batch.values, valid, prior=prior)
    attachment.trace = Trace()
    before = torch.ones(len(batch.ids), len(prefix.ids), dtype=torch.bool, device=batch.mask.device)
    model: Any = attachment.model
    model.base_model(
        batch.ids,
        attention_mask=torch.cat([before, batch.mask], 1),
        past_key_values=prefix.cache(len(batch.ids)),
    )
    weights = copy_weights(attachment.adapter, attachment.trace.logits)  # [B, T, n + 1]
    ends = batch.asking.sum(1) - 1  # [B]
    return weights[torch.arange(len(ends)), ends].cpu()
