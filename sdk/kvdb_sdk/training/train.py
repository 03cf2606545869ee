"""Trains an adapter: the language model frozen, the facts of a pool as examples. Restarts where it stopped.

The checkpoint is a safetensors file beside the result (weights, both AdamW moments, the step), written by rename, so
that a kill leaves the last whole one. Everything random derives from (seed, step): a resumed run is the same run.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kvdb.errors import LimitError
from kvdb.types import EncoderRecord

from ..adapters import shipped_encoder_change
from ..attend.adapter import Adapter, AdapterConfig, Card, model_probe, save_adapter
from ..attend.attention import Attachment, attention_modules, model_shape
from ..models.encoders import Encoder
from ..question.relation_encoder import relation_match
from ..question.relation_match import Match
from .calibration import calibrated
from .checkpoint import kept, restored
from .examples import NEAR, Encode, Example, Pool, draw
from .losses import PromptPrefix, TrainingFacts, collate, losses, start_from_model
from .query_norm import scale_as_normalised
from .question_training import train_question_vector
from .reader_training import LAYERS_SHARE, RANK, READER, learn_reader
from .relation_low_rank import STEPS
from .relation_training import RELATIONS, learn_relations
from .relation_wordings import with_made_up

CHECKPOINT = "checkpoint.safetensors"
_CHUNK = 512  # examples prepared at a time: their questions are encoded together
_SMALL = ("prior", "threshold", "mix", "gate_weight", "gate_bias", "gate_known", "null_bias")


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How to train. Loss weights are for (write, gate, attend); see kvdb_sdk/training/losses.py.

    `near`: the share of candidates that are a question's nearest keys. `unknown`: of questions without their fact.
    `attention_only`: of steps as on the attention route.
    """

    steps: int = 600
    batch: int = 16
    candidates: int = 20
    near: float = NEAR
    unknown: float = 0.25
    attention_only: float = 0.25
    learning_rate: float = 1e-3
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
    seed: int = 0
    checkpoint_every: int = 50
    calibration: int = 2000  # questions that refusal is fitted on at the end (kvdb_sdk/training/calibration.py)
    question_steps: int = 1000  # of the model's vector of a question, first (kvdb_sdk/training/question_training.py)
    questions: int = 40_000  # that these see
    relation_steps: int | None = None
    """Of how questions mean relations (relation_training.py), anew, whatever `start` has learnt of it; 0: as the
    encoder has it. By default as `start` has it, else as a shipped adapter for this encoder does, and where there is
    none in STEPS of relation_low_rank.py."""
    reader_steps: int = 0  # of how the model reads relations (reader_training.py); 0: as `start` does, or not at all


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of the training log."""

    step: int
    losses: dict[str, float]
    seconds: float


def default_config(model: Any, model_name: str, encoder: EncoderRecord) -> AdapterConfig:
    """Every third layer of the upper 60 % attends to facts (AtlasKV: every third). The question's vector is made low:
    what a layer further up has of a name is less like its words.
    """
    shape = model_shape(model)
    layers = shape.pop("layers")
    step = 3 if layers >= 12 else 1
    first = math.ceil(layers * 0.4)
    kb_layers = tuple(range(first, layers, step)) or (layers - 1,)
    return AdapterConfig(
        model=model_name, encoder=encoder.name, encoder_dim=encoder.dim, kb_layers=kb_layers,
        select_layers=kb_layers[:1], question_layer=layers // 7, **shape,
    )  # fmt: skip


def _with_reader(config: AdapterConfig, model: Any) -> AdapterConfig:
    return replace(config, reader_layers=max(1, round(LAYERS_SHARE * model_shape(model)["layers"])), reader_rank=RANK)


def train(
    model: Any,
    tokenizer: Any,
    encode: Encoder,
    pool: Pool,
    out: str | Path,
    *,
    model_name: str,
    options: TrainingOptions | None = None,
    config: AdapterConfig | None = None,
    start: Adapter | None = None,
    data: dict[str, Any] | None = None,
    report: Callable[[Progress], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> Adapter:
    """Train an adapter on `pool` and write it to the folder `out`; goes on from a checkpoint there.

    `model` is any decoder that transformers' AttentionInterface serves; it is not changed. `start`: an adapter to go on
    from, for the same model and encoder. `data` describes the facts for the card. `report` hears of every step,
    `note` of what goes on before the first one. Raises LimitError where the pool has nothing to ask.
    """
    options = options or TrainingOptions()
    if not pool.askable:
        raise LimitError("no fact of the pool has a single value to ask for: give more facts")
    target, encoder = Path(out), encode.record
    target.mkdir(parents=True, exist_ok=True)
    model.requires_grad_(False)
    model.eval()
    config = config or (start.config if start else default_config(model, model_name, encoder))
    adapter = Adapter(config).to(model.device)
    torch.manual_seed(options.seed)
    adapter.reset()
    if start is None:
        start_from_model(adapter, model, attention_modules(model))
        scale_as_normalised(adapter, model, tokenizer)
    else:
        adapter.load_state_dict(start.state_dict())
        adapter.encoder_change, adapter.reader = dict(start.encoder_change), dict(start.reader)
    steps = _relation_steps(adapter, encoder, options)
    learn_relations(adapter, encode, target, steps=steps, seed=options.seed, note=note)
    if options.reader_steps:
        config = _with_reader(config, model)
        adapter.config = config
        learn_reader(adapter, model, tokenizer, target, steps=options.reader_steps, seed=options.seed, note=note)
    matcher = relation_match(adapter, encode)
    examples = _Examples(pool, encode, matcher, tokenizer, options, copying=config.copies)
    optimizer = _optimizer(adapter, options)
    done = restored(target / CHECKPOINT, dict(_learnt(adapter)), optimizer)
    prefix = PromptPrefix(model, tokenizer)
    if not (target / CHECKPOINT).exists() and options.question_steps and config.question_layer is not None:
        note and note("the model's own vector of a question")
        train_question_vector(
            adapter, model, with_made_up(pool, encode, options.questions // 2, seed=options.seed), prefix,
            questions=options.questions, steps=options.question_steps, seed=options.seed,
        )  # fmt: skip
        kept(target / CHECKPOINT, dict(_learnt(adapter)), optimizer, 0)
    source = TrainingFacts(adapter)
    started = time.monotonic()
    with Attachment(model, adapter, source, keep_all=True) as attachment:
        for step in range(done, options.steps):
            batch = collate(examples.of_step(step), pool, prefix, model.device)
            draw_of_step = torch.Generator().manual_seed(options.seed * 7919 + step)
            hybrid = bool(torch.rand((), generator=draw_of_step) >= options.attention_only)
            parts = losses(attachment, source, batch, prefix, hybrid=hybrid)
            _update(adapter, optimizer, parts, options, step)
            if report is not None:
                values = {name: float(part.detach()) for name, part in parts.items()}
                report(Progress(step + 1, values | {"hybrid": float(hybrid)}, time.monotonic() - started))
            if (step + 1) % options.checkpoint_every == 0:
                kept(target / CHECKPOINT, dict(_learnt(adapter)), optimizer, step + 1)
    probes = tuple(tuple(round(float(x), 4) for x in row) for row in encoder.probes)
    training = {"options": asdict(options), "data": data or {}, "seconds": round(time.monotonic() - started)}
    adapter.eval().requires_grad_(False)
    card = Card(adapter.config, model_probe(model), probes, training)
    if config.copies:  # else the model itself says whether it knows
        note and note("what refusal goes by")
        adapter.config = calibrated(
            model, tokenizer, adapter, card, encode, count=options.calibration, seed=options.seed
        )
    save_adapter(target, adapter, replace(card, config=adapter.config))
    for done_with in (CHECKPOINT, RELATIONS, READER):
        (target / done_with).unlink(missing_ok=True)
    return adapter


def _relation_steps(adapter: Adapter, encoder: EncoderRecord, options: TrainingOptions) -> int:
    """How long to learn relations, from the encoder as it is; 0 where the adapter has of them what it shall have."""
    if options.relation_steps is not None:
        adapter.relation.data.zero_()
        adapter.encoder_change = {}
        return options.relation_steps
    if not (adapter.relation.any() or adapter.encoder_change):
        adapter.encoder_change = shipped_encoder_change(encoder)
        return 0 if adapter.encoder_change else STEPS
    return 0


class _Examples:
    """The examples of each step, prepared a chunk of steps at a time."""

    def __init__(
        self,
        pool: Pool,
        encode: Encode,
        matcher: Match,
        tokenizer: Any,
        options: TrainingOptions,
        *,
        copying: bool,
    ) -> None:
        self.matcher, self._copying = matcher, copying
        self._pool, self._encode, self._tokenizer, self._options = pool, encode, tokenizer, options
        self._chunk = -1
        self._batches: list[list[Example]] = []

    def of_step(self, step: int) -> list[Example]:
        per_chunk = max(1, _CHUNK // self._options.batch)
        if step // per_chunk != self._chunk:
            self._chunk = step // per_chunk
            self._batches = self._prepared(per_chunk)
        return self._batches[step % per_chunk]

    def _prepared(self, count: int) -> list[list[Example]]:
        """A chunk of batches, examples of like length together: padding costs as much as text."""
        options = self._options
        size, seed = options.batch, options.seed * 1_000_003 + self._chunk
        examples = draw(
            self._pool, self._encode, self.matcher, self._tokenizer, count * size,
            candidates=options.candidates, unknown=options.unknown, seed=seed, near=options.near, copying=self._copying,
        )  # fmt: skip
        examples.sort(key=lambda example: len(example.answer_ids) + len(example.question) // 4)
        batches = [examples[start : start + size] for start in range(0, count * size, size)]
        random.Random(seed).shuffle(batches)
        return batches


def _optimizer(adapter: Adapter, options: TrainingOptions) -> torch.optim.AdamW:
    """Scalars and the gate learn ten times as fast as the projections."""
    learnt = dict(_learnt(adapter))
    small = [p for name, p in learnt.items() if name in _SMALL]
    large = [p for name, p in learnt.items() if name not in _SMALL]
    groups = [{"params": large, "factor": 1.0}, {"params": small, "factor": 10.0}]
    return torch.optim.AdamW(groups, lr=options.learning_rate, betas=(0.9, 0.98), weight_decay=0.0)


def _learnt(adapter: Adapter) -> Iterator[tuple[str, torch.nn.Parameter]]:
    return ((name, parameter) for name, parameter in adapter.named_parameters() if parameter.requires_grad)


def _update(
    adapter: Adapter,
    optimizer: torch.optim.Optimizer,
    parts: dict[str, Tensor],
    options: TrainingOptions,
    step: int,
) -> None:
    warm = min(1.0, (step + 1) / 30)
    rate = options.learning_rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / options.steps)))
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]
    total = torch.stack([part * weight for part, weight in zip(parts.values(), options.weights, strict=True)]).sum()
    optimizer.zero_grad()
    total.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(adapter.parameters(), 1.0)
    optimizer.step()
