"""Backups: a verified copy of a store as one snapshot sees it, and putting one in a store's place."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from kvdb.errors import CorruptStoreError, InputError, StoreLockedError, StoreNotFoundError
from kvdb.file import locks
from kvdb.file.failures import translate
from kvdb.opening import open_store
from kvdb.types import VerifyReport
from kvdb.upkeep.compact import remove_stale, sync_folder, take_place
from kvdb.upkeep.copying import copy_store

if TYPE_CHECKING:
    from kvdb.store import Store

Path = str | os.PathLike[str]


def backup(store: Store, target: Path, *, overwrite: bool = False) -> VerifyReport:
    """Copy a store to the file `target` while others read and write; what was checked of the copy.

    The copy is verified, synced and renamed: there is a whole backup at `target` or none. Raises InputError where
    `target` exists and `overwrite` is not set, CorruptStoreError where an invariant does not hold, StoreFullError.
    """
    goal = _goal(target, overwrite)
    if os.path.exists(goal) and os.path.samefile(goal, store.path):
        raise InputError(f"{goal} is the store itself: give another file for its backup")
    with _temporary(goal) as copy:
        with store.snapshot() as snapshot:
            copy_store(snapshot.txn, snapshot.tables, store.path, copy)
        report = _verified(copy, store.path)
        os.rename(copy, goal)
        sync_folder(goal)
    return report


def restore(source: Path, target: Path, *, overwrite: bool = False, timeout: float = 10.0) -> VerifyReport:
    """Make `target` the store that the backup `source` holds; the backup stays. What was checked.

    Raises InputError where `target` exists and `overwrite` is not set, StoreLockedError where it is open somewhere,
    StoreNotFoundError, CorruptStoreError where the backup is damaged; then `target` is as it was.
    """
    origin, goal = os.path.realpath(source), _goal(target, overwrite)
    if not os.path.isfile(origin):
        raise StoreNotFoundError(f"no backup at {origin}: check the path")
    with _temporary(goal) as copy:
        try:
            shutil.copyfile(origin, copy)
            fd = os.open(copy, os.O_RDWR)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        except OSError as error:
            raise translate(error, goal) from error
        report = _verified(copy, origin)
        put_in_place(copy, goal, timeout)
    return report


def put_in_place(copy: str, goal: str, timeout: float) -> None:
    """Rename a new file over a store that nobody has open. Raises StoreLockedError where somebody does."""
    held = -1
    try:
        if os.path.exists(goal):
            held = locks.open_shared(goal, timeout, writable=True)
            if not locks.try_exclusive(held):
                raise StoreLockedError(f"{goal} is open somewhere: close it there first")
        fd = take_place(copy, goal)
        fcntl.flock(fd, fcntl.LOCK_UN)
        os.close(fd)
    finally:
        if held >= 0:
            os.close(held)


def _goal(target: Path, overwrite: bool) -> str:
    goal = os.path.realpath(target)
    if os.path.exists(goal) and not overwrite:
        raise InputError(
            f"{goal} exists already: remove it, or say that it may be overwritten (--overwrite, overwrite=True)"
        )
    if not os.path.isdir(os.path.dirname(goal)):
        raise StoreNotFoundError(f"no folder {os.path.dirname(goal)}: make it first")
    return goal


@contextmanager
def _temporary(goal: str) -> Iterator[str]:
    """A name beside `goal`; what is there in the end is removed."""
    remove_stale(f"{goal}.part-")
    name = f"{goal}.part-{os.getpid()}"
    try:
        yield name
    finally:
        for path in (name, name + "-lock", name + "-writer"):
            with suppress(OSError):
                os.unlink(path)


def _verified(copy: str, origin: str) -> VerifyReport:
    with open_store(copy, read_only=True) as opened:
        report = opened.verify()
    if not report.ok:
        problems = "; ".join(report.problems[:3])
        raise CorruptStoreError(f"{origin} is damaged ({problems}): see `kvdb verify`, `kvdb repair`")
    return report
