"""Fits the probability that the asked fact is there (kvdb_sdk/confidence.py) at the end of a training.

On new examples from the pool, half of them without their fact, as the attention sees them at the end of the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .adapter import AdapterConfig
from .attention import Attachment, Trace
from .confidence import SIGNS, Evidence, noun_share
from .examples import Encode, Example, Pool, PoolRow, draw
from .joint_softmax import FactBatch, copy_weights
from .losses import Batch, PromptPrefix, TrainingFacts, collate
from .projection import Projection
from .refitting import fitted
from .relatedness import MOST_NOUNS
from .relation_match import RelationMatch, term_in, without_subject

RIDGE = 0.1
NOTHING_TELLS = -2.0
SEED = 104_729  # added to the training's, so that no example is one of the training's


def calibrated(
    attachment: Attachment,
    source: TrainingFacts,
    pool: Pool,
    encode: Encode,
    matcher: RelationMatch,
    prefix: PromptPrefix,
    *,
    count: int,
    batch: int,
    candidates: int,
    seed: int,
) -> AdapterConfig:
    """The adapter's config with `known` and `known_by_attention` fitted on `count` examples."""
    examples = draw(
        pool, encode, matcher, prefix.tokenizer, count, candidates=candidates, unknown=0.5, seed=seed + SEED
    )
    there = [example.gold < candidates for example in examples]
    config = attachment.adapter.config
    if len(set(there)) < 2:
        return config
    examples_in = [examples[start : start + batch] for start in range(0, count, batch)]
    by_words = [found for part in examples_in for found in _evidence(attachment, source, pool, prefix, part, matcher)]
    by_model = [found for part in examples_in for found in _evidence(attachment, source, pool, prefix, part, None)]
    return replace(
        config,
        known=_fitted([evidence.features for evidence in by_words], there),
        known_by_attention=_fitted([evidence.features for evidence in by_model], there),
    )


def _fitted(features: Sequence[Sequence[float]], there: Sequence[bool]) -> tuple[float, ...]:
    """Intercept and coefficients of a logistic regression in which both classes weigh the same."""
    x, y = np.array(features, np.float64), np.array(there, np.float64)
    found = fitted(np.zeros(1 + x.shape[1]), x, y, RIDGE, SIGNS[: x.shape[1]])
    if not found[1:].any():  # nothing that was seen tells what is there from what is not: refuse
        found[0] = NOTHING_TELLS
    return tuple(round(float(w), 4) for w in found)


@torch.no_grad()
def _evidence(
    attachment: Attachment,
    source: TrainingFacts,
    pool: Pool,
    prefix: PromptPrefix,
    examples: Sequence[Example],
    matcher: RelationMatch | None,
) -> list[Evidence]:
    """What speaks for the fact that each example reads most; without `matcher` on the attention route."""
    batch = collate(examples, pool, prefix, attachment.model.device)  # type: ignore[arg-type]
    prior = batch.prior(attachment.adapter.config) if matcher else None  # [B, n]
    nouns = list(dict.fromkeys(row.noun for row in pool.rows))[:MOST_NOUNS]
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
                noun_share=noun_share(example.question, row.noun),
                match=example.match[best] or 0.0,
                gap=_gap(matcher, example, row, nouns) if example.match[best] is not None else 0.0,
            )
        out.append(found)
    return out


def _gap(matcher: RelationMatch, example: Example, row: PoolRow, nouns: Sequence[str]) -> float:
    """By how much another relation of the pool matches a question better than the row's."""
    place = term_in(example.question, row.term)
    return matcher.gap(without_subject(example.question, *place.span()), row.noun, nouns) if place else 0.0


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
