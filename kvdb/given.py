"""Vectors that the caller has already: one array for the keys, one for the values, in memory or mapped from a file."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kvdb.change.plan import Plan
from kvdb.errors import VectorError
from kvdb.fields import unit16
from kvdb.types import F16, Mask

Floats = NDArray[np.floating[Any]]
Indices = NDArray[np.int64]

RELEASE_BYTES = 64 << 20


def as_rows(vectors: Floats, masks: int) -> Floats:
    """`vectors` [n, d], or [n, m, d] with several masks, as a view [n, m, d]. Raises VectorError."""
    shape = np.shape(vectors)
    if len(shape) == 2 and masks == 1:
        return np.asanyarray(vectors)[:, None, :]
    if len(shape) != 3 or shape[1] != masks:
        wanted = "[n, d]" if masks == 1 else f"[n, {masks}, d]"
        raise VectorError(f"vectors are {list(shape)}: give {wanted}")
    return np.asanyarray(vectors)


class GivenVectors:
    """The vectors of one batch of triples: keys and values [n, m, d] in the order of the triples."""

    def __init__(self, masks: Sequence[Mask], keys: Floats, values: Floats, dim: int) -> None:
        self._masks = tuple(masks)
        flat = (len(keys) * len(masks), keys.shape[2])
        self._keys = unit16(keys.reshape(flat), dim=dim, what="key vectors").reshape(keys.shape)
        self._values = unit16(values.reshape(flat), dim=dim, what="value vectors").reshape(keys.shape)

    def __len__(self) -> int:
        return len(self._keys)

    def prepare(self, made: Plan, masks: Sequence[Mask]) -> None:
        """Nothing: all vectors are there."""

    def ready(self, made: Plan, masks: Sequence[Mask]) -> bool:
        """Always: a plan never needs a vector that was not given."""
        return True

    def keys(self, made: Plan, mask: Mask) -> F16:
        """Vectors of the key sentences of the plan's new facts, float16 [n, d]."""
        return self._keys[made.fresh, self._masks.index(mask)]

    def values(self, made: Plan) -> Mapping[str, F16]:
        """The first vector given for each text that needs one."""
        out: dict[str, F16] = {}
        for at in made.fresh:
            for place, mask in enumerate(self._masks):
                text = made.triples[at].tail if mask == "tail" else made.triples[at].head
                if text in made.values and text not in out:
                    out[text] = self._values[at, place]
        return out


class GivenSource:
    """Rows of a large array as unit-length float16, read in pieces; the memory of a mapped file is given back.

    `places`: which rows of `vectors` [N, d], in order; None: all.
    """

    def __init__(self, vectors: Floats, places: Indices | None, *, dim: int, what: str) -> None:
        self._vectors = vectors
        self._places = places
        self._what = what
        self._taken = 0
        if dim and vectors.shape[1] != dim:
            raise VectorError(f"{what}: the store holds {dim} dimensions, these have {vectors.shape[1]}")
        self._ready = False
        self._ready = self._check()

    @property
    def dim(self) -> int:
        return int(self._vectors.shape[1])

    def __len__(self) -> int:
        return len(self._vectors) if self._places is None else len(self._places)

    def take(self, indices: Indices, /) -> F16:
        """The vectors at `indices` [m]: float16 [m, d]."""
        at = indices if self._places is None else self._places[indices]
        return self._units(self._vectors[at])

    def chunks(self, size: int, /) -> Iterator[tuple[int, F16]]:
        """All vectors in order, at most `size` at a time."""
        for start in range(0, len(self), size):
            at = slice(start, start + size)
            part = self._vectors[at] if self._places is None else self._vectors[self._places[at]]
            yield start, self._units(part)

    def _units(self, part: Floats) -> F16:
        self._taken += part.nbytes
        if self._taken > RELEASE_BYTES:
            self._taken = 0
            part = np.array(part)
            _release(self._vectors)
        return np.asarray(part, np.float16) if self._ready else unit16(part, what=self._what)

    def _check(self) -> bool:
        """True where the rows are unit float16 as they are. Raises VectorError where one is NaN, infinite or zero."""
        same = True
        for start in range(0, len(self._vectors), 16_384):
            part = np.asarray(self._vectors[start : start + 16_384])
            same &= unit16(part, what=self._what) is part
            self._taken += part.nbytes
            if self._taken > RELEASE_BYTES:
                self._taken = 0
                _release(self._vectors)
        return same


def _release(array: Any) -> None:
    """Tell the system that this process needs the pages of a mapped file no longer."""
    while array is not None:
        mapped = getattr(array, "_mmap", None)
        if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            if getattr(array, "mode", "") in ("r", "r+"):
                mapped.madvise(mmap.MADV_DONTNEED)
            return
        array = getattr(array, "base", None)
