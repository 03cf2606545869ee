"""Which format a source has: what the user says, else its extension, else its first bytes."""

from __future__ import annotations

import re
from pathlib import Path

from kvdb.errors import SourceError

FORMATS = ("tsv", "csv", "jsonl", "json", "ntriples", "turtle", "parquet")

_EXTENSIONS = {
    ".tsv": "tsv", ".tab": "tsv", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json",
    ".nt": "ntriples", ".ttl": "turtle", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
_PACKED = {".gz", ".gzip", ".zst", ".zstd"}
_ALIASES = {"nt": "ntriples", "n-triples": "ntriples", "ttl": "turtle", "ndjson": "jsonl", "pq": "parquet"}
_NTRIPLE = re.compile(rb"(?:<[^>\s]*>|_:\S+)[ \t]+<[^>\s]*>[ \t]*[<_\"]")
_TURTLE = re.compile(rb"@(?:prefix|base)\b|(?:PREFIX|BASE)\s", re.I)


def find_format(path: Path | None, given: str | None, head: bytes | None = None, name: str = "") -> str | None:
    """One of FORMATS, or None where only the first bytes can tell and `head` is not given.

    Raises SourceError for an unknown `given`, and where `head` looks like none of them.
    """
    if given is not None:
        kind = _ALIASES.get(given.lower(), given.lower())
        if kind not in FORMATS:
            raise SourceError(f"unknown format {given!r}; give one of {', '.join(FORMATS)}")
        return kind
    if path is not None:
        suffixes = [suffix.lower() for suffix in path.suffixes]
        if suffixes and suffixes[-1] in _PACKED:
            suffixes.pop()
        if suffixes and suffixes[-1] in _EXTENSIONS:
            return _EXTENSIONS[suffixes[-1]]
    return None if head is None else _sniffed(head, name)


def _sniffed(head: bytes, name: str) -> str:
    if head.startswith(b"PAR1"):
        return "parquet"
    text = head.lstrip()
    if text[:1] in (b"{", b"["):
        return "json"
    first = next((line for line in text.split(b"\n") if line.strip() and not line.startswith(b"#")), b"")
    if b"\t" in first and not _NTRIPLE.match(first):
        return "tsv"
    if _NTRIPLE.match(first):
        return "ntriples"
    if _TURTLE.match(first):
        return "turtle"
    if b"," in first or b";" in first:
        return "csv"
    raise SourceError(f"{name} looks like none of the known formats; name it ({', '.join(FORMATS)})")
