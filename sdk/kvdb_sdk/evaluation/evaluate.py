"""Asks a model questions whose answers are known, and measures the answers (kvdb_sdk/evaluation/report.py).

Questions are asked of facts with one tail only, in wordings that training never used (kvdb_sdk/question/wordings.py).
For refusal, facts are taken out of the store's candidates by asking about subjects that it does not have.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch

from kvdb import Triple
from kvdb.errors import LimitError
from kvdb.kg2kv import answer as answer_sentence
from kvdb.kg2kv import noun_forms

from ..answer import Answer
from ..question.wordings import HELD_OUT, word
from .metrics import contains
from .report import Asked, EvalReport, Outcome, summary

__all__ = ["Asked", "EvalReport", "contains", "evaluate", "questions"]


def questions(
    triples: Iterable[Triple],
    *,
    count: int,
    seed: int = 0,
    wordings: Sequence[str] = HELD_OUT,
    nouns: Callable[[str], str] = lambda relation: noun_forms(relation).tail_noun,
    known: bool = True,
) -> list[Asked]:
    """`count` questions about facts that have one tail for their (head, relation), drawn with `seed`."""
    everything = list(triples)
    tails = Counter((triple.head, triple.relation) for triple in everything)
    single = [triple for triple in everything if tails[triple.head, triple.relation] == 1]
    if not single:
        raise LimitError(
            "no fact has a single tail for its head and relation: there is nothing to ask with one right answer"
        )
    rng = random.Random(seed)
    return [worded(triple, nouns, rng, wordings, known) for triple in rng.sample(single, min(count, len(single)))]


def worded(
    triple: Triple,
    nouns: Callable[[str], str],
    rng: random.Random,
    wordings: Sequence[str] = HELD_OUT,
    known: bool = True,
) -> Asked:
    """The question about a fact, in one of the wordings."""
    noun = nouns(triple.relation)
    question = word(rng.choice(wordings), noun, triple.head)
    return Asked(question, triple, known, answer_sentence(noun, triple.head, triple.tail))


def evaluate(
    model: Any,
    asked: Sequence[Asked],
    *,
    plain: bool = False,
    keep_misses: int = 20,
    batch: int = 1,
    progress: Callable[[int], None] | None = None,
) -> EvalReport:
    """Ask everything once, `batch` questions at a time. `plain` asks the model without the store as well.

    `model` is a KnowledgeModel, or anything with its `store`, `ask_many` and (for `plain`) `ask_plain`. `progress`
    hears how many are done.
    """
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    outcomes = []
    plain_right = 0
    for one, answer in _answered(model, asked, batch):
        outcomes.append(Outcome(one, answer, model.store.find(one.triple) if one.known else None))
        if plain and one.known:
            plain_right += contains(model.ask_plain(one.question), one.triple.tail)
        if progress is not None:
            progress(len(outcomes))
    return summary(
        outcomes,
        plain_em=plain_right / max(1, sum(one.known for one in asked)) if plain else None,
        device_bytes=torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None,
        keep_misses=keep_misses,
    )


def _answered(model: Any, asked: Sequence[Asked], batch: int) -> Iterator[tuple[Asked, Answer]]:
    for start in range(0, len(asked), batch):
        part = asked[start : start + batch]
        yield from zip(part, model.ask_many([one.question for one in part]), strict=True)
