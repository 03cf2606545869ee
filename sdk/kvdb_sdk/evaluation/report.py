"""From what was asked and answered to the figures of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kvdb import Triple

from ..answer import Answer
from .metrics import Rates, Reliability, calibration, contains, rates, rouge_l, token_f1


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of an evaluation. `known` False where the store has no such fact; `reference` is the right answer
    as a sentence (KG2KV's), which the answer's words are compared with: the tail where there is none."""

    question: str
    triple: Triple
    known: bool = True
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A question, its answer, and the id that its fact has in the store (None where it is not there)."""

    asked: Asked
    answer: Answer
    fact: int | None = None

    @property
    def right(self) -> bool:
        """Answered, with the tail verbatim."""
        return self.answer.answered and contains(self.answer.text, self.asked.triple.tail)


@dataclass(frozen=True, slots=True)
class Attention:
    """Shares of the questions whose fact is the most attended one, or among the five most attended."""

    acc_at_1: float
    acc_at_5: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Time, and memory where it is counted: pages of facts, and all that torch held on a CUDA device at the most."""

    ms_per_token: float
    ms_per_answer: float
    resident_bytes: int | None = None
    device_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class EvalReport:
    """Shares in [0, 1]; None where there was nothing to measure.

    em            exact match: the answer has the tail, verbatim, at token boundaries
    token_f1, rouge_l   of the answer's words against KG2KV's sentence; of questions whose fact is there, as em
    citation_accuracy   the first citation is the asked fact
    citations     precision over all citations of all answers, recall over the questions whose fact is there
    refusal       of "does not know", where the store has no such fact
    attention     which fact was read most at the end of the prompt; adapters only
    calibration   of `stats["confidence"]`: the asked fact is there, and is the one read most
    plain_em      em of the same model without the store
    """

    n: int
    em: float
    token_f1: float
    rouge_l: float
    citation_accuracy: float
    citations: Rates
    refusal: Rates | None
    attention: Attention | None
    calibration: Reliability | None
    cost: Cost
    plain_em: float | None = None
    misses: tuple[dict[str, Any], ...] = ()

    @property
    def refusal_f1(self) -> float | None:
        return self.refusal.f1 if self.refusal else None

    @property
    def ms_per_token(self) -> float:
        return self.cost.ms_per_token

    def as_dict(self) -> dict[str, Any]:
        """Everything, with the two figures that are asked for most beside their tables."""
        return asdict(self) | {"refusal_f1": self.refusal_f1, "ms_per_token": self.ms_per_token}


def summary(
    outcomes: Sequence[Outcome],
    *,
    plain_em: float | None = None,
    device_bytes: int | None = None,
    keep_misses: int = 20,
) -> EvalReport:
    """The report of an evaluation, with the first `keep_misses` wrong answers."""
    known = [one for one in outcomes if one.asked.known]
    cited = [one for one in known if any(_is(citation, one) for citation in one.answer.citations)]
    return EvalReport(
        n=len(outcomes),
        em=_mean(known, lambda one: one.right),
        token_f1=_mean(known, lambda one: token_f1(one.answer.text, one.asked.reference or one.asked.triple.tail)),
        rouge_l=_mean(known, lambda one: rouge_l(one.answer.text, one.asked.reference or one.asked.triple.tail)),
        citation_accuracy=_mean(known, lambda one: any(_is(first, one) for first in one.answer.citations[:1])),
        citations=rates(len(cited), sum(len(one.answer.citations) for one in outcomes), len(known)),
        refusal=_refusal(outcomes),
        attention=_attention(known),
        calibration=_calibration(outcomes),
        cost=_cost(outcomes, device_bytes),
        plain_em=plain_em,
        misses=tuple(_miss(one) for one in [one for one in known if not one.right][:keep_misses]),
    )


def _mean(outcomes: Sequence[Outcome], of: Callable[[Outcome], float]) -> float:
    return sum(map(of, outcomes)) / max(1, len(outcomes))


def _refusal(outcomes: Sequence[Outcome]) -> Rates | None:
    unknown = [one for one in outcomes if not one.asked.known]
    if not unknown:
        return None
    refused = sum(not one.answer.answered for one in outcomes)
    return rates(sum(not one.answer.answered for one in unknown), refused, len(unknown))


def _attention(known: Sequence[Outcome]) -> Attention | None:
    """Where no answer tells what was attended to, there is nothing to say."""
    if not any("attended" in one.answer.stats for one in known):
        return None
    return Attention(
        _mean(known, lambda one: one.fact in one.answer.stats.get("attended", ())[:1]),
        _mean(known, lambda one: one.fact in one.answer.stats.get("attended", ())[:5]),
    )


def _calibration(outcomes: Sequence[Outcome]) -> Reliability | None:
    told = [one for one in outcomes if "confidence" in one.answer.stats]
    if not told:
        return None
    right = [one.asked.known and one.fact in one.answer.stats.get("attended", (one.fact,))[:1] for one in told]
    return calibration([one.answer.stats["confidence"] for one in told], right)


def _cost(outcomes: Sequence[Outcome], device_bytes: int | None) -> Cost:
    stats = [one.answer.stats for one in outcomes]
    tokens = sum(each["tokens"] for each in stats)
    ms = sum(each["tokens"] * each["ms_per_token"] for each in stats)
    resident = [each["resident_bytes"] for each in stats if "resident_bytes" in each]
    return Cost(ms / max(1, tokens), ms / max(1, len(outcomes)), max(resident, default=None), device_bytes)


def _miss(one: Outcome) -> dict[str, Any]:
    return {"question": one.asked.question, "wanted": one.asked.triple.tail, "answer": one.answer.text}


def _is(citation: Any, one: Outcome) -> bool:
    return (citation.head, citation.relation, citation.tail) == tuple(one.asked.triple)
