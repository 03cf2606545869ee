"""The ways to answer from facts that benchmarks/accuracy.py compares, all with the same language model."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kvdb import SearchLimits, Store
from kvdb_sdk import Answer, Encoder, KnowledgeModel
from kvdb_sdk.answer import says_unknown


@dataclass(frozen=True, slots=True)
class Loaded:
    """What all methods share. `adapters`: folder or name of `kblam`, `atlaskv`, `ours` (trained for as many steps as
    those) and `kvdb` (the one that is to be judged), those that there are."""

    model: Any
    tokenizer: Any
    encoder: Encoder
    adapters: Mapping[str, str]
    memory: str


@dataclass(frozen=True, slots=True)
class Method:
    """One way. `most`: facts above which it is not tried. `alone`: one question at a time, since its memory grows with
    the facts. `sized` False: the facts do not matter, so it runs once. `adapter`: the one it needs."""

    title: str
    make: Callable[[Loaded, Store, int], Any]
    most: int | None = None
    alone: bool = False
    sized: bool = True
    adapter: str | None = None


class Plain:
    """The model without any fact, in the form of a KnowledgeModel."""

    def __init__(self, loaded: Loaded, store: Store) -> None:
        self.store = store
        self._tokenizer = loaded.tokenizer
        self._model = KnowledgeModel(loaded.model, loaded.tokenizer, store, adapter=None, encoder=loaded.encoder)

    def ask_many(self, questions: Sequence[str]) -> list[Answer]:
        return [self._ask(question) for question in questions]

    def _ask(self, question: str) -> Answer:
        started = time.perf_counter()
        text = self._model.ask_plain(question)
        seconds = time.perf_counter() - started
        tokens = max(1, len(self._tokenizer(text, add_special_tokens=False)["input_ids"]))
        stats = {"tokens": tokens, "seconds": seconds, "ms_per_token": 1000 * seconds / tokens}
        return Answer(text, not says_unknown(text), stats=stats)


def _prompted(facts: int | None) -> Callable[[Loaded, Store, int], Any]:
    def make(loaded: Loaded, store: Store, size: int) -> Any:
        return KnowledgeModel(
            loaded.model, loaded.tokenizer, store, adapter=None, encoder=loaded.encoder, facts_in_prompt=facts
        )

    return make


def _attending(adapter: str, route: str, *, everything: bool = False) -> Callable[[Loaded, Store, int], Any]:
    def make(loaded: Loaded, store: Store, size: int) -> Any:
        return KnowledgeModel(
            loaded.model,
            loaded.tokenizer,
            store,
            adapter=loaded.adapters[adapter],
            encoder=None if route == "attention" else loaded.encoder,
            memory=loaded.memory,
            route=route,
            limits=SearchLimits(size, size, size) if everything else None,
        )

    return make


METHODS = {
    "plain": Method("no facts", lambda loaded, store, _: Plain(loaded, store), sized=False),
    "all": Method("all facts in the prompt", _prompted(None), alone=True),
    "prompt5": Method("top 5 in the prompt", _prompted(5)),
    "prompt16": Method("top 16 in the prompt", _prompted(16)),
    "kblam": Method(
        "KBLaM's recipe", _attending("kblam", "attention", everything=True), most=10_000, alone=True, adapter="kblam"
    ),
    "atlaskv": Method("AtlasKV's recipe", _attending("atlaskv", "attention"), adapter="atlaskv"),
    "ours": Method("kvdb's recipe, hybrid", _attending("ours", "hybrid"), adapter="ours"),
    "ours_attention": Method("kvdb's recipe, attention", _attending("ours", "attention"), adapter="ours"),
    "hybrid": Method("kvdb, hybrid", _attending("kvdb", "hybrid"), adapter="kvdb"),
    "encoder": Method("kvdb, encoder", _attending("kvdb", "encoder"), adapter="kvdb"),
    "attention": Method("kvdb, attention", _attending("kvdb", "attention"), adapter="kvdb"),
}
