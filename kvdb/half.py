"""float16 arithmetic faster than numpy's, which converts in software: for vectors that are known or
checked to be finite.
"""

from __future__ import annotations

import numpy as np

from kvdb.types import F16, F32

_CHUNK = 1024  # rows whose float32 copies stay in the cache


def widen(vectors: F16) -> F32:
    """`vectors` as float32, exactly, a third of the time that astype takes. Infinity and NaN come out as
    finite numbers.

    A float16's bits, shifted to where float32 has exponent and mantissa, are the number times 2^-112.
    """
    bits = np.ascontiguousarray(vectors).view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= np.int32(-0x70002000)  # all but the copies of the sign bit below the topmost
    wide = bits.view(np.float32)
    wide *= np.float32(2.0**112)
    return wide


def widened(vectors: F16 | F32) -> F32:
    """`vectors` as float32: themselves where they are."""
    return np.asarray(vectors, np.float32) if vectors.dtype == np.float32 else widen(np.asarray(vectors, np.float16))


def squared_lengths(vectors: F16) -> F32:
    """The squared length of each of `vectors` [n, d]: float32 [n]."""
    out = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), _CHUNK):
        wide = widen(vectors[start : start + _CHUNK])  # [c, d]
        np.einsum("nd,nd->n", wide, wide, out=out[start : start + _CHUNK])
    return out
