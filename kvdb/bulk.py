"""The fast way into an empty store: everything is written once, sorted, into the sets of tables that are not in use.

Facts get their ids in the order given; rows are clustered meanwhile and written in tree order. The last transaction
makes both sets the live ones, so that the facts appear all at once; a crash leaves garbage that the next build drops.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import faiss
import lmdb
import numpy as np

from kvdb.build import TreeBuilder
from kvdb.change.changes import INSERTED
from kvdb.change.plan import NounsOf
from kvdb.errors import StoreLockedError
from kvdb.fields import check_triple
from kvdb.file import format
from kvdb.file.environment import Environment
from kvdb.file.format import u64
from kvdb.file.items import Items, fact_numbers, hashes, index_items, text_items, triple_items, vector_items
from kvdb.file.records import HEAD_BIT, MAX_HEAD, MAX_RELATION, MAX_TAIL, State, mask_bits, pack_relation
from kvdb.file.tables import FactTables
from kvdb.given import Floats, GivenSource, Indices
from kvdb.rebuild import drop_leftovers, edit_state, leaf_slice
from kvdb.tree import cluster
from kvdb.tree.cluster import Clustering, Effort
from kvdb.types import F16, U64, Mask, Relation

if TYPE_CHECKING:
    from kvdb.store import Store

SLICE = 65_536  # records of one transaction


@dataclass(slots=True)
class _Facts:
    """The facts of a load, in columns. Ids start at 1."""

    heads: list[str]
    relations: list[str]
    tails: list[str]
    places: Indices | None  # which of the given triples these are, None: all
    identity: U64  # [n] format.fact_number of each triple

    def __len__(self) -> int:
        return len(self.heads)


def load_empty(
    store: Store,
    triples: Sequence[Sequence[str]],
    keys: Floats,
    values: Floats,
    masks: tuple[Mask, ...],
    nouns: NounsOf,
    effort: Effort | None = None,
) -> int:
    """Write all facts at once; how many. keys, values: [N, m, d] for N triples. Raises FieldError, VectorError."""
    facts = _columns(triples)
    n, m, d = len(facts), len(masks), keys.shape[2]
    env = store.environment
    with env.writer(store.timeout):
        drop_leftovers(store)
        with store.snapshot() as snapshot:
            state = snapshot.state
        if state.facts:
            raise StoreLockedError(f"another process filled {store.path} meanwhile: run the load again")
        places = _row_places(facts.places, m)
        source = GivenSource(keys.reshape(-1, d), places, dim=state.dim, what="key vectors")
        ids = np.arange(state.next_fact, state.next_fact + n, dtype=np.uint64)  # [n]
        bits = np.array([mask == "head" for mask in masks], np.uint64)  # [m]
        rows = (ids[:, None] * np.uint64(2) + bits).ravel()  # [n * m]
        with ThreadPoolExecutor(1) as pool:  # faiss gives up the interpreter's lock: facts are written meanwhile
            clustering = pool.submit(_cluster, source, effort)
            count = _write_facts(env, store.timeout, state, facts, ids, values, masks, nouns)
            builder = TreeBuilder(source, rows, clustering.result(), env.tables.trees[1 - state.tree_set])
        builder.reserve(state)
        generation = state.txn + 1
        for start, stop in builder.slices():
            env.write(leaf_slice(builder, start, stop, generation), store.timeout)
        env.write(builder.write_locations, store.timeout)
        root = env.write(lambda txn: builder.write_nodes(txn, generation), store.timeout)
        builder.switch(state, root, 1 - state.tree_set)
        state.fact_set = 1 - state.fact_set
        state.facts, state.rows, state.values, state.dim = n, n * m, count, d
        state.next_fact += n
        state.masks = state.masks or mask_bits(masks)
        state.free_values = state.free_at = 0  # those of the other set
        runs = [(INSERTED, int(ids[0]), n)]
        edit_state(store, lambda old: _replace(old, state), commits=True, runs=runs)
        drop_leftovers(store)
    return n


def _cluster(source: GivenSource, effort: Effort | None) -> Clustering:
    """cluster.build in a thread, leaving a core to the thread that writes: OpenMP waits by spinning."""
    faiss.omp_set_num_threads(max(1, (os.cpu_count() or 2) - 1))  # holds for this thread only
    return cluster.build(source, effort=effort)


def _replace(old: State, new: State) -> None:
    for name in State.__dataclass_fields__:
        setattr(old, name, getattr(new, name))


def _columns(triples: Sequence[Sequence[str]]) -> _Facts:
    """The triples in columns, checked, each once."""
    try:
        heads, relations, tails = ([t[i] for t in triples] for i in range(3))
        joined = ["\0".join(triple).encode() for triple in triples]
        fits = (
            max(map(len, heads), default=0) * 4 <= MAX_HEAD
            and max(map(len, relations), default=0) * 4 <= MAX_RELATION
            and max(map(len, tails), default=0) * 4 <= MAX_TAIL
            and all(map(str.strip, heads)) and all(map(str.strip, relations)) and all(map(str.strip, tails))
            and sum(map(_separators, joined)) == 2 * len(joined)
        )  # fmt: skip
    except (TypeError, IndexError, UnicodeEncodeError):
        fits = False
    if not fits:  # some field is wrong or nearly too long: find out which, the slow way
        checked = [check_triple(triple) for triple in triples]
        heads, relations, tails = ([t[i] for t in checked] for i in range(3))
        joined = ["\0".join(triple).encode() for triple in checked]
    first: dict[bytes, int] = {}
    for place, text in enumerate(joined):
        first.setdefault(text, place)
    places = None
    if len(first) < len(joined):
        kept = list(first.values())
        places = np.array(kept, np.int64)
        heads, relations, tails = ([column[at] for at in kept] for column in (heads, relations, tails))
    identity = fact_numbers(heads, first)
    return _Facts(heads, relations, tails, places, identity)


def _separators(text: bytes) -> int:
    return text.count(0)


def _row_places(places: Indices | None, masks: int) -> Indices | None:
    """Where the rows of the facts at `places` are in an array [N * m, d]."""
    return None if places is None else (places[:, None] * masks + np.arange(masks)).ravel()


def _write_facts(
    env: Environment,
    timeout: float,
    state: State,
    facts: _Facts,
    ids: U64,
    values: Floats,
    masks: tuple[Mask, ...],
    nouns: NounsOf,
) -> int:
    """Write triples, texts, vectors of values, relations and index into the unused set; how many values."""
    into = env.tables.facts[1 - state.fact_set]
    first_value, bits = state.next_value, mask_bits(masks)
    names: dict[str, int] = {}
    relations = [names.setdefault(r, len(names) + state.next_relation) for r in facts.relations]
    texts: dict[str, int] = {}
    tails = np.array([texts.setdefault(t, len(texts) + first_value) for t in facts.tails], np.uint64)  # [n]
    heads: U64 = np.zeros(len(facts), np.uint64)  # [n]
    if bits & HEAD_BIT:
        heads = np.array([texts.setdefault(h, len(texts) + first_value) for h in facts.heads], np.uint64)
    for start in range(0, len(facts), SLICE):
        part = slice(start, start + SLICE)
        items = triple_items(facts.heads[part], relations[part], tails[part], heads[part], ids[part], bits)
        _put(env, timeout, into.triples, items)
    _write_texts(env, timeout, into, list(texts), first_value)
    answers = np.stack([tails if mask == "tail" else heads for mask in masks], axis=1)  # [n, m] value ids
    _write_values(env, timeout, into, values, answers, facts.places)
    counts = np.bincount(np.array(relations) - state.next_relation, minlength=len(names)).tolist()
    made = [_relation(name, id, nouns, counts[id - state.next_relation]) for name, id in names.items()]
    _put(env, timeout, into.relations, [(u64(r.id), pack_relation(r)) for r in made])
    _put_index(env, timeout, into, format.FACT, facts.identity, ids)
    _put_index(env, timeout, into, format.RELATION, np.array(relations, np.uint64), ids)
    _put_index(env, timeout, into, format.TAIL, tails, ids)
    for kind, found in ((format.TEXT, texts), (format.NAME, names)):
        numbers = np.fromiter(found.values(), np.uint64, len(found))
        _put_index(env, timeout, into, kind, hashes(found), numbers)
    state.next_value += len(texts)
    state.next_relation += len(names)
    return len(texts)


def _relation(name: str, id: int, nouns: NounsOf, facts: int) -> Relation:
    forms = nouns(name)
    return Relation(id, name, forms.tail_noun, forms.head_noun, False, facts, forms.aliases)


def _write_texts(env: Environment, timeout: float, into: FactTables, texts: list[str], first: int) -> None:
    for start in range(0, len(texts), SLICE):
        part = texts[start : start + SLICE]
        ids = np.arange(first + start, first + start + len(part), dtype=np.uint64)
        _put(env, timeout, into.texts, text_items(ids, part))


def _write_values(
    env: Environment, timeout: float, into: FactTables, values: Floats, answers: U64, places: Indices | None
) -> None:
    """Write the vector of each value that a row answers with. values [N, m, d], answers [n, m] value ids."""
    ids, first = np.unique(answers.ravel(), return_index=True)  # [v] ascending, [v] first row with each
    flat = values.reshape(-1, values.shape[2])  # [N * m, d]
    at = _row_places(places, answers.shape[1])
    source = GivenSource(flat, None, dim=0, what="value vectors")
    for start in range(0, len(ids), SLICE):
        part = first[start : start + SLICE]
        vectors: F16 = source.take(part if at is None else at[part])  # [s, d]
        _put(env, timeout, into.values, vector_items(ids[start : start + SLICE], vectors))


def _put_index(env: Environment, timeout: float, into: FactTables, kind: int, numbers: U64, ids: U64) -> None:
    """Append one kind of index, sorted: kinds come in ascending order."""
    items = index_items(kind, numbers, ids)
    for start in range(0, len(items), SLICE * 8):
        _put(env, timeout, into.index, items[start : start + SLICE * 8])


def _put(env: Environment, timeout: float, table: Any, items: Items) -> None:
    def body(txn: lmdb.Transaction) -> None:
        txn.cursor(table).putmulti(items, append=True)

    env.write(body, timeout)
