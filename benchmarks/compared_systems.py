"""The stores that compare_changes.py runs side by side, each behind the same few operations.

What each docstring says of durability holds once `insert` or `delete`, and then `flush`, have returned. "Synced" means
that the system was told to put the bytes on the disk (fsync and its kin), so that they outlive a power loss and not
only the end of the process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from compared_base import Items, K, System
from numpy.typing import NDArray

import kvdb
from kvdb.change.insert import insert_given
from kvdb.tree.descend import descend
from kvdb.tree.score import DotScorer
from kvdb.types import F32

LISTS_SEARCHED = 64  # of faiss: kvdb looks into as many leaves


class Kvdb(System):
    """Each change is a transaction, synced. Beside key vectors it keeps those of values, and indexes of the terms."""

    compaction = "compact"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.version = kvdb.__version__
        self._store = kvdb.open(folder / "facts.kvdb", create=True)
        self._fact: dict[int, int] = {}  # of each item
        self._item: dict[int, int] = {}  # of each fact

    def build(self, items: Items) -> None:
        kvdb.load.load_vectors(self._store, items.texts, items.keys, items.keys)
        self._know(items, range(1, len(items.ids) + 1))

    def insert(self, items: Items) -> None:
        self._know(items, insert_given(self._store, items.texts, items.keys, items.keys).ids)

    def _know(self, items: Items, facts: Sequence[int]) -> None:
        self._fact.update(zip(items.ids.tolist(), facts, strict=True))
        self._item.update(zip(facts, items.ids.tolist(), strict=True))

    def delete(self, ids: NDArray[np.int64]) -> None:
        self._store.delete([self._fact[id] for id in ids.tolist()])

    def search(self, query: F32) -> list[int]:
        with self._store.snapshot() as snapshot:
            rows = descend(snapshot, DotScorer(query), kvdb.SearchLimits(leaf_top_k=K)).rows
        return [self._item[kvdb.fact_of(row)] for row in rows.tolist()]

    def compact(self) -> None:
        if note := self._store.compact():
            raise RuntimeError(note)

    def close(self) -> None:
        self._store.close()


class LanceDB(System):
    """Each change writes new files and then a manifest that names them, none of them synced: the process may be killed,
    a power loss may cost the last changes. What came since the last optimize is searched row by row; old versions stay
    until then.
    """

    compaction = "optimize, old versions dropped"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        import lancedb

        self.version = lancedb.__version__
        self._database = lancedb.connect(str(folder))
        self._table: Any = None

    def build(self, items: Items) -> None:
        self._table = self._database.create_table("items", self._rows(items))
        self._table.create_index(metric="cosine", index_type="IVF_FLAT")
        self._table.create_scalar_index("id")  # or every deletion reads all ids

    def _rows(self, items: Items) -> Any:
        import pyarrow

        flat = pyarrow.array(items.wide.ravel())
        vectors = pyarrow.FixedSizeListArray.from_arrays(flat, items.keys.shape[1])
        return pyarrow.table({"id": pyarrow.array(items.ids), "text": pyarrow.array(items.lines), "vector": vectors})

    def insert(self, items: Items) -> None:
        self._table.add(self._rows(items))

    def delete(self, ids: NDArray[np.int64]) -> None:
        self._table.delete(f"id IN ({', '.join(map(str, ids.tolist()))})")

    def search(self, query: F32) -> list[int]:
        found = self._table.search(query).distance_type("cosine").select(["id", "_distance"]).limit(K).to_arrow()
        return found["id"].to_pylist()

    def compact(self) -> None:
        from datetime import timedelta

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that readers of old versions would fail: there are none
            for _ in range(2):  # the second drops the index that the first one replaced
                self._table.optimize(cleanup_older_than=timedelta(0))


class Chroma(System):
    """Each change is committed to a log in SQLite, synced. The graph (HNSW) is in memory; its files follow every 1,000
    changes and are caught up with from the log.
    """

    compaction = "chroma vacuum"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        import chromadb

        self.version = chromadb.__version__
        self._open: Any = lambda: chromadb.PersistentClient(str(folder))
        self._client = self._open()
        self._items = self._client.create_collection("items", embedding_function=None)

    def build(self, items: Items) -> None:
        size = min(5000, self._client.get_max_batch_size())
        for start in range(0, len(items.ids), size):
            part = slice(start, start + size)
            self.insert(Items(items.ids[part], items.texts[part], items.keys[part]))

    def insert(self, items: Items) -> None:
        texts = [{"text": line} for line in items.lines]
        self._items.add(ids=[str(id) for id in items.ids.tolist()], embeddings=items.wide, metadatas=texts)

    def delete(self, ids: NDArray[np.int64]) -> None:
        self._items.delete(ids=[str(id) for id in ids.tolist()])

    def search(self, query: F32) -> list[int]:
        found = self._items.query(query_embeddings=query[None], n_results=K, include=[])
        return [int(id) for id in found["ids"][0]]

    def compact(self) -> None:
        self._client.close()
        tool = Path(sys.executable).with_name("chroma")
        subprocess.run([tool, "vacuum", "--force", "--path", self.folder], check=True, stdout=subprocess.DEVNULL)
        self._client = self._open()
        self._items = self._client.get_collection("items", embedding_function=None)

    def close(self) -> None:
        self._client.close()


class SqliteVec(System):
    """Each change is a transaction in a write-ahead log, synced (synchronous=FULL). A search looks at every row."""

    compaction = "VACUUM"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        import sqlite_vec

        self.version = sqlite_vec.__version__
        self._sql: Any = _sqlite().connect(folder / "items.db", isolation_level=None)
        self._sql.enable_load_extension(True)
        sqlite_vec.load(self._sql)
        self._sql.execute("PRAGMA journal_mode=WAL")
        self._sql.execute("PRAGMA synchronous=FULL")

    def build(self, items: Items) -> None:
        vector = f"vector float[{items.keys.shape[1]}] distance_metric=cosine"
        self._sql.execute(f"CREATE VIRTUAL TABLE items USING vec0(id INTEGER PRIMARY KEY, {vector}, +text TEXT)")
        self.insert(items)

    def insert(self, items: Items) -> None:
        rows = zip(items.ids.tolist(), items.wide, items.lines, strict=True)
        self._in_one("INSERT INTO items(id, vector, text) VALUES (?, ?, ?)", rows)

    def delete(self, ids: NDArray[np.int64]) -> None:
        self._in_one("DELETE FROM items WHERE id = ?", ((id,) for id in ids.tolist()))

    def _in_one(self, statement: str, rows: Any) -> None:
        self._sql.execute("BEGIN")
        self._sql.executemany(statement, rows)
        self._sql.execute("COMMIT")

    def search(self, query: F32) -> list[int]:
        found = self._sql.execute("SELECT id FROM items WHERE vector MATCH ? AND k = ?", (query, K))
        return [id for (id,) in found]

    def compact(self) -> None:
        self._sql.execute("VACUUM")
        self._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._sql.close()


def _sqlite() -> Any:
    """SQLite that can load extensions: some Pythons are built without, the package pysqlite3 has it."""
    import sqlite3

    if hasattr(sqlite3.Connection, "enable_load_extension"):
        return sqlite3
    import pysqlite3

    return pysqlite3


class Faiss(System):
    """An index in memory and no texts. Changes are durable once the whole of it is written to another file, synced and
    renamed; so each `flush` costs the size of the index.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        import faiss

        self.version = faiss.__version__
        self._faiss: Any = faiss
        self._index: Any = None

    def build(self, items: Items) -> None:
        n, d = items.keys.shape
        inner_product = self._faiss.METRIC_INNER_PRODUCT
        self._centres = self._faiss.IndexFlatIP(d)
        self._index = self._faiss.IndexIVFFlat(self._centres, d, max(1, int(4 * n**0.5)), inner_product)
        self._index.train(items.wide)
        self._index.nprobe = LISTS_SEARCHED
        self._index.set_direct_map_type(self._faiss.DirectMap.Hashtable)  # finds by id what is to be removed
        self.insert(items)
        self.flush()

    def insert(self, items: Items) -> None:
        self._index.add_with_ids(items.wide, items.ids)

    def delete(self, ids: NDArray[np.int64]) -> None:
        wanted = np.ascontiguousarray(ids, np.int64)
        self._index.remove_ids(self._faiss.IDSelectorArray(len(wanted), self._faiss.swig_ptr(wanted)))

    def flush(self) -> None:
        new = self.folder / "index.new"
        self._faiss.write_index(self._index, str(new))
        _sync(new)
        os.replace(new, self.folder / "index")
        _sync(self.folder)

    def search(self, query: F32) -> list[int]:
        return self._index.search(query[None], K)[1][0].tolist()


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


SYSTEMS: dict[str, type[System]] = {
    "kvdb": Kvdb,
    "lancedb": LanceDB,
    "chroma": Chroma,
    "sqlite-vec": SqliteVec,
    "faiss": Faiss,
}
TITLES = {"lancedb": "LanceDB, IVF_FLAT", "chroma": "Chroma, HNSW", "faiss": "faiss, IVFFlat"}
