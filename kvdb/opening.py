"""Opening a store: `kvdb.open`."""

from __future__ import annotations

import os

from kvdb.file import registry
from kvdb.file.mapping import DEFAULT_MAP
from kvdb.store import Store


def open_store(
    path: str | os.PathLike[str],
    *,
    create: bool = False,
    read_only: bool = False,
    map_size: int = DEFAULT_MAP,
    timeout: float = 10.0,
) -> Store:
    """Open the store at `path`; `kvdb.open` is this function.

    `create` makes it where there is none. `map_size` bounds the file, in bytes: it reserves addresses, not memory or
    disk. `timeout`: seconds that a write waits for another writer.
    Raises StoreNotFoundError, NotAStoreError, FormatVersionError, CorruptStoreError, StoreFullError, StoreLockedError.
    """
    env = registry.acquire(os.fspath(path), create=create, read_only=read_only, map_size=map_size, timeout=timeout)
    return Store(env, read_only=read_only or not env.writable, timeout=timeout)
