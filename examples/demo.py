"""`make demo`: the sample facts into a store, then a few questions, answered with and without it.

    python examples/demo.py [STORE]

Run again, it finds the facts in the store (and one that was interrupted goes on where it stopped).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import kvdb
from kvdb.readers import Rejected, Source, read
from kvdb_cli.output import one_line
from kvdb_cli.progress import Meter, progress
from kvdb_sdk import Answer, KnowledgeModel, load_encoder

FACTS = Path(__file__).parent / "facts"
MODEL = "smollm2-135m"
QUESTIONS = (
    "What is the IATA airport code of O. R. Tambo International Airport?",
    "What is the elevation in feet of Brussels Airport?",
    "What is the year of discovery of Tungsten?",
    "What is the ICD-10-CM code of Dracunculiasis?",
    "Which family does Macropus fuliginosus belong to?",
    "What is the ICAO airport code of Hogsmeade Airport?",  # there is no such fact: the model should say so
)


def main(path: str) -> None:
    """Ingest, then ask."""
    with kvdb.open(path, create=True) as store:
        ingest(store)
        info = store.info()
        print(
            f"{path}: {info.triples:,} facts, {info.rows:,} rows, {info.file_bytes / 1e6:.0f} MB\n",
            flush=True,
        )
        print(f"loading {MODEL} (converted the first time, which takes a little longer)", flush=True)
        began = time.monotonic()
        model = KnowledgeModel.from_pretrained(MODEL, store, memory="256MB")
        print(f"loaded in {time.monotonic() - began:.0f} s\n", flush=True)
        for question in QUESTIONS:
            show(question, model.ask(question), model.ask_plain(question, max_new_tokens=48))


def ingest(store: kvdb.Store) -> None:
    """The sample facts into the store; those that it has are passed over."""
    sources = [Source(file) for file in sorted(FACTS.glob("*.tsv.gz"))]
    total = sum(1 for source in sources for _ in read(source))  # a moment, next to encoding them
    print(f"ingesting {len(sources)} files of {FACTS}", flush=True)
    encoder = load_encoder("all-MiniLM-L6-v2")
    store.bind_encoder(encoder.record)
    with progress("ingest", total=total, unit="facts", lines=True) as meter:
        report = kvdb.load.ingest(
            store,
            facts(sources, meter),
            encoder,
            batch=1024,
            progress=lambda triples, inserted: meter.update(triples, triples),
        )
    print(
        f"{report.inserted:,} facts inserted, {report.duplicates:,} there already, in {report.seconds:.0f} s",
        flush=True,
    )


def facts(sources: list[Source], meter: Meter) -> Iterator[kvdb.Triple]:
    """Every fact of the sources."""
    for source in sources:
        for item in read(source):
            if isinstance(item, Rejected):
                meter.say(f"rejected: {item.source}, line {item.line}: {item.reason}")
            else:
                yield item
    meter.note("building the tree")


def show(question: str, answer: Answer, plain: str) -> None:
    """The answer, the facts it rests on, and the same model without the store."""
    print(f"Q  {question}")
    print(f"   with the store     {one_line(answer.text)}")
    for c in answer.citations:
        fact = f"{one_line(c.head)} | {one_line(c.relation)} | {one_line(c.tail)}"
        print(f"      fact {c.id}, weight {c.weight:.2f}:  {fact}")
    print(f"   without the store  {one_line(plain)}\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "demo.kvdb")
