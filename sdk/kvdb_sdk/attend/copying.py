"""Verbatim copying: a pointer-generator over the terms and values of the selected facts (See et al. 2017).

    p(token) = (1 - g) p_LM(token) + sum over kinds k, facts i of g_k a_i [token starts span (i, k)]

g comes from the copy gate, a from the attention over facts. Once a span has started it is copied to its end, so a
value is verbatim or not there at all, is copied at most once, and every span knows its fact. Spans that begin alike
stay open together, each with its weight, until a token tells them apart. Right after a span no token may go on with
its last word: "ACR" copied and "ES" written would be another value.

The state of a row is a function of its generated tokens, so beam search may reorder rows as it likes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import LogitsProcessor

from kvdb.types import Fact

from ..models.prompts import continuation_ids
from .adapter import SPAN_KINDS

LONGEST = 2000  # characters of a span


class SpanKey(NamedTuple):
    """A span that can be copied: which fact of the selection, and which end of it."""

    fact: int
    kind: int  # index into SPAN_KINDS


@dataclass(frozen=True, slots=True)
class Copied:
    """A span of generated tokens [start, end) that was copied, with the weight that its fact had."""

    start: int
    end: int
    key: SpanKey
    weight: float


@dataclass(frozen=True, slots=True)
class Step:
    """A row's state before its next token. `open` spans are being copied, `depth` tokens of them are done."""

    open: dict[SpanKey, float] = field(default_factory=dict)
    depth: int = 0
    started_at: int = 0
    done: tuple[Copied, ...] = ()
    starts: dict[SpanKey, float] = field(default_factory=dict)  # weights with which a span may start here
    written: dict[int, float] = field(default_factory=dict)  # p of the model writing each token that starts a span


@dataclass(frozen=True, slots=True)
class Copyable:
    """What may be copied for one prompt: the facts of its selection and the tokens of their spans."""

    facts: tuple[Fact, ...]
    spans: dict[SpanKey, tuple[int, ...]]

    @classmethod
    def of(cls, tokenizer: Any, facts: Sequence[Fact], terms: Sequence[str], values: Sequence[str]) -> Copyable:
        """What is longer than LONGEST is no span: no answer would come to its end, and the store words it at once."""
        spans = {}
        for i, texts in enumerate(zip(terms, values, strict=True)):
            for kind, text in enumerate(texts):
                ids = tuple(continuation_ids(tokenizer, text)) if len(text) <= LONGEST else ()
                if ids:
                    spans[SpanKey(i, kind)] = ids
        return cls(tuple(facts), spans)


