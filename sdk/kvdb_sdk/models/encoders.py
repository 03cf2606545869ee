"""Sentence encoders: whatever turns texts into vectors, behind one small class.

`load_encoder` makes an `Encoder` of a model's name or folder, an OpenAI-compatible endpoint, or a callable.
An Encoder encodes each distinct text once a call, checks what comes back, and hands out float32 rows of unit
length. Its record (name, dimension, vectors of a few probe sentences) is what a store keeps to recognise it.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kvdb.errors import EncoderMismatchError, FieldError, UnknownEncoderError, VectorError
from kvdb.types import F32, EncoderRecord

from .endpoint import PREFIX, OpenAIEncoder, parse_endpoint
from .resolve import DEFAULT_ENCODER, NotResolved, model_folder

if TYPE_CHECKING:
    import torch

# Recorded in every store: changing them makes encoders unlike their records.
PROBE_SENTENCES = (
    "the capital of France",
    "What is the boiling point of water?",
    "Kay Ranch Airport",
    "the author of a book about the history of mathematics",
)

_CALLABLE = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)")

EncodeFunction = Callable[[Sequence[str]], Any]


class Encoder:
    """Texts to vectors: `encoder(texts)` is float32 [n, d], each row of unit length.

    Raises FieldError for a text that is not valid Unicode, and VectorError where the function beneath gives NaN,
    infinite or zero vectors, or the wrong number of them.
    """

    def __init__(self, encode: EncodeFunction, *, name: str) -> None:
        self.name = name
        self.function = encode

    def __repr__(self) -> str:
        return f"Encoder({self.name!r})"

    def __call__(self, texts: Sequence[str]) -> F32:
        if not len(texts):
            return np.empty((0, self.dim), np.float32)
        place = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        try:
            "\0".join(place).encode()
        except UnicodeEncodeError as error:
            raise FieldError(f"a text to encode is not valid Unicode: {error}; write it in UTF-8") from None
        distinct = unit_rows(self.function(list(place)), list(place), self.name)  # [u, d]
        return distinct[[place[text] for text in texts]] if len(place) < len(texts) else distinct  # [n, d]

    @cached_property
    def record(self) -> EncoderRecord:
        """The fingerprint that a store keeps: the probe sentences are encoded once."""
        probes = self(PROBE_SENTENCES)  # [p, d]
        return EncoderRecord(self.name, probes.shape[1], probes.astype(np.float16))

    @property
    def dim(self) -> int:
        return self.record.dim

    def renamed(self, name: str) -> Encoder:
        """The same encoder under another name."""
        return Encoder(self.function, name=name)


def unit_rows(vectors: Any, texts: Sequence[str], name: str) -> F32:
    """Vectors [n, d] of any float type as float32 rows of unit length. Raises VectorError where a row has no
    direction."""
    array = np.asarray(vectors)
    if array.ndim != 2 or len(array) != len(texts) or not array.shape[1] or array.dtype.kind not in "fiu":
        raise VectorError(
            f"the encoder {name!r} returned an array of shape {array.shape} and type {array.dtype} for "
            f"{len(texts)} texts: it must return numbers of shape [{len(texts)}, dimension]"
        )
    wide = array.astype(np.float64)  # [n, d] squares of float32 may overflow float32
    norms = np.sqrt(np.einsum("nd,nd->n", wide, wide))  # [n]
    bad = np.flatnonzero(~(np.isfinite(norms) & (norms > 0)))
    if bad.size:
        what = "zero" if norms[bad[0]] == 0 else "a NaN or infinite"
        raise VectorError(
            f"the encoder {name!r} returned {what} vector for {texts[bad[0]][:80]!r} ({bad.size} of {len(texts)} texts)"
        )
    return (wide / norms[:, None]).astype(np.float32)  # [n, d]


def load_encoder(
    encoder: str | Path | EncodeFunction | Encoder = DEFAULT_ENCODER,
    *,
    device: str | torch.device | None = None,
) -> Encoder:
    """An Encoder of: a model's name, folder or hub id; `openai:model@https://host/v1`; `module:function`; a
    callable.

    The endpoint's key is read from OPENAI_API_KEY. Raises UnknownEncoderError where a name resolves to
    nothing.
    """
    if isinstance(encoder, Encoder):
        return encoder
    if isinstance(encoder, OpenAIEncoder):
        return Encoder(encoder, name=encoder.name)
    if callable(encoder):
        return Encoder(encoder, name=_callable_name(encoder))
    name = str(encoder)
    if name.startswith(PREFIX):
        endpoint = parse_endpoint(name)
        return Encoder(endpoint, name=endpoint.name)
    if match := _CALLABLE.fullmatch(name):
        return Encoder(_imported(*match.groups()), name=name)
    files = model_folder(name)
    if isinstance(files, NotResolved):
        raise UnknownEncoderError(str(files))
    if files.gguf_file:
        raise UnknownEncoderError(f"{name!r} is a language model in a GGUF file, not a sentence encoder")
    from .sentence_model import load_sentence_model  # brings torch: not needed for endpoints and callables

    return Encoder(load_sentence_model(files, device=device), name=files.name)


def encoder_for(
    record: EncoderRecord | None,
    encoder: str | Path | EncodeFunction | Encoder | None = None,
    *,
    device: str | torch.device | None = None,
) -> Encoder:
    """The encoder for a store with this record (None: it has none yet): the one given, else the record's,
    else the default. Whether it is the same one, `Store.bind_encoder` checks.

    A folder that moved goes by the record's name for it: the probe vectors decide whether it is the same
    encoder. A store may come from anywhere, so its word alone neither sends texts (and a key) to an address
    nor imports code: EncoderMismatchError asks to give such an encoder again.
    """
    if record is None:
        return load_encoder(DEFAULT_ENCODER if encoder is None else encoder, device=device)
    if encoder is None and (record.name.startswith(PREFIX) or _CALLABLE.fullmatch(record.name)):
        raise EncoderMismatchError(
            f"the store was made with the encoder {record.name!r}, which is code or an address: if you trust "
            f"it, give it again (--encoder {record.name})"
        )
    loaded = load_encoder(record.name if encoder is None else encoder, device=device)
    return loaded.renamed(record.name) if _same_folder_name(loaded.name, record.name) else loaded


def _same_folder_name(a: str, b: str) -> bool:
    return a != b and Path(a).is_absolute() and Path(b).is_absolute() and Path(a).name == Path(b).name


def _callable_name(function: EncodeFunction) -> str:
    owner = function if hasattr(function, "__qualname__") else type(function)
    return f"{owner.__module__}:{owner.__qualname__}"


def _imported(module: str, attribute: str) -> EncodeFunction:
    try:
        function = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UnknownEncoderError(
            f"cannot import the encoder {module}:{attribute}: {error}. Its folder must be installed or on PYTHONPATH"
        ) from error
    if not callable(function):
        raise UnknownEncoderError(f"the encoder {module}:{attribute} is no function of texts")
    encode: EncodeFunction = function
    return encode
