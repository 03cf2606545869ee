"""A batch of facts: plan, get vectors outside of the transaction, write.

Another writer may commit between plan and write. Then the plan is made again inside the transaction; only where that
one needs vectors that are not at hand, the transaction is given up and the missing ones are encoded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kvdb.change.plan import Encode, NounsOf, Plan, plan
from kvdb.change.write import Write
from kvdb.errors import VectorError
from kvdb.fields import check_masks, check_triples, unit16
from kvdb.file.failures import read_only
from kvdb.given import Floats, GivenVectors, as_rows
from kvdb.kg2kv import noun_forms
from kvdb.types import F16, InsertReport, Mask, Triple

if TYPE_CHECKING:
    from kvdb.store import Store


class Vectors(Protocol):
    """Where the vectors of a plan come from."""

    def prepare(self, made: Plan, masks: Sequence[Mask]) -> None:
        """Get ready what the plan needs."""
        ...

    def ready(self, made: Plan, masks: Sequence[Mask]) -> bool:
        """True where nothing is missing."""
        ...

    def keys(self, made: Plan, mask: Mask) -> F16:
        """Vectors of the key sentences of the plan's new facts, float16 [n, d]."""
        ...

    def values(self, made: Plan) -> Mapping[str, F16]:
        """The vector [d] of each text that the plan needs one of."""
        ...


class EncodedText:
    """Vectors of an encoder, which sees each string once."""

    def __init__(self, encode: Encode, dim: int) -> None:
        self._encode = encode
        self._dim = dim
        self._place: dict[str, int] = {}
        self._vectors: F16 = np.empty((0, dim), np.float16)  # [n, d]

    def prepare(self, made: Plan, masks: Sequence[Mask]) -> None:
        """Encode the strings that are not known yet. Raises VectorError for vectors that do not fit."""
        new = [text for text in dict.fromkeys(_strings(made, masks)) if text not in self._place]
        if not new:
            return
        vectors = unit16(self._encode(new), dim=self._dim, count=len(new), what="the encoder's vectors")
        self._dim = vectors.shape[1]
        start = len(self._place)
        self._place.update((text, start + i) for i, text in enumerate(new))
        self._vectors = np.concatenate([self._vectors.reshape(-1, self._dim), vectors])

    def ready(self, made: Plan, masks: Sequence[Mask]) -> bool:
        """True where every string of the plan is encoded."""
        return all(text in self._place for text in _strings(made, masks))

    def keys(self, made: Plan, mask: Mask) -> F16:
        """Vectors of the key sentences, float16 [n, d]."""
        return self._vectors[[self._place[text] for text in made.keys(mask)]]

    def values(self, made: Plan) -> Mapping[str, F16]:
        """Vectors of the texts."""
        return {text: self._vectors[self._place[text]] for text in made.values}


def _strings(made: Plan, masks: Sequence[Mask]) -> Iterable[str]:
    for mask in masks:
        yield from made.keys(mask)
    yield from sorted(made.values)


class _MoreNeededError(Exception):
    """The store changed, and the new plan needs vectors that are not there yet."""

    def __init__(self, made: Plan) -> None:
        self.made = made


def insert_batch(
    store: Store,
    triples: Sequence[Triple],
    vectors: Vectors,
    *,
    masks: Sequence[Mask] | None,
    nouns: NounsOf,
    stage: bool = False,
) -> InsertReport:
    """Add checked triples in one transaction. `stage` appends their rows instead of placing them in the tree."""
    if store.read_only:
        raise read_only(store.path)
    with store.snapshot() as snapshot:
        chosen = check_masks(masks or snapshot.masks or ("tail",))
        made = plan(snapshot, triples, chosen, nouns)

    def body(write: Write) -> tuple[Plan, list[int]]:
        current = made
        if write.state.txn != made.txn + 1:
            current = plan(write, triples, chosen, nouns)
            if not vectors.ready(current, chosen):
                raise _MoreNeededError(current)
        keys = {mask: vectors.keys(current, mask) for mask in chosen}
        return current, list(write.add(current, chosen, keys, vectors.values(current)))

    while made.fresh:
        vectors.prepare(made, chosen)
        try:
            made, ids = store.write_with(body, stage=stage)
            return report(made, ids)
        except _MoreNeededError as changed:
            made = changed.made
    return report(made, [])


def insert_given(
    store: Store,
    triples: Sequence[Sequence[str]],
    key_vectors: Floats,
    value_vectors: Floats,
    *,
    masks: Sequence[Mask] = ("tail",),
    nouns: NounsOf = noun_forms,
) -> InsertReport:
    """Add a small batch of n facts whose vectors are given, in one transaction.

    key_vectors: of the key sentences, [n, d]; with both masks [n, 2, d], tail-masked first. value_vectors: of what the
    rows answer with, in the same shape. For many facts use `kvdb.load.load_vectors`.
    Raises FieldError, VectorError; then nothing was written.
    """
    chosen = check_masks(masks)
    batch = check_triples(triples)
    given = given_vectors(batch, key_vectors, value_vectors, chosen, store.dim or 0)
    return insert_batch(store, batch, given, masks=chosen, nouns=nouns)


def given_vectors(
    batch: Sequence[Triple], key_vectors: Floats, value_vectors: Floats, masks: Sequence[Mask], dim: int
) -> GivenVectors:
    """The vectors of a batch, checked. Raises VectorError."""
    keys, values = as_rows(key_vectors, len(masks)), as_rows(value_vectors, len(masks))
    if keys.shape != values.shape or len(keys) != len(batch):
        raise VectorError(f"{len(batch)} triples, key vectors {keys.shape} and value vectors {values.shape} do not fit")
    return GivenVectors(masks, keys, values, dim)


def report(made: Plan, ids: Sequence[int]) -> InsertReport:
    """What an insert says; `ids` are those of the plan's new facts."""
    known = dict(made.known)
    known.update(zip((made.triples[at] for at in made.fresh), ids, strict=True))  # type: ignore[arg-type]
    return InsertReport(len(ids), len(made.triples) - len(ids), tuple(known[triple] for triple in made.triples))
