"""Learns U of kvdb_sdk/relation_match.py: which relation's noun a question means, its subject masked.

Contrastive: a wording's own noun against all others, at a temperature. U is kept small, since it must hold for
relations that it has never seen: what it learns is how people ask, not a list of relations.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch.nn import functional as F

from kvdb.kg2kv import key_sentence
from kvdb.types import F32

from .examples import Encode, Pool, PoolRow
from .relation_match import SUBJECT, RelationMatch
from .wordings import TRAINING, load_common_relations, load_paraphrases, word

STEPS = 200
BATCH = 512
TEMPERATURE = 0.05
DECAY = 0.005
NOISE = 0.02
ALIKE = 0.85  # nouns nearer than this to the right one are not held against it
PLAIN = 3  # wordings with the noun itself, for each noun


@dataclass(frozen=True, slots=True)
class Wordings:
    """Questions with their subject masked, and the nouns that they mean."""

    asked: torch.Tensor  # [m, E]
    keys: torch.Tensor  # [n, E]
    right: torch.Tensor  # [m] place among the nouns
    nouns: Sequence[str]  # [n]


def encoded_wordings(encode: Encode, rows: Iterable[PoolRow], *, seed: int = 0) -> Wordings:
    """The paraphrases of the pool's relations and of common ones, encoded."""
    wordings = _wordings(rows, random.Random(seed))
    nouns = sorted({noun for _, noun in wordings})
    place = {noun: i for i, noun in enumerate(nouns)}
    asked = torch.from_numpy(encode([text for text, _ in wordings]))  # [m, E]
    keys = torch.from_numpy(encode([key_sentence(noun, SUBJECT) for noun in nouns]))  # [n, E]
    return Wordings(asked, keys, torch.tensor([place[noun] for _, noun in wordings]), nouns)


def fit_relation(wordings: Wordings, *, without: Collection[str] = (), seed: int = 0) -> F32:
    """U [E, E], float32, learnt from the wordings of all nouns except those `without`."""
    kept = torch.tensor([noun not in without for noun in wordings.nouns])[wordings.right]  # [m]
    rng = torch.Generator().manual_seed(seed)
    return _fit(wordings.asked[kept], wordings.keys, wordings.right[kept], rng)


def held_out(pool: Pool, encode: Encode, wordings: Wordings, *, seed: int = 0) -> tuple[Pool, RelationMatch]:
    """The pool with the questions about half of its nouns alone, and a match that learnt without these.

    Calibration goes by them: a store's relations are mostly new to U, which matches what it has learnt much better.
    """
    nouns = sorted({row.noun for row in pool.rows})
    chosen = set(random.Random(seed).sample(nouns, len(nouns) // 2))
    askable = [at for at in pool.askable if pool.rows[at].noun in chosen]
    matcher = RelationMatch(encode, fit_relation(wordings, without=chosen, seed=seed))
    return (replace(pool, askable=askable) if askable else pool), matcher


def _wordings(rows: Iterable[PoolRow], rng: random.Random) -> list[tuple[str, str]]:
    """(question with its subject masked, noun)"""
    paraphrases, nouns = load_paraphrases(), {row.noun: row.relation for row in rows}
    found = [(text, noun) for noun, relation in nouns.items() for text in paraphrases.get(relation, ())]
    found += [(text, noun) for noun, texts in load_common_relations().items() for text in texts]
    found += [(text, noun) for noun in {**nouns, **load_common_relations()} for text in rng.sample(TRAINING, PLAIN)]
    return [(word(text, noun, SUBJECT), noun) for text, noun in found]


def _fit(asked: torch.Tensor, keys: torch.Tensor, right: torch.Tensor, rng: torch.Generator) -> F32:
    size = keys.shape[1]
    change = torch.zeros(size, size, requires_grad=True)  # U [E, E]
    optimizer = torch.optim.Adam([change], lr=1e-3)
    alike = keys @ keys.T > ALIKE  # [n, n]
    for _ in range(STEPS):
        picked = torch.randint(len(asked), (BATCH,), generator=rng)
        noise = NOISE * torch.randn(BATCH, size, generator=rng)
        q = asked[picked] + noise  # [B, E]
        scores = F.normalize(q + q @ change.T, dim=-1) @ keys.T / TEMPERATURE  # [B, n]
        gold = right[picked]  # [B]
        excused = alike[gold].scatter(1, gold[:, None], False)  # [B, n]
        loss = F.cross_entropy(scores.masked_fill(excused, -torch.inf), gold) + DECAY * change.square().sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    learnt: F32 = change.detach().numpy()
    return learnt
