"""`KnowledgeModel`: a language model that answers questions from a store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from kvdb import SearchLimits, Store
from kvdb.types import Fact

from .adapter import Adapter, Card
from .answer import Answer, Citation, Span
from .attachment import Knowledge, attached, store_facts
from .copying import Copier, kind_name
from .encoders import Encoder
from .language_model import load_language_model
from .page_table import PageCounters
from .pager import DEFAULT_BUDGET
from .prompts import chat_prompt
from .routing import check_route
from .rows import row_in_words
from .wordings import UNKNOWN


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
        adapter: str | Path | tuple[Adapter, Card] = "default",
        encoder: str | Encoder | None = None,
        memory: str | int = DEFAULT_BUDGET,
        route: str = "hybrid",
        limits: SearchLimits | None = None,
        threshold: float | None = None,
    ) -> None:
        """As `attach`; what does not fit is refused here, not at the first question."""
        self.model, self.tokenizer, self.store = model, tokenizer, store
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
        )

    @classmethod
    def from_pretrained(
        cls, model_name: str, store: Store, *, device: str | None = None, dtype: Any = None, **options: Any
    ) -> KnowledgeModel:
        """Load a language model by name, folder or hub id; `options` as the constructor's. Raises UnknownModelError."""
        model, tokenizer = load_language_model(model_name, device=device, dtype=dtype)
        return cls(model, tokenizer, store, **options)

    def ask(self, question: str, *, route: str | None = None, max_new_tokens: int = 96) -> Answer:
        """Answer one question from the store, greedily. Where it does not know, the answer says so. See Answer."""
        started = time.perf_counter()
        before = _copy(self._facts.pager.counters)
        with self._routed(route), attached(self.model, self.tokenizer, self._facts) as knowledge:
            with self._facts.generation():
                stop = StoppingCriteriaList([_Refused(knowledge)])
                ids = self._generate(knowledge.generate, question, max_new_tokens, stopping_criteria=stop)
                answer = _answer(self.tokenizer, knowledge, ids)
            answer.stats.update(self._stats(before, len(ids), time.perf_counter() - started))
        return answer

    def ask_plain(self, question: str, *, max_new_tokens: int = 96) -> str:
        """What the same model says without the store; greedy."""
        with torch.no_grad():
            ids = self._generate(self.model.generate, question, max_new_tokens)
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True)
        return text.strip()

    def _generate(self, generate: Any, question: str, max_new_tokens: int, **more: Any) -> list[int]:
        prompt = chat_prompt(self.tokenizer, question)
        inputs = self.tokenizer(prompt, return_tensors="pt", add_special_tokens=False).to(self.model.device)
        end = self.tokenizer.eos_token_id
        out = generate(
            **inputs, max_new_tokens=max_new_tokens, do_sample=False, pad_token_id=end, eos_token_id=end, **more
        )
        ids: list[int] = out[0, inputs["input_ids"].shape[1] :].tolist()
        return ids

    @contextmanager
    def _routed(self, route: str | None) -> Iterator[None]:
        usual = self._facts.route
        self._facts.route = check_route(route or usual)
        try:
            yield
        finally:
            self._facts.route = usual

    def _stats(self, before: PageCounters, tokens: int, seconds: float) -> dict[str, Any]:
        pager = self._facts.pager
        now = pager.counters
        return {
            "route": self._facts.route,
            "tokens": tokens,
            "seconds": round(seconds, 4),
            "ms_per_token": round(1000 * seconds / max(1, tokens), 2),
            "pages_hit": now.hits - before.hits,
            "pages_missed": now.misses - before.misses,
            "pages_evicted": now.evictions - before.evictions,
            "bytes_paged": now.bytes - before.bytes,
            "resident_bytes": pager.resident_bytes,
            "budget_bytes": pager.budget,
        }


class _Refused(StoppingCriteria):
    """Stops at once where the store does not know: there is nothing to write then."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        copier = self._knowledge.copier
        refused = copier is not None and copier.refused(0)
        return torch.full((len(input_ids),), refused, dtype=torch.bool, device=input_ids.device)


def _copy(counters: PageCounters) -> PageCounters:
    return PageCounters(counters.hits, counters.misses, counters.evictions, counters.stale, counters.bytes)


def _answer(tokenizer: Any, knowledge: Knowledge, ids: list[int]) -> Answer:
    copier = knowledge.copier
    facts = len(knowledge.facts.selected[0]) if knowledge.facts.selected else 0
    stats: dict[str, Any] = {"facts": facts}
    whole: str = tokenizer.decode(ids, skip_special_tokens=True)
    if copier is None or not facts:
        return Answer(whole.strip(), False, stats=stats)
    if copier.confidence:
        stats["confidence"] = round(copier.confidence[0], 4)
    if copier.refused(0):
        return Answer(UNKNOWN, False, stats=stats)
    spans, citations = _copied(tokenizer, copier, ids, whole)
    if citations:
        return Answer(whole.strip(), True, citations, spans, stats)
    return _worded_by_store(knowledge, copier, stats)


def _copied(
    tokenizer: Any, copier: Copier, ids: list[int], whole: str
) -> tuple[tuple[Span, ...], tuple[Citation, ...]]:
    """What of the generated text was copied, and the facts whose values were."""
    lead = len(whole) - len(whole.lstrip())
    spans: list[Span] = []
    weights: dict[Fact, float] = {}
    for part in copier.finished(0, ids):
        fact = copier.fact(0, part.key)
        start = len(tokenizer.decode(ids[: part.start], skip_special_tokens=True))
        end = len(tokenizer.decode(ids[: part.end], skip_special_tokens=True))
        start += len(whole[start:end]) - len(whole[start:end].lstrip())
        spans.append(Span(start - lead, end - lead, fact.id, kind_name(part.key)))
        if kind_name(part.key) == "value":
            weights[fact] = max(part.weight, weights.get(fact, 0.0))
    ranked = sorted(weights.items(), key=lambda item: -item[1])
    return tuple(spans), tuple(_citation(fact, weight) for fact, weight in ranked)


def _worded_by_store(knowledge: Knowledge, copier: Copier, stats: dict[str, Any]) -> Answer:
    """The store knows, but the model wrote an answer without a value: KG2KV's sentence of the fact it read most."""
    place, weight = copier.read_most[0]
    with knowledge.facts.generation() as snapshot:
        fact, sentence = row_in_words(snapshot, int(knowledge.facts.selected[0][place]))
    text = sentence.answer
    start = text.rindex(sentence.value)
    span = Span(start, start + len(sentence.value), fact.id, "value")
    return Answer(text, True, (_citation(fact, weight),), (span,), {**stats, "worded_by": "store"})


def _citation(fact: Fact, weight: float) -> Citation:
    return Citation(fact.id, fact.head, fact.relation, fact.tail, round(weight, 4))
