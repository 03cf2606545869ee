"""Learns the low-rank change of kvdb_sdk/question/relation_encoder.py: a question beside its noun, away from others.

Half of a step's questions are of a few domains, so that many of the nouns that a question is held against are those
that it is easily confused with. Nouns of a domain stand beside the values of one of its subjects, as facts do, or
alone; nouns of a thesaurus are now one of its names, now another.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..models.sentence_model import CPU_BATCH_TOKENS, PlainSentenceModel, batches_by_length
from ..question.relation_encoder import RANK, LowRankMap, sentence_model, upper_maps
from ..question.relation_match import Encode, beside_value
from .relation_matrix import ALIKE, TEMPERATURE, sentences
from .relation_wordings import Wordings

STEPS = 1200
GENERAL = 96  # questions of a step that are of no domain
DOMAINS = 8  # of a step
QUESTIONS = 12  # of each of them
WITH_VALUES, ALONE = 0.5, 0.4  # of the domains, by how their nouns stand; of the others, some have values
RATE = 1e-3


@dataclass(frozen=True, slots=True)
class _Step:
    """Questions, and what they are held against; C candidates."""

    asked: list[int]  # [B] questions
    right: list[int]  # [B] the candidate that each means
    own: list[range]  # [B] the candidates of its domain; empty for a question of none
    nouns: list[int]  # [C]
    sentences: list[str]  # [C]


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


def _drawn(wordings: Wordings, rng: random.Random) -> _Step:
    step = _Step([], [], [], [], [])
    for i in rng.sample(wordings.general, min(GENERAL, len(wordings.general))):
        _add(step, [i], range(0), [len(step.nouns)])
        step.nouns.append(rng.choice(wordings.right[i]))
        step.sentences.extend(sentences([wordings.nouns[step.nouns[-1]]]))
    for domain in rng.sample(list(wordings.domains), min(DOMAINS, len(wordings.domains))):
        start = len(step.nouns)
        own, values, way = range(start, start + len(domain.nouns)), rng.choice(domain.values), rng.random()
        bare = 0.0 if way < WITH_VALUES else 1.0 if way < WITH_VALUES + ALONE else 0.3
        for noun, value in zip(domain.nouns, values, strict=True):
            name = wordings.nouns[noun]
            step.sentences.append(sentences([name])[0] if rng.random() < bare else beside_value(name, value))
        step.nouns.extend(domain.nouns)
        picked = rng.sample(list(domain.asked), min(QUESTIONS, len(domain.asked)))
        _add(step, picked, own, [start + list(domain.nouns).index(wordings.right[i][0]) for i in picked])
    return step


def _add(step: _Step, asked: list[int], own: range, right: list[int]) -> None:
    step.asked.extend(asked)
    step.own.extend([own] * len(asked))
    step.right.extend(right)


def _loss(plain: PlainSentenceModel, wordings: Wordings, alike: Tensor, rng: random.Random) -> Tensor:
    """Cross-entropy of each question's own noun among all of the step, and once more among those of its domain."""
    step = _drawn(wordings, rng)
    gold = torch.tensor(step.right)  # [B]
    near = alike[step.nouns] @ alike[step.nouns].T > ALIKE  # [C, C]
    excused, others = near[gold], torch.ones(len(gold), len(step.nouns), dtype=torch.bool)  # [B, C]
    for row, (i, own) in enumerate(zip(step.asked, step.own, strict=True)):
        also = set(wordings.right[i])
        excused[row] |= torch.tensor([noun in also for noun in step.nouns])
        excused[row, own.start : own.stop] = False
        others[row, own.start : own.stop] = False
    excused = excused.scatter(1, gold[:, None], False)
    q = _vectors(plain, [wordings.asked[i] for i in step.asked])  # [B, E]
    keys = _vectors(plain, step.sentences)  # [C, E]
    logits = q @ keys.T / TEMPERATURE  # [B, C]
    gold, excused, others = gold.to(q.device), excused.to(q.device), others.to(q.device)
    loss = F.cross_entropy(logits.masked_fill(excused, -torch.inf), gold)
    in_domain = ~others.all(1)  # [B]
    if in_domain.any():
        among = logits[in_domain].masked_fill(others[in_domain], -torch.inf)
        loss = loss + F.cross_entropy(among, gold[in_domain])
    return loss


def _vectors(plain: PlainSentenceModel, texts: Sequence[str]) -> Tensor:
    """Vectors [n, E] of texts, with gradients."""
    ids = plain.token_ids(texts)
    batches = list(batches_by_length(ids, CPU_BATCH_TOKENS))
    vectors = torch.cat([plain.vectors([ids[i] for i in batch]) for batch in batches])  # [n, E] in another order
    order = torch.tensor([i for batch in batches for i in batch])
    return vectors[order.argsort()]
