"""Facts in the attention: how a model with an adapter answers from a store.

    steps -> attach -> generate -> copy -> cite

What of it happens inside the model is in attend/ and select/; attachment.py puts it there and takes it away again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from transformers import StoppingCriteriaList

from kvdb.errors import AdapterError

from .answer import UNKNOWN, Answer, is_unrelated, time_taken
from .attachment import Knowledge, attached
from .citing import answer_of
from .generating import StopRefused, Turns, written
from .question.asking import Asking
from .question.joining import ended_once
from .question.relatedness import Relatedness
from .refusal.confidence import Evidence
from .select.knowledge import StoreFacts
from .select.page_table import PageCounters
from .select.routing import Route


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of a question when its prompt has been read.

    `relatedness`: None on the attention route. `row`: the one read most, which `evidence` is about; None without any.
    """

    evidence: Evidence
    relatedness: Relatedness | None
    row: int | None


class AttachedFacts:
    """Answers questions from a store through the attention of a model."""

    def __init__(self, model: Any, tokenizer: Any, reader: StoreFacts) -> None:
        self.model, self.tokenizer, self.reader = model, tokenizer, reader

    def ask_many(
        self, questions: Sequence[str], *, route: str | None, most_tokens: int, turns: Turns, plain: bool
    ) -> list[Answer]:
        """As KnowledgeModel.ask_many; `plain`: questions that are none for the store get the plain model's answers,
        after `turns`.
        """
        started = time.perf_counter()
        before = replace(self.reader.pager.counters)
        attaching = attached(self.model, self.tokenizer, self.reader)
        with self._routed(route) as by, attaching as knowledge, self.reader.generation():
            answers = [ended_once(answer) for answer in self._in_steps(knowledge, questions, most_tokens)]
        if plain:
            answers = self._not_for_the_store(questions, answers, most_tokens, turns)
        total = sum(answer.stats["tokens"] for answer in answers)
        stats = {"route": by} | self._stats(before, total, time.perf_counter() - started)
        for answer in answers:
            answer.stats.update(stats | {"tokens": answer.stats["tokens"]})
        return answers

    def judge(self, questions: Sequence[str], *, hidden: Iterable[int] = ()) -> list[Judged]:
        """As KnowledgeModel.judge."""
        facts = self.reader
        if not facts.adapter.config.copies:
            raise AdapterError("this adapter does not copy and leaves refusal to the model: choose one that copies")
        facts.hidden = frozenset(hidden)
        try:
            with attached(self.model, self.tokenizer, facts) as knowledge, facts.generation() as snapshot:
                if not snapshot.rows:
                    return [Judged(Evidence(null=1.0, weight=0.0), None, None) for _ in questions]
                written(self.model, self.tokenizer, questions, 1, generate=knowledge.generate)
                return [
                    Judged(found, facts.relatedness(b), _row(knowledge, b))
                    for b, found in enumerate(knowledge.evidence)
                ]
        finally:
            facts.hidden = frozenset()

    def _in_steps(self, knowledge: Knowledge, questions: Sequence[str], most: int) -> list[Answer]:
        """The answers to questions that may each take several steps; one batch a round."""
        whole = self.reader.route != "hybrid" or not self.reader.adapter.config.copies
        asking = [Asking.whole(question) if whole else Asking.start(question, self.reader) for question in questions]
        while waiting := [one for one in asking if one.answer is None]:
            heard = iter(self._asked(knowledge, [text for one in waiting for text in one.waiting], most))
            for one in waiting:
                one.hear([next(heard) for _ in one.waiting])
        return [one.answer for one in asking if one.answer is not None]

    def _asked(self, knowledge: Knowledge, questions: Sequence[str], most: int) -> list[Answer]:
        """One batch through the attached model; an empty store knows nothing."""
        with self.reader.generation() as snapshot:
            if not snapshot.rows:
                return [Answer(UNKNOWN, False, stats={"facts": 0, "attended": [], "tokens": 0}) for _ in questions]
        stop = StoppingCriteriaList([StopRefused(knowledge)])
        rows = written(
            self.model, self.tokenizer, questions, most, generate=knowledge.generate, stopping_criteria=stop
        )  # fmt: skip
        copier = knowledge.copier
        answers = []
        for b, ids in enumerate(rows):
            refused = copier is not None and copier.refused(b)
            answer = answer_of(self.tokenizer, knowledge, b, ids[:1] if refused else ids)
            answer.stats["tokens"] = 1 if refused else len(ids)
            if refused:
                answer.stats["related"] = round(self.reader.related(b), 4)
            answers.append(answer)
        return answers

    def _not_for_the_store(
        self, questions: Sequence[str], answers: list[Answer], most: int, turns: Turns
    ) -> list[Answer]:
        """Questions that are none for the store get the plain model's answers."""
        others = [b for b, answer in enumerate(answers) if is_unrelated(answer)]
        if not others:
            return answers
        with torch.no_grad():
            rows = written(self.model, self.tokenizer, [questions[b] for b in others], most, turns)
        for b, ids in zip(others, rows, strict=True):
            text, stats = self.tokenizer.decode(ids, skip_special_tokens=True).strip(), answers[b].stats
            answers[b] = replace(answers[b], text=text, stats=stats | {"tokens": stats["tokens"] + len(ids)})
        return answers

    @contextmanager
    def _routed(self, route: str | None) -> Iterator[Route]:
        usual = self.reader.route
        self.reader.route = self.reader.checked_route(route or usual)
        try:
            yield self.reader.route
        finally:
            self.reader.route = usual

    def _stats(self, before: PageCounters, tokens: int, seconds: float) -> dict[str, Any]:
        pager = self.reader.pager
        now = pager.counters
        return {
            "tokens": tokens,
            **time_taken(seconds, tokens),
            "pages_hit": now.hits - before.hits,
            "pages_missed": now.misses - before.misses,
            "pages_evicted": now.evictions - before.evictions,
            "bytes_paged": now.bytes - before.bytes,
            "resident_bytes": pager.resident_bytes,
            "budget_bytes": pager.budget,
        }


def _row(knowledge: Knowledge, prompt: int) -> int | None:
    """The row that a prompt of the last `generate` read most."""
    rows = knowledge.facts.selected[prompt]
    return int(rows[knowledge.judged[prompt][0]]) if len(rows) else None
