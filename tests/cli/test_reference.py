"""docs/cli.md is what the commands say about themselves, and says what the contract asks for."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from kvdb_cli.main import cli
from kvdb_cli.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"

JSON_KEYS = {
    "ingest": ["triples", "inserted", "deleted", "duplicates", "rejected", "rows", "seconds"],
    "info": ["triples", "rows", "levels", "encoder", "dim", "file_bytes"],
    "add": ["id", "inserted"],
    "delete": ["deleted"],
    "match": ["id", "head", "relation", "tail"],
    "search": ["hits", "id", "head", "relation", "tail", "score"],
    "ask": ["answer", "answered", "source", "citations", "weight", "stats"],
    "chat": ["answer", "answered", "source", "citations", "stats", "asked"],
    "relations": ["relation", "tail_noun", "head_noun", "aliases"],
    "verify": ["ok", "problems", "checked"],
    "compact": ["compacted", "note", "file_bytes"],
    "backup": ["checked"],
    "restore": ["checked"],
    "repair": ["facts", "lost", "losses", "damaged", "encoded"],
    "migrate": ["from", "to"],
    "eval": [
        "em",
        "citation_accuracy",
        "refusal_f1",
        "n",
        "ms_per_token",
        "token_f1",
        "rouge_l",
        "citations",
        "refusal",
        "attention",
        "calibration",
        "cost",
        "misses",
    ],
    "calibrate": ["questions", "held_out", "threshold", "before", "after", "chosen", "calibration", "saved", "seconds"],
}


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), "run `make docs`"


def test_every_command_of_the_contract_is_there() -> None:
    assert set(cli.commands) == {*JSON_KEYS, "export", "train"}


@pytest.mark.parametrize("name", JSON_KEYS)
def test_each_help_names_its_json_keys(name: str) -> None:
    command = cli.commands[name]
    assert any("--json" in p.opts for p in command.params)
    assert command.help is not None
    described = command.help.split("JSON:", 1)[1]
    assert all(key in described for key in JSON_KEYS[name])


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_option_says_what_it_does(name: str) -> None:
    for parameter in cli.commands[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, (name, parameter.name)
