"""Making a damaged store whole: what can be read is written into a new file, with new indexes and a new tree.

Facts keep their ids. Where the texts of a fact hold and its vectors do not, those are made anew by the encoder, if the
caller gives it; else the fact is lost. The damaged file stays beside the new one, as `<path>.damaged`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import groupby, islice

import numpy as np

from kvdb.change.plan import Encode, Plan
from kvdb.change.write import Write
from kvdb.errors import CorruptStoreError, StoreLockedError
from kvdb.fields import check_triple
from kvdb.file import locks
from kvdb.file.records import State
from kvdb.kg2kv import Nouns
from kvdb.load import finish
from kvdb.opening import open_store
from kvdb.store import Store
from kvdb.types import Relation, RepairReport
from kvdb.upkeep.compact import remove_stale, sync_folder
from kvdb.upkeep.mend import Mender
from kvdb.upkeep.salvage import Salvage, Saved

BATCH = 4096  # facts a transaction


def repair(path: str | os.PathLike[str], *, encode: Encode | None = None, timeout: float = 10.0) -> RepairReport:
    """Rebuild the store at `path` from the facts of which everything verifies; what became of the others.

    `encode`: the encoder that the store was made with, which makes lost vectors anew from the texts; without it, facts
    that lack one are lost. The file must be open nowhere else. Raises NotAStoreError, CorruptStoreError where not even
    the counters can be read (then only a backup helps), StoreLockedError, StoreFullError, VectorError, and what
    `encode` raises; then the store is as it was.
    """
    name = os.path.realpath(path)
    copy = f"{name}.repair-{os.getpid()}"
    remove_stale(f"{name}.repair-")
    try:
        with open_store(name, read_only=True) as damaged, open_store(copy, create=True) as whole:
            lost, encoded = _rebuild(damaged, whole, encode)
            report = whole.verify()
            facts = whole.info().triples
        if not report.ok:
            raise CorruptStoreError(f"{name} could not be repaired ({report.problems[0]}): restore it from a backup")
        _swap(copy, name, timeout)
    finally:
        for leftover in (copy, copy + "-lock", copy + "-writer"):
            with suppress(OSError):
                os.unlink(leftover)
    return RepairReport(facts, len(lost), tuple(lost[:1000]), f"{name}.damaged", encoded)


def _rebuild(damaged: Store, whole: Store, encode: Encode | None) -> tuple[list[str], int]:
    """Put every fact that is whole, or can be made so, into the new store; what was lost, and texts encoded."""
    with damaged.snapshot() as snapshot:
        old, salvage = snapshot.state, Salvage(snapshot)
        meta = salvage.notes()
        if (encoder := salvage.encoder()) is not None:
            meta[b"encoder"] = encoder
        whole.write_with(lambda write: _begin(write, old, meta))
        mender = None if encode is None else Mender(encode, old.dim)
        facts = salvage.facts()
        last = 0
        while batch := list(islice(facts, BATCH)):
            if mender is not None:
                mender.mend(batch)
            fit = [fact for fact in batch if not _lacks(fact, salvage)]
            for _, part in groupby(fit, key=lambda fact: fact.masks):
                whole.write_with(_adding(list(part), salvage), stage=True)
            last = batch[-1].id
        edited = [relation for relation in salvage.relations.values() if relation.edited or relation.aliases]
        whole.write_with(lambda write: _end(write, old, last, edited))
    finish(whole)
    lost = salvage.lost if mender is not None else salvage.lost_pages + salvage.lost
    return list(dict.fromkeys(lost)), 0 if mender is None else mender.encoded


def _lacks(fact: Saved, salvage: Salvage) -> bool:
    """True, and noted, where a vector of the fact is lost."""
    if not fact.lost_keys and not fact.lost_values:
        return False
    whose = f"{fact.lost_keys[0]}-masked key sentence" if fact.lost_keys else "value"
    salvage.lost.append(f"fact {fact.id}: the vector of its {whose} is lost (the store's encoder could make it anew)")
    return True


def _begin(write: Write, old: State, meta: Mapping[bytes, bytes]) -> None:
    write.state.uuid, write.state.dim, write.state.masks = old.uuid, old.dim, old.masks
    for key, data in meta.items():
        write.txn.put(key, data, db=write.tables.meta)


def _adding(facts: Sequence[Saved], salvage: Salvage) -> Callable[[Write], None]:
    def body(write: Write) -> None:
        fresh = list(_distinct(write, facts))
        if not fresh:
            return
        nouns = {r.name: Nouns(r.tail_noun, r.head_noun) for r in salvage.relations.values()}
        made = Plan(write.state.txn, [f.triple for f in fresh], list(range(len(fresh))), nouns=nouns)
        masks = fresh[0].masks
        keys = {mask: np.stack([f.keys[mask] for f in fresh]) for mask in masks}
        values = {(f.triple.tail if m == "tail" else f.triple.head): f.values[m] for f in fresh for m in masks}
        write.add(made, masks, keys, values, ids=[f.id for f in fresh])

    return body


def _distinct(write: Write, facts: Sequence[Saved]) -> Iterator[Saved]:
    """The facts without those that the store has already: two records that say the same."""
    seen = set()
    for fact in facts:
        check_triple(fact.triple)
        if fact.triple not in seen and write.find(*fact.triple) is None:
            seen.add(fact.triple)
            yield fact


def _end(write: Write, old: State, last: int, edited: Sequence[Relation]) -> None:
    """Ids go on after those of the old store, and people keep the nouns that they chose."""
    state = write.state
    state.next_fact = max(state.next_fact, old.next_fact, last + 1)
    state.txn = max(state.txn, old.txn + 1)
    state.feed_from = state.txn
    state.feed_ids = 0
    write.txn.drop(write.tables.changes, delete=False)
    for relation in edited:
        id = write.relation_id(relation.name)
        if id is not None:
            write.set_nouns(replace(relation, id=id))


def _swap(copy: str, name: str, timeout: float) -> None:
    """Keep the damaged file under another name and put the new one in its place."""
    held = locks.open_shared(name, timeout, writable=True)
    try:
        if not locks.try_exclusive(held):
            raise StoreLockedError(f"{name} is open somewhere: close it there, then repair")
        os.replace(name, f"{name}.damaged")
        with suppress(FileNotFoundError):
            os.unlink(f"{name}-lock")  # its reader table belongs to the damaged file
        os.rename(copy, name)
        sync_folder(name)
    finally:
        os.close(held)
