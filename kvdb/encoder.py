"""The encoder that a store was made with: recorded once, and compared with every other that comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kvdb.errors import EncoderMismatchError
from kvdb.file.records import pack_encoder, unpack_encoder
from kvdb.types import EncoderRecord

if TYPE_CHECKING:
    from kvdb.change.write import Write
    from kvdb.store import Store

PROBE_FIT = 0.99  # least cosine between vectors of the same sentence by the same encoder


def bind_encoder(store: Store, record: EncoderRecord) -> None:
    """Store.bind_encoder."""
    known = store.encoder
    if known is None:
        dim = store.dim
        if dim is not None and dim != record.dim:
            raise EncoderMismatchError(
                f"{store.path} holds vectors of {dim} dimensions, encoder {record.name} gives {record.dim}: "
                "use the encoder that the store was made with"
            )
        if not store.read_only:
            store.write_with(lambda write: _bind(write, record))
        return
    check_encoder(store.path, known, record)


def _bind(write: Write, record: EncoderRecord) -> None:
    data = write.get(write.tables.meta, b"encoder")
    if data is not None:
        check_encoder(write.path, unpack_encoder(data), record)
        return
    write.state.dim = record.dim
    write.txn.put(b"encoder", pack_encoder(record), db=write.tables.meta)


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
