"""The user's mapping file: forms, precedence over the rules, clear errors; the hook for a language model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kvdb.errors import FieldError, MalformedLineError, SourceError
from kvdb.kg2kv import Nouns, load_nouns, namer_nouns, noun_forms


def _write(folder: Path, text: str | bytes, name: str = "nouns.tsv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_tsv(tmp_path: Path) -> None:
    path = _write(tmp_path, "relation\ttail_noun\thead_noun\n# mine\n\nserves\tcity\tairport\nP19\tbirthplace\r\n")
    mapping = load_nouns(path)
    assert mapping["serves"] == Nouns("city", "airport")
    assert mapping["P19"].tail_noun == "birthplace"
    assert mapping["P19"].head_noun == noun_forms("P19").head_noun
    path = _write(tmp_path, "P19\tbirthplace\t\tplace of birth\tborn where\t\nP20\tdeath\tdead\n")
    assert load_nouns(path)["P19"].aliases == ("place of birth", "born where")
    assert load_nouns(path)["P19"].head_noun == noun_forms("P19").head_noun
    assert load_nouns(path)["P20"].aliases == ()


@pytest.mark.parametrize(
    "data",
    [
        [{"relation": "P19", "tail_noun": "birthplace", "head_noun": "person born"}],
        {"P19": ["birthplace", "person born"]},
        {"P19": {"tail_noun": "birthplace", "head_noun": "person born"}},
    ],
)
def test_json(tmp_path: Path, data: object) -> None:
    path = _write(tmp_path, json.dumps(data), "nouns.json")
    assert load_nouns(path) == {"P19": Nouns("birthplace", "person born")}


@pytest.mark.parametrize(
    "data",
    [
        [{"relation": "P19", "tail_noun": "birthplace", "head_noun": "person born", "aliases": ["birth town"]}],
        {"P19": ["birthplace", "person born", "birth town"]},
        {"P19": {"tail_noun": "birthplace", "head_noun": "person born", "aliases": ["birth town", "Birthplace"]}},
    ],
)
def test_json_with_aliases(tmp_path: Path, data: object) -> None:
    path = _write(tmp_path, json.dumps(data), "nouns.json")
    assert load_nouns(path) == {"P19": Nouns("birthplace", "person born", aliases=("birth town",))}


@pytest.mark.parametrize(
    ("text", "error", "word"),
    [
        ("", SourceError, "empty"),
        (b"\xff\xfe\x00", SourceError, "UTF-8"),
        ("one column\n", MalformedLineError, "line 1"),
        ("a\tb\nc\t \n", MalformedLineError, "line 2"),
        (
            "\n".join(["\t".join("abc" + "d" * 0), "\t".join(["a", "b", "c", *map(str, range(33))])]),
            MalformedLineError,
            "at most 32",
        ),
        ('[{"relation": "a", "tail_noun": "b", "aliases": [3]}]', MalformedLineError, "entry 1"),
        ('[{"relation": "a", "tail_noun": "b", "aliases": "c d"}, {"a": 3}]', MalformedLineError, "entry 2"),
        ("[1]", MalformedLineError, "entry 1"),
        ('[{"relation": "a"}]', MalformedLineError, "entry 1"),
        ('{"a": "b\\nc"}', MalformedLineError, "line break"),
        ("[", MalformedLineError, "not JSON"),
        ("[" * 100_000, MalformedLineError, "not JSON"),
    ],
)
def test_bad_files_are_clear_errors(tmp_path: Path, text: str | bytes, error: type[Exception], word: str) -> None:
    path = _write(tmp_path, text)
    with pytest.raises(error, match=word) as caught:
        load_nouns(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot read"):
        load_nouns(tmp_path / "none.tsv")


def test_mapping_before_rules_before_namer() -> None:
    asked: list[list[str]] = []

    def namer(relations: list[str]) -> list[Nouns]:
        asked.append(relations)
        return [Nouns("occupation", "person with the occupation") for _ in relations]

    nouns = namer_nouns({"P19": Nouns("birthplace", "native")}, namer, ["P19", "capital", "P106", "P106"])
    assert asked == [["P106"]]
    assert nouns("P19").tail_noun == "birthplace"
    assert nouns("capital").tail_noun == "capital"
    assert nouns("P106").tail_noun == "occupation"


def test_a_namer_that_babbles_gives_way_to_the_rules() -> None:
    nouns = namer_nouns(None, lambda relations: [Nouns("", "a\nb") for _ in relations], ["P106"])
    assert nouns("P106") == noun_forms("P106")


def test_a_namer_that_skips_relations_is_an_error() -> None:
    with pytest.raises(FieldError, match="one for each"):
        namer_nouns(None, lambda relations: [], ["P106"])


def test_the_lines_that_relations_prints_are_read(tmp_path):
    path = tmp_path / "nouns.jsonl"
    path.write_text(
        '{"relation": "born in", "tail_noun": "birthplace", "head_noun": "native"}\n'
        '{"relation": "capital", "tail_noun": "seat", "head_noun": "realm"}\n'
    )
    found = load_nouns(path)
    assert (found["born in"].tail_noun, found["capital"].head_noun) == ("birthplace", "realm")
    path.write_text('{"relation": "born in", "tail_noun": "birthplace"}\n')
    assert load_nouns(path)["born in"].tail_noun == "birthplace"
