"""kvdb: an embedded store of facts that a language model reads through its attention.

>>> import kvdb
>>> with kvdb.open("facts.kvdb") as store:
...     facts = list(store.match(head="Paris"))
"""

from __future__ import annotations

from kvdb import errors, load
from kvdb.backup import restore
from kvdb.errors import KvdbError
from kvdb.migrate import migrate
from kvdb.opening import open_store as open
from kvdb.repair import repair
from kvdb.snapshot import Snapshot
from kvdb.store import Store
from kvdb.transaction import WriteTransaction
from kvdb.types import (
    Change,
    EncoderRecord,
    Fact,
    FactId,
    Health,
    Hit,
    InsertReport,
    LeafId,
    LeafPage,
    LoadReport,
    Mask,
    NodeId,
    NodePage,
    Relation,
    RepairReport,
    RowId,
    SearchLimits,
    Selection,
    StoreInfo,
    Triple,
    VerifyReport,
    fact_of,
    mask_of,
    row_of,
)

__version__ = "0.1.0"

__all__ = [
    "Change",
    "EncoderRecord",
    "Fact",
    "FactId",
    "Health",
    "Hit",
    "InsertReport",
    "KvdbError",
    "LeafId",
    "LeafPage",
    "LoadReport",
    "Mask",
    "NodeId",
    "NodePage",
    "Relation",
    "RepairReport",
    "RowId",
    "SearchLimits",
    "Selection",
    "Snapshot",
    "Store",
    "StoreInfo",
    "Triple",
    "VerifyReport",
    "WriteTransaction",
    "errors",
    "fact_of",
    "load",
    "mask_of",
    "migrate",
    "open",
    "repair",
    "restore",
    "row_of",
]
