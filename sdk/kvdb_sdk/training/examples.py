"""Training examples: a question, its candidates as the router would find them, and the answer with its spans.

Candidates come as at inference: the question's nearest keys (hard negatives) plus some at random, the right fact at a
random place among them (always the first was a leak in KBLaM). In a part of the questions the right fact is taken
out, and the answer is that it is not known.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kvdb.kg2kv import answer as answer_sentence
from kvdb.types import F16, F32

from ..answer import UNKNOWN
from ..models.prompts import continuation_ids
from ..question.relation_match import Match, term_in, without_subject
from ..question.wordings import TRAINING, load_paraphrases, rough, word

NEAR = 0.8
Encode = Callable[[Sequence[str]], F32]
WRITE, TERM, VALUE, INSIDE = (
    0,
    1,
    2,
    -100,
)  # what happens at an answer token; INSIDE a copied span nothing is learnt


@dataclass(frozen=True, slots=True)
class PoolRow:
    """One row of the pool that training draws from."""

    noun: str
    term: str
    value: str
    relation: str = ""  # as the store has it: paraphrases go by it; "" where the head is masked
    asked: tuple[str, ...] = ()  # wordings of its own instead


@dataclass(frozen=True, slots=True)
class Pool:
    """Rows with their vectors. `askable` are those with one value for their (noun, term)."""

    rows: Sequence[PoolRow]
    keys: F16  # [N, E]
    values: F16  # [N, E]
    askable: Sequence[int]

    @classmethod
    def of(cls, rows: Sequence[PoolRow], keys: F16, values: F16, *, longest: int = 80) -> Pool:
        """Rows whose term or value is longer than `longest` characters stay as distractors but are not asked."""
        count = Counter((row.noun, row.term) for row in rows)
        askable = [
            i
            for i, row in enumerate(rows)
            if count[row.noun, row.term] == 1 and len(row.value) <= longest and len(row.term) <= longest
        ]
        return cls(rows, keys, values, askable)


@dataclass(frozen=True, slots=True)
class Example:
    """One question. `gold` is the right candidate's place, or the place of the null fact (the last, n)."""

    question: str
    vector: F32  # [E]
    candidates: list[int]  # pool rows, [n]
    gold: int
    gold_row: int
    answer_ids: list[int]
    kinds: list[int]  # one of WRITE, TERM, VALUE, INSIDE for each answer token
    match: list[
        float | None
    ]  # of the candidates whose term the question names (kvdb_sdk/question/relation_match.py), [n]


def draw(
    pool: Pool,
    encode: Encode,
    matcher: Match,
    tokenizer: Any,
    count: int,
    *,
    candidates: int,
    unknown: float,
    seed: int,
    near: float = NEAR,
    copying: bool = True,
) -> list[Example]:
    """`count` examples with `candidates` candidates each, a share `unknown` of them without their fact.

    A share `near` of the candidates are the question's nearest keys, the others are drawn evenly. Without `copying` the
    model learns to write every token of the answer.
    """
    rng = random.Random(seed)
    chosen = [pool.askable[rng.randrange(len(pool.askable))] for _ in range(count)]
    texts = [question_of(pool.rows[i], rng) for i in chosen]
    vectors = np.asarray(encode(texts), np.float32)  # [count, E]
    found: Iterable[Any] = nearest(pool.keys, vectors, candidates * 2)  # [count, candidates * 2]
    hard = math.ceil(near * candidates)
    picked = [
        _candidates(pool, i, nearby.tolist(), candidates, hard, rng.random() >= unknown, rng)
        for i, nearby in zip(chosen, found, strict=True)
    ]
    matches = _matches(pool, matcher, texts, [rows for rows, _ in picked])
    examples = []
    for i, text, vector, (rows, gold), match in zip(chosen, texts, vectors, picked, matches, strict=True):
        ids, kinds = answer_tokens(tokenizer, pool.rows[i], gold < candidates)
        kinds = kinds if copying else [WRITE] * len(kinds)
        examples.append(Example(text, vector, rows, gold, i, ids, kinds, match))
    return examples


