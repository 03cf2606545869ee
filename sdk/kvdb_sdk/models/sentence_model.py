"""Sentence-transformers models, encoded fast.

Most of them are one transformer, a mean or first-token pooling and a normalisation. Those run here directly:
tokenised once, sorted by length, cut into batches of about equal token counts with next to no padding, and on
a CPU one batch a core (each batch's matrices then stay in that core's cache, and no core waits for another
within a layer). The result equals SentenceTransformer.encode to float32 rounding. Whatever else a model's
pipeline holds goes through that library.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from kvdb.errors import UnknownEncoderError
from kvdb.types import F32

from .devices import default_device, default_dtype, quiet_transformers
from .resolve import ModelFiles, not_loaded

# Measured with MiniLM on two AVX2 cores: 512 to 1,024 tokens a batch are best, within 5 % of each other.
CPU_BATCH_TOKENS = 768
GPU_BATCH_TOKENS = 32_768

Pooling = Literal["mean", "cls"]

# Settings of the transformer module that mean what is done here; any other value means something else.
_PLAIN_SETTINGS: dict[str, Any] = {
    "do_lower_case": False,
    "transformer_task": "feature-extraction",
    "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    "module_output_name": "token_embeddings",
}


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What a plain sentence-transformers folder says about itself."""

    pooling: Pooling
    max_tokens: int | None


def load_sentence_model(
    files: ModelFiles, *, device: str | torch.device | None = None
) -> Callable[[Sequence[str]], F32]:
    """A function from texts to float32 [n, d], of unit length where the model's pipeline says so.

    Raises UnknownEncoderError where the files do not load.
    """
    where = default_device(device)
    pipeline = plain_pipeline(Path(files.folder)) if files.local else None
    try:
        with quiet_transformers():
            if pipeline is not None:
                return PlainSentenceModel(files.folder, pipeline, where)
            return _whole_pipeline(files.folder, where)
    except Exception as error:  # what libraries make of files that are no model can be any exception
        raise UnknownEncoderError(not_loaded(files, error)) from error


def plain_pipeline(folder: Path) -> Pipeline | None:
    """The folder's pipeline where it is transformer, mean or first-token pooling and at most a normalisation,
    else None.

    Anything that is not known to change nothing (a prompt, lower-casing, another module) counts as not plain.
    """
    modules = _json(folder / "modules.json")
    if not isinstance(modules, list):
        return None
    kinds = [str(module.get("type", "")).rsplit(".", 1)[-1] for module in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]) or modules[0].get("path"):
        return None
    if (_json(folder / "config_sentence_transformers.json") or {}).get("default_prompt_name"):
        return None
    transformer = _json(folder / "sentence_bert_config.json") or {}
    if any(value != _PLAIN_SETTINGS.get(key) for key, value in transformer.items() if key != "max_seq_length"):
        return None
    pooling = _pooling(_json(folder / str(modules[1].get("path", "")) / "config.json") or {})
    return Pipeline(pooling, transformer.get("max_seq_length")) if pooling else None


def _pooling(config: dict[str, Any]) -> Pooling | None:
    on = {key for key, value in config.items() if key.startswith("pooling_mode") and value}
    if "pooling_mode" in on:  # newer files name the mode
        on = {f"pooling_mode_{config['pooling_mode']}"}
    if on in ({"pooling_mode_mean_tokens"}, {"pooling_mode_mean"}):
        return "mean"
    if on in ({"pooling_mode_cls_token"}, {"pooling_mode_cls"}):
        return "cls"
    return None


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _whole_pipeline(folder: str, device: torch.device) -> Callable[[Sequence[str]], F32]:
    # seconds to import, so only where it is needed
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(folder, device=str(device))

    def encode(texts: Sequence[str]) -> F32:
        vectors = model.encode(list(texts), batch_size=32, show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(vectors, np.float32)  # [n, d]

    return encode


class PlainSentenceModel:
    """One transformer with mean or first-token pooling. Call it with texts; get float32 [n, d] of unit
    length."""

    def __init__(self, folder: str, pipeline: Pipeline, device: torch.device) -> None:
        tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        if not tokenizer.is_fast:
            raise ValueError("its tokenizer has no fast form")
        self.model: Any = AutoModel.from_pretrained(folder, dtype=default_dtype(device))
        self.model.to(device).eval()
        self.device = device
        self.pooling = pipeline.pooling
        self.pad = tokenizer.pad_token_id or 0
        self.tokens = tokenizer.backend_tokenizer
        self.tokens.no_padding()
        positions = getattr(self.model.config, "max_position_embeddings", None)
        limits = (
            pipeline.max_tokens,
            tokenizer.model_max_length,
            positions if pipeline.max_tokens is None else None,
        )
        self.tokens.enable_truncation(min(int(limit) for limit in limits if limit))

    def __call__(self, texts: Sequence[str]) -> F32:
        ids = self.token_ids(texts)
        out = np.empty((len(ids), self.model.config.hidden_size), np.float32)  # [n, d]
        on_cpu = self.device.type == "cpu"
        batches = list(batches_by_length(ids, CPU_BATCH_TOKENS if on_cpu else GPU_BATCH_TOKENS))
        threads = min(torch.get_num_threads(), len(batches)) if on_cpu else 1

        def run(batch: list[int]) -> None:
            with torch.inference_mode():
                out[batch] = self.vectors([ids[i] for i in batch]).cpu().numpy()

        if threads <= 1:
            for batch in batches:
                run(batch)
            return out
        each_alone = torch.get_num_threads()
        try:
            with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                list(pool.map(run, batches))
        finally:
            torch.set_num_threads(each_alone)  # the matrix library keeps one number for all threads
        return out

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, cut to what the model reads."""
        return [encoding.ids for encoding in self.tokens.encode_batch_fast(list(texts))]

    def vectors(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """One batch: tokens to float32 [b, d] of unit length, on the model's device."""
        longest = max(map(len, ids))
        tokens = torch.full((len(ids), longest), self.pad)  # [b, t]
        mask = torch.zeros((len(ids), longest), dtype=torch.long)  # [b, t]
        for row, sentence in enumerate(ids):
            tokens[row, : len(sentence)] = torch.tensor(sentence)
            mask[row, : len(sentence)] = 1
        tokens, mask = tokens.to(self.device), mask.to(self.device)
        hidden: Tensor = self.model(input_ids=tokens, attention_mask=mask).last_hidden_state.float()  # [b, t, d]
        if self.pooling == "cls":
            pooled = hidden[:, 0]  # [b, d]
        else:
            weights = mask[:, :, None].float()  # [b, t, 1]
            pooled = (hidden * weights).sum(1) / weights.sum(1)  # [b, d]
        return torch.nn.functional.normalize(pooled, dim=-1)  # [b, d]


def batches_by_length(ids: Sequence[Sequence[int]], budget: int) -> Iterator[list[int]]:
    """Positions of `ids`, longest first, in batches of at most `budget` tokens with padding (at least one
    sentence each).

    Longest first: memory peaks at once, and the last batches, which end a parallel run, are no longer than
    others.
    """
    order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, len(ids[order[start]])))
        yield order[start : start + size]
        start += size
