"""Loading many facts: durable batches first, then one tree over all of them.

A batch is a transaction: facts, values, indexes, and rows appended to staged leaves in the order in which
they come. The facts are searchable at once, by looking at every row. When all are in, the tree is built in
bulk, or, where the store has one and the new rows are few, they are placed in it. Then the file is compacted
if nobody else has it open.

Killed anywhere, the store is consistent: batches that returned are there, and running the same load again passes over
them (they are found before anything is encoded) and finishes what was left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from kvdb.build import FLAT_ROWS
from kvdb.bulk import load_empty
from kvdb.change.insert import EncodedText, insert_batch
from kvdb.change.placing import place_staged
from kvdb.change.plan import Encode, NounsOf
from kvdb.errors import VectorError
from kvdb.fields import check_masks, check_triple
from kvdb.given import GivenVectors, as_rows
from kvdb.kg2kv import noun_forms
from kvdb.rebuild import drop_leftovers, leftovers, rebuild
from kvdb.store import Store
from kvdb.tree.cluster import Effort
from kvdb.types import F16, F32, LoadReport, Mask, Triple
from kvdb.upkeep.compact import compact

Progress = Callable[[int, int], None]  # triples read, facts inserted

SMALL = 256  # facts of a load that goes straight into the tree
STAGED_SHARE = 0.2  # above this share of rows without a place in the tree, it is built anew
VECTOR_BATCH = 16_384


def ingest(
    store: Store,
    triples: Iterable[Sequence[str]],
    encode: Encode,
    *,
    masks: Sequence[Mask] | None = None,
    nouns: NounsOf = noun_forms,
    batch: int = 4096,
    sync: bool = False,
    progress: Progress | None = None,
) -> LoadReport:
    """Add facts in durable batches, then build the tree. `sync`: delete the facts that are not among `triples`, when
    all of them are in, so that the store is equal to its source; cut short, the same call goes on from there.

    `encode` maps n strings to float32 [n, d] and sees the key sentences of new facts and value texts that
    the store does not have, each once a batch. `nouns` is asked for the noun forms of new relations. `progress(read,
    inserted)` is called after each batch. Raises FieldError and VectorError; batches that came before stay.
    """
    began = time.monotonic()
    read = inserted = 0
    source = iter(triples)
    given: list[NDArray[np.uint64]] = []
    for chunk in _batches(source, batch):
        small = read == 0 and len(chunk) <= SMALL
        vectors = EncodedText(encode, store.dim or 0)
        report = insert_batch(store, chunk, vectors, masks=masks, nouns=nouns, stage=not small)
        read += len(chunk)
        inserted += report.inserted
        if sync:
            given.append(np.array(report.ids, np.uint64))
        if progress:
            progress(read, inserted)
    deleted = _delete_others(store, given) if sync else 0
    return replace(_report(store, read, inserted, began, *finish(store)), deleted=deleted)


def _delete_others(store: Store, given: Sequence[NDArray[np.uint64]]) -> int:
    """Delete every fact that is not among the given ids; how many."""
    with store.snapshot() as snapshot:
        there = np.fromiter(snapshot.fact_ids(), np.uint64, snapshot.state.facts)
    gone = np.setdiff1d(there, np.concatenate([np.empty(0, np.uint64), *given]))
    return store.delete(gone.tolist())


def load_vectors(
    store: Store,
    triples: Iterable[Sequence[str]],
    key_vectors: F16 | F32,
    value_vectors: F16 | F32,
    *,
    masks: Sequence[Mask] = ("tail",),
    nouns: NounsOf = noun_forms,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> LoadReport:
    """Add n facts whose vectors are given: arrays or memory maps, float16 or float32.

    key_vectors: of the key sentences, [n, d]; with both masks [n, 2, d], tail-masked first. value_vectors: of what the
    rows answer with (tails, then heads), in the same shape. Equal texts must have equal vectors: the first one is kept.
    An empty store is written in one pass and appears all at once. `effort` is that of its tree: by default
    `kvdb.tree.cluster.FINE` up to 300,000 rows and COARSE, quick but with less recall (docs/tree.md), above.
    Raises FieldError and VectorError before anything is written to an empty store.
    """
    began = time.monotonic()
    chosen = check_masks(masks)
    keys, values = as_rows(key_vectors, len(chosen)), as_rows(value_vectors, len(chosen))
    if keys.shape != values.shape:
        raise VectorError(f"key vectors are {keys.shape} and value vectors {values.shape}: give equal shapes")
    with store.snapshot() as snapshot:
        empty = snapshot.state.facts == 0
    if empty and len(keys) * len(chosen) >= FLAT_ROWS:
        listed = list(triples)
        _same_length(len(listed), len(keys))
        inserted = load_empty(store, listed, keys, values, chosen, nouns, effort)
        return _report(store, len(listed), inserted, began, True, False, "written in one pass: nothing to compact")
    read = inserted = 0
    for chunk in _batches(iter(triples), VECTOR_BATCH):
        given = GivenVectors(chosen, keys[read : read + len(chunk)], values[read : read + len(chunk)], store.dim or 0)
        _same_length(len(given), len(chunk))
        report = insert_batch(store, chunk, given, masks=chosen, nouns=nouns, stage=True)
        read += len(chunk)
        inserted += report.inserted
        if progress:
            progress(read, inserted)
    _same_length(read, len(keys))
    return _report(store, read, inserted, began, *finish(store))


def finish(store: Store) -> tuple[bool, bool, str]:
    """Give every staged row its place in a tree: (rebuilt, compacted, why not). A small store stays flat."""
    with store.snapshot() as snapshot:
        state, garbage = snapshot.state, leftovers(snapshot)
    if garbage and not store.read_only:
        drop_leftovers(store)
    if state.staged == 0 or (state.root == 0 and state.rows < FLAT_ROWS):
        return False, False, ""
    if state.root and state.staged <= STAGED_SHARE * state.rows:
        place_staged(store)
        return False, False, ""
    rebuild(store)
    note = compact(store)
    return True, not note, note


def _batches(source: Iterator[Sequence[str]], size: int) -> Iterator[list[Triple]]:
    while chunk := [check_triple(triple) for triple in islice(source, size)]:
        yield chunk


def _same_length(triples: int, vectors: int) -> None:
    if triples != vectors:
        raise VectorError(f"{triples} triples and {vectors} vectors: give one vector for each triple and masking")


def _report(
    store: Store, read: int, inserted: int, began: float, rebuilt: bool, compacted: bool, note: str
) -> LoadReport:
    with store.snapshot() as snapshot:
        rows = snapshot.rows
    seconds = time.monotonic() - began
    return LoadReport(read, inserted, read - inserted, rows, seconds, rebuilt, compacted, note)
