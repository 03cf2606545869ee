"""`kvdb chat` with a stand-in model: what is read, what is printed, where it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import kvdb_sdk
from kvdb.errors import LimitError
from kvdb_sdk import Answer, Citation

from .conftest import ENCODER


class StandIn:
    """Cites the first fact whose head a turn names; keeps count of the turns."""

    options: dict[str, Any]

    def __init__(self, store: Any) -> None:
        self.store, self.turns = store, 0

    @classmethod
    def from_pretrained(cls, model: str, store: Any, **options: Any) -> StandIn:
        cls.options = options
        return cls(store)

    def conversation(self) -> StandIn:
        return self

    def ask(self, question: str, *, max_new_tokens: int = 96) -> Answer:
        self.turns += 1
        if len(question) > 1000:
            raise LimitError("the longest question takes too many tokens")
        stats = {"asked": question, "turn": self.turns, "most": max_new_tokens}
        for fact in self.store.match():
            if fact.head in question:
                cited = Citation(fact.id, fact.head, fact.relation, fact.tail, 0.75)
                return Answer(f"{fact.tail}\x1b[31m.", True, (cited,), stats=stats)
        return Answer("I do not know.", False, stats=stats)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kvdb_sdk, "KnowledgeModel", StandIn)


def test_each_line_is_a_turn_of_one_conversation(run, db: Path) -> None:
    result = run("chat", db, "--encoder", ENCODER, input="capital of Japan?\nWho?\n")
    assert result.stdout == "Tokyo\\x1b[31m.\n0.750\t3\tJapan\tcapital\tTokyo\nI do not know.\n"
    assert ">" not in result.output


def test_an_empty_line_ends_it_and_so_does_the_end(run, db: Path) -> None:
    arguments = ("chat", db, "--json", "--max-new-tokens", 7, "--encoder", ENCODER)
    for text, turns in (("Japan\n\nFrance\n", 1), ("Japan\nFrance", 2), ("", 0), ("\n", 0)):
        lines = [json.loads(line) for line in run(*arguments, input=text).stdout.splitlines()]
        assert [line["stats"]["turn"] for line in lines] == list(range(1, turns + 1))
        assert all(line.keys() == {"answer", "answered", "source", "citations", "stats"} for line in lines)
        assert all(line["stats"]["most"] == 7 for line in lines)


def test_lines_are_utf8_whatever_they_are(run, db: Path) -> None:
    result = run("chat", db, "--json", "--encoder", ENCODER, input="Åre \xff?\n".encode("latin-1") + "Åre\n".encode())
    assert json.loads(result.stdout.splitlines()[1])["stats"]["asked"] == "Åre"


def test_a_question_that_is_too_long_does_not_end_it(run, db: Path) -> None:
    result = run("chat", db, "--encoder", ENCODER, input="x" * 1001 + "\ncapital of Japan?\n", code=1)
    assert result.stdout.startswith("Tokyo")
    assert "kvdb: error: the longest question takes" in result.stderr


def test_options_are_handed_on(run, db: Path) -> None:
    run("chat", db, "--adapter", "none", "--facts-in-prompt", 3, "--encoder", ENCODER, input="")
    assert (StandIn.options["adapter"], StandIn.options["facts_in_prompt"]) == (None, 3)
