"""Checks on what comes in: fields of a triple, vectors of an encoder. Nothing is written before they pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kvdb.errors import FieldError, InputError, VectorError
from kvdb.file.records import MAX_HEAD, MAX_RELATION, MAX_TAIL
from kvdb.half import squared_lengths
from kvdb.types import F16, Mask, Triple

_LIMITS = (("head", MAX_HEAD), ("relation", MAX_RELATION), ("tail", MAX_TAIL))
_UNIT = 2e-3  # a float16 vector whose length is this close to 1 is kept as it is


def check_triple(triple: Sequence[str]) -> Triple:
    """The triple, or FieldError naming the field: empty, over-long, with a NUL or not valid Unicode."""
    if len(triple) != 3:
        raise FieldError(f"a triple has three fields, this one has {len(triple)}: {triple!r:.200}")
    for (name, limit), text in zip(_LIMITS, triple, strict=True):
        if not isinstance(text, str):
            raise FieldError(f"the {name} is {type(text).__name__}, not a string: give text")
        if not text.strip():
            raise FieldError(f"the {name} is empty: every field of a triple needs text")
        if "\0" in text:
            raise FieldError(f"the {name} holds a NUL character: remove it ({text!r:.80})")
        try:
            size = len(text.encode())
        except UnicodeEncodeError as error:
            raise FieldError(f"the {name} is not valid Unicode: {error}") from error
        if size > limit:
            raise FieldError(f"the {name} has {size} bytes, at most {limit} are allowed: shorten it")
    return Triple(*triple)


def check_triples(triples: Iterable[Sequence[str]]) -> list[Triple]:
    """The triples, each as check_triple has it. Where all of them are plainly in order, none is looked at alone."""
    batch = list(triples)
    return [Triple(*triple) for triple in batch] if _plain(batch) else [check_triple(triple) for triple in batch]


def _plain(batch: Sequence[Sequence[str]]) -> bool:
    """True where every field is text within its limit, with something in it, without NUL, and valid Unicode."""
    try:
        if set(map(len, batch)) != {3}:
            return False
        columns = list(zip(*batch, strict=True))
        whole = "\0".join(map("\0".join, batch))
        whole.encode()
    except (TypeError, UnicodeEncodeError):
        return False
    return whole.count("\0") == 3 * len(batch) - 1 and all(
        all(map(str.strip, column)) and max(map(len, column)) * 4 <= limit
        for column, (_, limit) in zip(columns, _LIMITS, strict=True)
    )


def check_masks(masks: Sequence[str]) -> tuple[Mask, ...]:
    """("tail",), ("head",) or both, tail first."""
    if isinstance(masks, str):
        masks = (masks,)
    if not masks or set(masks) - {"tail", "head"}:
        raise InputError(f"masks are 'tail', 'head' or both, not {masks!r}")
    both: tuple[Mask, ...] = ("tail", "head")
    return tuple(mask for mask in both if mask in masks)


def unit16(vectors: Any, *, dim: int = 0, count: int | None = None, what: str = "vectors") -> F16:
    """`vectors` [n, d] as unit-length float16, normalised in float32.

    Raises VectorError for a wrong shape (`dim` 0 accepts any), NaN, infinite or zero vectors.
    """
    array: NDArray[Any] = np.asarray(vectors)
    if array.ndim != 2 or array.dtype.kind != "f" or array.shape[1] == 0:
        raise VectorError(f"{what}: an array of floats [n, d] is needed, not {array.dtype} {array.shape}")
    if dim and array.shape[1] != dim:
        raise VectorError(f"{what}: the store holds {dim} dimensions, these have {array.shape[1]}")
    if count is not None and len(array) != count:
        raise VectorError(f"{what}: {count} vectors are needed, the encoder gave {len(array)}")
    if array.dtype == np.float16:
        squares = squared_lengths(array)  # [n]; finite for any input, far from 1 where the vector is not finite
        if bool((np.abs(squares - 1) < 2 * _UNIT).all()):
            return np.asarray(array, np.float16)
    wide = array.astype(np.float32, copy=False)  # [n, d]
    norms = np.sqrt(np.einsum("nd,nd->n", wide, wide))  # [n]
    good = np.isfinite(norms) & (norms > 0)
    if not good.all():
        raise VectorError(f"{what}: vector {int(np.argmin(good))} is zero, NaN or infinite")
    return np.asarray(wide / norms[:, None], np.float16)  # [n, d]
