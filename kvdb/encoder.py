"""Whether an encoder is the one that a store was made with."""

from __future__ import annotations

import numpy as np

from kvdb.errors import EncoderMismatchError
from kvdb.types import EncoderRecord

PROBE_FIT = 0.99  # least cosine between vectors of the same sentence by the same encoder


def check_encoder(path: str, known: EncoderRecord, given: EncoderRecord) -> None:
    """Raise EncoderMismatchError where `given` is not the encoder that the store at `path` was made with."""
    remedy = f"use {known.name}, or make a new store with {given.name}"
    if known.name != given.name:
        raise EncoderMismatchError(f"{path} was made with encoder {known.name}, not {given.name}: {remedy}")
    if known.dim != given.dim or known.probes.shape != given.probes.shape:
        raise EncoderMismatchError(
            f"{path} holds vectors of {known.dim} dimensions, {given.name} gives {given.dim}: {remedy}"
        )
    ours, theirs = known.probes.astype(np.float32), given.probes.astype(np.float32)  # [p, d]
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)  # [p]
    cosines = (ours * theirs).sum(axis=1) / np.maximum(lengths, 1e-12)  # [p]
    if not bool((cosines >= PROBE_FIT).all()):
        raise EncoderMismatchError(
            f"{path} was made with another {known.name}: its probe sentences have cosine {float(cosines.min()):.3f}, "
            f"at least {PROBE_FIT} is needed: {remedy}"
        )
