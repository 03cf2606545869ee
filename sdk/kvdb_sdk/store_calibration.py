"""`calibrate`: fits what refusal goes by to one store, on questions made from its own facts; no labels are needed.

An adapter's probability that the asked fact is there was fitted on its training's facts. How near questions come to
keys, and how alike the relations are, is different in every store: here the coefficients are fitted anew, near the
adapter's, and kept in the store. Half of the questions are kept out of a first fit, which the report is about; what is
kept is then fitted on all of them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np

from kvdb.errors import LimitError
from kvdb.file.failures import read_only

from .answer import RELATED
from .attached_facts import Judged
from .evaluation.metrics import calibration as measured
from .own_questions import MISSING, OwnQuestion, own_questions
from .question.relatedness import SIGNS as RELATED_SIGNS
from .question.wordings import ordinary_requests
from .refusal import confidence
from .refusal.calibration_note import Calibration, keep
from .refusal.refitting import F64, log_losses, refit
from .session import KnowledgeModel

FITTED_ONLY = "fitted only"  # kind of what a fit sees and the report leaves out
FEWEST = 20  # questions, of each of the two classes a half
BATCH = 8
Vector = Sequence[float]
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Judgement:
    """How held-out questions are judged by some coefficients. `known` and `missing`: the share judged right.

    `kinds`: the share for each kind of question that the store cannot answer. `error`: expected calibration error.
    """

    known: float
    missing: float
    kinds: dict[str, float]
    error: float
    log_loss: float


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """What a calibration found, and how good it is.

    - before, after: how the adapter's and the fitted coefficients judge `held_out` questions that the fit did not see
    - related_before, related_after: likewise of questions for the store (`known`) and ordinary requests (`missing`);
      None on the attention route
    - chosen, related_chosen: how far from the adapter's the fits on all questions went (refusal/refitting.py);
      half_chosen: the fit that `after` is about
    - losses: log loss of each candidate in cross-validation
    """

    calibration: Calibration
    questions: int
    held_out: int
    threshold: float
    before: Judgement
    after: Judgement
    chosen: str
    half_chosen: str
    losses: dict[str, float]
    related_before: Judgement | None
    related_after: Judgement | None
    related_chosen: str
    saved: bool
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Everything, nested."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A judged question: its features and what is true of it."""

    features: Vector
    true: bool
    kind: str


def calibrate(
    model: KnowledgeModel,
    *,
    questions: int = 200,
    seed: int = 0,
    save: bool = True,
    progress: Progress | None = None,
) -> CalibrationReport:
    """Fit refusal to the store that `model` reads, on its route. With `save` the store keeps the result, and this and
    every later model with the same adapter goes by it; without, give `report.calibration` to `KnowledgeModel`.

    Raises LimitError for a store with too few facts to ask about, ReadOnlyStoreError, and AdapterError without an
    adapter that copies.
    """
    started, facts = time.perf_counter(), model.facts
    if save and facts.store.read_only:
        raise read_only(facts.store.path)  # now, not after minutes
    with facts.generation() as snapshot:  # one state of the store throughout
        asked = own_questions(snapshot, questions, seed)
        count = snapshot.state.facts
        judged = _judged(model, asked, progress)
        ordinary = random.Random(seed).sample(ordinary_requests(), min(len(ordinary_requests()), len(asked)))
        others = [] if facts.route == "attention" else _judged(model, [OwnQuestion(q, "") for q in ordinary], progress)
    config, attention = facts.adapter.config, facts.route == "attention"
    prior = config.known_by_attention if attention else config.known
    seen = [_Seen(j.evidence.features, q.known, q.kind) for q, j in zip(asked, judged, strict=True)]
    # What has nothing to do with the store is not answerable from it either: without a sample of that, a fit could not
    # know what a question is like that names nothing.
    seen += [_Seen(j.evidence.features, False, FITTED_ONLY) for j in others]
    known = _Fit.of(prior, seen, facts.threshold, seed, confidence.SIGNS)
    about = [_Seen(_relatedness(j), True, "related") for j in judged] + [
        _Seen(_relatedness(j), False, "ordinary") for j in others
    ]
    related = _Fit.of(config.related, about, RELATED, seed, RELATED_SIGNS) if others else None
    found = Calibration(
        adapter=facts.fingerprint,
        route=facts.route,
        known=known.coefficients,
        related=related.coefficients if related else config.related,
        model=config.model,
        encoder=config.encoder,
        questions=len(asked),
        facts=count,
    )
    if save:
        keep(facts.store, found)
        facts.calibrations[facts.route] = found
    return CalibrationReport(
        calibration=found,
        questions=len(asked),
        held_out=known.held_out,
        threshold=facts.threshold,
        before=known.before,
        after=known.after,
        chosen=known.chosen,
        half_chosen=known.half_chosen,
        losses=known.losses,
        related_before=related.before if related else None,
        related_after=related.after if related else None,
        related_chosen=related.chosen if related else "unchanged",
        saved=save,
        seconds=round(time.perf_counter() - started, 2),
    )


