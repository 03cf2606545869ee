"""Learns the two matrices of kvdb_sdk/question/relation_match.py from wordings: which noun a question means, and value.

Contrastive: a question's own noun against all others, and against those of its domain where it has one, there together
with the values. Both matrices are kept small, since they must hold for relations that they have never seen: what they
learn is how people ask, not a list of relations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from kvdb.kg2kv import key_sentence
from kvdb.types import F32

from ..question.relation_match import SUBJECT, VALUE_SHARE
from .examples import Encode
from .relation_wordings import Wordings

STEPS = 300
BATCH = 512
TEMPERATURE = 0.05
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
    values: Tensor  # [D, s, c] what its subjects' facts say, places in `said`
    said: Tensor  # [v, E]
    alike: Tensor  # [n, n] nouns that mean about the same


def encoded(wordings: Wordings, compare: Encode, encode: Encode) -> Encoded:
    """`compare` encodes questions and nouns (kvdb_sdk/question/relation_encoder.py), `encode`, the store's, values."""
    texts = sorted({value for domain in wordings.domains for said in domain.values for value in said})
    at = {text: i for i, text in enumerate(texts)}
    most = max((len(domain.nouns) for domain in wordings.domains), default=1)
    subjects = max((len(domain.values) for domain in wordings.domains), default=1)
    choice, values = [], []
    for domain in wordings.domains:
        own = _padded(domain.nouns, most)
        said = [_padded([at[value] for value in row], most) for row in domain.values]
        said += [said[0]] * (subjects - len(said))
        choice += [own] * len(domain.asked)
        values += [said] * len(domain.asked)
    nouns = torch.from_numpy(compare(sentences(wordings.nouns)))  # [n, E]
    return Encoded(
        asked=torch.from_numpy(compare(wordings.asked)),
        nouns=nouns,
        right=torch.tensor(wordings.right),
        in_domain=torch.tensor([i for domain in wordings.domains for i in domain.asked], dtype=torch.long),
        choice=torch.tensor(choice).reshape(-1, most),
        values=torch.tensor(values).reshape(-1, subjects, most),
        said=torch.from_numpy(encode(texts)) if texts else nouns[:0],
        alike=nouns @ nouns.T > ALIKE,
    )


def sentences(nouns: Sequence[str]) -> list[str]:
    """Nouns as they are compared: as the key of "it"."""
    return [key_sentence(noun, SUBJECT) for noun in nouns]


def _padded(places: Sequence[int], to: int) -> list[int]:
    return [*places, *[-1] * (to - len(places))]


def fit_relation(data: Encoded, *, steps: int = STEPS, seed: int = 0) -> tuple[F32, F32]:
    """U and W of RelationMatch, float32 [E, E] each."""
    size = data.asked.shape[1]
    rng = torch.Generator().manual_seed(seed)
    to_nouns, to_values = torch.zeros(size, size, requires_grad=True), torch.zeros(size, size, requires_grad=True)
    optimizer = torch.optim.Adam([to_nouns, to_values], lr=1e-3)
    for step in range(steps):
        loss = DECAY * to_nouns.square().sum() + DECAY / 2 * to_values.square().sum()
        loss = loss + _among_all(data, to_nouns, rng)
        if len(data.in_domain):
            loss = loss + _in_domain(data, to_nouns, to_values, step, rng)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return to_nouns.detach().numpy(), to_values.detach().numpy()


def _among_all(data: Encoded, to_nouns: Tensor, rng: torch.Generator) -> Tensor:
    picked = torch.randint(len(data.asked), (BATCH,), generator=rng)
    scores = _moved(_noisy(data.asked[picked], rng), to_nouns) @ data.nouns.T / TEMPERATURE  # [B, n]
    gold = data.right[picked]  # [B]
    excused = data.alike[gold].scatter(1, gold[:, None], False)  # [B, n]
    return F.cross_entropy(scores.masked_fill(excused, -torch.inf), gold)


def _in_domain(data: Encoded, to_nouns: Tensor, to_values: Tensor, step: int, rng: torch.Generator) -> Tensor:
    """The nouns of the question's domain with their values together, and the values alone."""
    picked = torch.randint(len(data.in_domain), (BATCH,), generator=rng)
    asked, choice = data.in_domain[picked], data.choice[picked]  # [B], [B, c]
    q = _noisy(data.asked[asked], rng)  # [B, E]
    gold = (choice == data.right[asked][:, None]).int().argmax(1)  # [B]
    nouns = data.nouns[choice.clamp(min=0)]  # [B, c, E]
    values = data.said[data.values[picked, step % data.values.shape[1]].clamp(min=0)]  # [B, c, E]
    by_noun = torch.einsum("be,bce->bc", _moved(q, to_nouns), nouns)
    by_value = torch.einsum("be,bce->bc", _moved(q, to_values), values)
    none = choice < 0
    together = ((by_noun + VALUE_SHARE * by_value) / TEMPERATURE).masked_fill(none, -torch.inf)  # [B, c]
    alone = (by_value / TEMPERATURE / 2).masked_fill(none, -torch.inf)  # [B, c]
    return F.cross_entropy(together, gold) + F.cross_entropy(alone, gold) / 2


def _noisy(q: Tensor, rng: torch.Generator) -> Tensor:
    return q + NOISE * torch.randn(q.shape, generator=rng)


def _moved(q: Tensor, change: Tensor) -> Tensor:
    return F.normalize(q + q @ change.T, dim=-1)
