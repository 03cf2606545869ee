"""A compact copy of the file, swapped in atomically: LMDB reuses the pages that it freed but never gives them back.

The copy goes to `<path>.compact-<pid>`, is checked and synced, and takes the place of the store by rename, all under
the writer lock. The swap needs the file for itself: where somebody else has it open, nothing is done.
"""

from __future__ import annotations

import fcntl
import glob
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import lmdb

from kvdb import filecheck
from kvdb.environment import Environment
from kvdb.errors import CorruptStoreError
from kvdb.failures import free_space, translate
from kvdb.tables import Tables, open_tables

if TYPE_CHECKING:
    from kvdb.store import Store


def compact(store: Store) -> str:
    """Compact the file. Returns "" when that was done, else why not; the store is intact either way."""
    env = store.environment
    with env.writer(store.timeout):
        size = os.path.getsize(env.path)
        if free_space(env.path) < size * 1.1:
            return f"not compacted: the disk lacks {size} free bytes for the copy"
        if not env.alone():
            return "not compacted: another store object or process has the file open; its free space is reused"
        for stale in glob.glob(glob.escape(env.path) + ".compact-*"):
            os.unlink(stale)
        copy = f"{env.path}.compact-{os.getpid()}"
        try:
            _copy(env, copy)
            if not env.swap(lambda: _take_place(copy, env.path)):
                return "not compacted: another process opened the file meanwhile; its free space is reused"
        finally:
            with suppress(FileNotFoundError):
                os.unlink(copy)
    return ""


def _copy(env: Environment, target: str) -> None:
    """Write the compact copy, check that it holds what the store holds, and sync it."""
    try:
        env.check().copy(target, compact=True)
        fd = os.open(target, os.O_RDWR)
        try:
            filecheck.fill_to_length(fd, target)
            if _census(target) != _count(env.check(), env.tables):
                raise CorruptStoreError(f"the copy of {env.path} differs from it: run `kvdb verify`")
            os.fsync(fd)
        finally:
            os.close(fd)
    except (lmdb.Error, OSError) as error:
        raise translate(error, env.path) from error


def _census(path: str) -> list[int]:
    """Entries of each table of a file that nobody else has open."""
    copy = lmdb.open(path, subdir=False, lib_version=0, readonly=True, lock=False, max_dbs=32, map_size=1 << 40)
    try:
        return _count(copy, open_tables(copy, path, writable=False))
    finally:
        copy.close()


def _count(env: lmdb.Environment, tables: Tables) -> list[int]:
    with env.begin() as txn:
        return [
            txn.stat(getattr(part, name))["entries"]
            for part in (*tables.facts, *tables.trees)
            for name in part.__slots__
        ]


def _take_place(copy: str, path: str) -> int:
    """Rename the copy over the store. Its presence lock is taken before anybody can find it there."""
    fd = os.open(copy, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        with suppress(FileNotFoundError):
            os.unlink(path + "-lock")  # its reader table belongs to the old file
        os.rename(copy, path)
        sync_folder(path)
    except BaseException:
        os.close(fd)
        raise
    return fd


def sync_folder(path: str) -> None:
    """Make a rename durable."""
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