class Copier(LogitsProcessor):
    """Mixes copying into the scores of `generate`. One for each call; rows may be beams of the same prompt.

    `weights` and `gate` give, for the step just run, the copy weights [rows, n + 1] and the gate's probabilities
    [rows, 1 + kinds] (write first).
    """

    def __init__(
        self,
        copyable: Sequence[Copyable],
        read_trace: Any,
        *,
        known: Callable[[Tensor], list[float]] | None = None,
        threshold: float = 0.0,
        glued: Tensor | None = None,
    ) -> None:
        """`known` turns the first step's weights into the probability that the fact is there; rows below `threshold`
        copy nothing. `glued`: ids of the tokens that go on with a word."""
        self.confidence: list[float] = []
        self.threshold = threshold
        self._known = known
        self._glued = torch.empty(0, dtype=torch.long) if glued is None else glued
        self._copyable = copyable
        self._read_trace = read_trace
        self._prompt: int | None = None
        self._steps: dict[tuple[int, tuple[int, ...]], Step] = {}

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # type: ignore[override]
        if self._prompt is None:
            self._prompt = input_ids.shape[1]
        trace = self._read_trace()
        if trace is None:
            return scores
        weights, gate = trace
        if not self.confidence and self._known is not None:
            self.confidence = self._known(weights)
        beams = len(input_ids) // len(self._copyable)
        out = scores.float().log_softmax(-1)  # [rows, vocab]
        for row, ids in enumerate(input_ids[:, self._prompt :].tolist()):
            out[row] = self._row(row // beams, tuple(ids), out[row], weights[row].tolist(), gate[row].tolist())
        return out.to(scores.dtype)

    def refused(self, prompt: int) -> bool:
        """Whether the store did not know, judged when the prompt had been read."""
        beams = max(1, len(self.confidence) // len(self._copyable))
        return bool(self.confidence) and self.confidence[prompt * beams] < self.threshold

    def fact(self, prompt: int, key: SpanKey) -> Fact:
        """The fact that a span belongs to."""
        return self._copyable[prompt].facts[key.fact]

    def finished(self, prompt: int, ids: Sequence[int]) -> tuple[Copied, ...]:
        """The spans that were copied in the generated tokens `ids` of a prompt."""
        step = self._after(prompt, tuple(ids))
        return step.done

    def _row(self, prompt: int, ids: tuple[int, ...], log_p: Tensor, weights: list[float], gate: list[float]) -> Tensor:
        step = self._after(prompt, ids)
        spans = self._copyable[prompt].spans
        if self.refused(prompt):
            return log_p
        if step.open:
            out = torch.full_like(log_p, -torch.inf)
            total = sum(step.open.values())
            p: dict[int, float] = {}
            for key, weight in step.open.items():
                token = spans[key][step.depth]
                p[token] = p.get(token, 0.0) + weight / total
            for token, value in p.items():
                out[token] = torch.tensor(value).log()
            self._steps[prompt, ids] = step
            return out
        copied = {copied.key for copied in step.done}
        starts = {}
        known = max(1e-9, sum(weights[:-1]))
        for key in spans:
            if key not in copied:
                starts[key] = gate[1 + key.kind] * weights[key.fact] / known
        write = max(1e-9, 1.0 - sum(starts.values()))
        out = log_p.exp() * write  # [vocab]
        if step.done and step.done[-1].end == len(ids):
            out[self._glued] = 0.0
        added: dict[int, float] = {}
        for key, weight in starts.items():
            added[spans[key][0]] = added.get(spans[key][0], 0.0) + weight
        first = torch.tensor(list(added), dtype=torch.long, device=out.device)  # [s]
        written = dict(zip(added, out[first].tolist(), strict=True))
        out[first] += torch.tensor(list(added.values()), dtype=out.dtype, device=out.device)
        self._steps[prompt, ids] = Step(done=step.done, starts=starts, written=written)
        return out.clamp_min(1e-30).log()

    def _after(self, prompt: int, ids: tuple[int, ...]) -> Step:
        """The state after `ids`, from the state before its last token."""
        if not ids:
            return Step()
        before = self._steps.get((prompt, ids[:-1]))
        if before is None:  # the row was not followed (a forced prefix, say): nothing is open
            return Step()
        token, spans = ids[-1], self._copyable[prompt].spans
        if before.open:
            return self._advance(prompt, before, len(ids), token)
        opened = {key: weight for key, weight in before.starts.items() if spans[key][0] == token}
        if sum(opened.values()) <= before.written.get(token, 0.0):
            return Step(done=before.done)
        started = Step(open=opened, depth=0, started_at=len(ids) - 1, done=before.done)
        return self._advance(prompt, started, len(ids), token)

    def _advance(self, prompt: int, step: Step, length: int, token: int) -> Step:
        spans = self._copyable[prompt].spans
        alive = {key: weight for key, weight in step.open.items() if spans[key][step.depth] == token}
        if not alive:
            return Step(done=step.done)
        depth = step.depth + 1
        best = max(alive, key=lambda key: alive[key])
        if len(spans[best]) == depth:
            weight = sum(w for key, w in alive.items() if spans[key] == spans[best])
            return Step(done=(*step.done, Copied(step.started_at, length, best, min(1.0, weight))))
        alive = {key: weight for key, weight in alive.items() if len(spans[key]) > depth}
        return Step(open=alive, depth=depth, started_at=step.started_at, done=step.done)


def kind_name(key: SpanKey) -> str:
    """`term` or `value`."""
    return SPAN_KINDS[key.kind]
