"""The trained parameters that let one frozen language model read one encoder's facts.

An adapter is a folder of two files: `adapter.safetensors` (weights) and `card.json` (what it fits, how it was
trained, how it scored). Nothing in it depends on the facts: one adapter serves every store of its encoder.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from kvdb.errors import AdapterError, AdapterMismatchError

from .adapter_config import AdapterConfig as AdapterConfig
from .question_vector import QuestionVector

WEIGHTS = "adapter.safetensors"
CARD = "card.json"
FORMAT, OLDEST = 3, 2  # before 3 no model read relations
SPAN_KINDS = ("term", "value")  # what the copy gate can start: the fact's subject, or its value
_MAX_CARD_BYTES = 1 << 20
_CHANGE, _READER = "encoder.", "reader."  # before the names of the encoder's change, and the reader's, in the file
_NEVER = -1e4  # a logit whose weight and gradient are exactly zero, and that float16 still holds


class Adapter(nn.Module):
    """Parameters of knowledge attention (L KB layers, H query heads, G key heads of d, encoder dimension E).

    query [L, H*d, hidden]      the separate query heads
    key_weight [L*G*d, E], key_bias [L*G*d]       normalised together over all KB layers
    value_weight [L*G*d, E], value_bias [L*G*d]
    null_key, null_value [L, G, d], null_bias [L] the fact that says "nothing here"
    prior [L], threshold [L]    logit += exp(prior) * (similarity - threshold)
    mix [L, H]                  which heads decide what is copied
    gate_weight [2, hidden], gate_bias [2], gate_known [2]   when a term or a value is copied
    question                    the model's vector of a question (question_vector.py), where config has a question_layer
    relation [E, E]             U of kvdb_sdk/question/relation_match.py

    `encoder_change`: of the encoder that compares relations (kvdb_sdk/question/relation_encoder.py), and `reader`: of
    the model that reads them (relation_reader.py); {} where there is none.
    """

    def __init__(self, config: AdapterConfig) -> None:
        super().__init__()
        self.config = config
        layers, width = len(config.kb_layers), config.kv_heads * config.head_dim
        empty = torch.empty
        self.query = nn.Parameter(empty(layers, config.heads * config.head_dim, config.hidden_size))
        self.key_weight = nn.Parameter(empty(layers * width, config.encoder_dim))
        self.key_bias = nn.Parameter(torch.zeros(layers * width))
        self.value_weight = nn.Parameter(empty(layers * width, config.encoder_dim))
        self.value_bias = nn.Parameter(torch.zeros(layers * width))
        self.null_key = nn.Parameter(torch.zeros(layers, config.kv_heads, config.head_dim))
        self.null_value = nn.Parameter(torch.zeros(layers, config.kv_heads, config.head_dim))
        self.null_bias = nn.Parameter(torch.zeros(layers))
        self.prior = nn.Parameter(torch.full((layers,), math.log(20.0)))
        self.threshold = nn.Parameter(torch.full((layers,), 0.65))
        self.mix = nn.Parameter(torch.zeros(layers, config.heads))
        self.gate_weight = nn.Parameter(torch.zeros(len(SPAN_KINDS), config.hidden_size))
        self.gate_bias = nn.Parameter(torch.full((len(SPAN_KINDS),), -2.0))
        self.gate_known = nn.Parameter(torch.zeros(len(SPAN_KINDS)))
        self.question = (
            QuestionVector(config.hidden_size, config.encoder_dim) if config.question_layer is not None else None
        )
        self.relation = nn.Parameter(torch.zeros(config.encoder_dim, config.encoder_dim), requires_grad=False)
        self.encoder_change: dict[str, Tensor] = {}
        self.reader: dict[str, Tensor] = {}
        self.reset()

    def reset(self) -> None:
        """Random start; training overwrites `query` with the model's own query heads (KBLaM, section 3)."""
        for weight in (self.query, self.key_weight, self.value_weight):
            nn.init.normal_(weight, std=1.0 / math.sqrt(weight.shape[-1]))
        # Facts enter the residual stream softly, so that an untrained adapter does not drown the text.
        with torch.no_grad():
            self.value_weight.mul_(0.1)
            if not self.config.null_fact:
                self.null_bias.fill_(_NEVER)


