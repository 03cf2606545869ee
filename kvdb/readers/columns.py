"""Which column, key or name of a source is the head, the relation and the tail."""

from __future__ import annotations

from collections.abc import Sequence

from kvdb.errors import SourceError

HEAD = ("head", "subject", "source", "subj", "head_entity", "from", "s", "h", "name")
RELATION = (
    "relation",
    "predicate",
    "property",
    "relationship",
    "rel",
    "edge",
    "pred",
    "p",
    "r",
    "description_type",
)
TAIL = ("tail", "object", "target", "value", "obj", "tail_entity", "to", "o", "t", "description")


def find_columns(names: Sequence[str], columns: Sequence[str] | None, source: str) -> tuple[int, int, int]:
    """Positions of head, relation and tail among `names`.

    `columns` are three names from the header, or three positions counted from 1. Without it the usual names
    are looked for, in any case. Raises SourceError where one is not found, naming what is there.
    """
    if columns is not None:
        head, relation, tail = checked_columns(columns)
        return _named(names, head, source), _named(names, relation, source), _named(names, tail, source)
    folded = [name.strip().casefold() for name in names]
    found = [_first(folded, aliases) for aliases in (HEAD, RELATION, TAIL)]
    if None in found:
        raise SourceError(
            f"{source}: no head, relation and tail among the columns {_listed(names)}; name the three columns"
        )
    return found[0] or 0, found[1] or 0, found[2] or 0


def is_header(fields: Sequence[str]) -> bool:
    """Whether three fields are the names of the columns rather than a fact."""
    folded = [field.strip().casefold() for field in fields]
    return len(folded) == 3 and folded[0] in HEAD and folded[1] in RELATION and folded[2] in TAIL


def positions(columns: Sequence[str] | None) -> tuple[int, int, int] | None:
    """`columns` as places from 0 where all three are numbers (then the source has no header), else None."""
    if columns is None:
        return None
    head, relation, tail = checked_columns(columns)
    if not all(name.isascii() and name.isdigit() and 0 < int(name) < 100_000 for name in (head, relation, tail)):
        return None
    return int(head) - 1, int(relation) - 1, int(tail) - 1


def checked_columns(columns: Sequence[str]) -> tuple[str, str, str]:
    """The three columns, or SourceError where they are not three."""
    if isinstance(columns, str) or len(columns) != 3:
        raise SourceError(f"three columns are needed (head, relation, tail), not {columns!r}")
    head, relation, tail = (str(column) for column in columns)
    return head, relation, tail


def _first(names: Sequence[str], aliases: Sequence[str]) -> int | None:
    return next((names.index(alias) for alias in aliases if alias in names), None)


def _named(names: Sequence[str], wanted: str, source: str) -> int:
    stripped = [name.strip() for name in names]
    if wanted not in stripped:
        raise SourceError(f"{source} has no column {wanted!r}; its columns are {_listed(names)}")
    return stripped.index(wanted)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:12])
    return shown + (" ..." if len(names) > 12 else "")
