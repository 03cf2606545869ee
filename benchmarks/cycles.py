"""Whether a process that opens a store, asks it and closes it, over and over, keeps anything: memory or descriptors.

    python benchmarks/cycles.py                                       a store of 5,000 made-up facts
    python benchmarks/cycles.py facts.kvdb --model smollm2-135m       also a question to a language model, now and then

A cycle opens the store, searches by a vector, reads the best fact by its id and finds it by its terms, and closes the
store. Memory is looked at while the store is closed, when garbage is collected and the allocator has given back what it
keeps for later. "Own" memory leaves out the pages of mapped files, which the system may take back: a language model
and an encoder read more and more of their weights with every new word. What grows between 10 % and 100 % of the cycles
is what a process that lives long would lose; caches fill up before. Model and encoder are loaded once, and attached to
the store that was just opened.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from load_vectors import make_triples, make_vectors

import kvdb
from kvdb.types import F32

REPORTS = 20
TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; others have none

Ask = Callable[[kvdb.Store, int], None]


class Sample(NamedTuple):
    """What the process holds after so many cycles."""

    cycle: int
    resident: int  # bytes
    own: int  # bytes of it that are of no file
    descriptors: int


def sample(cycle: int) -> Sample:
    gc.collect()
    if TRIM is not None:
        TRIM(0)
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    kib = {fields[0]: int(fields[1]) for fields in lines if fields[0] in ("VmRSS:", "RssAnon:")}
    return Sample(cycle, kib["VmRSS:"] << 10, kib["RssAnon:"] << 10, len(os.listdir("/proc/self/fd")))


def cycles(path: Path, count: int, ask: Ask) -> Iterator[Sample]:
    """Open, ask, close, `count` times; a sample every twentieth of them."""
    step = max(1, count // REPORTS)
    for cycle in range(1, count + 1):
        with kvdb.open(path) as store:
            ask(store, cycle)
        if cycle % step == 0:
            yield sample(cycle)


def search_and_match(vectors: F32) -> Ask:
    """Ask for the neighbours of each of the vectors [n, d] in turn."""

    def ask(store: kvdb.Store, cycle: int) -> None:
        best = store.search(vectors[cycle % len(vectors)], k=5)[0].fact
        found = store.match(head=best.head, relation=best.relation)
        if store.get(best.id) not in list(found):
            raise AssertionError(f"fact {best.id} is not found by its terms")

    return ask


def ask_model(name: str, every: int, then: Ask) -> Ask:
    """Also ask the language model about a fact, every so many cycles."""
    from kvdb_sdk import KnowledgeModel, load_encoder, load_language_model

    model, tokenizer = load_language_model(name)
    loaded: list[Any] = []  # the store's own encoder, known once it is open

    def ask(store: kvdb.Store, cycle: int) -> None:
        then(store, cycle)
        if cycle % every:
            return
        if not loaded:
            loaded.append(load_encoder(store.encoder.name if store.encoder else None))
        facts = list(islice(store.match(), 100))
        fact = facts[cycle // every % len(facts)]
        nouns = {relation.name: relation.tail_noun for relation in store.relations()}
        asking = KnowledgeModel(model, tokenizer, store, encoder=loaded[0])
        asking.ask(f"What is the {nouns[fact.relation]} of {fact.head}?", max_new_tokens=24)

    return ask


def growth(samples: list[Sample]) -> tuple[int, int]:
    """Bytes of its own and descriptors that came between 10 % and 100 % of the cycles."""
    last = samples[-1]
    first = next(s for s in samples if s.cycle * 10 >= last.cycle)
    return last.own - first.own, last.descriptors - first.descriptors


def make_store(path: Path, facts: int) -> F32:
    """A store of made-up facts; vectors [n, d] to search by."""
    keys = np.array(make_vectors(path.with_suffix(".keys"), facts, 1.0, 0))
    with kvdb.open(path, create=True) as store:
        kvdb.load.load_vectors(store, make_triples(facts), keys, keys)
    return keys[:1000].astype(np.float32)


def stored_vectors(path: Path) -> F32:
    """Vectors [n, d] of a store's own rows."""
    with kvdb.open(path, read_only=True) as store, store.snapshot() as snapshot:
        return np.concatenate([snapshot.leaf_rows(leaf)[0] for leaf in list(snapshot.leaf_ids())[:8]]).astype(
            np.float32
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path, nargs="?", help="a store made by kvdb ingest (default: made up)")
    parser.add_argument("--facts", type=int, default=5000, help="of the store that is made up")
    parser.add_argument("--cycles", type=int, default=10_000)
    parser.add_argument("--model", help="also ask this language model (needs STORE)")
    parser.add_argument("--every", type=int, default=500, help="cycles between two questions to the model")
    options = parser.parse_args()
    if options.model and not options.store:
        parser.error("a language model needs a store of real facts: give one")
    with tempfile.TemporaryDirectory() as folder:
        path = options.store or Path(folder, "facts.kvdb")
        vectors = stored_vectors(path) if options.store else make_store(path, options.facts)
        ask = search_and_match(vectors)
        if options.model:
            ask = ask_model(options.model, options.every, ask)
        report(path, options.cycles, ask)


def report(path: Path, count: int, ask: Ask) -> None:
    samples, began = [], time.perf_counter()
    print("| cycles | resident MiB | own MiB | descriptors | ms a cycle |\n|---|---|---|---|---|")
    for at in cycles(path, count, ask):
        samples.append(at)
        ms = (time.perf_counter() - began) * 1e3 / at.cycle
        sizes = f"{at.resident / 2**20:.2f} | {at.own / 2**20:.2f}"
        print(f"| {at.cycle:,} | {sizes} | {at.descriptors} | {ms:.2f} |", flush=True)
    memory, descriptors = growth(samples)
    print(f"\nfrom 10 % to 100 % of the cycles: {memory / 2**20:+.2f} MiB of its own, {descriptors:+d} descriptors")


if __name__ == "__main__":
    main()
