"""A compact copy of the file, swapped in atomically: LMDB reuses the pages that it freed but never gives them back.

First the work that waits is done, so that no page holds a deleted row any more; then every live entry is copied to
`<path>.compact-<pid>`, which is checked, synced, and takes the place of the store by rename, all under the writer
lock. In the new file there is no byte of a deleted fact. The swap needs the file for itself: where somebody else has it
open, the old file stays.
"""

from __future__ import annotations

import fcntl
import glob
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from kvdb.file.failures import free_space
from kvdb.rebuild import drop_leftovers
from kvdb.upkeep.copying import copy_store
from kvdb.upkeep.maintain import maintain

if TYPE_CHECKING:
    from kvdb.store import Store


def compact(store: Store) -> str:
    """Compact the file. Returns "" when that was done, else why not; the store is intact either way."""
    env = store.environment
    with env.writer(store.timeout):
        maintain(store)
        drop_leftovers(store)
        size = os.path.getsize(env.path)
        if free_space(env.path) < size * 1.1:
            return f"not compacted: the disk lacks {size} free bytes for the copy"
        if not env.alone():
            return "not compacted: another store object or process has the file open; its free space is reused"
        store.write_with(lambda write: write.values.free.forget())  # the new file has no gaps to fill
        for made in ("compact", "lock"):
            remove_stale(f"{env.path}.{made}-")
        copy = f"{env.path}.compact-{os.getpid()}"
        try:
            with store.snapshot() as snapshot:
                copy_store(snapshot.txn, env.tables, env.path, copy)
            if not env.swap(lambda: take_place(copy, env.path)):
                return "not compacted: another process opened the file meanwhile; its free space is reused"
        finally:
            for name in (copy, copy + "-lock"):
                with suppress(OSError):
                    os.unlink(name)
    return ""


def remove_stale(prefix: str) -> None:
    """Remove the files that a killed process left: those whose name is `prefix` and the id of no process of today."""
    for name in glob.glob(glob.escape(prefix) + "*"):
        number = name[len(prefix) :].partition("-")[0]
        if number.isdigit() and not _runs(int(number)):
            with suppress(OSError):
                os.unlink(name)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs, as somebody else's
        return True
    return True


def take_place(copy: str, path: str) -> int:
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
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
