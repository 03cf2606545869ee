"""Learns the matrix of kvdb_sdk/question/relation_match.py from wordings, for encoders that cannot be changed.

Contrastive: a question's own noun against all others, and against those of its domain where it has one, there beside
the values. The matrix is kept small, since it must hold for relations that it has never seen: what it learns is how
people ask, not a list of relations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from kvdb.kg2kv import key_sentence
from kvdb.types import F32

from ..question.relation_match import SUBJECT, TEMPERATURE, Encode, beside_value
from .relation_wordings import Wordings

STEPS = 300
BATCH = 512
DECAY = 0.005
NOISE = 0.02
ALIKE = 0.85  # nouns nearer than this to the right one are not held against it


@dataclass(frozen=True, slots=True)
class Encoded:
    """Wordings as vectors. D questions are of domains, which have at most c nouns; unused places are -1."""

    asked: Tensor  # [m, E]
    nouns: Tensor  # [n, E]
    right: Tensor  # [m] place among the nouns
    in_domain: Tensor  # [D] places among the questions
    choice: Tensor  # [D, c] the nouns of their domain
    beside: Tensor  # [D, s, c] the same beside what its subjects' facts say, places in `told`
    told: Tensor  # [v, E]


def encoded(wordings: Wordings, encode: Encode) -> Encoded:
    """All wordings, encoded once."""
    told: dict[str, int] = {}
    most = max((len(domain.nouns) for domain in wordings.domains), default=1)
    subjects = max((len(domain.values) for domain in wordings.domains), default=1)
    choice, beside = [], []
    for domain in wordings.domains:
        names = [wordings.nouns[noun] for noun in domain.nouns]
        rows = []
        for values in domain.values:
            texts = [beside_value(name, value) for name, value in zip(names, values, strict=True)]
            rows.append(_padded([told.setdefault(text, len(told)) for text in texts], most))
        rows += [rows[0]] * (subjects - len(rows))
        choice += [_padded(domain.nouns, most)] * len(domain.asked)
        beside += [rows] * len(domain.asked)
    nouns = torch.from_numpy(encode(sentences(wordings.nouns)))  # [n, E]
    return Encoded(
        asked=torch.from_numpy(encode(wordings.asked)),
        nouns=nouns,
        right=torch.tensor([names[0] for names in wordings.right]),
        in_domain=torch.tensor([i for domain in wordings.domains for i in domain.asked], dtype=torch.long),
        choice=torch.tensor(choice).reshape(-1, most),
        beside=torch.tensor(beside).reshape(-1, subjects, most),
        told=torch.from_numpy(encode(list(told))) if told else nouns[:0],
    )


def sentences(nouns: Sequence[str]) -> list[str]:
    """Nouns as they are compared: as the key of "it"."""
    return [key_sentence(noun, SUBJECT) for noun in nouns]


def _padded(places: Sequence[int], to: int) -> list[int]:
    return [*places, *[-1] * (to - len(places))]


def fit_relation(data: Encoded, *, steps: int = STEPS, seed: int = 0) -> F32:
    """U of RelationMatch, float32 [E, E]."""
    size = data.asked.shape[1]
    rng = torch.Generator().manual_seed(seed)
    change = torch.zeros(size, size, requires_grad=True)
    optimizer = torch.optim.Adam([change], lr=1e-3)
    for step in range(steps):
        loss = DECAY * change.square().sum() + _among_all(data, change, rng)
        if len(data.in_domain):
            loss = loss + _in_domain(data, change, step, rng)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return change.detach().numpy()


def _among_all(data: Encoded, change: Tensor, rng: torch.Generator) -> Tensor:
    picked = torch.randint(len(data.asked), (BATCH,), generator=rng)
    scores = _moved(_noisy(data.asked[picked], rng), change) @ data.nouns.T / TEMPERATURE  # [B, n]
    gold = data.right[picked]  # [B]
    near = data.nouns[gold] @ data.nouns.T > ALIKE  # [B, n] nouns that mean about the same
    excused = near.scatter(1, gold[:, None], False)  # [B, n]
    return F.cross_entropy(scores.masked_fill(excused, -torch.inf), gold)


def _in_domain(data: Encoded, change: Tensor, step: int, rng: torch.Generator) -> Tensor:
    """The nouns of the question's domain, beside their values."""
    picked = torch.randint(len(data.in_domain), (BATCH,), generator=rng)
    asked, choice = data.in_domain[picked], data.choice[picked]  # [B], [B, c]
    gold = (choice == data.right[asked][:, None]).int().argmax(1)  # [B]
    beside = data.told[data.beside[picked, step % data.beside.shape[1]].clamp(min=0)]  # [B, c, E]
    scores = torch.einsum("be,bce->bc", _moved(_noisy(data.asked[asked], rng), change), beside) / TEMPERATURE
    return F.cross_entropy(scores.masked_fill(choice < 0, -torch.inf), gold)


def _noisy(q: Tensor, rng: torch.Generator) -> Tensor:
    return q + NOISE * torch.randn(q.shape, generator=rng)


def _moved(q: Tensor, change: Tensor) -> Tensor:
    return F.normalize(q + q @ change.T, dim=-1)
