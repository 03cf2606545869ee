"""What commands print: JSON, and text that is safe on a terminal."""

from __future__ import annotations

import json
from typing import Any

import click


def print_json(value: Any) -> None:
    """One JSON document on one line of standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, separators=(", ", ": ")))


def one_line(text: str) -> str:
    """The text without line breaks and control characters: facts come from anywhere, and a terminal obeys
    escapes."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character, f"\\x{ord(character):02x}")


def print_fields(pairs: dict[str, Any]) -> None:
    """Names and values, one pair a line, aligned."""
    width = max(map(len, pairs))
    for name, value in pairs.items():
        click.echo(f"{name:<{width}}  {one_line(str(value))}")


def print_row(*fields: object) -> None:
    """Fields with tabs between."""
    click.echo("\t".join(one_line(str(field)) for field in fields))


def say(text: str) -> None:
    """A line for the person, on standard error."""
    click.echo(one_line(text), err=True)
