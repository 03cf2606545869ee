"""Learns the change of kvdb_sdk/question/relation_encoder.py: a question beside its noun, away from others.

Most of a step's questions are of a few domains, so that many of the nouns that a question is held against are those
that it is easily confused with. Nouns of a domain stand beside the values of one of its subjects, as facts do, or
alone; nouns of a thesaurus are now one of its names, now another.

All linear maps of the encoder's layers learn whole; what they have learnt is then cut to a low rank by its singular
values. They run in bfloat16 where that is the faster, and are summed up in float32.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..models.devices import default_dtype
from ..models.sentence_model import CPU_BATCH_TOKENS, PlainSentenceModel, batches_by_length
from ..question.relation_encoder import layer_maps, sentence_model
from ..question.relation_match import TEMPERATURE, Encode, beside_value
from .checkpoint import kept, restored
from .relation_matrix import ALIKE, sentences
from .relation_wordings import Wordings

STEPS = 3000
RANK = 192
GENERAL = 64  # questions of a step that are of no domain
DOMAINS = 10  # of a step
QUESTIONS = 20  # of each of them
WITH_VALUES, ALONE = 0.5, 0.4  # of the domains, by how their nouns stand; of the others, some have values
RATE = 3e-4
WARM = 30  # steps until it is reached
DROPOUT = 0.05
CHECKPOINT_EVERY = 100


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
    checkpoint: Path | None = None,
) -> dict[str, Tensor]:
    """The change of an encoder's layers, float32; {} for an encoder that does not run here.

    `report` hears of every step: its number from 1, and its loss. With a `checkpoint`, a file, it goes on where it
    stopped: everything random derives from the seed and the step.
    """
    found = sentence_model(encode)
    if found is None:
        return {}
    learning = copy.copy(found)
    learning.model = _learning(found.model)
    maps = layer_maps(learning.model)
    before = {name: each.weight.detach().float() for name, each in layer_maps(found.model).items()}
    whole = {name: nn.Parameter(weight.clone()) for name, weight in before.items()}
    optimizer = torch.optim.AdamW(whole.values(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.01)
    done = 0 if checkpoint is None else restored(checkpoint, whole, optimizer)
    alike = torch.from_numpy(encode(sentences(wordings.nouns)))  # [n, E]
    with torch.random.fork_rng(devices=[]):
        for step in range(done, steps):
            for name, weight in whole.items():
                maps[name].weight.data.copy_(weight.data)
            torch.manual_seed(seed * 7919 + step)
            loss = _loss(learning, wordings, alike, random.Random(f"{seed} {step}"))
            loss.backward()  # type: ignore[no-untyped-call]
            for name, weight in whole.items():
                gradient = maps[name].weight.grad
                weight.grad = None if gradient is None else gradient.float()
                maps[name].weight.grad = None
            torch.nn.utils.clip_grad_norm_(whole.values(), 1.0)
            for group in optimizer.param_groups:
                group["lr"] = RATE * min(1.0, (step + 1) / WARM) * (1 - step / steps)
            optimizer.step()
            if report is not None:
                report(step + 1, float(loss.detach()))
            if checkpoint is not None and (step + 1) % CHECKPOINT_EVERY == 0:
                kept(checkpoint, whole, optimizer, step + 1)
    change: dict[str, Tensor] = {}
    for name, weight in whole.items():
        change[f"{name}.a"], change[f"{name}.b"] = cut(weight.detach() - before[name], rank)
    return change


def cut(change: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """a [r, in] and b [out, r]: of all b a of that rank the nearest to a change [out, in] (Eckart, Young)."""
    left, values, right = torch.linalg.svd(change, full_matrices=False)  # [out, k], [k], [k, in]
    root = values[:rank].sqrt()  # [r]
    return (root[:, None] * right[:rank]).contiguous(), (left[:, :rank] * root).contiguous()


def _learning(model: nn.Module) -> Any:
    """A copy whose layers' maps can learn, with what drops out."""
    usual = default_dtype(next(model.parameters()).device)
    width = torch.bfloat16 if usual is torch.bfloat16 else torch.float32  # gradients are too small for float16
    made: Any = copy.deepcopy(model).to(width).requires_grad_(False).train()
    made.set_attn_implementation("eager")  # twice as fast backward, for texts as short as these
    for part in made.modules():
        if isinstance(part, nn.Dropout):
            part.p = DROPOUT
    for each in layer_maps(made).values():
        each.weight.requires_grad_(True)
    return made


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
