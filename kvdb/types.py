"""The small values that every part of kvdb speaks in.

Three integers mean three different things and are never mixed (the public AtlasKV code mixes two of them, and
attends to the wrong values for it):

- `FactId`: a triple. Starts at 1, never reused.
- `RowId`: one masking of a triple, `fact * 2` where the tail is masked, `fact * 2 + 1` where the head is.
- `NodeId` / `LeafId`: a page of the tree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple, NewType

import numpy as np
from numpy.typing import NDArray

FactId = NewType("FactId", int)
RowId = NewType("RowId", int)
NodeId = NewType("NodeId", int)
LeafId = NewType("LeafId", int)
ValueId = NewType("ValueId", int)

Mask = Literal["tail", "head"]

F16 = NDArray[np.float16]
F32 = NDArray[np.float32]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I32 = NDArray[np.int32]
Bools = NDArray[np.bool_]


class Triple(NamedTuple):
    """A fact as people write it."""

    head: str
    relation: str
    tail: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A stored triple with its id."""

    id: FactId
    head: str
    relation: str
    tail: str

    @property
    def triple(self) -> Triple:
        return Triple(self.head, self.relation, self.tail)


@dataclass(frozen=True, slots=True)
class Hit:
    """One result of a search: the fact, the row that matched and its similarity in [-1, 1]."""

    fact: Fact
    row: RowId
    score: float


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """How many candidates each level of the tree keeps (AtlasKV, HiKVP: root 128, inter 64, leaf 16)."""

    root_top_k: int = 128
    inter_top_k: int = 64
    leaf_top_k: int = 16


@dataclass(frozen=True, slots=True)
class NodePage:
    """The children of one tree node. Views die with the snapshot that made them."""

    id: NodeId
    generation: int
    centroids: F32  # [n, d] mean of the rows below each child
    children: U32  # [n] node ids, or leaf ids where `leaves`
    counts: U64  # [n] rows below each child
    leaves: bool
    spread: F32 | None = None  # [n] sqrt(1 - |m|^2) of each centroid m, where it is at hand


@dataclass(frozen=True, slots=True)
class LeafPage:
    """The rows of one partition. Views die with the snapshot that made them."""

    id: LeafId
    generation: int
    vectors: F16  # [n, d] unit length
    rows: U64  # [n] row ids
    live: Bools  # [n] False where the row was deleted


@dataclass(frozen=True, slots=True)
class Selection:
    """What a descent chose, best first, and what it cost."""

    rows: U64  # [k]
    scores: F32  # [k]
    scored_rows: int = 0
    scored_centroids: int = 0
    leaves: tuple[LeafId, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class EncoderRecord:
    """The fingerprint of an encoder: its name, dimension and vectors of a few probe sentences."""

    name: str
    dim: int
    probes: F16  # [p, dim] unit length


def row_of(fact: int, mask: Mask) -> RowId:
    """The row of a fact's masking."""
    return RowId(fact * 2 + (mask == "head"))


def fact_of(row: int) -> FactId:
    """The fact that a row belongs to."""
    return FactId(row // 2)


def mask_of(row: int) -> Mask:
    """Which end of the fact a row masks."""
    return "head" if row % 2 else "tail"


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation, the nouns of its key sentences, whether a person edited them, and how many facts use it.

    `aliases`: what questions call its tails, beside the tail noun.
    """

    id: int
    name: str
    tail_noun: str
    head_noun: str
    edited: bool
    facts: int
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InsertReport:
    """What one insert did; `ids` has the fact of each given triple, in the order given."""

    inserted: int
    duplicates: int
    ids: tuple[FactId, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the feed of changes: a transaction inserted or deleted a fact. An update is a deletion and an
    insertion of the same id.
    """

    txn: int
    id: FactId
    inserted: bool


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a bulk load did. `rebuilt`: the tree was built anew; `compacted`: so was the file.

    `note` says why the file was not compacted, where it was not. `deleted`: facts that the source no longer had, where
    the load made the store equal to it.
    """

    triples: int
    inserted: int
    duplicates: int
    rows: int
    seconds: float
    rebuilt: bool
    compacted: bool
    note: str = ""
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a repair did: how many facts are whole, how many pieces were lost and which; where the damaged file is.

    `encoded`: of how many texts a lost vector was made anew.
    """

    facts: int
    lost: int
    losses: tuple[str, ...]
    damaged: str
    encoded: int = 0


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """`problems` in words, empty where every invariant holds; `checked`: how many of each kind were looked at."""

    ok: bool
    problems: tuple[str, ...]
    checked: dict[str, int]


@dataclass(frozen=True, slots=True)
class Health:
    """How well a store is. `leaf_rows`: least, middle and most live rows of a leaf; `leaf_sizes`: how many leaves have
    up to 32, 64, ... 256 of them. `queued` work waits for later transactions, `leftovers` are entries that an
    unfinished build left. `recall`: the share of the 16 nearest rows that a search finds, sampled; None where all are.
    """

    leaves: int
    leaf_rows: tuple[int, int, int]
    leaf_sizes: tuple[int, ...]
    delta_rows: int
    dead_rows: int
    queued: int
    leftovers: int
    readers: int
    stale_readers: int
    recall: float | None


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What is in a store. `levels`: pages of the tree per level, from the root (1) down to the leaves.

    `notes`: the names of those that Store.set_note made.
    """

    path: str
    uuid: str
    format: int
    triples: int
    rows: int
    relations: int
    values: int
    levels: tuple[int, ...]
    staged: int
    encoder: str | None
    dim: int | None
    masks: tuple[Mask, ...]
    file_bytes: int
    free_bytes: int
    txn_id: int
    notes: tuple[str, ...] = ()
