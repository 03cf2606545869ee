"""Logistic regressions near given coefficients, against scikit-learn's where the two must agree."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from kvdb_sdk.refusal import refitting
from kvdb_sdk.refusal.refitting import candidates, log_losses, refit

PRIOR = (-1.0, 2.0, 0.5)


def drawn(coefficients, n, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, len(coefficients) - 1))
    p = 1 / (1 + np.exp(-(coefficients[0] + x @ np.array(coefficients[1:]))))
    return x, rng.random(n) < p


def test_a_ridge_towards_nothing_is_scikit_learns():
    """With a prior of zeros and features of deviation 1 the two minimise the same, the intercept's 0.1 aside."""
    x, y = drawn((0.3, 1.5, -1.0), 400)
    x = (x - x.mean(0)) / x.std(0)
    ours = refitting._fitted("ridge 3", np.zeros(3), x, y.astype(float))
    theirs = LogisticRegression(C=1 / 3, class_weight="balanced", tol=1e-8).fit(x, y)
    assert ours[1:] == pytest.approx(theirs.coef_[0], abs=2e-3)
    assert ours[0] == pytest.approx(theirs.intercept_[0], abs=2e-3)


def test_the_stronger_the_ridge_the_nearer_the_prior():
    x, y = drawn((2.0, -2.0, 3.0), 200)
    away = [
        np.abs(refitting._fitted(way, np.array(PRIOR), x, y.astype(float))[1:] - PRIOR[1:]).sum()
        for way in ("ridge 1e9", "ridge 30", "ridge 0.3")
    ]
    assert away[0] < 1e-3 < away[1] < away[2]


def test_coefficients_that_are_right_stay_about_as_good():
    x, y = drawn(PRIOR, 60)
    found = refit(PRIOR, x.tolist(), y.tolist())
    assert tuple(found.losses) == candidates()
    assert found.losses[found.chosen] == min(found.losses.values())
    x, y = drawn(PRIOR, 2000, seed=1)
    before, after = (log_losses(w, x, y.astype(float)).mean() for w in (PRIOR, found.coefficients))
    assert after < before + 0.03


def test_coefficients_that_are_wrong_are_moved():
    true = (1.0, -2.0, 3.0)
    found = refit(PRIOR, *(part.tolist() for part in drawn(true, 200)))
    x, y = drawn(true, 500, seed=1)
    before, after = (log_losses(w, x, y.astype(float)).mean() for w in (PRIOR, found.coefficients))
    assert found.chosen.startswith("ridge")
    assert after < 0.5 * before


def test_separable_classes_and_constant_features_stay_finite():
    x = [[float(i > 20), 1.0] for i in range(40)]
    found = refit((0.0, 1.0, 5.0), x, [i > 20 for i in range(40)])
    assert np.isfinite(found.coefficients).all()
    far = refit((-500.0, 1000.0, 5.0), x, [i <= 20 for i in range(40)])  # sure, and wrong
    assert np.isfinite(far.coefficients).all()


def test_the_same_questions_give_the_same_coefficients():
    x, y = drawn((2.0, -2.0, 3.0), 80)
    assert refit(PRIOR, x.tolist(), y.tolist()) == refit(PRIOR, x.tolist(), y.tolist())


def test_what_speaks_for_the_label_is_never_turned_round():
    """The first feature points the wrong way here; held at zero, the other does what it would alone."""
    x, y = drawn((0.0, -3.0, 2.0), 100)
    free = refitting.fitted(np.zeros(3), x, y.astype(float), 0.3)
    held = refitting.fitted(np.zeros(3), x, y.astype(float), 0.3, (1, 1))
    alone = refitting.fitted(np.zeros(2), x[:, 1:], y.astype(float), 0.3)
    assert free[1] < -1
    assert held[1] == pytest.approx(0.0, abs=1e-12)
    assert held[2] == pytest.approx(alone[1], abs=1e-6)
    assert refitting.fitted(np.array([0.0, -1.0, 2.0]), x, y.astype(float), 30.0, (-1, 1))[1] < -1
