"""The sample that the repository ships: real, whole, small and attributed."""

from __future__ import annotations

from pathlib import Path

import pytest

from kvdb.readers import read
from kvdb.types import Triple

FOLDER = Path(__file__).parents[2] / "examples" / "facts"
FILES = sorted(FOLDER.glob("*.tsv.gz"))


def test_the_sample_is_read_without_a_rejected_line() -> None:
    facts = [item for path in FILES for item in read(path, strict=True)]
    assert len(facts) >= 20_000
    assert len(set(facts)) == len(facts)
    assert Triple("Kay Ranch Airport", "ICAO airport code", "TA61") in facts
    assert Triple("Gold", "chemical symbol", "Au") in facts


def test_the_sample_is_small() -> None:
    assert sum(path.stat().st_size for path in FILES) < 1_500_000


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_attributed_with_its_size(path: Path) -> None:
    count = sum(1 for _ in read(path))
    assert f"| `{path.name}` | {count:,} |" in (FOLDER / "ATTRIBUTION.md").read_text()
