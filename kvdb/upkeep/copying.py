"""Copying a store entry by entry into a new file, as one snapshot sees it.

LMDB's own copy takes whole pages, and with them what deleted entries left in the gaps between the live ones. Here only
live entries are read, and they come in order, so that the new pages are full and nothing deleted is in them.
"""

from __future__ import annotations

import os
from typing import Any

import lmdb

from kvdb.errors import CorruptStoreError
from kvdb.file import filecheck
from kvdb.file.failures import of_disk, translate
from kvdb.file.mapping import open_new
from kvdb.file.schema import flags, open_tables, table_names
from kvdb.file.tables import Tables

BATCH_BYTES = 32 << 20  # of one transaction


def copy_store(txn: lmdb.Transaction, tables: Tables, path: str, target: str) -> None:
    """Write what the read transaction `txn` sees of the store at `path` into a new, synced file at `target`.

    Raises CorruptStoreError, StoreFullError; then there may be a part of a file at `target`.
    """
    try:
        env = open_new(target)
        try:
            for name, table in _named(tables):
                _copy_table(txn, table, env, name)
            _check_counts(txn, tables, env, path)
            env.sync(True)
        finally:
            env.close()
        fd = os.open(target, os.O_RDWR)
        try:
            filecheck.fill_to_length(fd, target)
            os.fsync(fd)
        finally:
            os.close(fd)
    except (lmdb.Error, OSError) as error:
        raise translate(error, target if of_disk(error) else path) from error


def _named(tables: Tables) -> list[tuple[str, Any]]:
    """Every table with its name."""
    parts = {"a": (tables.facts[0], tables.trees[0]), "b": (tables.facts[1], tables.trees[1])}
    out: list[tuple[str, Any]] = [("meta", tables.meta)]
    for name in table_names():
        bare, _, which = name.partition(".")
        owners = [tables] if not which else [part for part in parts[which] if hasattr(part, bare)]
        out.append((name, getattr(owners[0], bare)))
    return out


def _copy_table(txn: lmdb.Transaction, table: Any, env: lmdb.Environment, name: str) -> None:
    into = env.open_db(name.encode(), dupsort=flags(name).get("dupsort", False))
    items: list[tuple[Any, Any]] = []
    size = 0
    for key, data in txn.cursor(table):
        items.append((key, data))
        size += len(key) + len(data) + 16
        if size >= BATCH_BYTES:
            _append(env, into, items)
            items, size = [], 0
    if items:
        _append(env, into, items)


def _append(env: lmdb.Environment, table: Any, items: list[tuple[Any, Any]]) -> None:
    with env.begin(write=True) as txn:
        txn.cursor(table).putmulti(items, append=True)


def _check_counts(txn: lmdb.Transaction, tables: Tables, env: lmdb.Environment, path: str) -> None:
    copied = open_tables(env, path, writable=True)
    with env.begin() as reading:
        for (name, table), (_, other) in zip(_named(tables), _named(copied), strict=True):
            if txn.stat(table)["entries"] != reading.stat(other)["entries"]:
                raise CorruptStoreError(f"the copy of {path} differs from it in {name}: run `kvdb verify`")