@dataclass(frozen=True, slots=True)
class Card:
    """What `card.json` holds: the config, probes of model and encoder, training data and scores."""

    config: AdapterConfig
    model_probe: tuple[float, ...]
    encoder_probes: tuple[tuple[float, ...], ...]
    training: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)


def fingerprint(adapter: Adapter, card: Card) -> str:
    """Tells adapters apart: a hash of what the card says they fit and judge by, and of what training moves."""
    said = json.dumps([asdict(card.config), card.model_probe, card.encoder_probes], sort_keys=True)
    made = hashlib.blake2b(said.encode(), digest_size=16)
    own = [] if adapter.question is None else [adapter.question.out]
    change = [held[name] for held in (adapter.encoder_change, adapter.reader) for name in sorted(held)]
    for parameter in (
        adapter.prior,
        adapter.threshold,
        adapter.null_bias,
        adapter.mix,
        adapter.relation,
        *own,
        *change,
    ):
        made.update(parameter.detach().to("cpu", torch.float16).numpy().tobytes())
    return made.hexdigest()


def model_probe(model: nn.Module) -> tuple[float, ...]:
    """A few input-embedding entries: tells two models of the same shape apart at any precision."""
    weight = model.get_input_embeddings().weight  # type: ignore[operator]  # [vocab, hidden]
    step = max(1, weight.shape[0] // 8)
    return tuple(round(float(x), 6) for x in weight.detach()[::step, :2].float().flatten()[:16])


def check_fits_model(card: Card, model: nn.Module, shape: dict[str, Any]) -> None:
    """Raise AdapterMismatchError unless the adapter was trained for this model."""
    for name in ("hidden_size", "heads", "kv_heads", "head_dim", "model_type"):
        wanted, found = getattr(card.config, name), shape[name]
        if wanted != found:
            raise AdapterMismatchError(
                f"the adapter fits {card.config.model} ({name} {wanted}), but the model has {name} {found}; "
                "choose the adapter trained for this model, or train one with `kvdb train`"
            )
    if max(card.config.kb_layers) >= shape["layers"]:
        raise AdapterMismatchError(
            f"the adapter attends in layer {max(card.config.kb_layers)}, but the model has {shape['layers']} layers"
        )
    probe = torch.tensor(model_probe(model))
    wanted_probe = torch.tensor(card.model_probe)
    if probe.shape != wanted_probe.shape or not torch.allclose(probe, wanted_probe, rtol=0.05, atol=2e-3):
        raise AdapterMismatchError(
            f"the adapter was trained for {card.config.model}, and this model has other weights of the same shape; "
            "choose the adapter trained for it, or train one with `kvdb train`"
        )


def check_fits_encoder(card: Card, name: str, probes: Any) -> None:
    """Raise AdapterMismatchError unless the probe sentences come out as in training (cosine >= 0.99)."""
    wanted = torch.tensor(card.encoder_probes, dtype=torch.float32)
    found = torch.tensor(np.asarray(probes, np.float32))
    if wanted.shape != found.shape or float(torch.cosine_similarity(wanted, found, dim=-1).min()) < 0.99:
        raise AdapterMismatchError(
            f"the adapter reads vectors of {card.config.encoder}, but the store's come from {name}; "
            "ingest with that encoder, or train an adapter for this one with `kvdb train`"
        )


def save_adapter(folder: str | Path, adapter: Adapter, card: Card) -> None:
    """Write both files; weights as float16. The card comes last, so a folder with a card is whole."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    held = dict(adapter.state_dict())
    held |= {_CHANGE + name: t for name, t in adapter.encoder_change.items()}
    held |= {_READER + name: t for name, t in adapter.reader.items()}
    tensors = {name: t.detach().to("cpu", torch.float16).contiguous() for name, t in held.items()}
    save_file(tensors, target / WEIGHTS, metadata={"format": "kvdb-adapter", "version": str(FORMAT)})
    body = {"format": FORMAT, **asdict(card)}
    (target / CARD).write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load_card(folder: str | Path) -> Card:
    """Read `card.json` with its types checked; AdapterError says what is wrong."""
    path = Path(folder) / CARD
    try:
        if path.stat().st_size > _MAX_CARD_BYTES:
            raise AdapterError(f"{path} is larger than {_MAX_CARD_BYTES} bytes: not an adapter card")
        body = json.loads(path.read_text(encoding="utf-8"))
        if body["format"] > FORMAT:
            raise AdapterError(f"{path} has format {body['format']}, this kvdb reads up to {FORMAT}: upgrade kvdb")
        if not body["format"] >= OLDEST:
            raise AdapterError(f"{path} has format {body['format']}, older than {OLDEST}: train the adapter again")
        config = dict(body["config"])
        for name in ("kb_layers", "select_layers"):
            config[name] = tuple(int(x) for x in config[name])
        for name in {"known", "known_by_attention", "related"} & config.keys():
            config[name] = tuple(float(x) for x in config[name])
        return Card(
            config=AdapterConfig(**config),
            model_probe=tuple(float(x) for x in body["model_probe"]),
            encoder_probes=tuple(tuple(float(x) for x in row) for row in body["encoder_probes"]),
            training=dict(body.get("training", {})),
            scores=dict(body.get("scores", {})),
        )
    except FileNotFoundError:
        raise AdapterError(f"no adapter in {folder}: {CARD} is missing; give a folder made by `kvdb train`") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise AdapterError(f"{path} is not an adapter card: {error}") from error


def load_adapter(folder: str | Path) -> tuple[Adapter, Card]:
    """Read an adapter (float32) and its card. AdapterError where files or shapes are wrong."""
    card = load_card(folder)
    path = Path(folder) / WEIGHTS
    try:
        tensors = {name: t.to(torch.float32, copy=True) for name, t in load_file(path).items()}
    except FileNotFoundError:
        raise AdapterError(f"no adapter in {folder}: {WEIGHTS} is missing") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise AdapterError(f"{path} is not a safetensors file: {error}") from error
    adapter = _unfilled(card.config, path)
    change, reader = (
        {name.removeprefix(prefix): tensors.pop(name) for name in list(tensors) if name.startswith(prefix)}
        for prefix in (_CHANGE, _READER)
    )
    wanted = {name: tuple(t.shape) for name, t in adapter.state_dict().items()}
    found = {name: tuple(t.shape) for name, t in tensors.items()}
    if reader:  # its `a` are [rank, in]
        wanted["reader_rank"] = (card.config.reader_rank,)
        ranks = {t.shape[0] for name, t in reader.items() if name.endswith(".a") and t.dim()}
        found["reader_rank"] = tuple(ranks)
    if wanted != found:
        wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        raise AdapterError(f"{path} does not hold what its card says: {', '.join(wrong)} differ")
    if not all(bool(torch.isfinite(t).all()) for t in [*tensors.values(), *change.values(), *reader.values()]):
        raise AdapterError(f"{path} holds NaN or infinite weights: train it again")
    adapter.load_state_dict(tensors, assign=True)
    adapter.encoder_change, adapter.reader = change, reader
    return adapter.eval().requires_grad_(False), card


def _unfilled(config: AdapterConfig, path: Path) -> Adapter:
    """An adapter without memory for its weights: how much a card asks for is its word alone."""
    try:
        with torch.device("meta"):
            return Adapter(config)
    except (RuntimeError, TypeError) as error:
        raise AdapterError(f"{path} cannot hold what its card says: its sizes are too large to count") from error
