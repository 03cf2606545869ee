"""Fits the probability that the asked fact is there (kvdb_sdk/refusal/confidence.py) at the end of a training.

On questions to stores that lack facts, of domains that training keeps apart (apart.py): most relations of a store are
new to an adapter, and it matches what it has learnt much better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..attend.adapter import Adapter, AdapterConfig, Card
from ..models.encoders import Encoder
from ..refusal.confidence import SIGNS
from ..refusal.refitting import fitted
from .apart import RELATION_MISSING, Outcome, domains_apart, judged_apart

RIDGE = 0.1
NOTHING_TELLS = -2.0
NAMED = 0.5  # of the attention route's questions: without an encoder, relations are known by their own words alone


def calibrated(
    model: Any, tokenizer: Any, adapter: Adapter, card: Card, encode: Encoder, *, count: int, seed: int
) -> AdapterConfig:
    """The adapter's config with `known` and `known_by_attention` fitted on about `count` questions each."""
    domains = domains_apart()
    each = -(-count // len(domains))

    def found(route: str, named: float) -> list[Outcome]:
        judged = judged_apart(
            model, tokenizer, adapter, card, encode, domains, count=each, route=route, named=named, seed=seed
        )
        return [outcome for of_domain in judged for outcome in of_domain]

    config = adapter.config
    return replace(
        config,
        known=coefficients(found("hybrid", 0.0), config.known),
        known_by_attention=coefficients(found("attention", NAMED), config.known_by_attention),
    )


def coefficients(found: Sequence[Outcome], before: tuple[float, ...]) -> tuple[float, ...]:
    """Intercept and coefficients of a logistic regression in which both classes weigh the same; as `before` where there
    is only one class.

    Questions for relations that the store lacks altogether are left out: a fit that sees them goes less by the lead,
    and refuses fewer of the missing facts whose relation other subjects have.
    """
    fitting = [outcome for outcome in found if outcome.question.kind != RELATION_MISSING]
    x = np.array([outcome.evidence.features for outcome in fitting], np.float64)
    y = np.array([outcome.right for outcome in fitting], np.float64)
    if not len(y) or y.min() == y.max():
        return before
    fit = fitted(np.zeros(1 + x.shape[1]), x, y, RIDGE, SIGNS[: x.shape[1]])
    if not fit[1:].any():  # nothing that was seen tells what is there from what is not: refuse
        fit[0] = NOTHING_TELLS
    return tuple(round(float(w), 4) for w in fit)
