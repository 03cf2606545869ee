"""`KnowledgeModel`: a language model that answers questions from a store."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from kvdb import SearchLimits, Store
from kvdb.errors import AdapterError

from .answer import UNKNOWN, Answer
from .attached_facts import AttachedFacts, Judged
from .attachment import store_facts
from .attend.adapter import Adapter, Card
from .conversation import Conversation
from .generating import Turns, written
from .models.encoders import Encoder
from .models.language_model import load_language_model
from .prompted import FACTS_IN_PROMPT, PromptedFacts
from .question.context import answer_from_context, check_prefer, context_prompt, speaks_of
from .refusal.calibration_note import Calibration
from .select.knowledge import StoreFacts
from .select.pager import DEFAULT_BUDGET
from .select.store_reader import StoreReader


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
        self._answering: AttachedFacts | PromptedFacts
        if adapter is None:
            self._answering = PromptedFacts(
                model, tokenizer, store, encoder=encoder, route=route, limits=limits, facts_in_prompt=facts_in_prompt
            )
            return
        facts = store_facts(
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
        self._answering = AttachedFacts(model, tokenizer, facts)

    @classmethod
    def from_pretrained(
        cls, model_name: str, store: Store, *, device: str | None = None, dtype: Any = None, **options: Any
    ) -> KnowledgeModel:
        """Load a language model by name, folder or hub id; `options` as the constructor's. Raises UnknownModelError."""
        model, tokenizer = load_language_model(model_name, device=device, dtype=dtype)
        return cls(model, tokenizer, store, **options)

    @property
    def reader(self) -> StoreReader:
        """What the store knows of the words of a question."""
        return self._answering.reader

    @property
    def facts(self) -> StoreFacts:
        """How the attention sees the store. Raises AdapterError where the facts go into the prompt."""
        return self._attached.reader

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
        if context is None or prefer == "store" or not speaks_of(context, question, self.reader, self.reader.encoder):
            plain = context is None and not self.only_store
            answer = self._ask_many([question], route, max_new_tokens, turns, plain)[0]
            if context is None or answer.answered:
                return answer
        started = time.perf_counter()
        [ids] = written(self.model, self.tokenizer, [context_prompt(question, context)], max_new_tokens, turns)
        text = self.tokenizer.decode(ids, skip_special_tokens=True).strip()
        return answer_from_context(text, len(ids), time.perf_counter() - started)

    def ask_many(self, questions: Sequence[str], *, route: str | None = None, max_new_tokens: int = 96) -> list[Answer]:
        """Answer questions in one batch, each as `ask` would: several times the throughput of one by one.

        On the hybrid route a question about several facts is taken in steps (kvdb_sdk/question/steps.py). In the stats
        `tokens`, `confidence`, `facts` and `related` are of the answer, the rest of the whole batch.
        """
        return self._ask_many(questions, route, max_new_tokens, (), not self.only_store)

    def judge(self, questions: Sequence[str], *, hidden: Iterable[int] = ()) -> list[Judged]:
        """What refusal goes by, for each question as it stands; nothing is answered.

        `hidden`: ids of rows that are left out, as if the store did not have them. Raises AdapterError where no adapter
        copies.
        """
        return self._attached.judge(questions, hidden=hidden)

    def ask_plain(self, question: str, *, max_new_tokens: int = 96) -> str:
        """What the same model says without the store; greedy."""
        with torch.no_grad():
            [ids] = written(self.model, self.tokenizer, [question], max_new_tokens)
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return text.strip()

    @property
    def _attached(self) -> AttachedFacts:
        if not isinstance(self._answering, AttachedFacts):
            raise AdapterError("without an adapter no attention reads the store: give an adapter")
        return self._answering

    def _ask_many(
        self, questions: Sequence[str], route: str | None, most: int, turns: Turns, plain: bool
    ) -> list[Answer]:
        """As ask_many; `plain`: questions that are none for the store get the plain model's answers, after `turns`."""
        if not questions:
            return []
        answers = self._answering.ask_many(questions, route=route, most_tokens=most, turns=turns, plain=plain)
        if self.only_store:  # nothing in the model's own words
            answers = [a if a.answered else replace(a, text=UNKNOWN, spans=()) for a in answers]
        return answers
