"""What `ask` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


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
    pages_missed, pages_evicted, bytes_paged, resident_bytes and budget_bytes.
    Of an answer in steps also parts, how many it has.
    """

    text: str
    answered: bool
    citations: tuple[Citation, ...] = ()
    spans: tuple[Span, ...] = ()
    stats: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text
