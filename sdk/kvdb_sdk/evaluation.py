"""How well a model answers from a store: exact match, citations, refusal, time.

Questions are asked of facts with one tail only, in wordings that training never used (kvdb_sdk/wordings.py). For
refusal, facts are taken out of the store's candidates by asking about subjects that it does not have.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kvdb import Triple
from kvdb.errors import LimitError
from kvdb.kg2kv import noun_forms

from .answer import Answer
from .session import KnowledgeModel
from .wordings import HELD_OUT, word


@dataclass(frozen=True, slots=True)
class EvalReport:
    """Shares in [0, 1]; `plain_em` is the same model without the store, None where it was not asked.

    em: the answer has the tail, verbatim, at token boundaries, and no other fact's value. citation_accuracy: the
    first citation is the asked fact. refusal_f1: of "does not know" on questions whose fact the store has not.
    """

    n: int
    em: float
    citation_accuracy: float
    refusal_f1: float | None
    plain_em: float | None
    ms_per_token: float
    misses: tuple[dict[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of an evaluation. `known` False where the store has no such fact."""

    question: str
    triple: Triple
    known: bool = True


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
    picked = rng.sample(single, min(count, len(single)))
    return [Asked(word(rng.choice(wordings), nouns(t.relation), t.head), t, known) for t in picked]


def evaluate(
    model: KnowledgeModel,
    asked: Sequence[Asked],
    *,
    plain: bool = False,
    keep_misses: int = 20,
    batch: int = 1,
    progress: Callable[[int], None] | None = None,
) -> EvalReport:
    """Ask everything once, `batch` questions at a time. `plain` asks the model without the store as well.

    `progress` hears how many are done.
    """
    right = cited = plain_right = refused_rightly = refused = unknown = 0
    tokens, seconds = 0, 0.0
    misses: list[dict[str, Any]] = []
    for done, (one, answer) in enumerate(_answered(model, asked, batch), 1):
        tokens += answer.stats["tokens"]
        seconds += answer.stats["tokens"] * answer.stats["ms_per_token"] / 1000
        refused += not answer.answered
        if one.known:
            is_right = answer.answered and contains(answer.text, one.triple.tail)
            right += is_right
            cited += bool(answer.citations) and _is(answer.citations[0], one.triple)
            if not is_right and len(misses) < keep_misses:
                misses.append({"question": one.question, "wanted": one.triple.tail, "answer": answer.text})
            plain_right += plain and contains(model.ask_plain(one.question), one.triple.tail)
        else:
            unknown += 1
            refused_rightly += not answer.answered
        if progress is not None:
            progress(done)
    n = len(asked) - unknown
    return EvalReport(
        n=len(asked),
        em=right / max(1, n),
        citation_accuracy=cited / max(1, n),
        refusal_f1=2 * refused_rightly / max(1, refused + unknown) if unknown else None,
        plain_em=plain_right / max(1, n) if plain else None,
        ms_per_token=1000 * seconds / max(1, tokens),
        misses=tuple(misses),
    )


def _answered(model: KnowledgeModel, asked: Sequence[Asked], batch: int) -> Iterator[tuple[Asked, Answer]]:
    for start in range(0, len(asked), batch):
        part = asked[start : start + batch]
        yield from zip(part, model.ask_many([one.question for one in part]), strict=True)


def contains(text: str, value: str) -> bool:
    """Whether `value` stands verbatim in `text`, not as a part of a longer word or number (case matters not)."""
    pattern = r"(?<!\w)" + re.escape(value.strip().rstrip(".").casefold()) + r"(?!\w)"
    if re.search(pattern, text.casefold()) is not None:
        return True
    return not re.search(r"\w", value) and value.strip() in text


def _is(citation: Any, triple: Triple) -> bool:
    return (citation.head, citation.relation, citation.tail) == tuple(triple)
