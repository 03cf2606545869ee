"""What `ask` returns."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from kvdb import Fact

UNKNOWN = "I do not know."
_UNKNOWN = re.compile(r"\b(?:do not|don['\u2019]t) know\b", re.IGNORECASE)
RELATED = 0.5  # probability from which on a question is one for the store


@dataclass(frozen=True, slots=True)
class Citation:
    """A fact that the answer rests on; `weight` in (0, 1] is the attention it had where it was used, 1 for a fact that
    was in the prompt."""

    id: int
    head: str
    relation: str
    tail: str
    weight: float

    @classmethod
    def of(cls, fact: Fact, weight: float) -> Citation:
        return cls(fact.id, fact.head, fact.relation, fact.tail, round(weight, 4))


@dataclass(frozen=True, slots=True)
class Span:
    """Characters [start, end) of the answer's text that were copied verbatim from fact `id`: its `term` or `value`."""

    start: int
    end: int
    id: int
    kind: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, whether the store knew, the facts behind it (by weight) and what it cost.

    `stats` of every answer: tokens, seconds and ms_per_token. Of one from the store or the model also route and facts,
    how many were selected. With an adapter also:

    - attended: ids of the five facts that the prompt read most
    - confidence: the probability that the store has the asked fact; related: that the question is one for the store
      (of those that were refused)
    - worded_by: "store", where the sentence is the store's own and not the model's
    - pages_hit, pages_missed, pages_evicted, bytes_paged, resident_bytes, budget_bytes of the pager
    - parts: how many an answer in steps has; asked: the question as it was understood, where that is not as it was put
    - from: "context", where a given text was read
    """

    text: str
    answered: bool
    citations: tuple[Citation, ...] = ()
    spans: tuple[Span, ...] = ()
    stats: dict[str, Any] = field(default_factory=dict)

    @property
    def source(self) -> Literal["store", "context", "model", "none"]:
        """Whose words these are: the store's, with citations; of a text that was given; the model's own, which nothing
        vouches for; or nobody's, where the answer says that it does not know.
        """
        if self.answered:
            return "store"
        if says_unknown(self.text):
            return "none"
        return "context" if self.stats.get("from") == "context" else "model"

    def __str__(self) -> str:
        return self.text


def time_taken(seconds: float, tokens: int) -> dict[str, float]:
    """The stats of what took these seconds and gave as many tokens."""
    return {"seconds": round(seconds, 4), "ms_per_token": round(1000 * seconds / max(1, tokens), 2)}


def says_unknown(text: str) -> bool:
    """Whether a text says that it does not know."""
    return _UNKNOWN.search(text) is not None


def is_unrelated(answer: Answer) -> bool:
    """Whether the question had nothing to do with the store, which could not answer it."""
    return not answer.answered and answer.stats.get("related", 1.0) < RELATED
