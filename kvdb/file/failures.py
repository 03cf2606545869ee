"""What the failures of LMDB and of the disk mean, in the words of kvdb.errors."""

from __future__ import annotations

import os

import lmdb

from kvdb.errors import (
    CorruptStoreError,
    KvdbError,
    NotAStoreError,
    ReadOnlyStoreError,
    StoreClosedError,
    StoreError,
    StoreFullError,
    StoreLockedError,
)

LOW_SPACE = 1 << 20  # less free space than this turns an I/O error into "the disk is full"


def translate(error: BaseException, path: str) -> KvdbError:
    """The error of kvdb.errors that says what an LMDB error means for the user."""
    if isinstance(error, lmdb.MapFullError):
        return StoreFullError(f"{path} has reached its map size: open it with a larger map_size; nothing was lost")
    if isinstance(error, (lmdb.DiskError, OSError)) or "Input/output" in str(error) or "No space" in str(error):
        if free_space(path) < LOW_SPACE or "No space" in str(error):
            return StoreFullError(f"no space left on the disk of {path}: free some and try again; nothing was lost")
        return StoreError(f"the disk of {path} failed: {error}")
    if isinstance(error, (lmdb.InvalidError, lmdb.VersionMismatchError)):
        return NotAStoreError(f"{path} is not a kvdb store: {error}")
    if isinstance(error, (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.PanicError, lmdb.BadTxnError)):
        return CorruptStoreError(f"{path} is damaged: {error}; restore it from a backup")
    if isinstance(error, lmdb.ReadersFullError):
        return StoreLockedError(f"{path} has as many readers as it can: close some snapshots or processes")
    if isinstance(error, lmdb.ReadonlyError):
        return ReadOnlyStoreError(f"{path} is open read-only: open it without read_only to write")
    if "closed" in str(error):
        return StoreClosedError(f"{path} or its snapshot is closed: open it again")
    return StoreError(f"{path}: {error}")


def free_space(path: str) -> int:
    """Bytes that the disk of `path` has left."""
    stats = os.statvfs(os.path.dirname(os.path.abspath(path)))
    return stats.f_bavail * stats.f_frsize
