"""Logistic regressions fitted near coefficients that are there already, on few examples.

    minimise over w     sum of log losses + 1/2 sum_j strength_j (w_j - prior_j)^2

which is the most probable w under a normal prior around the given ones. scikit-learn's ridge pulls towards zero only.
How far from the prior to go, if at all, is what has the least log loss in cross-validation. (Taking the nearest of
those within a standard error of it was tried, and did worse at every size below.)

Scaling the given logit (Platt 1999) is no candidate: it cannot weigh the features anew, which is what stores differ in.
Of 360 questions about companies, fits on 20, 30, 60, 100 and 200 were tried on the others (is the fact there?): at
every size scaling had a higher log loss than every ridge, and than the coefficients left as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

FOLDS = 5
STEPS = 50  # of Newton's method, which needs about ten
RIDGES = (30.0, 3.0, 0.3)  # per unit of change of the logit at one deviation of a feature


@dataclass(frozen=True, slots=True)
class Refit:
    """`coefficients`: intercept first. `losses`: log loss of each candidate in cross-validation, nearest first."""

    coefficients: tuple[float, ...]
    chosen: str
    losses: dict[str, float]


def candidates() -> tuple[str, ...]:
    """The ways to fit, from the one that changes nothing to the one that stays least near."""
    return ("unchanged", *(f"ridge {strength:g}" for strength in RIDGES))


def refit(
    prior: Sequence[float],
    features: Sequence[Sequence[float]],
    labels: Sequence[bool],
    seed: int = 0,
    *,
    signs: Sequence[int] | None = None,
) -> Refit:
    """Coefficients near `prior` for `features` [m, k] and `labels` [m], both classes weighing the same.

    `signs` [k], 1 or -1: what speaks for the label must not count against it, however few the examples.
    """
    x, y, p = np.asarray(features, np.float64), np.asarray(labels, np.float64), np.asarray(prior, np.float64)
    folds = _folds(y, seed)  # [m]
    losses = {}
    for way in candidates():
        loss = np.empty(len(y))  # [m]
        for fold in range(FOLDS):
            out = folds == fold
            loss[out] = log_losses(_fitted(way, p, x[~out], y[~out], signs), x[out], y[out])
        losses[way] = loss * _balance(y)
    chosen = min(losses, key=lambda way: float(losses[way].mean()))  # of equals the first, the nearest
    found = tuple(round(float(w), 6) for w in _fitted(chosen, p, x, y, signs))
    return Refit(found, chosen, {way: round(float(loss.mean()), 4) for way, loss in losses.items()})


def log_losses(coefficients: F64 | Sequence[float], features: F64, labels: F64) -> F64:
    """The log loss of each example, [m]."""
    logits = coefficients[0] + features @ np.asarray(coefficients[1:])  # [m]
    return np.logaddexp(0.0, np.where(labels > 0.5, -logits, logits))  # [m]


def _fitted(way: str, prior: F64, x: F64, y: F64, signs: Sequence[int] | None = None) -> F64:
    """Coefficients [1 + k] for features x [m, k]."""
    return prior if way == "unchanged" else fitted(prior, x, y, float(way.split()[1]), signs)


def fitted(prior: F64, x: F64, y: F64, ridge: float, signs: Sequence[int] | None = None) -> F64:
    """Coefficients [1 + k] for features x [m, k] and labels y [m] of 0 and 1, as near `prior` as `ridge` keeps them."""
    mean, deviation = x.mean(0), x.std(0)  # [k]
    deviation = np.where(deviation > 1e-9, deviation, 1.0)  # a feature that never changes keeps its coefficient
    start = np.concatenate([[prior[0] + mean @ prior[1:]], prior[1:] * deviation])
    strength = np.concatenate([[0.1], np.full(x.shape[1], ridge)])
    w = _newton((x - mean) / deviation, y, start, strength, np.array([0, *(signs or [0] * x.shape[1])]))
    by = w[1:] / deviation
    return np.concatenate([[w[0] - mean @ by], by])


def _newton(x: F64, y: F64, prior: F64, strength: F64, signs: NDArray[np.int64]) -> F64:
    """The minimum of the loss above; x [m, k], y [m], prior and strength [1 + k], signs [1 + k] (0: any).

    Newton's method on the coefficients that are not held at zero by their sign (Bertsekas 1982).
    """
    ones = np.concatenate([np.ones((len(x), 1)), x], axis=1)  # [m, 1 + k]
    weight = _balance(y)  # [m]
    low, high = np.where(signs > 0, 0.0, -np.inf), np.where(signs < 0, 0.0, np.inf)

    def loss(w: F64) -> float:
        return float(weight @ log_losses(w, x, y) + 0.5 * strength @ (w - prior) ** 2)

    w = prior.clip(low, high)
    for _ in range(STEPS):
        p = 0.5 * (1 + np.tanh(0.5 * (ones @ w)))  # [m] the logistic function, without overflow
        slope = ones.T @ (weight * (p - y)) + strength * (w - prior)
        bend = (ones * (weight * p * (1 - p))[:, None]).T @ ones + np.diag(strength)
        free = ~(((w <= low) & (slope > 0)) | ((w >= high) & (slope < 0)))
        step = np.zeros_like(w)
        step[free] = np.linalg.solve(bend[np.ix_(free, free)], slope[free])
        while loss((w - step).clip(low, high)) > loss(w) and np.abs(step).max() > 1e-9:
            step = step / 2  # the bend is flat far from the minimum, and the step too long
        w = (w - step).clip(low, high)
        if np.abs(step).max() < 1e-9:
            break
    return w


def _balance(y: F64) -> F64:
    """Weights [m] with which both classes weigh the same."""
    share = min(max(float(y.mean()), 1e-9), 1 - 1e-9)
    return np.where(y > 0.5, 0.5 / share, 0.5 / (1 - share))


def _folds(y: F64, seed: int) -> NDArray[np.int64]:
    """The fold of each example, with as much of either class in each as can be."""
    folds = np.empty(len(y), np.int64)
    rng = np.random.default_rng(seed)
    for label in (0.0, 1.0):
        places = rng.permutation(np.flatnonzero(y == label))
        folds[places] = np.arange(len(places)) % FOLDS
    return folds
