"""Lines of a stream, decoded one by one in bounded memory, and the results that readers give.

A line ends at "\\n" ("\\r\\n" too); no other character ends one, since values may hold any of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from kvdb.errors import FieldError
from kvdb.fields import check_triple
from kvdb.readers.source import Stream
from kvdb.types import Triple

# Room for the longest valid fact with every character written as \uXXXX; a longer line is skipped, not held
# in memory.
MAX_LINE_BYTES = 8 * 1024 * 1024
_PLAIN = 1024


@dataclass(frozen=True, slots=True)
class Rejected:
    """A piece of a source that is no fact. `line` counts from 1 (records where the format has no lines)."""

    source: str
    line: int
    reason: str


class Line(NamedTuple):
    """A line without its end. Where `problem` is set the text could not be read."""

    number: int
    text: str
    problem: str = ""


def lines(stream: Stream) -> Iterator[Line]:
    """Every line of a stream, blank ones too, in order."""
    number, rest, skipping = 1, b"", False
    while chunk := stream.read():
        block, newline, last = (rest + chunk if rest else chunk).rpartition(b"\n")
        if newline and skipping:
            yield _too_long(number)
            number, skipping = number + 1, False
            _, newline, block = block.partition(b"\n")
        if newline:
            yield from _decoded(block, number)
            number += block.count(b"\n") + 1
        if skipping or len(last) > MAX_LINE_BYTES:
            last, skipping = b"", True
        rest = last
    if skipping:
        yield _too_long(number)
    elif rest:
        yield from _decoded(rest, number)


def _too_long(number: int) -> Line:
    return Line(number, "", f"the line is longer than {MAX_LINE_BYTES:,} bytes")


def _decoded(block: bytes, number: int) -> Iterator[Line]:
    """The lines of a block, decoded at one go; one by one where that fails, to find the lines at fault."""
    try:
        text = block.decode()
    except UnicodeDecodeError:
        for index, raw in enumerate(block.split(b"\n"), start=number):
            yield _decoded_line(raw, index)
        return
    returns = "\r" in text
    for index, line in enumerate(text.split("\n"), start=number):
        yield Line(index, line[:-1] if returns and line.endswith("\r") else line)


def _decoded_line(raw: bytes, number: int) -> Line:
    try:
        return Line(number, raw.decode().removesuffix("\r"))
    except UnicodeDecodeError as error:
        return Line(number, "", f"not UTF-8 ({error.reason} at byte {error.start + 1})")


def fact(source: str, line: int, head: object, relation: object, tail: object) -> Triple | Rejected:
    """The triple, its head and relation trimmed of white space and the tail kept as it is; Rejected where a
    field is bad.

    " Paris" and "Paris" are one thing to a person and would be two in the store; a tail is copied verbatim
    into answers.
    """
    if not (isinstance(head, str) and isinstance(relation, str) and isinstance(tail, str)):
        return Rejected(source, line, f"not text: {_kinds(head=head, relation=relation, tail=tail)}")
    head, relation = head.strip(), relation.strip()
    if head and relation and tail and not tail.isspace() and _is_plain(head + relation + tail):
        return Triple(head, relation, tail)
    try:
        return check_triple((head, relation, tail))
    except FieldError as error:
        return Rejected(source, line, str(error))


def _is_plain(text: str) -> bool:
    """Whether a text is too short and simple to break any limit: what most facts are, seen in a glance."""
    return len(text) <= _PLAIN and text.isascii() and "\0" not in text


def _kinds(**fields: object) -> str:
    return ", ".join(f"the {name} is {_kind(value)}" for name, value in fields.items() if not isinstance(value, str))


def _kind(value: object) -> str:
    return {type(None): "missing", bool: "true or false", list: "a list", dict: "an object"}.get(
        type(value), type(value).__name__
    )
