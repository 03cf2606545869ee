"""`kvdb ingest`: facts from files into a store.

Order matters: sources, nouns and encoder are checked before the store is touched, so that a mistake leaves no
file behind; `--strict` reads every source once to the end before the first fact is written.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import click

from kvdb_cli import options
from kvdb_cli.output import print_json, say
from kvdb_cli.progress import Meter, progress

if TYPE_CHECKING:
    from kvdb import LoadReport, Triple
    from kvdb.nouns import Namer
    from kvdb.readers import Source
    from kvdb.types import Mask
    from kvdb_sdk.models.encoders import Encoder

SHOWN_REJECTS = 20
COUNTED_BYTES = 16 << 20
_MASKS: dict[str, tuple[Mask, ...]] = {"tail": ("tail",), "head": ("head",), "both": ("tail", "head")}


@click.command()
@options.database
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option(
    "--mask",
    type=click.Choice(list(_MASKS)),
    help="Which end of a fact can be asked for. Default: what the store has, else tail.",
)
@click.option(
    "--format",
    "kind",
    metavar="FORMAT",
    help="tsv, csv, jsonl, json, ntriples, turtle or parquet. Default: by name, then by content.",
)
@click.option(
    "--columns",
    metavar="H,R,T",
    help="Columns (or keys) of head, relation and tail: names or numbers from 1.",
)
@click.option(
    "--nouns",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Noun forms: relation, tail noun, head noun.",
)
@click.option(
    "--noun-model",
    metavar="NAME",
    help="A language model that is asked for the nouns of relations that the rules are not sure of.",
)
@options.encoder
@click.option("--strict", is_flag=True, help="Stop at a malformed line, with nothing written.")
@click.option(
    "--sync",
    is_flag=True,
    help="Make the store equal to the sources: delete the facts that they no longer have. Implies --strict.",
)
@click.option("--batch", default=2048, show_default=True, type=click.IntRange(1, 1 << 20), help="Facts a transaction.")
@options.as_json
def ingest(
    db: str,
    sources: tuple[str, ...],
    mask: str | None,
    kind: str | None,
    columns: str | None,
    nouns: str | None,
    noun_model: str | None,
    encoder: str | None,
    strict: bool,
    sync: bool,
    batch: int,
    as_json: bool,
) -> None:
    """Put the facts of SOURCE... into the store DB, which is made if it is not there.

    A source is a file (.gz and .zst too) or - for standard input. Malformed lines are skipped, shown and
    counted as rejected. Interrupted at any time, the store is sound, and the same command finishes the job
    and repeats nothing.

    JSON: triples, inserted, deleted, duplicates, rejected, rows, seconds.
    """
    import kvdb
    from kvdb.kg2kv import load_nouns, namer_nouns

    strict = strict or sync  # what a malformed line was meant to say must not be deleted
    names = namer_nouns(load_nouns(nouns) if nouns else None, _namer(noun_model))
    with ExitStack() as stack:
        opened = _open_sources(sources, stack, again=strict)
        chosen = columns.split(",") if columns else None
        reading = Reading(opened, kind, chosen, strict=strict)
        if strict:
            reading.check()
        elif sys.stderr.isatty():
            reading.count_if_small()
        encode = _encoder(db, encoder)
        record = encode.record  # an endpoint that does not answer shows here, before there is a file
        meter = stack.enter_context(progress("ingest", total=reading.total, unit="facts"))
        triples = reading.triples(meter)
        first = list(islice(triples, 1))  # so does a source of another format than the user thinks
        store = stack.enter_context(kvdb.open(db, create=True))
        store.bind_encoder(record)
        report = kvdb.load.ingest(
            store,
            chain(first, triples),
            encode,
            masks=_MASKS[mask] if mask else None,
            nouns=names,
            batch=batch,
            sync=sync,
            progress=lambda read, inserted: meter.update(reading.done(read), read),
        )
    _print(report, reading.rejected, sync, as_json)


def _namer(model: str | None) -> Namer | None:
    if model is None:
        return None
    from kvdb_sdk import NounModel

    return NounModel.from_pretrained(model)


class Reading:
    """The facts of several sources, one after the other, and the count of what was rejected."""

    def __init__(
        self,
        sources: Sequence[Source],
        kind: str | None,
        columns: Sequence[str] | None,
        *,
        strict: bool = False,
    ) -> None:
        self.sources, self.kind, self.columns, self.strict = sources, kind, columns, strict
        self.rejected = 0
        self._count: int | None = None

    @property
    def total(self) -> int | None:
        """What `done` will reach, None where that is unknown."""
        if self._count is not None:
            return self._count
        sizes = [source.total_bytes for source in self.sources]
        return None if None in sizes else sum(size for size in sizes if size)

    def done(self, facts: int) -> int:
        """How far the reading is when so many facts are stored: in facts where they were counted, else in
        bytes."""
        return facts if self._count is not None else sum(source.bytes_read for source in self.sources)

    def check(self) -> None:
        """Read everything once. Raises MalformedLineError at the first line that is no fact."""
        self._count = self._pass(strict=True)

    def count_if_small(self) -> None:
        """Count the facts first where that takes a moment only: a small file is read in one go, long before
        its facts are encoded, and its bytes would tell nothing.
        """
        size = self.total
        if self._count is None and size is not None and size <= COUNTED_BYTES:
            self._count = self._pass(strict=False)

    def _pass(self, *, strict: bool) -> int:
        from kvdb.readers import Rejected, read

        return sum(
            not isinstance(item, Rejected)
            for source in self.sources
            for item in read(source, format=self.kind, columns=self.columns, strict=strict)
        )

    def triples(self, meter: Meter) -> Iterator[Triple]:
        """Every fact; what is rejected is shown, up to a limit, and counted."""
        from kvdb.readers import Rejected, read

        for source in self.sources:
            for item in read(source, format=self.kind, columns=self.columns, strict=self.strict):
                if isinstance(item, Rejected):
                    self.rejected += 1
                    if self.rejected <= SHOWN_REJECTS:
                        meter.say(f"kvdb: rejected: {item.source}, line {item.line}: {item.reason}")
                else:
                    yield item
        if self.rejected > SHOWN_REJECTS:
            meter.say(f"kvdb: rejected: {self.rejected - SHOWN_REJECTS:,} more, {self.rejected:,} in all")
        meter.note("storing the last batch, building the tree")


def _open_sources(names: Sequence[str], stack: ExitStack, *, again: bool) -> list[Source]:
    """The sources; what cannot be read twice is copied to a temporary file where it must be."""
    from kvdb.readers import Source

    found = [Source(name) for name in names]
    return [_spooled(source, stack) if again and not source.rereadable else source for source in found]


def _spooled(source: Source, stack: ExitStack) -> Source:
    from kvdb.errors import SourceError
    from kvdb.readers import Source

    copy = stack.enter_context(tempfile.NamedTemporaryFile(prefix="kvdb-"))  # noqa: SIM115
    with source.open() as stream:
        shutil.copyfileobj(cast(BinaryIO, stream), copy)
    copy.flush()
    if copy.tell() == 0:
        raise SourceError(f"{source.name} is empty: no facts in it")
    spooled = Source(copy.name)
    spooled.name = source.name
    return spooled


def _encoder(db: str, name: str | None) -> Encoder:
    """The encoder, checked against the store where there is one."""
    import kvdb
    from kvdb_sdk.models.encoders import encoder_for

    if not os.path.exists(db):
        return encoder_for(None, name)
    with kvdb.open(db, read_only=True) as store:
        encode = encoder_for(store.encoder, name)
        store.bind_encoder(encode.record)
        return encode


def _print(report: LoadReport, rejected: int, sync: bool, as_json: bool) -> None:
    if as_json:
        fields: dict[str, Any] = asdict(report)
        print_json(fields | {"rejected": rejected, "seconds": round(report.seconds, 3)})
        return
    deleted = f"{report.deleted:,} deleted, " if sync else ""
    click.echo(
        f"{report.inserted:,} facts inserted, {deleted}{report.duplicates:,} duplicates, {rejected:,} rejected; "
        f"{report.rows:,} rows in the store; {report.seconds:.1f} s"
    )
    if report.note:
        say(f"kvdb: {report.note}")
