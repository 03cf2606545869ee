"""Reading what is whole in a damaged store: every record by itself, past those that do not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import lmdb
import numpy as np

from kvdb.errors import CorruptStoreError
from kvdb.file import format
from kvdb.file.format import read_u32, read_u64
from kvdb.file.records import bits_masks, unpack_relation, unpack_text
from kvdb.snapshot import Snapshot
from kvdb.types import F16, FactId, Mask, Relation, Triple, row_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Saved:
    """A fact all of which is there. `keys` and `values`: the vector [d] of each masking's row and of its answer."""

    id: FactId
    triple: Triple
    masks: tuple[Mask, ...]
    keys: dict[Mask, F16]
    values: dict[Mask, F16]


@dataclass(slots=True)
class Salvage:
    """What of a snapshot can be read. `lost`: what cannot, in words."""

    snapshot: Snapshot
    relations: dict[int, Relation] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    def facts(self) -> Iterator[Saved]:
        """Every fact that is whole, in the order of ids; the others are noted in `lost`."""
        s = self.snapshot
        self._read(s.facts_in.relations, lambda key, data: self._relation(read_u64(key), data))
        self._read(s.facts_in.texts, lambda key, data: self._text(read_u64(key), data))
        keys = self._keys()
        ids: set[int] = set()
        self._read(s.facts_in.triples, lambda key, data: ids.add(read_u64(key)))
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
            if key is None:
                raise CorruptStoreError(f"the vector of its {mask}-masked key sentence is missing")
            found[mask] = key
            values[mask] = s.vector(record.tail if mask == "tail" else record.head_value)
        return Saved(FactId(id), Triple(record.head, relation.name, tail), masks, found, values)

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

        self._read(s.tree_in.leaves, page)
        self._read(s.tree_in.deltas, delta)
        dim = s.state.dim
        return {row: vector for row, vector in out.items() if len(vector) == dim}

    def _read(self, table: Any, use: Callable[[Any, Any], None]) -> None:
        """Give every entry of a table to `use`, from both ends where the way is broken in the middle."""
        for step in ("iternext", "iterprev"):
            try:
                cursor = self.snapshot.txn.cursor(table)
                if not (cursor.first() if step == "iternext" else cursor.last()):
                    return
                for key, data in getattr(cursor, step)():
                    try:
                        use(key, data)
                    except (CorruptStoreError, UnicodeDecodeError) as error:
                        self.lost.append(str(error))
                return
            except lmdb.Error as error:
                self.lost.append(f"a table cannot be read to its end: {error}")
