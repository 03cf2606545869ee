"""`KnowledgeModel`: a language model that answers questions from a store."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import StoppingCriteriaList

from kvdb import SearchLimits, Store
from kvdb.errors import AdapterError

from .answer import UNKNOWN, Answer, is_unrelated, time_taken
from .attachment import Knowledge, attached, store_facts
from .attend.adapter import Adapter, Card
from .citing import answer_of
from .conversation import Conversation
from .generating import StopRefused, Turns, generated
from .models.encoders import Encoder
from .models.language_model import load_language_model
from .prompted import FACTS_IN_PROMPT, PromptedFacts
from .question.context import answer_from_context, check_prefer, context_prompt, speaks_of
from .question.hops import Reader
from .question.relatedness import Relatedness
from .question.steps import Asking
from .refusal.calibration_note import Calibration
from .refusal.confidence import Evidence
from .select.knowledge import StoreFacts
from .select.page_table import PageCounters
from .select.pager import DEFAULT_BUDGET
from .select.routing import Route


class KnowledgeModel:
    """Answers from a store, with citations, through the model's own attention. Not for use by several threads at once.

    The pager lives as long as this object: pages that one question brought serve the next.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        store: Store,
        *,
        adapter: str | Path | tuple[Adapter, Card] | None = "default",
        encoder: str | Encoder | None = None,
        memory: str | int = DEFAULT_BUDGET,
        route: str = "hybrid",
        limits: SearchLimits | None = None,
        threshold: float | None = None,
        calibration: Calibration | None = None,
        facts_in_prompt: int | None = FACTS_IN_PROMPT,
        only_store: bool = False,
    ) -> None:
        """As `attach`; what does not fit is refused here, not at the first question.

        `only_store`: say "I do not know." to everything that the store cannot answer. Else a question that has nothing
        to do with the store ("Write a haiku") gets the plain model's answer, `answered` False and nothing cited.

        `adapter=None` works with any causal model: the `facts_in_prompt` facts that fit a question best (None: the
        whole store) go into its prompt instead of its attention, by the route "hybrid" or "encoder"; `memory` and
        `threshold` mean nothing then. See kvdb_sdk/prompted.py.
        """
        self.model, self.tokenizer, self.store, self.only_store = model, tokenizer, store, only_store
        self._prompted: PromptedFacts | None = None
        if adapter is None:
            context = getattr(model.config, "max_position_embeddings", None)
            self._prompted = PromptedFacts(
                tokenizer, store, encoder=encoder, route=route, limits=limits, facts_in_prompt=facts_in_prompt,
                context=context,
            )  # fmt: skip
            return
        self._facts = store_facts(
            model,
            tokenizer,
            store,
            adapter=adapter,
            encoder=encoder,
            memory=memory,
            route=route,
            limits=limits,
            threshold=threshold,
            calibration=calibration,
        )

    @classmethod
    def from_pretrained(
        cls, model_name: str, store: Store, *, device: str | None = None, dtype: Any = None, **options: Any
    ) -> KnowledgeModel:
        """Load a language model by name, folder or hub id; `options` as the constructor's. Raises UnknownModelError."""
        model, tokenizer = load_language_model(model_name, device=device, dtype=dtype)
        return cls(model, tokenizer, store, **options)

    @property
    def reader(self) -> Reader:
        """What the store knows of the words of a question."""
        return self._prompted if self._prompted is not None else self._facts

    def conversation(self) -> Conversation:
        """Several turns, of which later ones may lean on earlier ones. See kvdb_sdk/conversation.py."""
        return Conversation(self)

    def ask(
        self,
        question: str,
        *,
        route: str | None = None,
        max_new_tokens: int = 96,
        context: str | None = None,
        prefer: str = "store",
        turns: Turns = (),
    ) -> Answer:
        """Answer one question from the store, greedily. Where it does not know, the answer says so. See Answer.

        `context`: text that may speak of what is asked, and that may contradict the store. `prefer` says which wins:
        with "store" the context is read only where the store does not know, with "context" the store is asked only
        where the context does not speak of it (kvdb_sdk/question/context.py). What rests on the context has
        `stats["from"] == "context"`, no citations and `answered` False. `turns`: earlier questions and answers, for the
        plain model where the question has nothing to do with the store. Raises LimitError for no such `prefer`.
        """
        check_prefer(prefer)
        reader = self._prompted or self._facts
        if context is None or prefer == "store" or not speaks_of(context, question, self.reader, reader.encoder):
            plain = context is None and not self.only_store
            answer = self._ask_many([question], route, max_new_tokens, turns, plain)[0]
            if context is None or answer.answered:
                return answer
        started = time.perf_counter()
        ids = self._generate(self.model.generate, [context_prompt(question, context)], max_new_tokens, turns)[0]
        text = self.tokenizer.decode(ids, skip_special_tokens=True).strip()
        return answer_from_context(text, len(ids), time.perf_counter() - started)

    def ask_many(self, questions: Sequence[str], *, route: str | None = None, max_new_tokens: int = 96) -> list[Answer]:
        """Answer questions in one batch, each as `ask` would: several times the throughput of one by one.

        On the hybrid route a question about several facts is taken in steps (kvdb_sdk/question/steps.py). In the stats
        `tokens`, `confidence`, `facts` and `related` are of the answer, the rest of the whole batch.
        """
        return self._ask_many(questions, route, max_new_tokens, (), not self.only_store)

    def _ask_many(
        self, questions: Sequence[str], route: str | None, max_new_tokens: int, turns: Turns, plain: bool
    ) -> list[Answer]:
        """As ask_many; `plain`: questions that are none for the store get the plain model's answers, after `turns`."""
        if not questions:
            return []
        if self._prompted is not None:
            answers = self._prompted.ask_many(
                questions,
                lambda prompts: self._generate(self.model.generate, prompts, max_new_tokens),
                route=route,
                most_tokens=max_new_tokens,
            )
            return self._vouched_for(answers)
        started = time.perf_counter()
        before = replace(self._facts.pager.counters)
        attaching = attached(self.model, self.tokenizer, self._facts)
        with self._routed(route) as by, attaching as knowledge, self._facts.generation():
            answers = self._in_steps(knowledge, questions, max_new_tokens)
        if plain:
            answers = self._not_for_the_store(questions, answers, max_new_tokens, turns)
        total = sum(answer.stats["tokens"] for answer in answers)
        stats = {"route": by} | self._stats(before, total, time.perf_counter() - started)
        for answer in answers:
            answer.stats.update(stats | {"tokens": answer.stats["tokens"]})
        return self._vouched_for(answers)

    def _vouched_for(self, answers: list[Answer]) -> list[Answer]:
        """The answers; where only the store may speak, none in the model's own words."""
        if not self.only_store:
            return answers
        return [a if a.answered else replace(a, text=UNKNOWN, spans=()) for a in answers]

    def _in_steps(self, knowledge: Knowledge, questions: Sequence[str], most: int) -> list[Answer]:
        """The answers to questions that may each take several steps; one batch a round."""
        whole = self._facts.route != "hybrid" or not self._facts.adapter.config.copies
        asking = [Asking.whole(question) if whole else Asking.start(question, self._facts) for question in questions]
        while waiting := [one for one in asking if one.answer is None]:
            heard = iter(self._asked(knowledge, [text for one in waiting for text in one.waiting], most))
            for one in waiting:
                one.hear([next(heard) for _ in one.waiting])
        return [one.answer for one in asking if one.answer is not None]

    def _asked(self, knowledge: Knowledge, questions: Sequence[str], most: int) -> list[Answer]:
        """One batch through the attached model; an empty store knows nothing."""
        with self._facts.generation() as snapshot:
            if not snapshot.rows:
                return [Answer(UNKNOWN, False, stats={"facts": 0, "attended": [], "tokens": 0}) for _ in questions]
        stop = StoppingCriteriaList([StopRefused(knowledge)])
        rows = self._generate(knowledge.generate, questions, most, stopping_criteria=stop)
        copier = knowledge.copier
        answers = []
        for b, ids in enumerate(rows):
            refused = copier is not None and copier.refused(b)
            answer = answer_of(self.tokenizer, knowledge, b, ids[:1] if refused else ids)
            answer.stats["tokens"] = 1 if refused else len(ids)
            if refused:
                answer.stats["related"] = round(self._facts.related(b), 4)
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
            rows = self._generate(self.model.generate, [questions[b] for b in others], most, turns)
        for b, ids in zip(others, rows, strict=True):
            text, stats = self.tokenizer.decode(ids, skip_special_tokens=True).strip(), answers[b].stats
            answers[b] = replace(answers[b], text=text, stats=stats | {"tokens": stats["tokens"] + len(ids)})
        return answers

    @property
    def facts(self) -> StoreFacts:
        """How the attention sees the store. Raises AdapterError where the facts go into the prompt."""
        if self._prompted is not None:
            raise AdapterError("without an adapter no attention reads the store: give an adapter")
        return self._facts

    def judge(self, questions: Sequence[str], *, hidden: Iterable[int] = ()) -> list[Judged]:
        """What refusal goes by, for each question as it stands; nothing is answered.

        `hidden`: ids of rows that are left out, as if the store did not have them.
        """
        facts = self.facts
        if not facts.adapter.config.copies:
            raise AdapterError("this adapter does not copy and leaves refusal to the model: choose one that copies")
        facts.hidden = frozenset(hidden)
        try:
            with attached(self.model, self.tokenizer, facts) as knowledge, facts.generation() as snapshot:
                if not snapshot.rows:
                    return [Judged(Evidence(null=1.0, weight=0.0), None, None) for _ in questions]
                self._generate(knowledge.generate, questions, 1)
                return [
                    Judged(found, facts.relatedness(b), _row(knowledge, b))
                    for b, found in enumerate(knowledge.evidence)
                ]
        finally:
            facts.hidden = frozenset()

    def ask_plain(self, question: str, *, max_new_tokens: int = 96) -> str:
        """What the same model says without the store; greedy."""
        with torch.no_grad():
            ids = self._generate(self.model.generate, [question], max_new_tokens)[0]
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return text.strip()

    def _generate(
        self, generate: Any, questions: Sequence[str], most: int, turns: Turns = (), **more: Any
    ) -> list[list[int]]:
        context = getattr(self.model.config, "max_position_embeddings", None)
        return generated(
            self.tokenizer,
            generate,
            questions,
            most,
            turns,
            device=self.model.device,
            context=context,
            config=getattr(self.model, "generation_config", None),
            **more,
        )

    @contextmanager
    def _routed(self, route: str | None) -> Iterator[Route]:
        usual = self._facts.route
        self._facts.route = self._facts.checked_route(route or usual)
        try:
            yield self._facts.route
        finally:
            self._facts.route = usual

    def _stats(self, before: PageCounters, tokens: int, seconds: float) -> dict[str, Any]:
        pager = self._facts.pager
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


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of a question when its prompt has been read.

    `relatedness`: None on the attention route. `row`: the one read most, which `evidence` is about; None without any.
    """

    evidence: Evidence
    relatedness: Relatedness | None
    row: int | None


def _row(knowledge: Knowledge, prompt: int) -> int | None:
    """The row that a prompt of the last `generate` read most."""
    rows = knowledge.facts.selected[prompt]
    return int(rows[knowledge.judged[prompt][0]]) if len(rows) else None
