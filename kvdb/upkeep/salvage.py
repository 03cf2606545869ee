"""Reading what is whole in a damaged store: every record by itself, past those that do not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import lmdb
import numpy as np

from kvdb.errors import CorruptStoreError, StoreError
from kvdb.file import format
from kvdb.file.format import read_u32, read_u64
from kvdb.file.notes import raw_notes, unpack_note
from kvdb.file.records import bits_masks, unpack_encoder, unpack_relation, unpack_text
from kvdb.kg2kv import Nouns
from kvdb.snapshot import Snapshot
from kvdb.types import F16, FactId, Mask, Relation, Triple, row_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Saved:
    """A fact whose texts are all there. `keys` and `values`: the vector [d] of each masking's row and of its answer,
    but for those that are lost.
    """

    id: FactId
    triple: Triple
    nouns: Nouns
    masks: tuple[Mask, ...]
    keys: dict[Mask, F16]
    values: dict[Mask, F16]

    @property
    def lost_keys(self) -> list[Mask]:
        """Maskings whose row has no vector."""
        return [mask for mask in self.masks if mask not in self.keys]

    @property
    def lost_values(self) -> list[Mask]:
        """Maskings whose answer has no vector."""
        return [mask for mask in self.masks if mask not in self.values]


@dataclass(slots=True)
class Salvage:
    """What of a snapshot can be read. `lost`: what cannot, in words; `lost_pages`: those of vectors."""

    snapshot: Snapshot
    relations: dict[int, Relation] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    lost_pages: list[str] = field(default_factory=list)

    def encoder(self) -> bytes | None:
        """The encoder's record; None where there is none or it is lost: then the next that comes is recorded."""
        data = self.snapshot.get(self.snapshot.tables.meta, b"encoder")
        try:
            if data is None or unpack_encoder(data).dim == self.snapshot.state.dim:
                return None if data is None else bytes(data)
            self.lost.append("the encoder record is of another dimension than the vectors")
        except CorruptStoreError as error:
            self.lost.append(str(error))
        return None

    def notes(self) -> dict[bytes, bytes]:
        """The notes that can be read, packed as they are, by their keys in `meta`."""
        out: dict[bytes, bytes] = {}
        try:
            for key, data in raw_notes(self.snapshot):
                try:
                    unpack_note(key, data)
                    out[key] = bytes(data)
                except CorruptStoreError as error:
                    self.lost.append(str(error))
        except StoreError as error:
            self.lost.append(f"the notes cannot be read to their end: {error}")
        return out

    def facts(self) -> Iterator[Saved]:
        """Every fact whose texts are there, in the order of ids; the others are noted in `lost`."""
        s = self.snapshot
        self._read(s.facts_in.relations, lambda key, data: self._relation(read_u64(key), data), self.lost)
        self._read(s.facts_in.texts, lambda key, data: self._text(read_u64(key), data), self.lost)
        keys = self._keys()
        ids: set[int] = set()
        self._read(s.facts_in.triples, lambda key, data: ids.add(read_u64(key)), self.lost)
        for id in sorted(ids):
            try:
                yield self._fact(id, keys)
            except CorruptStoreError as error:
                self.lost.append(f"fact {id}: {error}")
            except lmdb.Error as error:
                self.lost.append(f"fact {id}: {error}")

    def _fact(self, id: int, keys: dict[int, F16]) -> Saved:
        s = self.snapshot
        record = s.record(id)
        if record is None:
            raise CorruptStoreError("its record is missing")
        relation, tail = self.relations.get(record.relation), self.texts.get(record.tail)
        if relation is None or tail is None:
            raise CorruptStoreError("its relation or its tail is missing")
        masks = bits_masks(record.masks)
        found: dict[Mask, F16] = {}
        values: dict[Mask, F16] = {}
        for mask in masks:
            key = keys.get(int(row_of(id, mask)))
            if key is not None:
                found[mask] = key
            with suppress(CorruptStoreError):
                values[mask] = s.vector(record.tail if mask == "tail" else record.head_value)
        nouns = Nouns(relation.tail_noun, relation.head_noun)
        return Saved(FactId(id), Triple(record.head, relation.name, tail), nouns, masks, found, values)

    def _relation(self, id: int, data: Any) -> None:
        self.relations[id] = unpack_relation(id, data)

    def _text(self, id: int, data: Any) -> None:
        self.texts[id] = unpack_text(id, data)

    def _keys(self) -> dict[int, F16]:
        """The vector of every row, from the pages and deltas that hold, and only where the row was not deleted."""
        s = self.snapshot
        out: dict[int, F16] = {}

        def page(key: Any, data: Any) -> None:
            leaf = read_u32(key)
            dead = s.leaf_meta(leaf).dead
            _, vectors, rows = format.unpack_leaf(leaf, data)
            if dead is not None and len(dead) != len(rows):
                raise CorruptStoreError(f"the record of leaf {leaf} does not fit its page")
            live = np.ones(len(rows), np.bool_) if dead is None else ~dead
            out.update(zip(rows[live].tolist(), vectors[live].copy(), strict=True))

        def delta(key: Any, data: Any) -> None:
            row = format.unpack_delta(key, data)
            out[row.row] = row.vector

        self._read(s.tree_in.leaves, page, self.lost_pages)
        self._read(s.tree_in.deltas, delta, self.lost_pages)
        dim = s.state.dim
        return {row: vector for row, vector in out.items() if len(vector) == dim}

    def _read(self, table: Any, use: Callable[[Any, Any], None], lost: list[str]) -> None:
        """Give every entry of a table to `use`, from both ends where the way is broken in the middle; `lost`: notes."""
        for step in ("iternext", "iterprev"):
            try:
                cursor = self.snapshot.txn.cursor(table)
                if not (cursor.first() if step == "iternext" else cursor.last()):
                    return
                for key, data in getattr(cursor, step)():
                    try:
                        use(key, data)
                    except (CorruptStoreError, UnicodeDecodeError) as error:
                        lost.append(str(error))
                return
            except lmdb.Error as error:
                lost.append(f"a table cannot be read to its end: {error}")
