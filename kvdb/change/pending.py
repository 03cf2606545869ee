"""Work on leaves that a transaction left to later ones, so that each does a bounded amount: a durable queue.

A leaf waits at most once for each kind of work. Nothing waits on a leaf that is no longer there for long: whoever
comes to it passes over it.
"""

from __future__ import annotations

import struct
from itertools import islice
from typing import TYPE_CHECKING

from kvdb.file.tables import Reader

if TYPE_CHECKING:
    from kvdb.change.write import Write

MERGE, SETTLE = 1, 2  # give its rows to its neighbours; exchange rows with its neighbours

_KEY = struct.Struct(">BI")


def push(write: Write, kind: int, leaf: int) -> None:
    """Leave work on a leaf to a later transaction."""
    write.txn.put(_KEY.pack(kind, leaf), b"", db=write.tree_in.pending)


def pop(write: Write, most: int) -> list[tuple[int, int]]:
    """Take at most so much work out of the queue: kinds and leaves."""
    cursor = write.txn.cursor(write.tree_in.pending)
    keys = [bytes(key) for key in islice(cursor.iternext(keys=True, values=False), most)]
    for key in keys:
        write.txn.delete(key, db=write.tree_in.pending)
    return [_KEY.unpack(key) for key in keys]


def waiting(reader: Reader) -> int:
    """How much work waits."""
    return reader.entries(reader.tree_in.pending)
