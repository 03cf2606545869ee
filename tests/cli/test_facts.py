"""`add`, `delete`, `match`, `search`, `relations`, `info`, `verify`, `export`: output, keys, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import kvdb
from kvdb_sdk.models.encoders import load_encoder

from .conftest import ENCODER, FACTS


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_add_once(run, run_json, db: Path) -> None:
    added = run_json("add", db, "Spain", "capital", "Madrid", "--encoder", ENCODER)
    assert added == {"id": 5, "inserted": True}
    again = run_json("add", db, "Spain", "capital", "Madrid")  # nothing to encode: no encoder needed
    assert again == {"id": 5, "inserted": False}
    assert run_json("add", db, " Spain", "capital ", "Madrid") == again  # trimmed as the readers of files do
    assert run_json("info", db)["triples"] == 5


@pytest.mark.parametrize("fields", [("", "capital", "x"), ("a" * 5000, "r", "t"), ("h", "r\0", "t")])
def test_add_refuses_bad_fields(run, run_json, db: Path, fields: tuple[str, str, str]) -> None:
    assert run("add", db, *fields, "--encoder", ENCODER, code=1).stderr.startswith("kvdb: error: ")
    assert run_json("info", db)["triples"] == 4


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (["--id", "2"], [1, 3, 4]),
        (["--id", "1", "--id", "4"], [2, 3]),
        (["--id", "99"], [1, 2, 3, 4]),
        (["--head", "France", "--relation", "capital", "--tail", "Paris"], [2, 3, 4]),
        (["--head", "France"], [2, 3]),
        (["--tail", "nothing"], [1, 2, 3, 4]),
    ],
)
def test_delete(run, run_json, db: Path, arguments: list[str], left: list[int]) -> None:
    assert run_json("delete", db, *arguments) == {"deleted": 4 - len(left)}
    assert [fact["id"] for fact in lines(run("match", db).stdout)] == left


@pytest.mark.parametrize("arguments", [[], ["--id", "1", "--head", "France"]])
def test_delete_wants_ids_or_a_pattern(run, db: Path, arguments: list[str]) -> None:
    assert "give either --id" in run("delete", db, *arguments, code=2).stderr
    assert len(lines(run("match", db).stdout)) == 4


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ([], [1, 2, 3, 4]),
        (["--head", "France"], [1, 4]),
        (["--relation", "capital"], [1, 2, 3]),
        (["--tail", "x"], []),
    ],
)
def test_match_prints_a_line_each(run, db: Path, arguments: list[str], ids: list[int]) -> None:
    found = lines(run("match", db, *arguments).stdout)
    assert [fact["id"] for fact in found] == ids
    assert all(fact.keys() == {"id", "head", "relation", "tail"} for fact in found)
    assert found == lines(run("match", db, *arguments, "--json").stdout)


@pytest.mark.parametrize("exact", [[], ["--exact"]])
def test_search_finds_a_key_first(run, run_json, db: Path, exact: list[str]) -> None:
    text = "the capital of Germany"
    hits = run_json("search", db, text, "-k", 2, *exact, "--encoder", ENCODER)["hits"]
    assert len(hits) == 2
    assert hits[0].keys() == {"id", "head", "relation", "tail", "score"}
    assert (hits[0]["id"], hits[0]["tail"]) == (2, "Berlin")
    assert hits[0]["score"] == pytest.approx(1, abs=2e-3)
    assert hits[0]["score"] > hits[1]["score"]
    plain = run("search", db, text, "-k", 1, *exact, "--encoder", ENCODER).stdout
    assert plain.split("\t")[1:] == ["2", "Germany", "capital", "Berlin\n"]


@pytest.mark.parametrize("k", [0, -3])
def test_search_needs_a_k(run, db: Path, k: int) -> None:
    assert f"k is {k}" in run("search", db, "x", "-k", k, "--encoder", ENCODER, code=1).stderr


def test_a_store_does_not_choose_code_to_run(run, db: Path) -> None:
    assert "if you trust it" in run("search", db, "x", code=1).stderr


def test_relations(run, run_json, db: Path) -> None:
    listed = lines(run("relations", db, "--json").stdout)
    assert [r["relation"] for r in listed] == ["capital", "currency"]
    assert all({"relation", "tail_noun", "head_noun"} <= r.keys() for r in listed)
    assert run("relations", db).stdout.startswith("capital\tcapital\t")


def test_setting_nouns_changes_the_keys(run, run_json, db: Path) -> None:
    run("relations", db, "--set", "capital", "seat of government", "country", "--encoder", ENCODER)
    (capital, _) = lines(run("relations", db, "--json").stdout)
    assert (capital["tail_noun"], capital["head_noun"]) == ("seat of government", "country")
    hits = run_json("search", db, "the seat of government of Japan", "--encoder", ENCODER)["hits"]
    assert (hits[0]["tail"], hits[0]["score"]) == ("Tokyo", pytest.approx(1, abs=2e-3))
    assert run_json("verify", db)["ok"]


def test_renewing_nouns_goes_by_the_rules_and_leaves_what_was_set(run, run_json, db: Path, tmp_path: Path) -> None:
    with kvdb.open(db) as store:
        encode = load_encoder(ENCODER)
        store.set_nouns("capital", tail_noun="old noun", head_noun="old", encode=encode, edited=False)
    run("relations", db, "--set", "currency", "money", "--encoder", ENCODER)
    (renewed,) = lines(run("relations", db, "--renew", "--json", "--encoder", ENCODER).stdout)
    assert (renewed["relation"], renewed["tail_noun"]) == ("capital", "capital")
    assert {r["tail_noun"] for r in lines(run("relations", db, "--json").stdout)} == {"capital", "money"}
    hits = run_json("search", db, "the capital of Japan", "--encoder", ENCODER)["hits"]
    assert (hits[0]["tail"], hits[0]["score"]) == ("Tokyo", pytest.approx(1, abs=2e-3))
    assert run("relations", db, "--renew", "--encoder", ENCODER).stdout == ""
    (mapping := tmp_path / "nouns.tsv").write_text("capital\tseat of government\n", encoding="utf-8")
    (renewed,) = lines(run("relations", db, "--renew", "--nouns", mapping, "--json", "--encoder", ENCODER).stdout)
    assert renewed["tail_noun"] == "seat of government"
    assert run_json("verify", db)["ok"]
    assert "--renew" in run("relations", db, "--nouns", mapping, code=2).stderr


def test_aliases_are_set_listed_and_taken_away(run, run_json, db: Path, tmp_path: Path) -> None:
    (capital,) = lines(run("relations", db, "--alias", "capital", "seat", "main town", "--json").stdout)
    assert capital["aliases"] == ["seat", "main town"]
    listed = run("relations", db).stdout
    assert listed.splitlines()[0].split("\t")[0::3] == ["capital", "seat"]
    (file := tmp_path / "nouns.tsv").write_text(listed.replace("seat", "metropolis"), encoding="utf-8")
    (renewed,) = lines(run("relations", db, "--renew", "--nouns", file, "--json", "--encoder", ENCODER).stdout)
    assert renewed["aliases"] == ["metropolis", "main town"] and renewed["tail_noun"] == "capital"
    assert run("relations", db, "--renew", "--encoder", ENCODER).stdout == ""  # the rules know of no aliases
    assert "no relation" in run("relations", db, "--alias", "nothing", "x", code=1).stderr
    (capital,) = lines(run("relations", db, "--alias", "capital", "--json").stdout)
    assert capital["aliases"] == [] and not capital["edited"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--set"],
        ["--set", "capital"],
        ["capital", "x"],
        ["--set", *"abcd"],
        ["--renew", "--set", "a", "b"],
        ["--alias"],
        ["--alias", "--set", "a", "b"],
    ],
)
def test_setting_nouns_wants_relation_and_noun(run, db: Path, arguments: list[str]) -> None:
    assert "--set RELATION TAIL_NOUN [HEAD_NOUN]" in run("relations", db, *arguments, code=2).stderr


def test_info(run, run_json, db: Path) -> None:
    info = run_json("info", db)
    assert {"triples", "rows", "levels", "encoder", "dim", "file_bytes"} <= info.keys()
    assert (info["triples"], info["rows"], info["encoder"], info["dim"]) == (4, 4, ENCODER, 64)
    assert info["file_bytes"] == db.stat().st_size
    assert f"encoder     {ENCODER}\n" in run("info", db).stdout


def test_verify_good(run, run_json, db: Path) -> None:
    report = run_json("verify", db)
    assert (report["ok"], report["problems"]) == (True, [])
    assert report["checked"]["triples"] == 4
    assert run("verify", db).stdout.startswith("ok: 4 triples")


def test_verify_bad_lists_and_fails(run, run_json, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import kvdb

    report = kvdb.VerifyReport(False, ("leaf 3: checksum", "fact 7: no index"), {"triples": 4})
    monkeypatch.setattr(kvdb.Store, "verify", lambda store: report)
    assert run("verify", db, code=1).stdout == "leaf 3: checksum\nfact 7: no index\n"
    assert run_json("verify", db, code=1)["problems"] == ["leaf 3: checksum", "fact 7: no index"]


def test_verify_a_store_too_broken_to_open(run, run_json, db: Path) -> None:
    db.write_bytes(db.read_bytes()[:-4096])
    report = run_json("verify", db, code=1)
    assert report["ok"] is False
    assert len(report["problems"]) == 1


def test_export_and_back(run, run_json, db: Path, tmp_path: Path) -> None:
    assert run("export", db).stdout == FACTS
    assert [t["tail"] for t in lines(run("export", db, "--format", "jsonl").stdout)] == [
        "Paris",
        "Berlin",
        "Tokyo",
        "euro",
    ]
    (tmp_path / "out.nt").write_text(run("export", db, "--format", "ntriples").stdout)
    assert run_json("ingest", "again.kvdb", "out.nt", "--encoder", ENCODER)["inserted"] == 4


@pytest.mark.parametrize("command", ["info", "match", "verify", "export", "relations"])
def test_a_missing_store(run, tmp_path: Path, command: str) -> None:
    result = run(command, "missing.kvdb", code=1)
    assert result.stderr.startswith("kvdb: error: no store at ")
    assert result.stdout == ""
    assert not list(tmp_path.glob("missing*"))
