"""The table of real relations in docs/kg2kv.md is what the rules give."""

from __future__ import annotations

from pathlib import Path

import pytest

from kvdb.nouns import Nouns, noun_forms

TEXT = (Path(__file__).parents[2] / "docs" / "kg2kv.md").read_text(encoding="utf-8")
TABLE = TEXT.split("| relation | tail noun | head noun | guess |\n|---|---|---|---|\n")[1].split("\n\n")[0]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TABLE.splitlines()]
QUOTED = " ".join(line.removeprefix("> ") for line in TEXT.splitlines() if line.startswith("> "))
UNCHANGED = [noun.strip() for noun in QUOTED.split(";")]


def test_the_table_is_there() -> None:
    assert len(ROWS) == 95
    assert len(UNCHANGED) == 145


@pytest.mark.parametrize(("relation", "tail", "head", "guess"), ROWS, ids=[row[0] for row in ROWS])
def test_a_row_holds(relation: str, tail: str, head: str, guess: str) -> None:
    assert noun_forms(relation) == Nouns(tail, head, sure=guess != "yes")


def test_nouns_stay() -> None:
    for noun in UNCHANGED:
        assert noun_forms(noun) == Nouns(noun, f"thing with the {noun}")
