"""N-Triples and Turtle, parsed by pyoxigraph.

Facts are between names, RDF's are between IRIs: an IRI is called by its rdfs:label where the source has one
(English before unmarked before any other), else by the last part of the IRI, decoded
("http://dbpedia.org/resource/New_York" is "New York"). Labels may follow their use, so a file is read twice;
standard input cannot be, and goes by the IRIs alone. Labels are kept in SQLite's temporary database, which
moves to disk when it outgrows its cache. A triple that only gives the label that is used as the name is no
fact of its own. Blank nodes have no name: their triples are rejected.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from urllib.parse import unquote

import pyoxigraph as ox

from kvdb.readers.lines import Line, Rejected, fact, lines
from kvdb.readers.source import Source, Stream, file_like
from kvdb.types import Triple

RDFS_LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
_OWN = ("urn:kvdb:entity:", "urn:kvdb:relation:")
_BATCH = 2048
_LINE_PREFIX = re.compile(r"^Parser error (?:at|between) line [^:]*: | \(line \d+\)$")

_Parsed = Iterator["tuple[int, ox.Triple | str]"]  # line, and the triple or what is wrong with it


def read_ntriples(source: Source, stream: Stream) -> Iterator[Triple | Rejected]:
    """The facts of an N-Triples stream, line by line."""
    return _read(source, stream, _parse_lines)


def read_turtle(source: Source, stream: Stream) -> Iterator[Triple | Rejected]:
    """The facts of a Turtle stream. After a syntax error the parser goes on at the next statement."""
    return _read(source, stream, _parse_turtle)


def local_name(iri: str) -> str:
    """What to call an IRI that has no label: its last part, decoded, with spaces for underscores."""
    if iri.startswith(_OWN):  # our own export: nothing is lost on the way there and back
        return unquote(iri.split(":", 3)[3])
    parts = [part for part in re.split(r"[/#]", iri) if part]
    last = parts[-1] if parts else iri
    if last.startswith("urn:") or (len(parts) == 1 and ":" in last):
        last = last.rsplit(":", 1)[1] or last
    return unquote(last).replace("_", " ").strip() or iri


def _read(source: Source, stream: Stream, parse: Callable[[Stream], _Parsed]) -> Iterator[Triple | Rejected]:
    if not source.rereadable:
        yield from _facts(parse(stream), stream.name, local_name, None)
        return
    source.passes = 2
    labels = Labels()
    try:
        labels.add(triple for _, triple in parse(stream) if isinstance(triple, ox.Triple))
        with source.open() as again:
            name_of = lru_cache(maxsize=65536)(lambda iri: labels.get(iri) or local_name(iri))
            yield from _facts(parse(again), stream.name, name_of, labels)
    finally:
        labels.close()


def _facts(
    parsed: _Parsed, name: str, name_of: Callable[[str], str], labels: Labels | None
) -> Iterator[Triple | Rejected]:
    for line, triple in parsed:
        if isinstance(triple, str):
            yield Rejected(name, line, triple)
            continue
        head, relation, tail = triple.subject, triple.predicate, triple.object
        if not isinstance(head, ox.NamedNode) or not isinstance(tail, (ox.NamedNode, ox.Literal)):
            yield Rejected(name, line, "a blank node or quoted triple, which has no name")
            continue
        head_name = name_of(head.value)
        if labels is not None and relation.value == RDFS_LABEL and tail.value == head_name:
            continue
        tail_name = tail.value if isinstance(tail, ox.Literal) else name_of(tail.value)
        yield fact(name, line, head_name, name_of(relation.value), tail_name)


class Labels:
    """The best rdfs:label of each IRI."""

    def __init__(self) -> None:
        self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._base.execute("CREATE TABLE label (iri TEXT PRIMARY KEY, text TEXT, rank INT) WITHOUT ROWID")

    def add(self, triples: Iterator[ox.Triple]) -> None:
        """Keep the labels among `triples`; of several the best rank, then the first."""
        rows = (
            (triple.subject.value, triple.object.value, _rank(triple.object))
            for triple in triples
            if triple.predicate.value == RDFS_LABEL
            and isinstance(triple.subject, ox.NamedNode)
            and isinstance(triple.object, ox.Literal)
            and triple.object.value.strip()
        )
        self._base.execute("BEGIN")
        self._base.executemany(
            "INSERT INTO label VALUES (?, ?, ?) ON CONFLICT (iri) DO UPDATE"
            " SET text = excluded.text, rank = excluded.rank WHERE excluded.rank < label.rank",
            rows,
        )
        self._base.execute("COMMIT")

    def get(self, iri: str) -> str | None:
        """The label of an IRI, None where it has none."""
        row = self._base.execute("SELECT text FROM label WHERE iri = ?", (iri,)).fetchone()
        return str(row[0]) if row else None

    def close(self) -> None:
        self._base.close()


def _rank(label: ox.Literal) -> int:
    language = (label.language or "").lower()
    return 0 if language.split("-")[0] == "en" else 1 if not language else 2


def _parse_lines(stream: Stream) -> _Parsed:
    """N-Triples: whole batches at once; line by line where one does not parse, to find the lines at fault."""
    source = lines(stream)
    while batch := list(islice(source, _BATCH)):
        good = [line for line in batch if not line.problem]
        parsed = _parse_batch(good) if len(good) == len(batch) else None
        if parsed is not None:
            yield from ((batch[0].number, triple) for triple in parsed)
            continue
        for line in batch:
            yield from _parse_line(line)


def _parse_batch(batch: list[Line]) -> list[ox.Triple] | None:
    text = "\n".join(line.text for line in batch)
    try:
        return [_plain(quad) for quad in ox.parse(text, format=ox.RdfFormat.N_TRIPLES)]
    except (SyntaxError, ValueError):
        return None


def _parse_line(line: Line) -> _Parsed:
    if line.problem:
        yield line.number, line.problem
        return
    try:
        triples = [_plain(quad) for quad in ox.parse(line.text, format=ox.RdfFormat.N_TRIPLES)]
    except (SyntaxError, ValueError) as error:
        yield line.number, _reason(error)
    else:
        yield from ((line.number, triple) for triple in triples)


def _parse_turtle(stream: Stream) -> _Parsed:
    quads = ox.parse(file_like(stream), format=ox.RdfFormat.TURTLE)
    count = 0
    while True:
        try:
            quad = next(quads)
        except StopIteration:
            return
        except SyntaxError as error:
            count += 1
            yield error.lineno or 0, _reason(error)
        else:
            count += 1
            yield count, _plain(quad)


def _plain(quad: ox.Quad) -> ox.Triple:
    return quad.triple


def _reason(error: Exception) -> str:
    return "not RDF: " + _LINE_PREFIX.sub("", _LINE_PREFIX.sub("", str(error)))[:200]
