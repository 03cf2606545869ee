"""What is in a store, from its counters: nothing is scanned."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kvdb.file.format import FORMAT_VERSION
from kvdb.file.notes import PREFIX, raw_notes
from kvdb.file.records import unpack_encoder
from kvdb.types import StoreInfo

if TYPE_CHECKING:
    from kvdb.store import Store


def info(store: Store) -> StoreInfo:
    """The figures of a store."""
    with store.snapshot() as snapshot:
        state, tables = snapshot.state, snapshot.tables
        encoder = snapshot.get(tables.meta, b"encoder")
        stats = [snapshot.txn.stat(tables.meta)]
        for part in (*tables.facts, *tables.trees):
            stats += [snapshot.txn.stat(getattr(part, name)) for name in part.__slots__]
        pages = sum(s["branch_pages"] + s["leaf_pages"] + s["overflow_pages"] for s in stats)
        size = os.path.getsize(store.path)
        return StoreInfo(
            path=store.path,
            uuid=state.uuid,
            format=FORMAT_VERSION,
            triples=state.facts,
            rows=state.rows,
            relations=snapshot.entries(snapshot.facts_in.relations),
            values=state.values,
            levels=snapshot.levels,
            staged=state.staged if state.root else 0,
            encoder=None if encoder is None else unpack_encoder(encoder).name,
            dim=snapshot.dim,
            masks=snapshot.masks,
            file_bytes=size,
            free_bytes=max(0, size - pages * stats[0]["psize"]),
            txn_id=state.txn,
            notes=tuple(key[len(PREFIX) :].decode() for key, _ in raw_notes(snapshot)),
        )
