"""What a file is, decided from its first bytes, before LMDB maps it.

LMDB maps the file, so a page that its trees name and the file lacks is a SIGBUS and not an error: a truncated file
must be refused before it is opened. The layout is LMDB 0.9's (lmdb.h, mdb.c: MDB_page, MDB_meta).
"""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

from kvdb.errors import CorruptStoreError, NotAStoreError

_MAGIC = 0xBEEFC0DE
_VERSION = 1
_PAGE_HEADER = 16
# MDB_meta: magic, version, address, mapsize, two MDB_db of 48 bytes (page size first), last page, transaction
_META = struct.Struct("<IIQQ I44x 48x QQ")


class FileState(NamedTuple):
    """The newest of LMDB's two meta pages."""

    page_size: int
    last_page: int
    txn: int

    @property
    def needed(self) -> int:
        """Bytes that the file must have."""
        return (self.last_page + 1) * self.page_size


def read_state(fd: int, path: str) -> FileState:
    """The newest meta page of an open file. Raises NotAStoreError where neither page is LMDB's."""
    first = _read_meta(fd, 0)
    size = first.page_size if first else os.sysconf("SC_PAGE_SIZE")
    second = _read_meta(fd, size)
    metas = [meta for meta in (first, second) if meta]
    if not metas:
        raise NotAStoreError(f"{path} is not a kvdb store: give the path of a store, or of a file yet to be made")
    return max(metas, key=lambda meta: meta.txn)


def _read_meta(fd: int, offset: int) -> FileState | None:
    data = os.pread(fd, _PAGE_HEADER + _META.size, offset)
    if len(data) < _PAGE_HEADER + _META.size:
        return None
    magic, version, _, _, page_size, last_page, txn = _META.unpack_from(data, _PAGE_HEADER)
    if magic != _MAGIC or version != _VERSION or page_size not in (4096, 8192, 16384, 32768, 65536):
        return None
    return FileState(page_size, last_page, txn)


def check_length(fd: int, path: str) -> None:
    """Raise CorruptStoreError where the file is shorter than its newest meta page says."""
    state = read_state(fd, path)
    size = os.fstat(fd).st_size  # after the meta page: a growing file grows before its meta page names the growth
    if size < state.needed:
        raise CorruptStoreError(
            f"{path} is truncated: {size} bytes, {state.needed} are needed; restore it from a backup"
        )


def fill_to_length(fd: int, path: str) -> None:
    """Make the file as long as its newest meta page says.

    LMDB leaves out pages that a transaction allocated last and let go again, so an intact file may end early; with
    this after every commit, a file that ends early was truncated.
    """
    needed = read_state(fd, path).needed
    if os.fstat(fd).st_size < needed:
        os.ftruncate(fd, needed)