def _judged(model: KnowledgeModel, asked: Sequence[OwnQuestion], progress: Progress | None) -> list[Judged]:
    """Each question as the attached model sees it. Those that hide a fact are asked among themselves, so that no
    question misses a fact that it is about.
    """
    out: dict[int, Judged] = {}
    for hiding in (False, True):
        waiting = iter([i for i, one in enumerate(asked) if bool(one.hidden) == hiding])
        while batch := list(islice(waiting, BATCH)):
            hidden = [row for i in batch for row in asked[i].hidden]
            out.update(zip(batch, model.judge([asked[i].text for i in batch], hidden=hidden), strict=True))
            if progress is not None:
                progress(len(batch))
    return [out[i] for i in range(len(asked))]


def _relatedness(judged: Judged) -> Vector:
    found = judged.relatedness
    return (0.0, 0.0, 0.0) if found is None else (found.similarity, found.relation, float(found.named))


@dataclass(frozen=True, slots=True)
class _Fit:
    """Coefficients from all questions, and how a fit on half of them did on the other half."""

    coefficients: tuple[float, ...]
    chosen: str
    half_chosen: str
    losses: dict[str, float]
    held_out: int
    before: Judgement
    after: Judgement

    @classmethod
    def of(cls, prior: Vector, seen: Sequence[_Seen], threshold: float, seed: int, signs: Sequence[int]) -> _Fit:
        halves = _halves(seen, seed)
        if min(sum(one.true == label for one in seen) for label in (True, False)) * 2 < FEWEST:
            raise LimitError(
                f"too few questions to calibrate with ({len(seen)}, with ordinary requests): {FEWEST // 2} that the "
                "store can answer and as many that it cannot are the least; ask for more, or ingest more facts first"
            )
        half = refit(prior, *_columns(halves[0]), seed=seed, signs=signs)
        whole = refit(prior, *_columns(seen), seed=seed, signs=signs)
        judged = [one for one in halves[1] if one.kind != FITTED_ONLY]
        return cls(
            coefficients=whole.coefficients,
            chosen=whole.chosen,
            half_chosen=half.chosen,
            losses=whole.losses,
            held_out=len(judged),
            before=_judgement(prior, judged, threshold),
            after=_judgement(half.coefficients, judged, threshold),
        )


def _halves(seen: Sequence[_Seen], seed: int) -> tuple[list[_Seen], list[_Seen]]:
    """Two halves with as many of each kind."""
    rng = random.Random(seed)
    order = sorted(seen, key=lambda one: (one.kind, rng.random()))
    return order[::2], order[1::2]


def _columns(seen: Sequence[_Seen]) -> tuple[list[Vector], list[bool]]:
    return [one.features for one in seen], [one.true for one in seen]


def _judgement(coefficients: Vector, seen: Sequence[_Seen], threshold: float) -> Judgement:
    x = np.array([one.features for one in seen], np.float64)  # [m, k]
    y = np.array([one.true for one in seen], np.float64)  # [m]
    p: F64 = np.exp(-log_losses(coefficients, x, np.ones(len(y))))  # [m] the probability that it is true
    right = (p >= threshold) == (y > 0.5)  # [m]
    kinds = {kind: np.array([one.kind == kind for one in seen]) for kind in MISSING}
    return Judgement(
        known=float(right[y > 0.5].mean()),
        missing=float(right[y < 0.5].mean()),
        kinds={kind: float(right[places].mean()) for kind, places in kinds.items() if places.any()},
        error=measured(p.tolist(), (y > 0.5).tolist()).error,
        log_loss=float(log_losses(coefficients, x, y).mean()),
    )
