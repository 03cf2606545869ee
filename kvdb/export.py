"""All facts as text, in the order of ids.

TSV: head, relation, tail, one fact a line, UTF-8. Inside a field a backslash is written `\\\\`, a tab `\\t`,
a line feed `\\n` and a carriage return `\\r` (two characters each), and nothing else is escaped; `unescape` undoes it.
JSONL: one object a line with id, head, relation and tail. N-Triples: heads and relations are IRIs,
`urn:kvdb:entity:` and `urn:kvdb:relation:` with everything but letters, digits, `-`, `.`, `_` and `~` percent-encoded;
tails are literals.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import IO
from urllib.parse import quote

from kvdb.errors import InputError
from kvdb.snapshot import Snapshot
from kvdb.types import Fact

_TO_TEXT = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_FROM_TEXT = {text: raw for raw, text in _TO_TEXT.items()}
_LITERAL = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"}


def escape(field: str) -> str:
    """A field of a TSV line."""
    return re.sub(r"[\\\t\n\r]", lambda found: _TO_TEXT[found[0]], field)


def unescape(field: str) -> str:
    """The inverse of `escape`. A backslash before any other character stays as it is."""
    return re.sub(r"\\[\\tnr]", lambda found: _FROM_TEXT[found[0]], field) if "\\" in field else field


def _tsv(fact: Fact) -> str:
    return "\t".join(map(escape, fact.triple))


def _jsonl(fact: Fact) -> str:
    record = {"id": fact.id, "head": fact.head, "relation": fact.relation, "tail": fact.tail}
    return json.dumps(record, ensure_ascii=False)


def _ntriples(fact: Fact) -> str:
    head, relation = quote(fact.head, safe=""), quote(fact.relation, safe="")
    tail = re.sub(r'[\\"\n\r]', lambda found: _LITERAL[found[0]], fact.tail)
    return f'<urn:kvdb:entity:{head}> <urn:kvdb:relation:{relation}> "{tail}" .'


FORMATS: dict[str, Callable[[Fact], str]] = {"tsv": _tsv, "jsonl": _jsonl, "ntriples": _ntriples}


def export(snapshot: Snapshot, target: IO[str], *, format: str = "tsv") -> int:
    """Write every fact to `target`; how many. Raises InputError for an unknown format."""
    line = FORMATS.get(format)
    if line is None:
        raise InputError(f"no export format {format!r}: choose one of {', '.join(FORMATS)}")
    count = 0
    for fact in snapshot.match():
        target.write(line(fact) + "\n")
        count += 1
    return count
