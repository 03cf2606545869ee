"""Words in other forms."""

from __future__ import annotations

import pytest

from kvdb.nouns.words import in_plural, verb_of_agent


@pytest.mark.parametrize(
    ("noun", "verb"),
    [
        ("manager", "manage"),
        ("Supplier", "supply"),
        ("owner", "own"),
        ("inventor", "invent"),
        ("river", None),
        ("mother", None),
        ("number", None),
        ("", None),
    ],
)
def test_what_somebody_is_called_after(noun: str, verb: str | None) -> None:
    assert verb_of_agent(noun) == verb


@pytest.mark.parametrize(
    ("one", "several"),
    [
        ("reports to Eve.", "report to Eve."),
        ("was sued by Eve.", "were sued by Eve."),
        ("is in", "are in"),
        ("acquired Eve.", "acquired Eve."),
        ("must not be stored with Eve.", "must not be stored with Eve."),
        ("treats", "treat"),
    ],
)
def test_what_several_do(one: str, several: str) -> None:
    assert in_plural(one) == several
