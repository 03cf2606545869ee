"""Facts in the prompt: how a model without an adapter answers from a store, and any causal model can.

    select -> number -> prompt -> text -> cite

The facts that the encoder finds nearest, and those about terms that the question names, go into the user's turn as
numbered KG2KV sentences, before the question. It needs no training and works from the first minute; it costs the tokens
of the facts in every question, the model must copy values by itself, and whether it may say that it does not know is up
to it. docs/attention.md has the way that needs none of that, and benchmarks/accuracy.py compares the two.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from kvdb import SearchLimits, Snapshot, Store
from kvdb.encoder import check_encoder
from kvdb.errors import LimitError
from kvdb.types import U64, row_of

from .answer import UNKNOWN, Answer, time_taken
from .generating import Turns, written
from .models.encoders import Encoder, encoder_for
from .models.prompts import chat_prompt
from .question.aliases import by_any_name
from .question.relation_match import RelationMatch
from .question.rows import row_in_words
from .select.finding import Found, find
from .select.pager import Pager
from .select.relations import StoreRelations
from .select.routing import check_route
from .select.store_reader import StoreReader
from .text_answer import InWords, answer_from_text

FACTS_IN_PROMPT = 5
NAMED_BONUS, RELATION_BONUS = 0.05, 0.6  # for facts that the question names, as adapters have them (AdapterConfig)


class PromptedFacts(StoreReader):
    """Answers questions from a store through the prompt of a model."""

    encoder: Encoder
    matcher: RelationMatch

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        store: Store,
        *,
        encoder: str | Encoder | None = None,
        route: str = "hybrid",
        limits: SearchLimits | None = None,
        facts_in_prompt: int | None = FACTS_IN_PROMPT,
    ) -> None:
        """`facts_in_prompt`: how many at most, None for the whole store.

        Raises EncoderMismatchError, and LimitError for a number below 1 or the route "attention".
        """
        if facts_in_prompt is not None and facts_in_prompt < 1:
            raise LimitError(f"facts_in_prompt is {facts_in_prompt}: give 1 or more, or None for the whole store")
        self.model, self.tokenizer, self.store, self.facts_in_prompt = model, tokenizer, store, facts_in_prompt
        self.context: int | None = getattr(model.config, "max_position_embeddings", None)  # tokens that it can read
        self.route = check_prompted_route(route)
        limits = limits or SearchLimits()
        self.limits = replace(limits, leaf_top_k=max(limits.leaf_top_k, facts_in_prompt or 1))
        self.encoder = encoder_for(store.encoder, encoder, device=model.device)
        if store.encoder is not None:
            check_encoder(store.path, store.encoder, self.encoder.record)
        dim = self.encoder.record.dim
        self.matcher = RelationMatch(self.encoder)
        self.relations = StoreRelations()
        # Rows are scored where they lie in the store's map, so that no page and no sigma is ever made.
        self.pager = Pager(dim, torch.ones_like, device="cpu")

    @property
    def reader(self) -> StoreReader:
        """What the store knows of the words of a question."""
        return self

    def ask_many(
        self, questions: Sequence[str], *, route: str | None, most_tokens: int, turns: Turns = (), plain: bool = True
    ) -> list[Answer]:
        """As KnowledgeModel.ask_many. `turns` and `plain` change nothing: the model always writes, and of the facts.

        In the stats `tokens` and `facts` are of the answer, the rest of the whole batch. Raises LimitError where the
        facts do not fit.
        """
        started = time.perf_counter()
        route = check_prompted_route(route or self.route)
        with self.store.snapshot() as snapshot:
            read = self._read(snapshot, questions, route)
        if not any(read):
            return [Answer(UNKNOWN, False, stats=_stats(route, 0, 0, 0, 0.0)) for _ in questions]
        prompts = [fact_prompt(q, [row.answer for _, row in facts]) for q, facts in zip(questions, read, strict=True)]
        for prompt in prompts:
            self._check_fits(prompt, most_tokens)
        rows = written(self.model, self.tokenizer, prompts, most_tokens)
        seconds, total = time.perf_counter() - started, sum(map(len, rows))
        answers = []
        for ids, facts in zip(rows, read, strict=True):
            text = self.tokenizer.decode(ids, skip_special_tokens=True).strip()
            stats = _stats(route, len(facts), len(ids), total, seconds)
            answers.append(answer_from_text(text, facts, stats, numbered=True))
        return answers

    def generation(self) -> AbstractContextManager[Snapshot]:
        """The store as it is now."""
        return self.store.snapshot()

    def _read(self, snapshot: Snapshot, questions: Sequence[str], route: str) -> list[list[InWords]]:
        """The facts for each question, in the order of the prompt."""
        if not snapshot.rows:
            return [[] for _ in questions]
        if self.facts_in_prompt is None:
            every = self._all(snapshot)
            return [every for _ in questions]
        vectors = self.encoder([question or "?" for question in questions])  # [B, E]
        matcher = by_any_name(self.matcher, self.relations.names(snapshot)) if route == "hybrid" else None
        found = find(snapshot, questions, vectors, matcher, self.pager, self.limits)
        return [[row_in_words(snapshot, int(row)) for row in self._best(snapshot, each)] for each in found]

    def _all(self, snapshot: Snapshot) -> list[InWords]:
        """Every fact of the store, under its first masking, by id."""
        if self.context is not None and snapshot.rows > self.context:
            raise LimitError(f"{snapshot.rows} facts do not fit into a prompt of {self.context} tokens: {_REMEDY}")
        return [row_in_words(snapshot, row_of(fact.id, snapshot.masks[0])) for fact in snapshot.match()]

    def _best(self, snapshot: Snapshot, found: Found) -> U64:
        """The rows that fit the question best, best first: by similarity, and by their relation where it names them."""
        bonus = [NAMED_BONUS + RELATION_BONUS * found.match[r] if r in found.match else 0 for r in found.rows.tolist()]
        fit = snapshot.key_vectors(found.rows) @ found.vector + np.array(bonus, np.float32)  # [n]
        return found.rows[np.argsort(-fit, kind="stable")[: self.facts_in_prompt]]

    def _check_fits(self, prompt: str, most_tokens: int) -> None:
        if self.context is None:
            return
        tokens = len(self.tokenizer(chat_prompt(self.tokenizer, prompt), add_special_tokens=False)["input_ids"])
        if tokens + most_tokens > self.context:
            raise LimitError(
                f"the facts and the question take {tokens} tokens and the answer up to {most_tokens}, and the model "
                f"reads {self.context}: {_REMEDY}"
            )


_REMEDY = "lower facts_in_prompt, or use an adapter, which puts no fact into the prompt"


def check_prompted_route(route: str) -> str:
    """The route by its name: "encoder" takes the nearest facts, "hybrid" also those that the question names."""
    if check_route(route) == "attention":
        raise LimitError(
            'route "attention" needs an adapter; without one choose "hybrid" or "encoder", or train one with '
            "`kvdb train`"
        )
    return route


def fact_prompt(question: str, sentences: Sequence[str]) -> str:
    """The user's turn: numbered facts, what to do with them, and the question."""
    facts = "\n".join(f"[{number}] {sentence}" for number, sentence in enumerate(sentences, 1))
    return (
        f"Facts:\n{facts}\n\n"
        "Answer the question in one sentence from these facts only. Give the number of the fact that you used in "
        f'brackets, such as [1]. If the facts do not tell, answer "{UNKNOWN}"\n\n'
        f"Question: {question}"
    )


def _stats(route: str, facts: int, tokens: int, total: int, seconds: float) -> dict[str, Any]:
    return {"route": route, "facts": facts, "tokens": tokens, **time_taken(seconds, total)}
