"""Learns kvdb_sdk/question/relation_reader.py: which of a domain's relations each of its questions means, or none.

A step has a few domains. Each is one row of tokens: its relations, beside the values of one of its subjects or alone,
and some of its questions. Each question sees most of the relations; of a share of the questions their own is hidden
too, and "none" is right. Only the low-rank change and the head learn; the language model stays as it is.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from kvdb.errors import AdapterError

from ..attend.adapter import Adapter
from ..question.relation_match import beside_value
from ..question.relation_reader import Reading, RelationReader
from .checkpoint import finished, kept, restored
from .relation_matrix import sentences
from .relation_wordings import Domain, Wordings, load_wordings

READER = "reader.safetensors"
UNDER_WAY = "reader-checkpoint.safetensors"
LAYERS_SHARE = 0.55  # of the model's, from the first
RANK = 32
DOMAINS = 8  # of a step
QUESTIONS = 20  # of each of them
NONE = 0.2  # of the questions, whose own relation is hidden
RATE = 1e-3
FURTHER_RATE = 6e-4  # of a reader that goes on from one that has learnt
WARM = 30  # steps until it is reached
CHECKPOINT_EVERY = 50
_ALIKE = 64  # domains of which those of like length make a step: padding costs as much as text


def learn_reader(
    adapter: Adapter,
    model: Any,
    tokenizer: Any,
    folder: Path,
    *,
    steps: int,
    seed: int,
    wordings: Wordings | None = None,
    note: Callable[[str], None] | None = None,
) -> None:
    """Set the reader of an adapter that has `reader_layers`; from the file in `folder` where it is there.

    Continues from a checkpoint, else from the reader that the adapter has. `note` hears how far it is. Raises
    AdapterError where a file is none, AdapterMismatchError where the adapter's reader is of another shape.
    """
    path = folder / READER
    if not path.exists():

        def report(step: int, loss: float) -> None:
            if note is not None:
                note(f"reader: step {step} of {steps}, loss {loss:.3f}")

        config = adapter.config
        reader = RelationReader(model, tokenizer, layers=config.reader_layers, rank=config.reader_rank)
        if adapter.reader:
            reader.load({name: tensor.clone() for name, tensor in adapter.reader.items()})
        fit_reader(
            reader, wordings or load_wordings(seed=seed), steps=steps, seed=seed, report=report,
            rate=FURTHER_RATE if adapter.reader else RATE, checkpoint=folder / UNDER_WAY,
        )  # fmt: skip
        finished(path, reader.learnt(), folder / UNDER_WAY)
    try:
        adapter.reader = load_file(path)
    except Exception as error:
        raise AdapterError(f"{path} is not what this training learnt ({error}): remove it to start anew") from error


def fit_reader(
    reader: RelationReader,
    wordings: Wordings,
    *,
    steps: int,
    seed: int = 0,
    rate: float = RATE,
    report: Callable[[int, float], None] | None = None,
    checkpoint: Path | None = None,
) -> None:
    """Train a reader. `rate` is reached after WARM steps; `report` hears of every step: its number from 1, its loss."""
    learnt = reader.learnt()
    optimizer = torch.optim.AdamW(learnt.values(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    done = 0 if checkpoint is None else restored(checkpoint, learnt, optimizer)
    for step in range(done, steps):
        loss = _loss(reader, wordings, random.Random(f"{seed} {step}"))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learnt.values(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / WARM) * (1 - step / steps)
        optimizer.step()
        optimizer.zero_grad()
        if report is not None:
            report(step + 1, float(loss.detach()))
        if checkpoint is not None and (step + 1) % CHECKPOINT_EVERY == 0:
            kept(checkpoint, learnt, optimizer, step + 1)


def _loss(reader: RelationReader, wordings: Wordings, rng: random.Random) -> Tensor:
    """Cross-entropy of each question's own relation, or of none, among those that it sees."""
    drawn = [_drawn(wordings, domain, rng) for domain in _alike(wordings, rng)]
    logits = reader([reading for reading, _ in drawn])
    each = [
        F.cross_entropy(found, torch.tensor(right, device=found.device), reduction="none")
        for found, (_, right) in zip(logits, drawn, strict=True)
    ]
    return torch.cat(each).mean()


def _alike(wordings: Wordings, rng: random.Random) -> list[Domain]:
    """A step's domains, of like length."""

    def length(domain: Domain) -> float:
        asked = sum(len(wordings.asked[i]) for i in domain.asked) / len(domain.asked)
        return asked * min(QUESTIONS, len(domain.asked)) + sum(map(len, domain.values[0]))

    drawn = sorted(rng.sample(list(wordings.domains), min(_ALIKE, len(wordings.domains))), key=length)
    start = rng.randrange(max(1, len(drawn) - DOMAINS + 1))
    return drawn[start : start + DOMAINS]


def _drawn(wordings: Wordings, domain: Domain, rng: random.Random) -> tuple[Reading, list[int]]:
    """A domain as it is read, and what is right for each question: 0 for none, or 1 + the candidate's place."""
    way, values = rng.random(), rng.choice(domain.values)
    bare = 0.0 if way < 0.6 else 1.0 if way < 0.75 else 0.3  # share of the relations that stand without a value
    order = rng.sample(range(len(domain.nouns)), len(domain.nouns))
    candidates = []
    for at in order:
        noun = wordings.nouns[domain.nouns[at]]
        candidates.append(sentences([noun])[0] if rng.random() < bare else beside_value(noun, values[at]))
    asked = rng.sample(list(domain.asked), min(QUESTIONS, len(domain.asked)))
    sees, right = [], []
    for i in asked:
        own = order.index(list(domain.nouns).index(wordings.right[i][0]))
        hidden = rng.random() * 0.5 if rng.random() < 0.6 else 0.0  # share of the others that it does not see
        seen = [at == own or rng.random() >= hidden for at in range(len(order))]
        none = rng.random() < NONE and sum(seen) > 1
        seen[own] = not none
        sees.append(seen)
        right.append(0 if none else 1 + own)
    return Reading(candidates, [wordings.asked[i] for i in asked], sees), right
