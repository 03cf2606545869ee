"""Learns the low-rank change of kvdb_sdk/question/relation_encoder.py: a question beside its noun, away from others.

Half of a step's questions are of a few domains, so that most of the nouns that a question is held against are those
that it is easily confused with.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..models.sentence_model import CPU_BATCH_TOKENS, PlainSentenceModel, batches_by_length
from ..question.relation_encoder import RANK, LowRankMap, sentence_model, upper_maps
from ..question.relation_match import Encode
from .relation_matrices import ALIKE, TEMPERATURE, sentences
from .relation_wordings import Wordings

STEPS = 400
GENERAL = 64  # questions of a step that are of no domain
DOMAINS = 6  # of a step
QUESTIONS = 12  # of each of them
RATE = 1e-3


def fit_low_rank(
    encode: Encode,
    wordings: Wordings,
    *,
    steps: int = STEPS,
    rank: int = RANK,
    seed: int = 0,
    report: Callable[[int, float], None] | None = None,
) -> dict[str, Tensor]:
    """The change of an encoder's upper layers, float32; {} for an encoder that does not run here.

    `report` hears of every step: its number from 1, and its loss.
    """
    found = sentence_model(encode)
    if found is None:
        return {}
    rng = random.Random(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        plain = copy.copy(found)
        plain.model = copy.deepcopy(plain.model).float().requires_grad_(False).eval()
        learnt = _with_low_rank(plain.model, rank)  # made after eval(): only what they change drops out
        optimizer = torch.optim.AdamW(
            [p for each in learnt.values() for p in (each.a, each.b)], lr=RATE, weight_decay=0.01
        )
        alike = torch.from_numpy(encode(sentences(wordings.nouns)))  # [n, E]
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = RATE * min(1.0, (step + 1) / 15) * (1 - step / steps)
            loss = _loss(plain, wordings, alike, rng)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if report is not None:
                report(step + 1, float(loss.detach()))
    return {f"{name}.{part}": getattr(each, part).detach() for name, each in learnt.items() for part in "ab"}


def _with_low_rank(model: nn.Module, rank: int) -> dict[str, LowRankMap]:
    """Put what is to be learnt around the upper linear maps of a model."""
    found = {name: LowRankMap(each, rank).to(each.weight.device) for name, each in upper_maps(model).items()}
    for name, each in found.items():
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, each)
    return found


def _loss(plain: PlainSentenceModel, wordings: Wordings, alike: Tensor, rng: random.Random) -> Tensor:
    """Cross-entropy of each question's own noun among all nouns of the step."""
    general = wordings.general
    asked = rng.sample(general, min(GENERAL, len(general)))
    domains = rng.sample(list(wordings.domains), min(DOMAINS, len(wordings.domains)))
    of_domain: list[Sequence[int]] = [()] * len(asked)  # nouns that are never excused
    for domain in domains:
        picked = rng.sample(list(domain.asked), min(QUESTIONS, len(domain.asked)))
        asked += picked
        of_domain += [domain.nouns] * len(picked)
    nouns = sorted({wordings.right[i] for i in asked} | {noun for domain in domains for noun in domain.nouns})
    place = {noun: at for at, noun in enumerate(nouns)}
    q = _vectors(plain, [wordings.asked[i] for i in asked])  # [B, E]
    keys = _vectors(plain, sentences([wordings.nouns[noun] for noun in nouns]))  # [n, E]
    gold = torch.tensor([place[wordings.right[i]] for i in asked])  # [B]
    near = alike[nouns] @ alike[nouns].T > ALIKE  # [n, n]
    excused = near[gold]  # [B, n]
    for row, own in zip(excused, of_domain, strict=True):
        row[[place[noun] for noun in own]] = False
    excused = excused.scatter(1, gold[:, None], False).to(q.device)
    return F.cross_entropy((q @ keys.T / TEMPERATURE).masked_fill(excused, -torch.inf), gold.to(q.device))


def _vectors(plain: PlainSentenceModel, texts: Sequence[str]) -> Tensor:
    """Vectors [n, E] of texts, with gradients."""
    ids = plain.token_ids(texts)
    batches = list(batches_by_length(ids, CPU_BATCH_TOKENS))
    vectors = torch.cat([plain.vectors([ids[i] for i in batch]) for batch in batches])  # [n, E] in another order
    order = torch.tensor([i for batch in batches for i in batch])
    return vectors[order.argsort()]
