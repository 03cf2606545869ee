"""Which relation a question means, as the language model reads it: the question after all that might be asked for.

The encoder compares two texts that it read apart (relation_match.py). A language model knows more words, and reads them
together: its first layers, with a low-rank change (W + b a, as in relation_encoder.py), read

    <s>  - the focal height of it: 28 m   - the keeper of it: Ann Hay   Q: who looked after the lamp

The candidates do not see each other, so their order means nothing and one forward pass serves many questions, each of
which sees the candidates that are open to it. With x the last state of a question, y_j that of a candidate, both
normalised, its logit is (Q x) . (K y_j) / sqrt(d), and n . x + m that of "none of them".

kvdb_sdk/training/reader_training.py learns it. The language model itself stays as it is.
"""

from __future__ import annotations

import copy
import logging
import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kvdb.errors import AdapterMismatchError
from kvdb.types import F32

from ..attend.adapter import Adapter
from .relation_encoder import LowRank, layer_maps
from .relation_match import Read

WIDTH = 256  # d, of the questions and the candidates where they meet
QUESTIONS_AT = 64  # the position of a question's first token, whatever is before it
MOST_TOKENS = 48  # of a candidate or a question that are read
FIRST_CHANGED = 3  # layers below stay as they are
_CLOSED = -1e4  # the logit of a candidate that a question does not see
_HEAD = "head."
_BATCH = 8  # texts that are read at a time
_log = logging.getLogger(__name__)


def relation_reader(adapter: Adapter, model: Any, tokenizer: Any) -> Read | None:
    """How the language model of an adapter reads relations. None where it has not learnt to and, with a warning, where
    something has been put around the layers of the model: then the encoder compares relations alone.
    """
    if not adapter.reader:
        return None
    try:
        reader = RelationReader(model, tokenizer, layers=adapter.config.reader_layers, rank=adapter.config.reader_rank)
        reader.load(adapter.reader)
    except AdapterMismatchError as error:
        _log.warning("%s: relations are compared by the encoder alone", error)
        return None
    return reader.read


@dataclass(frozen=True, slots=True)
class Reading:
    """Candidates, questions, and which of the candidates each question sees: [Q][C]."""

    candidates: Sequence[str]
    questions: Sequence[str]
    sees: Sequence[Sequence[bool]]


class RelationReader(nn.Module):
    """The first layers of a language model, changed, and what compares their states. The model's weights are shared."""

    def __init__(self, model: Any, tokenizer: Any, *, layers: int, rank: int) -> None:
        """Raises AdapterMismatchError where the layers of the model are not found."""
        super().__init__()
        self.decoder = _first_layers(model, layers)
        self._tokenizer = tokenizer
        self._start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id or 0
        self._changed: dict[str, _LowRankMap] = {}  # they are parts of the decoder
        for name, linear in layer_maps(self.decoder).items():
            if int(name.split(".")[1]) >= min(FIRST_CHANGED, layers - 1):
                parent, _, own = name.rpartition(".")
                self._changed[name] = _LowRankMap(linear, rank)
                setattr(self.decoder.get_submodule(parent), own, self._changed[name])
        self.head = _Head(model.config.get_text_config().hidden_size).to(model.device)

    def learnt(self) -> dict[str, nn.Parameter]:
        """What training moves, by the names that an adapter's file has for it."""
        found = {_HEAD + name: parameter for name, parameter in self.head.named_parameters()}
        for name, low in self._changed.items():
            found |= {f"{name}.a": low.a, f"{name}.b": low.b}
        return found

    def load(self, weights: LowRank) -> None:
        """Take over what was learnt, without a copy where it can. Raises AdapterMismatchError for another model's."""
        own = self.learnt()
        if {name: tuple(t.shape) for name, t in weights.items()} != {name: tuple(t.shape) for name, t in own.items()}:
            raise AdapterMismatchError("the adapter's reader of relations does not fit the layers of this model")
        for name, parameter in own.items():
            parameter.data = weights[name].to(parameter)

    def forward(self, readings: Sequence[Reading]) -> list[Tensor]:
        """Logits [Q, 1 + C] of each reading: of none, and of each candidate."""
        packed = [self._packed(reading) for reading in readings]
        device = self.head.none.weight.device
        longest = max(len(each.ids) for each in packed)
        ids, positions = (torch.zeros(len(packed), longest, dtype=torch.long) for _ in range(2))  # [B, T]
        sees = torch.eye(longest, dtype=torch.bool).repeat(len(packed), 1, 1)  # [B, T, T]: padding sees itself
        for row, each in enumerate(packed):
            length = len(each.ids)
            ids[row, :length], positions[row, :length] = torch.tensor(each.ids), torch.tensor(each.positions)
            sees[row, :length, :length] = each.sees
        dtype = self.decoder.get_input_embeddings().weight.dtype
        mask = torch.zeros(sees.shape, dtype=dtype).masked_fill(~sees, torch.finfo(dtype).min)[:, None].to(device)
        states = self.decoder(
            input_ids=ids.to(device), position_ids=positions.to(device), attention_mask=mask, use_cache=False
        ).last_hidden_state.float()  # [B, T, hidden]
        out = []
        for row, (each, reading) in enumerate(zip(packed, readings, strict=True)):
            open_to = torch.tensor(reading.sees, dtype=torch.bool, device=device)  # [Q, C]
            logits = self.head(states[row, each.questions], states[row, each.candidates])  # [Q, 1 + C]
            out.append(torch.cat([logits[:, :1], logits[:, 1:].masked_fill(~open_to, _CLOSED)], 1))
        return out

    def read(self, asked: Sequence[str], sentences: Sequence[Sequence[str]]) -> list[F32]:
        """Logits [1 + n] of each text: of none, and of each of its sentences."""
        order = sorted(range(len(asked)), key=lambda at: sum(map(len, sentences[at])))
        out: list[F32] = [np.empty(0, np.float32)] * len(asked)
        with torch.inference_mode():
            for start in range(0, len(order), _BATCH):
                batch = order[start : start + _BATCH]
                readings = [Reading(sentences[at], [asked[at]], [[True] * len(sentences[at])]) for at in batch]
                for at, logits in zip(batch, self(readings), strict=True):
                    out[at] = logits[0].cpu().numpy()
        return out

    def _packed(self, reading: Reading) -> _Packed:
        """One row of tokens. Part 0 is its first token, 1 .. C are candidates, C + 1 .. C + Q questions."""
        ids, positions, parts, ends = [self._start], [0], [0], []
        texts = [f"- {text}" for text in reading.candidates] + [f"Q: {text}" for text in reading.questions]
        for part, text in enumerate(texts, 1):
            own = self._ids(text) + self._ids("\n")
            first = 1 if part <= len(reading.candidates) else QUESTIONS_AT
            ids += own
            positions += range(first, first + len(own))
            parts += [part] * len(own)
            ends.append(len(ids) - 1)
        count = len(reading.candidates)
        between = torch.eye(len(texts) + 1, dtype=torch.bool)  # [1 + C + Q, 1 + C + Q] which part sees which
        between[:, 0] = True
        between[count + 1 :, 1 : count + 1] = torch.tensor(reading.sees, dtype=torch.bool)
        at = torch.tensor(parts)  # [T]
        sees = between[at][:, at] & torch.ones(len(ids), len(ids), dtype=torch.bool).tril()  # [T, T]
        return _Packed(ids, positions, sees, ends[:count], ends[count:])

    def _ids(self, text: str) -> list[int]:
        found: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return found[:MOST_TOKENS]


