"""Mapping a store file: LMDB's environment with the settings that this workload was measured to want.

LMDB 0.9 (`lib_version=0`; files of LMDB 1.0 differ), one file, no read-ahead (a search reads scattered pages), every
commit synced, no writable map (a full disk would kill the process).
"""

from __future__ import annotations

import os
import resource

import lmdb

from kvdb.errors import StoreError
from kvdb.file import locks

DEFAULT_MAP = 1 << 40
SMALLEST_MAP = 1 << 26


def open_map(path: str, size: int, *, writable: bool) -> tuple[lmdb.Environment, bool]:
    """The environment, and whether its map is smaller than asked for and has to grow with the file.

    Raises StoreError where the process lacks the address space even for the file, StoreFullError where the disk has no
    room for the lock file, and LMDB's own errors.
    """
    locks.make_reader_table(path)
    smaller = False
    while True:
        try:
            return _open(path, size, writable=writable, lock=True), smaller
        except (lmdb.MemoryError, MemoryError):
            needed = max(SMALLEST_MAP, os.path.getsize(path) * 2)
            if size <= needed:
                raise StoreError(f"{path} needs {needed} bytes of address space: raise the limit (ulimit -v)") from None
            size = max(size // 1024, needed)
            smaller = True
        except (lmdb.Error, OSError) as error:
            if writable or "ermission" not in str(error):
                raise
            # a folder where no lock file can be made has no writer to lock out
            return _open(path, size, writable=False, lock=False), smaller


def open_new(path: str) -> lmdb.Environment:
    """The environment of a new file that nobody else sees before it is whole: no lock file, commits are not synced."""
    return lmdb.open(
        path,
        subdir=False,
        lib_version=0,
        map_size=_new_size(),
        max_dbs=32,
        writemap=False,
        sync=False,
        readahead=False,
        lock=False,
    )


def _new_size() -> int:
    """The default map, or what the process has addresses for."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return DEFAULT_MAP if limit == resource.RLIM_INFINITY else min(DEFAULT_MAP, limit // 4)


def _open(path: str, size: int, *, writable: bool, lock: bool) -> lmdb.Environment:
    return lmdb.open(
        path,
        subdir=False,
        lib_version=0,
        map_size=size,
        max_dbs=32,
        max_readers=512,
        readahead=False,
        writemap=False,
        sync=True,
        metasync=True,
        readonly=not writable,
        create=writable,
        lock=lock,
    )
