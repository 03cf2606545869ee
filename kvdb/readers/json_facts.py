"""JSON: one fact a line (JSONL), or one list of facts, as AtlasKV and KBLaM publish them.

A fact is an object with head, relation and tail (or subject/predicate/object, source/target, or AtlasKV's and
KBLaM's name, description_type and description, whose key_string, Q and A are derived and therefore ignored),
or a list of three. Numbers become text as they are written. A list is read through a window: a file of any
length needs little memory, and reading goes on with the next item after one that is malformed.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from kvdb.readers.columns import HEAD, RELATION, TAIL, checked_columns
from kvdb.readers.lines import MAX_LINE_BYTES, Rejected, fact, lines
from kvdb.readers.source import Stream
from kvdb.types import Triple

_WINDOW = 1024 * 1024
_SPACE = re.compile(r"[\s,]*")
_NEXT_ITEM = re.compile(r"[}\]]\s*,\s*(?=[{\[])")
_ENDED = object()


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# Numbers stay text: "1.10" is not 1.1, and a number of ten thousand digits costs nothing.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_no_constant)


def read_jsonl(stream: Stream, columns: Sequence[str] | None = None) -> Iterator[Triple | Rejected]:
    """The facts of a stream with one JSON value a line; `columns` are the three keys."""
    keys = _keys(columns)
    for number, text, problem in lines(stream):
        if problem:
            yield Rejected(stream.name, number, problem)
        elif text and not text.isspace():
            try:
                value = _DECODER.decode(text)
            except (ValueError, RecursionError) as error:
                yield Rejected(stream.name, number, _reason(error))
            else:
                yield _fact(stream.name, number, value, keys)


def read_json(stream: Stream, columns: Sequence[str] | None = None) -> Iterator[Triple | Rejected]:
    """The facts of a .json file: one list of facts, or one fact a line."""
    return (_read_list if _is_list(stream.head) else read_jsonl)(stream, columns)


def _is_list(head: bytes) -> bool:
    """Whether a file is one list, rather than a list of three on its first line."""
    text = head.lstrip()
    if not text.startswith(b"["):
        return False
    first = text.split(b"\n", 1)[0]
    try:
        value = _DECODER.decode(first.decode())
    except (ValueError, RecursionError):
        return True
    return not (len(value) == 3 and all(isinstance(part, str) for part in value))


def _read_list(stream: Stream, columns: Sequence[str] | None) -> Iterator[Triple | Rejected]:
    keys = _keys(columns)
    for number, item in enumerate(_items(stream), start=1):
        if isinstance(item, Rejected):
            yield Rejected(stream.name, number, item.reason)
        else:
            yield _fact(stream.name, number, item, keys)


class _Window:
    """The part of a JSON list that is held, unread from `place` on; `done` where no item follows."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        # Bytes that are no UTF-8 become lone surrogates, so that only the item that holds them is rejected.
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self.text, self.place = "", 0
        self.ended = self.done = False

    def more(self, size: int = _WINDOW) -> bool:
        """Drop what was read and add about `size` bytes; False at the end of the source."""
        parts = [self.text[self.place :]]
        while size > 0 and not self.ended:
            chunk = self._stream.read(min(size, _WINDOW))
            self.ended = not chunk
            parts.append(self._decoder.decode(chunk, final=self.ended))
            size -= len(chunk)
        grown = any(parts[1:])
        self.text, self.place = "".join(parts), 0
        return grown

    def skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.place)
        self.place = found.end() if found else self.place

    @property
    def left(self) -> int:
        return len(self.text) - self.place


def _items(stream: Stream) -> Iterator[Any]:
    """The items of one JSON list; a Rejected where an item, or the list itself, is malformed."""
    window = _Window(stream)
    window.more()
    window.place = window.text.index("[") + 1
    while not window.done:
        item = _next_item(window)
        if item is not _ENDED:
            yield item


def _next_item(window: _Window) -> Any:
    window.skip(_SPACE)
    while window.left == 0:
        if not window.more():
            window.done = True
            return _rejected("the list breaks off: no closing bracket")
        window.skip(_SPACE)
    if window.text[window.place] == "]":
        return _after_list(window)
    while True:
        try:
            item, window.place = _DECODER.raw_decode(window.text, window.place)
            return item
        except (ValueError, RecursionError) as error:
            if window.left < MAX_LINE_BYTES and not window.ended:
                window.more(max(_WINDOW, window.left))
                continue
            return _resume(window, _reason(error))


def _after_list(window: _Window) -> Any:
    window.place += 1
    window.skip(_SPACE)
    window.done = True
    while window.left == 0:
        if not window.more():
            return _ENDED
        window.skip(_SPACE)
    return _rejected("something follows the end of the list; it was not read")


def _resume(window: _Window, reason: str) -> Rejected:
    """Go to where the next item seems to begin, or to the end."""
    while True:
        found = _NEXT_ITEM.search(window.text, window.place)
        if found:
            window.place = found.end()
            return _rejected(reason)
        # the mark may lie across the edge: keep a little
        window.place = max(window.place, len(window.text) - 64)
        if not window.more():
            window.done = True
            return _rejected(reason)


def _rejected(reason: str) -> Rejected:
    return Rejected("", 0, reason)


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "not a fact: JSON nested too deeply"
    return f"not JSON: {error}"[:200]


def _keys(columns: Sequence[str] | None) -> tuple[tuple[str, ...], ...]:
    if columns is None:
        return HEAD, RELATION, TAIL
    return tuple((key,) for key in checked_columns(columns))


def _fact(name: str, number: int, value: object, keys: tuple[tuple[str, ...], ...]) -> Triple | Rejected:
    if isinstance(value, list) and len(value) == 3:
        return fact(name, number, *value)
    if not isinstance(value, dict):
        return Rejected(name, number, "neither an object nor a list of head, relation and tail")
    fields = [_pick(value, aliases) for aliases in keys]
    if None in fields:
        shown = ", ".join(repr(str(key)[:40]) for key in list(value)[:8]) or "none"
        return Rejected(name, number, f"no head, relation and tail among its keys ({shown})")
    return fact(name, number, *fields)


def _pick(value: Mapping[str, object], aliases: Sequence[str]) -> object:
    return next((value[alias] for alias in aliases if alias in value), None)
