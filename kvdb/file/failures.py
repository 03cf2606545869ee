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
    if _forbidden(error):
        return ReadOnlyStoreError(f"no access to {path} ({error}): check permissions, and that the disk is writable")
    if of_disk(error):
        if _full(error) or free_space(path) < LOW_SPACE:
            return StoreFullError(f"no space left on the disk of {path}: free some and try again; nothing was lost")
        return StoreError(f"the disk of {path} failed: {error}")
    if isinstance(error, (lmdb.InvalidError, lmdb.VersionMismatchError)):
        return NotAStoreError(f"{path} is not a kvdb store: {error}")
    if isinstance(error, (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.PanicError, lmdb.BadTxnError)):
        return CorruptStoreError(f"{path} is damaged: {error}; restore it from a backup")
    if isinstance(error, lmdb.ReadersFullError):
        return StoreLockedError(f"{path} has as many readers as it can: close some snapshots or processes")
    if isinstance(error, lmdb.ReadonlyError):
        return read_only(path)
    if "closed" in str(error):
        return StoreClosedError(f"{path} or its snapshot is closed: open it again")
    return StoreError(f"{path}: {error}")


def of_disk(error: BaseException) -> bool:
    """True where it is the file's disk that failed or is closed to us, not LMDB."""
    failed = isinstance(error, (lmdb.DiskError, OSError)) or "Input/output" in str(error)
    return failed or _full(error) or _forbidden(error)


def _full(error: BaseException) -> bool:
    return "No space" in str(error) or "quota exceeded" in str(error)


def _forbidden(error: BaseException) -> bool:
    """True where the system allows no access, or none to write. LMDB passes on its words only."""
    return isinstance(error, PermissionError) or "Read-only file" in str(error) or "Permission denied" in str(error)


def read_only(path: str) -> ReadOnlyStoreError:
    """The error of a write on a store that cannot be written to."""
    if os.access(path, os.W_OK):
        return ReadOnlyStoreError(f"{path} is open read-only: open it without read_only to write")
    return ReadOnlyStoreError(f"{path} cannot be written to: the file or its disk is read-only")


def free_space(path: str) -> int:
    """Bytes that the disk of `path` has left."""
    stats = os.statvfs(os.path.dirname(os.path.abspath(path)))
    return stats.f_bavail * stats.f_frsize
