"""The questions that training asks beside the generic wordings: paraphrases of relations, and ordinary requests."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest


@pytest.fixture(scope="module")
def paraphrases() -> dict[str, list[str]]:
    pairs: list[tuple[str, list[str]]] = json.loads(
        (files("kvdb_sdk.question") / "paraphrases.json").read_text(encoding="utf-8"), object_pairs_hook=list
    )
    found = dict(pairs)
    assert len(found) == len(pairs), "a relation is there twice"
    return found


@pytest.fixture(scope="module")
def general() -> list[str]:
    return (files("kvdb_sdk.question") / "general.txt").read_text(encoding="utf-8").splitlines()


def test_every_pattern_has_one_place_for_the_subject(paraphrases: dict[str, list[str]]) -> None:
    for relation, patterns in paraphrases.items():
        for pattern in patterns:
            assert pattern.count("{term}") == 1, (relation, pattern)
            assert not set("{}") & set(pattern.replace("{term}", "")), (relation, pattern)
            assert pattern == pattern.strip() and "\n" not in pattern, (relation, pattern)


def test_relations_have_several_different_patterns(paraphrases: dict[str, list[str]]) -> None:
    assert len(paraphrases) > 200
    for relation, patterns in paraphrases.items():
        assert len(patterns) >= 4, relation
        assert len({pattern.lower() for pattern in patterns}) == len(patterns), relation


def test_general_requests_are_many_and_different(general: list[str]) -> None:
    assert len(general) >= 240
    assert all(line and line == line.strip() for line in general)
    assert len({line.lower() for line in general}) == len(general)
