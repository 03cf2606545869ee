"""How probably the store has the fact that was asked for: what `answer.stats["confidence"]` says, and refusal goes by.

A logistic regression, fitted on facts of the training domains and on questions that they cannot answer, over what is
known when the prompt has been read: how much attention the null fact and the best fact got, and how far the question's
words bear the best fact out. The attention alone cannot tell a missing relation of a known subject from a present one.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ..attend.adapter import AdapterConfig

SIGNS = (-1, 1, 1, 1, 1, 1, -1)
"""Whether a feature of Evidence speaks for the fact or against it: no fit may turn that round."""

_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for the fact that the attention read most."""

    null: float  # copy weight of the null fact
    weight: float  # copy weight of the best fact
    similarity: float | None = None  # of the question's and the key's vectors; None on the attention route
    named: bool = False  # the question has the fact's term, in any case
    noun_share: float = 0.0  # share of the words of the relation's noun that the question has
    match: float = 0.0  # of its relation (kvdb_sdk/question/relation_match.py) where its term is named
    gap: float = 0.0  # by how much the best relation that the subject lacks matches better: perhaps the asked one

    @property
    def features(self) -> tuple[float, ...]:
        """In the order of the coefficients; those of the attention alone where there is no similarity."""
        if self.similarity is None:
            return (self.null, self.weight)
        named, similarity = float(self.named), self.similarity
        return (self.null, self.weight, similarity, named, self.noun_share, self.match, self.gap)


def known_probability(config: AdapterConfig, evidence: Evidence) -> float:
    """The probability in [0, 1] that the asked fact is the one read most."""
    coefficients = config.known_by_attention if evidence.similarity is None else config.known
    intercept, *by = coefficients
    return _sigmoid(intercept + sum(a * x for a, x in zip(by, evidence.features, strict=True)))


def noun_share(question: str, noun: str) -> float:
    """The share of the noun's words, those of three letters or more where there are any, that the question has."""
    words = _WORDS.findall(noun.casefold())
    words = [word for word in words if len(word) > 2] or words
    asked = set(_WORDS.findall(question.casefold()))
    return sum(word in asked for word in words) / len(words) if words else 0.0


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, x))))