@dataclass(frozen=True, slots=True)
class _Packed:
    ids: list[int]  # [T]
    positions: list[int]  # [T]
    sees: Tensor  # [T, T] bool
    candidates: list[int]  # [C] the last token of each
    questions: list[int]  # [Q]


class _LowRankMap(nn.Module):
    """A linear map with weight W [out, in] as W + b a."""

    def __init__(self, linear: nn.Linear, rank: int) -> None:
        super().__init__()
        self.linear = linear
        device, width = linear.weight.device, linear.in_features
        self.a = nn.Parameter(torch.randn(rank, width, device=device) / math.sqrt(width))
        self.b = nn.Parameter(torch.zeros(linear.out_features, rank, device=device))

    def forward(self, x: Tensor) -> Tensor:
        changed: Tensor = self.linear(x) + F.linear(F.linear(x, self.a.to(x.dtype)), self.b.to(x.dtype))
        return changed


class _Head(nn.Module):
    """Logits of questions with candidates, from their states."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.question, self.candidate = (nn.Linear(hidden, WIDTH, bias=False) for _ in range(2))
        self.none = nn.Linear(hidden, 1)
        for each in (self.question, self.candidate):
            nn.init.normal_(each.weight, std=0.02)
        nn.init.zeros_(self.none.weight)
        nn.init.zeros_(self.none.bias)

    def forward(self, questions: Tensor, candidates: Tensor) -> Tensor:
        """[Q, 1 + C] of states [Q, hidden] and [C, hidden]."""
        x, y = (F.rms_norm(states, states.shape[-1:], eps=1e-6) for states in (questions, candidates))
        logits = self.question(x) @ self.candidate(y).T / math.sqrt(WIDTH)  # [Q, C]
        return torch.cat([self.none(x), logits], 1)


def _first_layers(model: Any, count: int) -> Any:
    """The first layers of a decoder, without what follows them: modules of their own, on the model's weights."""
    whole = getattr(model, model.base_model_prefix, model)
    memo: dict[int, Any] = {id(t): t for t in (*whole.parameters(), *whole.buffers())}  # what is in it is not copied
    for part in whole.modules():  # nor are hooks, an attached store's among them
        memo |= {id(part._forward_hooks): OrderedDict(), id(part._forward_pre_hooks): OrderedDict()}
    decoder = copy.deepcopy(whole, memo)
    stack = getattr(decoder, "layers", None)
    if not isinstance(stack, nn.ModuleList) or not isinstance(getattr(decoder, "norm", None), nn.Module):
        raise AdapterMismatchError(f"{type(model).__name__} has not its layers where a reader of relations looks")
    decoder.layers, decoder.norm = stack[:count], nn.Identity()
    decoder.config.num_hidden_layers = count
    decoder.set_attn_implementation("sdpa")
    return decoder.eval()