def question_of(row: PoolRow, rng: random.Random) -> str:
    """A question about a row as somebody may type it; in half of the cases its relation paraphrased."""
    paraphrases = row.asked or load_paraphrases().get(row.relation, ())
    wording = rng.choice(paraphrases) if paraphrases and rng.random() < 0.5 else rng.choice(TRAINING)
    return rough(word(wording, row.noun, row.term), rng)


def _matches(
    pool: Pool, matcher: Match, texts: Sequence[str], candidates: Sequence[Sequence[int]]
) -> list[list[float | None]]:
    """For each text the match of each candidate's relation, None where the text does not name the candidate's term."""
    asked: list[str] = []
    nouns: list[list[str]] = []
    values: list[list[str]] = []
    at: list[tuple[int, list[int]]] = []
    for b, (text, rows) in enumerate(zip(texts, candidates, strict=True)):
        terms: dict[str, list[int]] = {}
        for place, row in enumerate(rows):
            terms.setdefault(pool.rows[row].term, []).append(place)
        for term, places in terms.items():
            found = term_in(text, term)
            if found:
                asked.append(without_subject(text, *found.span()))
                nouns.append([pool.rows[rows[place]].noun for place in places])
                values.append([pool.rows[rows[place]].value for place in places])
                at.append((b, places))
    out: list[list[float | None]] = [[None] * len(rows) for rows in candidates]
    for (b, places), scores in zip(at, matcher(asked, nouns, values), strict=True):
        for place, score in zip(places, scores.tolist(), strict=True):
            out[b][place] = score
    return out


def _candidates(
    pool: Pool, row: int, near: list[int], n: int, hard: int, known: bool, rng: random.Random
) -> tuple[list[int], int]:
    """n pool rows, `hard` of them `near` ones, and where the right one lies among them (n, the null fact, where it was
    taken out)."""
    asked = (pool.rows[row].noun, pool.rows[row].term)
    others = [j for j in near if (pool.rows[j].noun, pool.rows[j].term) != asked]
    picked = others[:hard]
    picked += [j for j in rng.sample(range(len(pool.rows)), n - hard) if j != row and j not in picked]
    picked = picked[: n - known] + ([row] if known else [])
    rng.shuffle(picked)
    while len(picked) < n:  # a pool smaller than n: repeat what there is
        picked.append(picked[0] if picked else row)
    return picked, picked.index(row) if known else n


def answer_tokens(tokenizer: Any, row: PoolRow, known: bool) -> tuple[list[int], list[int]]:
    """The answer's token ids with, for each, whether the model writes it or a copied span starts or goes on there."""
    end = [tokenizer.eos_token_id]
    if not known:
        refusal = _bare(tokenizer, UNKNOWN) + end
        return refusal, [WRITE] * len(refusal)
    copied = {"\0": (row.term, TERM), "\1": (row.value, VALUE)}
    ids: list[int] = []
    kinds: list[int] = []
    for part_of in re.split(r"([\0\1])", answer_sentence(row.noun, "\0", "\1")):
        text, kind = copied.get(part_of, (part_of, WRITE))
        text = text.strip()
        if not text:
            continue
        goes_on = kind != WRITE or (ids and text[0].isalnum())
        lead = continuation_ids(tokenizer, text) if goes_on else _bare(tokenizer, text)
        part = [WRITE] * len(lead) if kind == WRITE else [kind] + [INSIDE] * (len(lead) - 1)
        ids, kinds = ids + lead, kinds + part
    return ids + end, [*kinds, WRITE]


def _bare(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def nearest(keys: F16, queries: F32, k: int) -> NDArray[np.int64]:
    """Rows of `keys` [N, E] nearest to each of `queries` [m, E] by dot product, best first: int64 [m, min(k, N)]."""
    k = min(k, len(keys))
    best = np.empty((len(queries), k), np.int64)
    wide = keys.astype(np.float32)  # [N, E]
    for start in range(0, len(queries), 256):
        scores = queries[start : start + 256] @ wide.T  # [<=256, N]
        top = np.argpartition(-scores, k - 1, axis=1)[:, :k]  # [<=256, k]
        order = np.argsort(-np.take_along_axis(scores, top, axis=1), axis=1)
        best[start : start + 256] = np.take_along_axis(top, order, axis=1)
    return best
