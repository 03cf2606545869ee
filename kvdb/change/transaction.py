"""Several changes in one write transaction: all of them or none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from kvdb.change.insert import EncodedText, Vectors, given_vectors, report
from kvdb.change.plan import Encode, NounsOf, plan
from kvdb.change.write import Write
from kvdb.errors import FactNotFoundError, StoreClosedError, StoreError
from kvdb.fields import check_masks, check_triple, check_triples, unit16
from kvdb.file.records import HEAD_BIT, TAIL_BIT
from kvdb.given import Floats
from kvdb.kg2kv import key_sentence, noun_forms
from kvdb.types import FactId, InsertReport, Mask, Triple

T = TypeVar("T")


class WriteTransaction:
    """What `store.write()` gives: its changes are seen by nobody else, and last, only when its block ends well.

    Other writers wait meanwhile, also while `encode` runs: for slow encoders, encode first and give the vectors. Reads
    of the store in the block show it as it was before. After an error in one of its methods that the block catches, the
    transaction may go on if the error came before anything was written (a field, a vector, an unknown fact), else
    it refuses to.
    """

    def __init__(self, write: Write) -> None:
        self._write: Write | None = write
        self._broken = False

    def insert(
        self,
        triples: Iterable[Sequence[str]],
        encode: Encode,
        *,
        masks: Sequence[Mask] | None = None,
        nouns: NounsOf = noun_forms,
    ) -> InsertReport:
        """Add facts, as Store.insert does. Raises FieldError, VectorError, and what `encode` raises."""
        batch = check_triples(triples)
        vectors = EncodedText(encode, self._usable().state.dim)
        return self._insert(batch, vectors, masks, nouns)

    def insert_given(
        self,
        triples: Sequence[Sequence[str]],
        key_vectors: Floats,
        value_vectors: Floats,
        *,
        masks: Sequence[Mask] = ("tail",),
        nouns: NounsOf = noun_forms,
    ) -> InsertReport:
        """Add facts whose vectors are given, as `kvdb.load.insert_given` does. Raises FieldError, VectorError."""
        batch = check_triples(triples)
        given = given_vectors(batch, key_vectors, value_vectors, masks, self._usable().state.dim)
        return self._insert(batch, given, masks, nouns)

    def _insert(
        self, batch: list[Triple], vectors: Vectors, masks: Sequence[Mask] | None, nouns: NounsOf
    ) -> InsertReport:
        write = self._usable()
        chosen = check_masks(masks or write.masks or ("tail",))
        made = plan(write, batch, chosen, nouns)
        vectors.prepare(made, chosen)
        keys = {mask: vectors.keys(made, mask) for mask in chosen} if made.fresh else {}
        values = vectors.values(made) if made.fresh else {}
        with self._changing():
            return report(made, write.add(made, chosen, keys, values) if made.fresh else [])

    def delete(self, ids: Iterable[int]) -> int:
        """Remove facts by their ids; how many there were. Unknown ids are passed over."""
        write = self._usable()
        with self._changing():
            return write.remove_all(ids)

    def update(self, id: int, *, tail: str, encode: Encode) -> FactId:
        """Change the tail of a fact, as Store.update does. Raises FactNotFoundError, FieldError, VectorError."""
        write = self._usable()
        record = write.record(id) if 0 < id < 1 << 63 else None
        if record is None:
            raise FactNotFoundError(f"no fact {id} in {write.path}: it was deleted or never there")
        relation = write.relation(record.relation)
        new = check_triple((record.head, relation.name, tail))
        key = key_sentence(relation.head_noun, tail)
        wanted = {tail: None} if record.masks & TAIL_BIT else {}
        wanted |= {key: None} if record.masks & HEAD_BIT else {}
        texts = list(wanted)
        vectors = unit16(encode(texts), dim=write.state.dim, count=len(texts), what="the encoder's vectors")
        found = dict(zip(texts, vectors, strict=True))
        with self._changing():
            return write.update(FactId(id), new, found.get(tail), found.get(key) if record.masks & HEAD_BIT else None)

    def _usable(self) -> Write:
        if self._write is None:
            raise StoreClosedError("this write transaction has ended: start a new one with store.write()")
        if self._broken:
            raise StoreError("a change of this write transaction failed half-way: leave its block with an error")
        return self._write

    def _changing(self) -> _Changing:
        return _Changing(self)

    def end(self) -> Write:
        """No more changes; the transaction, to be finished. Raises StoreError after a change that failed half-way."""
        write = self._usable()
        self._write = None
        return write


class _Changing:
    """A block that leaves the transaction broken where it fails."""

    def __init__(self, transaction: WriteTransaction) -> None:
        self._transaction = transaction

    def __enter__(self) -> None:
        self._transaction._broken = True

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._transaction._broken = kind is not None
