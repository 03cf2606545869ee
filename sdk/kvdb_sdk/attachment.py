"""`attach`: a store's facts in the attention of a model that the caller has, for as long as a `with` block lasts."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessorList

from kvdb import SearchLimits, Store
from kvdb.encoder import check_encoder
from kvdb.errors import AdapterError, AdapterMismatchError, LimitError
from kvdb.types import fact_of, mask_of

from .adapters import adapter_folder
from .answer import Answer
from .attend.adapter import Adapter, Card, check_fits_encoder, check_fits_model, fingerprint, load_adapter
from .attend.attended import MOST, Attended
from .attend.attention import Attachment, check_attachable, model_shape
from .attend.copying import Copier, Copyable
from .attend.joint_softmax import copy_weights, gate_logits
from .attend.projection import Projection
from .models.encoders import Encoder, encoder_for
from .question.relation_reader import relation_reader
from .refusal.calibration_note import Calibration, calibrations_of
from .refusal.confidence import Evidence, known_probability
from .select.knowledge import StoreFacts
from .select.pager import DEFAULT_BUDGET, Pager
from .select.routing import check_route


@dataclass(slots=True)
class Knowledge:
    """A store attached to a model. The model's `generate` copies verbatim from the store while it lasts."""

    model: Any
    tokenizer: Any
    facts: StoreFacts
    attachment: Attachment
    copier: Copier | None = None
    """The copier of the last `generate`: it knows the copied spans of what was generated. None where the adapter has
    no copy gate."""
    attended: Attended | None = None
    """What the prompts of the last `generate` read most."""
    evidence: list[Evidence] = field(default_factory=list)
    """What spoke for the fact that each row of the last `generate` read most, when its prompt had been read."""
    judged: list[tuple[int, float]] = field(default_factory=list)
    """That fact's place among those selected for each prompt, and its weight."""

    def generate(self, *args: Any, **kwargs: Any) -> Any:
        """The model's own `generate` on one snapshot of the store, with copying from the facts of each prompt.

        With a cache that has text already (`past_key_values`), the prompt is what goes on after it.
        """
        self.attachment.starts = True
        with self.facts.generation():
            processors = LogitsProcessorList(kwargs.pop("logits_processor", None) or [])
            self.attended, self.evidence, self.judged = Attended(self.attachment), [], []
            processors.append(self.attended)
            self.copier = self._copier() if self.facts.adapter.config.copies else None
            if self.copier is not None:
                processors.append(self.copier)
            return type(self.model).generate(self.model, *args, logits_processor=processors, **kwargs)

    def answer(self, ids: Sequence[int] | Tensor, *, prompt: int = 0) -> Answer:
        """The answer, with its citations, of the tokens [n] that the last `generate` wrote after one of its prompts."""
        from .citing import answer_of  # which needs this class

        return answer_of(self.tokenizer, self, prompt, [int(id) for id in ids])

    def read_most(self, prompt: int, most: int = MOST) -> list[tuple[int, float]]:
        """The rows that a prompt of the last `generate` read most at its end, and their weights; best first."""
        if self.attended is None or self.attended.weights is None or not self.facts.selected:
            return []
        rows = self.facts.selected[prompt]
        beams = max(1, len(self.attended.weights) // len(self.facts.selected))
        return [(int(rows[place]), weight) for place, weight in self.attended.best(prompt * beams, len(rows), most)]

    def _copier(self) -> Copier:
        return Copier(
            _Copyables(self.tokenizer, self.facts),
            self._read_trace,
            known=self._known,
            threshold=self.facts.threshold,
            glued=self.facts.glued,
        )

    def _read_trace(self) -> tuple[Tensor, Tensor] | None:
        """Copy weights [rows, n + 1] and gate probabilities [rows, 3] of the last step; None without facts."""
        trace, adapter = self.attachment.trace, self.attachment.adapter
        if not trace.logits or trace.hidden is None:
            return None
        last = {index: logits[:, :, -1:] for index, logits in trace.logits.items()}  # [rows, H, 1, n + 1]
        weights = copy_weights(adapter, last)  # [rows, 1, n + 1]
        gate = gate_logits(adapter, trace.hidden[:, -1:], weights).softmax(-1)  # [rows, 1, 3]
        return weights[:, 0].cpu(), gate[:, 0].cpu()

    def _known(self, weights: Tensor) -> list[float]:
        """The probability that the asked fact is there, for weights [rows, n + 1] at the end of the prompts."""
        beams = max(1, len(weights) // len(self.facts.selected))
        self.judged = [self.facts.most_read(row, each) for row, each in enumerate(weights[::beams].tolist())]
        self.evidence = [self.facts.evidence(row // beams, each) for row, each in enumerate(weights.tolist())]
        return [known_probability(self.facts.known_by, evidence) for evidence in self.evidence]


class _Copyables(Sequence[Copyable]):
    """What each prompt of a batch may copy, tokenised when first asked for."""

    def __init__(self, tokenizer: Any, facts: StoreFacts) -> None:
        self._tokenizer, self._facts = tokenizer, facts
        self._made: dict[int, Copyable] = {}

    def __len__(self) -> int:
        return max(1, len(self._facts.selected))

    def __getitem__(self, prompt: Any) -> Any:
        if prompt not in self._made:
            self._made[prompt] = self._make(prompt)
        return self._made[prompt]

    def _make(self, prompt: int) -> Copyable:
        if not self._facts.selected:
            return Copyable((), {})
        rows = [int(row) for row in self._facts.selected[prompt]]
        with self._facts.generation() as snapshot:
            facts = snapshot.facts([fact_of(row) for row in rows])
        ends = [
            (fact.head, fact.tail) if mask_of(row) == "tail" else (fact.tail, fact.head)
            for fact, row in zip(facts, rows, strict=True)
        ]
        return Copyable.of(self._tokenizer, facts, [term for term, _ in ends], [value for _, value in ends])


def store_facts(
    model: Any,
    tokenizer: Any,
    store: Store,
    *,
    adapter: str | Path | tuple[Adapter, Card] | None = "default",
    encoder: str | Encoder | None = None,
    memory: str | int = DEFAULT_BUDGET,
    route: str = "hybrid",
    limits: SearchLimits | None = None,
    threshold: float | None = None,
    calibration: Calibration | None = None,
) -> StoreFacts:
    """Check that adapter, model, encoder and store fit together, and make the fact source. Raises as `attach`."""
    check_route(route)
    if threshold is not None and not 0 <= threshold <= 1:  # not a number is none of these either
        raise LimitError(f"a threshold of {threshold} is no probability: choose one in [0, 1]")
    if adapter is None:
        raise AdapterError(
            "there is no adapter to attach: train one with `kvdb train`, or put the facts into the prompt with "
            "KnowledgeModel(..., adapter=None)"
        )
    check_attachable(model)
    weights, card = adapter if isinstance(adapter, tuple) else load_adapter(adapter_folder(adapter, model))
    check_fits_model(card, model, model_shape(model))
    record = store.encoder
    if record is not None:
        check_fits_encoder(card, record.name, record.probes)
    elif store.dim not in (None, card.config.encoder_dim):
        raise AdapterMismatchError(
            f"the adapter reads vectors of {card.config.encoder_dim} dimensions, and {store.path} holds {store.dim}: "
            "choose the adapter trained for the store's encoder"
        )
    mark = fingerprint(weights, card)
    calibrations = calibrations_of(store, mark) + ([] if calibration is None else [calibration.checked(mark)])
    needless = route == "attention" and encoder is None
    questions = None if needless else _question_encoder(store, encoder, card, device=model.device)
    if weights.key_weight.device != model.device:
        weights = copy.deepcopy(weights).to(model.device)  # the caller's own may serve another model
    pager = Pager(card.config.encoder_dim, Projection.of(weights).sigma, budget=memory, device=model.device)
    return StoreFacts(
        store, weights, tokenizer, encoder=questions, pager=pager, route=route, limits=limits, threshold=threshold,
        fingerprint=mark, calibrations=calibrations, read=relation_reader(weights, model, tokenizer),
    )  # fmt: skip


def _question_encoder(store: Store, encoder: str | Encoder | None, card: Card, *, device: torch.device) -> Encoder:
    """The encoder given, else the store's own, else (an empty store) the adapter's; checked against the store."""
    record = store.encoder
    if record is None:
        return encoder_for(None, encoder or card.config.encoder, device=device)
    loaded = encoder_for(record, encoder, device=device)
    check_encoder(store.path, record, loaded.record)
    return loaded


@contextmanager
def attached(model: Any, tokenizer: Any, facts: StoreFacts) -> Iterator[Knowledge]:
    """Attach a fact source that is there already; the model is restored at the end, whatever happens."""
    with torch.no_grad(), Attachment(model, facts.adapter, facts) as attachment:
        knowledge = Knowledge(model, tokenizer, facts, attachment)
        own = vars(model).get("generate")  # of the instance, which a caller may have set
        model.generate = knowledge.generate
        try:
            yield knowledge
        finally:
            del model.generate
            if own is not None:
                model.generate = own


@contextmanager
def attach(
    model: Any,
    tokenizer: Any,
    store: Store,
    *,
    adapter: str | Path | tuple[Adapter, Card] = "default",
    encoder: str | Encoder | None = None,
    memory: str | int = DEFAULT_BUDGET,
    route: str = "hybrid",
    limits: SearchLimits | None = None,
    threshold: float | None = None,
    calibration: Calibration | None = None,
) -> Iterator[Knowledge]:
    """Let `model` (any decoder on transformers' AttentionInterface) read `store` inside the `with` block.

    `adapter`: "default" (the shipped one that fits), a shipped name, a folder, or a loaded adapter with its card.
    `encoder`: as the store's record names it, unless given. `memory`: the pager's budget on the device.
    `route`: "hybrid", "encoder" or "attention". `threshold` in [0, 1]: how probable it must be that the store
    has the fact for anything to be copied; the adapter's own unless given. `calibration`: what kvdb_sdk.calibrate
    reports, in place of what the store keeps for this adapter. The model itself is not changed, and is restored at the
    end; gradients are off inside the block. Without an adapter there is nothing to attach: for such a model
    `KnowledgeModel(..., adapter=None)` puts the facts into the prompt.

        with attach(model, tokenizer, store) as knowledge:
            out = model.generate(**inputs)
            answer = knowledge.answer(out[0, inputs["input_ids"].shape[1] :])

    Raises AdapterError, AdapterMismatchError, EncoderMismatchError, BudgetError, UnsupportedModelError, LimitError.
    """
    facts = store_facts(
        model, tokenizer, store, adapter=adapter, encoder=encoder, memory=memory, route=route, limits=limits,
        threshold=threshold, calibration=calibration,
    )  # fmt: skip
    with attached(model, tokenizer, facts) as knowledge:
        yield knowledge
