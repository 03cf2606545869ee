"""The stores that this process has open: one environment per path, however many Store objects use it."""

from __future__ import annotations

import os
import threading

from kvdb.errors import ForkedStoreError, KvdbError, NotAStoreError, StoreNotFoundError
from kvdb.file.environment import Environment, forked
from kvdb.file.failures import translate

_open: dict[str, Environment] = {}
_lock = threading.RLock()
_inherited: dict[str, Environment] = {}  # kept by a child process, unused: closing them would harm the parent


def acquire(path: str, *, create: bool, read_only: bool, map_size: int, timeout: float) -> Environment:
    """The environment of a path, open already or opened now. Every one must come back through `release`."""
    path = os.path.realpath(path)
    _check_path(path, create=create and not read_only)
    with _lock:
        if path in _inherited:  # py-lmdb opens a path once, and fork copies its list of what is open
            raise ForkedStoreError(forked(path))
        found = _open.get(path)
        if found is None or not found.join(path):
            writable = not read_only and (not os.path.exists(path) or os.access(path, os.W_OK))
            try:
                found = Environment(path, create=create, writable=writable, map_size=map_size, timeout=timeout)
            except OSError as error:
                if isinstance(error, KvdbError):
                    raise
                raise translate(error, path) from error
            _open[path] = found
        try:
            if not read_only and not found.writable and os.access(path, os.W_OK):
                found.upgrade(timeout)
        except BaseException:
            found.leave()
            raise
        return found


def release(env: Environment) -> None:
    """Give back an environment; it closes with its last user and snapshot."""
    if env.pid != os.getpid():
        return
    with _lock:
        if env.leave() and _open.get(env.path) is env:
            del _open[env.path]


def _check_path(path: str, *, create: bool) -> None:
    if not os.path.exists(path):
        if not create:
            raise StoreNotFoundError(f"no store at {path}: check the path, or create it (create=True, `kvdb ingest`)")
        if not os.path.isdir(os.path.dirname(path)):
            raise StoreNotFoundError(f"no folder {os.path.dirname(path)}: make it first")
    elif not os.path.isfile(path):
        raise NotAStoreError(f"{path} is not a file: a store is a single file")
    elif os.path.getsize(path) == 0 and not create:
        raise NotAStoreError(f"{path} is empty, not a kvdb store: delete it, or create a store there")


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()
    _inherited.update(_open)
    _open.clear()


os.register_at_fork(after_in_child=_after_fork)
