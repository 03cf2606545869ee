"""The measures of an evaluation, as pure functions of texts and counts.

token F1      SQuAD (Rajpurkar et al. 2016): harmonic mean of precision and recall over the bags of words
ROUGE-L       Lin 2004: the same over the longest common subsequence of words
calibration   Guo et al. 2017: bins of confidence against the share that was right, and their mean gap (ECE)
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

BINS = 10


@dataclass(frozen=True, slots=True)
class Rates:
    """Precision, recall and their harmonic mean, each in [0, 1]; 0 where there is nothing to divide by."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class Bin:
    """The answers whose confidence lies in one tenth of [0, 1]: how many, their mean confidence, the share right."""

    count: int
    confidence: float
    right: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far confidences are to be believed: the expected calibration error, and the bins of a reliability plot."""

    error: float
    bins: tuple[Bin, ...]


def contains(text: str, value: str) -> bool:
    """Whether `value` stands verbatim in `text`, not as a part of a longer word or number (case matters not)."""
    pattern = r"(?<!\w)" + re.escape(value.strip().rstrip(".").casefold()) + r"(?!\w)"
    if re.search(pattern, text.casefold()) is not None:
        return True
    return not re.search(r"\w", value) and value.strip() in text


def words(text: str) -> list[str]:
    """The words and numbers of a text, case folded, without punctuation."""
    return re.findall(r"\w+", text.casefold())


def token_f1(text: str, wanted: str) -> float:
    """F1 of the words of `text` against those of `wanted`, each counted as often as it occurs; in [0, 1]."""
    given, right = words(text), words(wanted)
    return rates((Counter(given) & Counter(right)).total(), len(given), len(right)).f1


def rouge_l(text: str, wanted: str) -> float:
    """F-measure of the longest common subsequence of words; in [0, 1], never above `token_f1`."""
    given, right = words(text), words(wanted)
    return rates(_common(given, right), len(given), len(right)).f1


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    """Length of the longest common subsequence, row by row of the usual table."""
    above = [0] * (len(right) + 1)
    for word in left:
        row = [0]
        for j, other in enumerate(right):
            row.append(above[j] + 1 if word == other else max(row[j], above[j + 1]))
        above = row
    return above[-1]


def rates(hits: int, given: int, wanted: int) -> Rates:
    """`hits` of what was `given` are right, and `wanted` were to be found."""
    return Rates(
        precision=hits / given if given else 0.0,
        recall=hits / wanted if wanted else 0.0,
        f1=2 * hits / (given + wanted) if hits else 0.0,
    )


def calibration(confidences: Sequence[float], right: Sequence[bool], *, bins: int = BINS) -> Reliability:
    """Confidences in [0, 1] against what came true, in `bins` bins of equal width; empty ones are left out."""
    kept = []
    places = [min(int(confidence * bins), bins - 1) for confidence in confidences]
    for place in range(bins):
        inside = [i for i, other in enumerate(places) if other == place]
        if inside:
            mean = sum(confidences[i] for i in inside) / len(inside)
            kept.append(Bin(len(inside), mean, sum(right[i] for i in inside) / len(inside)))
    error = sum(bin.count * abs(bin.confidence - bin.right) for bin in kept) / max(1, len(confidences))
    return Reliability(error, tuple(kept))
