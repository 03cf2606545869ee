"""Small records: msgpack behind a 4-byte checksum, with limits, and nothing that could run code.

A triple is a map, so that later versions can add source, time or qualifiers without a new format.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import msgpack
import numpy as np
import xxhash

from kvdb.errors import CorruptStoreError
from kvdb.types import EncoderRecord, Mask, Relation

SUM = 4
MAX_HEAD = MAX_RELATION = 4096
MAX_TAIL = 1 << 20

TAIL_BIT, HEAD_BIT = 1, 2


def mask_bits(masks: tuple[Mask, ...]) -> int:
    """("tail", "head") as the bits that a triple's record keeps."""
    return (TAIL_BIT if "tail" in masks else 0) | (HEAD_BIT if "head" in masks else 0)


def bits_masks(bits: int) -> tuple[Mask, ...]:
    """The inverse of mask_bits."""
    tail: tuple[Mask, ...] = ("tail",) if bits & TAIL_BIT else ()
    head: tuple[Mask, ...] = ("head",) if bits & HEAD_BIT else ()
    return tail + head


def pack(key: int, value: Any) -> bytes:
    """`value` in msgpack behind a checksum that is seeded by its key."""
    body: bytes = msgpack.packb(value)
    return xxhash.xxh3_64_digest(body, seed=key)[:SUM] + body


def unpack(key: int, data: bytes | memoryview, what: str) -> Any:
    """The value of a record. Raises CorruptStoreError, naming `what`, where it does not hold."""
    body = bytes(data[SUM:])
    if xxhash.xxh3_64_digest(body, seed=key)[:SUM] != data[:SUM]:
        raise CorruptStoreError(f"{what} {key} is damaged (checksum); run `kvdb verify`")
    try:
        return msgpack.unpackb(body)  # strict: no longer than the record, no code
    except (ValueError, msgpack.UnpackException) as error:
        raise CorruptStoreError(f"{what} {key} is damaged (msgpack: {error}); run `kvdb verify`") from error


def pack_text(value: int, text: str) -> bytes:
    """A value's text behind its checksum."""
    body = text.encode()
    return xxhash.xxh3_64_digest(body, seed=value)[:SUM] + body


def unpack_text(value: int, data: bytes | memoryview) -> str:
    """The text of a value. Raises CorruptStoreError where its checksum does not hold."""
    body = bytes(data[SUM:])
    if xxhash.xxh3_64_digest(body, seed=value)[:SUM] != data[:SUM]:
        raise CorruptStoreError(f"the text of value {value} is damaged (checksum); run `kvdb verify`")
    return body.decode()


@dataclass(slots=True)
class State:
    """The store's counters and switches: one record, rewritten by every write transaction.

    `fact_set` and `tree_set` say which of two sets of tables is the live one: a bulk build fills the other set
    over many transactions and the last one flips the switch, so that a crash leaves only garbage to drop.
    """

    uuid: str
    txn: int = 0
    dim: int = 0
    masks: int = 0
    facts: int = 0
    rows: int = 0
    values: int = 0
    next_fact: int = 1
    next_value: int = 1
    next_relation: int = 1
    next_leaf: int = 1
    next_node: int = 1
    fact_set: int = 0
    tree_set: int = 0
    root: int = 0  # node id, 0: no tree
    staged: int = 0  # live rows in leaves that hang from no node
    open_leaf: int = 0  # the staged leaf that still has room, 0: none
    feed_from: int = 0  # the feed of changes is complete for the transactions after this one
    feed_ids: int = 0  # ids in the feed
    free_values: int = 0  # value ids that new values may take
    free_at: int = 0  # the block of them that was taken from last
    extra: dict[str, Any] = field(default_factory=dict)  # fields of later versions, kept as they are

    @property
    def flat(self) -> bool:
        """True where a search scores every leaf: no tree yet, or rows that no node knows of."""
        return self.root == 0 or self.staged > 0

    def pack(self) -> bytes:
        return pack(0, self.extra | {name: getattr(self, name) for name in STATE_FIELDS})

    @staticmethod
    def unpack(data: bytes | memoryview) -> State:
        record = unpack(0, data, "the state record")
        if not isinstance(record, dict) or not isinstance(record.get("uuid"), str):
            raise CorruptStoreError("the state record is damaged (not a state); restore the store from a backup")
        own = {name: record[name] for name in record if name in STATE_FIELDS}
        return State(**own, extra={name: record[name] for name in record if name not in STATE_FIELDS})


STATE_FIELDS = tuple(f.name for f in fields(State) if f.name != "extra")


class TripleRecord(NamedTuple):
    """A triple as stored: its head's text, the ids of its relation and tail, and its maskings."""

    head: str
    relation: int
    tail: int  # value id
    masks: int
    head_value: int = 0  # value id of the head where it is masked, else 0

    def pack(self, fact: int) -> bytes:
        record = {"h": self.head, "r": self.relation, "t": self.tail, "m": self.masks}
        if self.head_value:
            record["v"] = self.head_value
        return pack(fact, record)

    @staticmethod
    def unpack(fact: int, data: bytes | memoryview) -> TripleRecord:
        record = unpack(fact, data, "triple")
        try:
            return TripleRecord(record["h"], record["r"], record["t"], record["m"], record.get("v", 0))
        except (KeyError, TypeError) as error:
            raise CorruptStoreError(f"triple {fact} is damaged (field {error}); run `kvdb verify`") from error


def pack_relation(relation: Relation) -> bytes:
    """The record of a relation. It has aliases only where there are some: no earlier version wrote any."""
    record: dict[str, Any] = {
        "n": relation.name,
        "t": relation.tail_noun,
        "h": relation.head_noun,
        "e": relation.edited,
        "c": relation.facts,
    }
    if relation.aliases:
        record["a"] = relation.aliases
    return pack(relation.id, record)


def unpack_relation(relation: int, data: bytes | memoryview) -> Relation:
    """The inverse of pack_relation."""
    record = unpack(relation, data, "relation")
    try:
        aliases = tuple(record["a"]) if "a" in record else ()
        return Relation(relation, record["n"], record["t"], record["h"], record["e"], record["c"], aliases)
    except (KeyError, TypeError) as error:
        raise CorruptStoreError(f"relation {relation} is damaged (field {error}); run `kvdb verify`") from error


def pack_encoder(record: EncoderRecord) -> bytes:
    """An encoder's fingerprint."""
    probes = np.ascontiguousarray(record.probes, "<f2")
    return pack(0, {"name": record.name, "dim": record.dim, "probes": probes.tobytes()})


def unpack_encoder(data: bytes | memoryview) -> EncoderRecord:
    """The inverse of pack_encoder."""
    record = unpack(0, data, "the encoder record")
    try:
        probes = np.frombuffer(record["probes"], "<f2").reshape(-1, record["dim"])  # [p, dim]
        return EncoderRecord(record["name"], record["dim"], probes)
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptStoreError(f"the encoder record is damaged ({error}); restore the store") from error
