"""kvdb: an embedded store of facts that a language model reads through its attention.

>>> import kvdb
>>> with kvdb.open("facts.kvdb") as store:
...     facts = list(store.match(head="Paris"))
"""

from __future__ import annotations

from kvdb import errors, load
from kvdb.change.transaction import WriteTransaction
from kvdb.errors import KvdbError
from kvdb.opening import open_store as open
from kvdb.snapshot import Snapshot
from kvdb.store import Store
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
from kvdb.upkeep.backup import restore
from kvdb.upkeep.migrate import migrate
from kvdb.upkeep.repair import repair

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
