"""The values of facts as a write transaction changes them: texts, their vectors, and the index that leads to them.

Invariant: a value (text, and vector where some row answers with it) exists exactly as long as some fact refers to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import lmdb
import numpy as np

from kvdb.change.free_ids import FreeIds
from kvdb.file import format
from kvdb.file.format import index_key, u64
from kvdb.file.items import Items, hashes, index_items, put_sorted, text_items, vector_items
from kvdb.file.lookups import find_values
from kvdb.types import F16

if TYPE_CHECKING:
    from kvdb.change.write import Write


class ValueEdit:
    """Values that come and go."""

    def __init__(self, write: Write) -> None:
        self._w = write
        self.free = FreeIds(write)

    def ids(self, texts: Sequence[str], known: Mapping[str, int | None], index: Items) -> dict[str, int]:
        """The ids of distinct texts, made where they are new. `known`: what was looked up already.

        The entries of the index for new ones are added to `index`, sorted.
        """
        found = find_values(self._w, [text for text in texts if text not in known])
        found.update((text, known[text]) for text in texts if text in known)
        new = [text for text, id in found.items() if id is None]
        out = {text: id for text, id in found.items() if id is not None}
        if new:
            made = self.free.take(len(new))  # ascending
            put_sorted(self._w.txn, self._w.facts_in.texts, text_items(made, new))
            index += index_items(format.TEXT, hashes(new), made)
            self._w.state.values += len(new)
            out.update(zip(new, made.tolist(), strict=True))
        return out

    def put_vectors(self, vectors: Mapping[int, F16]) -> None:
        """Store the vectors [d] of values that may have one already: then it stays."""
        missing = sorted(value for value in vectors if not self._w.has_vector(value))
        if not missing:
            return
        ids = np.array(missing, np.uint64)
        items = vector_items(ids, np.stack([vectors[value] for value in missing]))
        put_sorted(self._w.txn, self._w.facts_in.values, items)

    def release(self, texts: Mapping[int, str]) -> None:
        """Drop those of the values, given with their texts, that no fact refers to any more."""
        txn, tables = self._w.txn, self._w.facts_in
        cursor = txn.cursor(tables.index)
        free = [value for value in sorted(texts) if not cursor.set_key(index_key(format.TAIL, value))]
        gone = [value for value in free if not self._is_head(cursor, value, texts[value])]
        for value in gone:
            key = u64(value)
            txn.delete(key, db=tables.texts)
            txn.delete(key, db=tables.values)
        for entry, key in index_items(format.TEXT, hashes([texts[value] for value in gone]), np.array(gone, np.uint64)):
            txn.delete(entry, key, db=tables.index)
        self._w.state.values -= len(gone)
        self.free.give(gone)

    def _is_head(self, cursor: lmdb.Cursor, value: int, text: str) -> bool:
        """True where the head of some fact, masked, is this value. cursor: one of the index."""
        prefix = format.head_prefix(text)
        if not cursor.set_range(prefix) or cursor.key()[:5] != prefix:
            return False
        for fact in self._w.head_ids(text):
            record = self._w.record(fact)
            if record is not None and record.head_value == value:
                return True
        return False
