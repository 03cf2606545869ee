"""What `ask` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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

    `stats`: route, tokens, seconds, ms_per_token and facts (selected). With an adapter also attended (ids of the five
    facts that the prompt read most), confidence (that the store has the asked fact), and the pager's pages_hit,
    pages_missed, pages_evicted, bytes_paged, resident_bytes and budget_bytes. Of an answer in steps also parts, how
    many it has; in a conversation also asked, the question as it was understood. What a given text told has from
    ("context"), tokens, seconds and ms_per_token alone.
    """

    text: str
    answered: bool
    citations: tuple[Citation, ...] = ()
    spans: tuple[Span, ...] = ()
    stats: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text


def is_unrelated(answer: Answer) -> bool:
    """Whether the question had nothing to do with the store, which could not answer it."""
    return not answer.answered and answer.stats.get("related", 1.0) < RELATED
