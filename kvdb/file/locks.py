"""Locks between processes, beside the ones that LMDB keeps itself.

- presence: a shared flock on the data file for as long as a store is open. Who gets it exclusively knows that no
  other process has the file open, and may swap it for a compacted copy.
- writer: an exclusive flock on `<path>-writer`, taken before LMDB's own writer mutex, because that one waits for
  ever and this one has a timeout.

LMDB's lock file is made here but never opened once it has its name: closing any descriptor of it would drop LMDB's own
locks on it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from contextlib import suppress

from kvdb.errors import StoreLockedError
from kvdb.file.failures import translate

READER_TABLE = 36_864  # bytes: LMDB wants 32,896 for 512 readers, and has room for more where there are more
_FIRST_PAUSE, _LAST_PAUSE = 0.0005, 0.02


def flock_within(fd: int, kind: int, deadline: float) -> bool:
    """Take a flock, trying again until the deadline (time.monotonic): flock itself knows no timeout."""
    pause = threading.Event()
    wait = _FIRST_PAUSE
    while True:
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
            return True
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EINTR):
                raise
        if time.monotonic() >= deadline:
            return False
        pause.wait(wait)
        wait = min(wait * 2, _LAST_PAUSE)


def open_shared(path: str, timeout: float, *, writable: bool) -> int:
    """A descriptor of the data file with the shared presence lock on it.

    A compaction may swap the file between open and lock: then the descriptor is of the old file, so look again.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            fd = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise translate(error, path) from error
        try:
            if not flock_within(fd, fcntl.LOCK_SH, deadline):
                raise StoreLockedError(f"{path} is being compacted for longer than {timeout:g} s: try again later")
            if os.path.samestat(os.fstat(fd), os.stat(path)):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def try_exclusive(fd: int) -> bool:
    """Turn the presence lock into the exclusive one if nobody else holds it; else keep it shared."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        fcntl.flock(fd, fcntl.LOCK_SH)  # a failed conversion drops the lock that it started from
        return False


def make_reader_table(path: str) -> None:
    """Make LMDB's lock file, where there is none, with all of its bytes on the disk.

    LMDB itself leaves holes in it, and writes to them through its map: on a full disk one reader more would kill the
    process. It gets its name when it is whole. Raises StoreFullError. Where files cannot be made or linked, it is LMDB
    that makes it or fails.
    """
    if os.path.exists(f"{path}-lock"):
        return
    made = f"{path}.lock-{os.getpid()}"
    try:
        fd = os.open(made, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_CLOEXEC, 0o666)
        try:
            os.posix_fallocate(fd, 0, READER_TABLE)
        finally:
            os.close(fd)
        os.link(made, f"{path}-lock")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise translate(error, path) from error
    finally:
        with suppress(OSError):
            os.unlink(made)


class WriterLock:
    """One writer at a time, over threads and processes, with a timeout. A thread may take it again inside itself."""

    def __init__(self, path: str) -> None:
        self._store = path
        self._path = path + "-writer"
        self._threads = threading.RLock()
        self._depth = 0
        self._fd: int | None = None

    def acquire(self, timeout: float) -> None:
        """Take the lock within `timeout` seconds or raise StoreLockedError."""
        deadline = time.monotonic() + timeout
        if not self._threads.acquire(timeout=min(timeout, threading.TIMEOUT_MAX)):
            raise self._locked(timeout, "thread")
        try:
            if self._depth == 0:
                if self._fd is None:
                    self._fd = self._open()
                if not flock_within(self._fd, fcntl.LOCK_EX, deadline):
                    raise self._locked(timeout, "process")
            self._depth += 1
        except BaseException:
            self._threads.release()
            raise

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise translate(error, self._store) from error

    def release(self) -> None:
        """Give back what acquire took."""
        self._depth -= 1
        if self._depth == 0 and self._fd is not None:
            fcntl.flock(self._fd, fcntl.LOCK_UN)
        self._threads.release()

    def close(self) -> None:
        """Close the lock's file; the lock file itself stays."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _locked(self, timeout: float, who: str) -> StoreLockedError:
        return StoreLockedError(
            f"another {who} writes to {self._store} for longer than {timeout:g} s: try again, or open with a "
            "longer timeout"
        )
