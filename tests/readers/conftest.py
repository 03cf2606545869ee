"""Helpers of the readers' tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kvdb.readers import Rejected, read
from kvdb.types import Triple

Read = Callable[..., tuple[list[Triple], list[Rejected]]]


@pytest.fixture
def read_text(tmp_path: Path) -> Read:
    """Write a file and read it: its triples and its rejected lines."""

    def run(name: str, data: str | bytes, **options: object) -> tuple[list[Triple], list[Rejected]]:
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        items = list(read(path, **options))
        triples = [item for item in items if isinstance(item, Triple)]
        return triples, [item for item in items if isinstance(item, Rejected)]

    return run
