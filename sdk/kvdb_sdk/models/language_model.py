"""Loading a causal language model by name, quickly.

transformers reads a GGUF file by dequantising it tensor by tensor, which takes many seconds, and refuses to
save the result. The first load here writes that result (safetensors, config, tokenizer) into the user's cache
folder; later loads read it from there. The cache is keyed by the file's content and transformers' major
version, is written under another name and renamed, and holds float32: the same numbers, whatever type is
asked for later.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
import xxhash
from safetensors.torch import save_model
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoConfig, AutoModelForCausalLM, AutoTokenizer

from kvdb.errors import KvdbError, UnknownModelError, UnsupportedModelError

from .devices import default_device, default_dtype, quiet_transformers
from .resolve import ModelFiles, NotResolved, model_folder, not_loaded

log = logging.getLogger(__name__)

CACHE_VARIABLE = "KVDB_CACHE"
_STALE_SECONDS = 3600


def load_language_model(
    name: str | Path, *, dtype: torch.dtype | None = None, device: str | torch.device | None = None
) -> tuple[Any, Any]:
    """The model, in evaluation mode, and its tokenizer.

    `dtype` is by default what `default_dtype` says for the device (devices.py). Raises UnknownModelError where the
    name resolves to nothing or the files do not load, UnsupportedModelError where they are another kind of
    model.
    """
    files = model_folder(name)
    if isinstance(files, NotResolved):
        raise UnknownModelError(str(files))
    where = default_device(device)
    width = dtype or default_dtype(where)
    with quiet_transformers():
        if files.gguf_path is not None:
            model, tokenizer = _load_gguf(files, width)
        else:
            model, tokenizer = _load_folder(files, width)
    return model.to(where).eval(), tokenizer


def cache_folder() -> Path:
    """Where converted models are kept: $KVDB_CACHE, else the user's cache folder."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "kvdb"
    if local := os.environ.get("LOCALAPPDATA"):
        return Path(local) / "kvdb" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kvdb"


def _load_folder(files: ModelFiles, dtype: torch.dtype) -> tuple[Any, Any]:
    with _loading(files):
        config = AutoConfig.from_pretrained(files.folder)
        if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
            raise UnsupportedModelError(
                f"{files.name!r} is a {config.model_type} model, which does not generate text: give a causal "
                "language model"
            )
        tokenizer = AutoTokenizer.from_pretrained(files.folder)
        return AutoModelForCausalLM.from_pretrained(files.folder, dtype=dtype), tokenizer


@contextlib.contextmanager
def _loading(files: ModelFiles) -> Iterator[None]:
    """Whatever transformers makes of files that are no model (any exception at all) becomes
    UnknownModelError."""
    try:
        yield
    except KvdbError:
        raise
    except Exception as error:
        raise UnknownModelError(not_loaded(files, error)) from error


def _load_gguf(files: ModelFiles, dtype: torch.dtype) -> tuple[Any, Any]:
    folder = cache_folder() / "models" / _cache_key(files)
    if folder.is_dir():
        try:
            return _load_cached(folder, dtype)
        except Exception as error:  # noqa: BLE001 -- damaged files raise anything; the conversion below tells why
            log.warning("the cached model in %s does not load (%s): converting it again", folder, error)
            shutil.rmtree(folder, ignore_errors=True)
    log.info("converting %s: the next load will be quick", files.gguf_path)
    model, tokenizer = _convert(files, torch.float32)
    try:
        _write_cache(folder, model, tokenizer)
    except OSError as error:
        log.warning("cannot cache the converted model in %s (%s): the next load converts again", folder, error)
        return (model, tokenizer) if dtype == torch.float32 else _convert(files, dtype)
    # not model.to(dtype): that would round tables which stay float32 in a model loaded as another type
    return (model, tokenizer) if dtype == torch.float32 else _load_cached(folder, dtype)


def _convert(files: ModelFiles, dtype: torch.dtype) -> tuple[Any, Any]:
    with _loading(files), _no_bar_in_files():
        tokenizer = AutoTokenizer.from_pretrained(files.folder, gguf_file=files.gguf_file)
        model = AutoModelForCausalLM.from_pretrained(files.folder, gguf_file=files.gguf_file, dtype=dtype)
    return model, tokenizer


def _no_bar_in_files() -> contextlib.AbstractContextManager[Any]:
    """Keep the conversion's progress bar, which no switch turns off, out of logs."""
    return contextlib.nullcontext() if sys.stderr.isatty() else contextlib.redirect_stderr(io.StringIO())


def _load_cached(folder: Path, dtype: torch.dtype) -> tuple[Any, Any]:
    model, loading = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, output_loading_info=True)
    if loading["missing_keys"] or loading["mismatched_keys"]:
        raise ValueError(f"missing or mismatched tensors: {loading['missing_keys'] or loading['mismatched_keys']}")
    return model, AutoTokenizer.from_pretrained(folder)


def _cache_key(files: ModelFiles) -> str:
    path = files.gguf_path
    if path is None:
        raise ValueError(f"{files.folder} is no GGUF model")
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return f"{path.stem}-{digest.hexdigest()[:16]}-transformers{transformers.__version__.split('.')[0]}"


def _write_cache(folder: Path, model: Any, tokenizer: Any) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(folder)
    staging = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        # keeps one name of each pair of tied weights; loading ties them again by the config
        save_model(model, str(staging / "model.safetensors"), metadata={"format": "pt"})
        config = AutoConfig.for_model(**model.config.to_dict())
        config.architectures = [type(model).__name__]
        config.to_json_file(staging / "config.json")
        model.generation_config.save_pretrained(staging)
        tokenizer.save_pretrained(staging)
        staging.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was first, and its copy is as good
            raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove half-written copies that a killed process left."""
    for left in folder.parent.glob(f"{folder.name}.*"):
        if time.time() - left.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
