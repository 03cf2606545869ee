"""The LMDB environment of a store: opened once per process and path, shared by every Store on it.

Invariants:
- One environment per path and process (LMDB's own rule); it closes when its last Store and its last snapshot have.
- Every failure of LMDB comes out as an error of kvdb.errors.
- A write is a function of its transaction and may run twice: where the map had to grow, the whole of it runs again.
- No read transaction is open while the file is swapped for its compacted copy.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import lmdb

from kvdb.errors import (
    CorruptStoreError,
    ForkedStoreError,
    KvdbError,
    StoreClosedError,
    StoreLockedError,
)
from kvdb.file import filecheck, locks
from kvdb.file.caches import Caches
from kvdb.file.failures import read_only, translate
from kvdb.file.mapping import open_map
from kvdb.file.tables import Tables, create_tables, open_tables

T = TypeVar("T")


def forked(path: str) -> str:
    """What to do about a store that was inherited through fork."""
    return (
        f"{path} was open when this process was forked, and cannot be used here: start processes with 'spawn', "
        "or open the store only after the fork"
    )


class Environment:
    """One open store file: transactions, locks, growth. Made by kvdb.file.registry."""

    def __init__(self, path: str, *, create: bool, writable: bool, map_size: int, timeout: float) -> None:
        self.path = path
        self.writable = writable
        self._users = 1
        self.caches = Caches()
        self.pid = os.getpid()
        self._map_size = map_size
        self._may_grow = False
        self._guard = threading.RLock()
        self._readers = self._writes = 0
        self._writing = False  # a write transaction is open; only who holds the writer lock looks
        self._writer = locks.WriterLock(path)
        self._env: lmdb.Environment | None = None
        self._fd = -1
        self._presence(create, timeout)
        try:
            self._open(create=create)
        except BaseException:
            os.close(self._fd)
            raise

    def _presence(self, create: bool, timeout: float) -> None:
        if create and not os.path.exists(self.path):
            with suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
        self._fd = locks.open_shared(self.path, timeout, writable=self.writable)

    def _open(self, *, create: bool = False) -> None:
        fresh = os.fstat(self._fd).st_size == 0
        if not fresh:
            self._check_length()
        try:
            self._env, self._may_grow = open_map(self.path, self._map_size, writable=self.writable)
            if fresh or (create and self._env.stat()["entries"] == 0):  # the latter: a creation that was killed
                create_tables(self._env)
            self._env.reader_check()
            self.tables: Tables = open_tables(self._env, self.path, writable=self.writable)
            self._fill()
        except BaseException as error:
            self._close_map()
            if isinstance(error, lmdb.Error):
                raise translate(error, self.path) from error
            raise

    def _check_length(self) -> None:
        try:
            filecheck.check_length(self._fd, self.path)
        except CorruptStoreError:
            if not self.writable:
                raise
            with self.writer(10.0):  # a writer may be between its commit and filling up the file
                filecheck.check_length(self._fd, self.path)

    def check(self) -> lmdb.Environment:
        """The environment, or why it cannot be used: closed, or inherited from a parent process."""
        if self.pid != os.getpid():
            raise ForkedStoreError(forked(self.path))
        if self._env is None:
            raise StoreClosedError(f"{self.path} is closed: open it again")
        return self._env

    def begin_read(self) -> lmdb.Transaction:
        """A read transaction; every one must come back through `end_read`."""
        with self._guard:
            env = self.check()
            try:
                txn = env.begin(buffers=True)
            except lmdb.MapResizedError:
                if self._readers:
                    raise StoreLockedError(f"{self.path} grew in another process: close this one's snapshots") from None
                env.set_mapsize(0)
                txn = env.begin(buffers=True)
            except lmdb.Error as error:
                raise translate(error, self.path) from error
            self._readers += 1
            return txn

    def end_read(self, txn: lmdb.Transaction) -> None:
        """Give back a read transaction."""
        if self.pid != os.getpid():
            return
        with self._guard:
            self._readers -= 1
            txn.abort()
            self._shut_if_idle()

    def join(self, path: str) -> bool:
        """One more user; False where this environment is closed, or its file no longer the one at the path."""
        with self._guard:
            try:
                same = self._fd >= 0 and os.path.samestat(os.fstat(self._fd), os.stat(path))
            except FileNotFoundError:
                same = False
            self._users += same
            return same

    def leave(self) -> bool:
        """One user less. True where that closed the environment."""
        with self._guard:
            self._users -= 1
            return self._shut_if_idle()

    def _shut_if_idle(self) -> bool:
        if self._users or self._readers or self._writes:
            return False
        self._close_map()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._writer.close()
        return True

    @contextmanager
    def writer(self, timeout: float) -> Iterator[None]:
        """Hold the writer lock over several transactions. Raises StoreLockedError after `timeout` seconds."""
        if not self.writable:
            raise read_only(self.path)
        self._writer.acquire(timeout)
        try:
            yield
        finally:
            self._writer.release()

    def write(self, body: Callable[[lmdb.Transaction], T], timeout: float) -> T:
        """Run `body` in one durable write transaction: all of it or nothing."""
        with self._turn(timeout):
            while True:
                try:
                    with self._transaction(growing=True) as txn:
                        return body(txn)
                except lmdb.MapFullError as error:
                    self._grow(error)

    @contextmanager
    def transaction(self, timeout: float) -> Iterator[lmdb.Transaction]:
        """One durable write transaction around a block, which cannot run twice: where the map has to grow, it fails."""
        with self._turn(timeout), self._transaction() as txn:
            yield txn

    @contextmanager
    def _turn(self, timeout: float) -> Iterator[None]:
        """Hold the writer lock and keep the environment open meanwhile."""
        with self._guard:
            self.check()
            self._writes += 1
        try:
            with self.writer(timeout):
                yield
        finally:
            with self._guard:
                self._writes -= 1
                self._shut_if_idle()

    @contextmanager
    def _transaction(self, *, growing: bool = False) -> Iterator[lmdb.Transaction]:
        """Commit what the block writes, or nothing. Errors come out as ours; that the map is full not if `growing`."""
        try:
            txn = self._begin()
            try:
                yield txn
                txn.commit()
            except BaseException:
                txn.abort()
                raise
            finally:
                self._writing = False
            self._fill()
        except (lmdb.Error, OSError) as error:
            if isinstance(error, KvdbError) or (growing and isinstance(error, lmdb.MapFullError)):
                raise
            raise translate(error, self.path) from error

    def _begin(self) -> lmdb.Transaction:
        """A write transaction. LMDB would wait for ever for one that this thread has open already."""
        env = self.check()
        if self._writing:
            raise StoreLockedError(f"{self.path} has a write transaction open in this thread: write through that one")
        try:
            txn = env.begin(write=True, buffers=True)
        except lmdb.MapResizedError:
            env.set_mapsize(0)
            txn = env.begin(write=True, buffers=True)
        self._writing = True
        return txn

    def _grow(self, error: lmdb.MapFullError) -> None:
        env = self.check()
        with self._guard:
            if not self._may_grow:
                raise translate(error, self.path) from error
            if self._readers:
                raise StoreLockedError(f"{self.path} must grow its map: close this process's snapshots first")
            self._map_size = env.info()["map_size"] * 2
            try:
                env.set_mapsize(self._map_size)
            except (lmdb.Error, MemoryError) as failed:
                raise translate(error, self.path) from failed

    def _fill(self) -> None:
        if self.writable:
            filecheck.fill_to_length(self._fd, self.path)

    def _close_map(self) -> None:
        if self._env is not None:
            self._env.close()
            self._env = None

    def upgrade(self, timeout: float) -> None:
        """Open again for writing what this process had open read-only."""
        with self._guard:
            env = self.check()
            if self._readers:
                raise StoreLockedError(f"{self.path} is open read-only here: close its snapshots to write")
            env.close()
            self._env, old = None, self._fd
            self.writable = True
            self._fd = locks.open_shared(self.path, timeout, writable=True)
            os.close(old)
            self._open()

    def alone(self) -> bool:
        """True where no other Store, snapshot or process has the file open. The caller holds `writer`."""
        with self._guard:
            self.check()
            if self._users > 1 or self._readers or not locks.try_exclusive(self._fd):
                return False
            return locks.flock_within(self._fd, fcntl.LOCK_SH, 0.0)

    def swap(self, replace: Callable[[], int]) -> bool:
        """Close, let `replace` put another file at the path and return its locked descriptor, and open again.

        False, and nothing done, where this or another process has the file open as well. The caller holds
        `writer`.
        """
        with self._guard:
            env = self.check()
            if self._users > 1 or self._readers or not locks.try_exclusive(self._fd):
                return False
            old = self._fd
            env.close()
            self._env = None
            try:
                self._fd = replace()
            finally:
                self._open()
                locks.flock_within(old, fcntl.LOCK_SH, 0.0)
            os.close(old)
            self.caches.clear()
            return True
