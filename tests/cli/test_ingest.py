"""`kvdb ingest`: what it counts, what it refuses, and that a mistake leaves nothing behind."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

import kvdb

from .conftest import ENCODER, FACTS, many

BAD = FACTS + "no tabs here\n" + "Spain\tcapital\tMadrid\n" + "\tempty\thead\n"


def stored(path: Path) -> list[tuple[str, str, str]]:
    with kvdb.open(path, read_only=True) as store:
        return [tuple(fact.triple) for fact in store.match()]


def test_counts_and_again(run_json, tmp_path: Path, facts: Path) -> None:
    db = tmp_path / "new.kvdb"
    first = run_json("ingest", db, facts, "--encoder", ENCODER)
    assert {"triples", "inserted", "duplicates", "rejected", "rows", "seconds"} <= first.keys()
    assert [first[k] for k in ("triples", "inserted", "duplicates", "rejected", "rows")] == [4, 4, 0, 0, 4]
    second = run_json("ingest", db, facts, facts, "--encoder", ENCODER)
    assert [second[k] for k in ("triples", "inserted", "duplicates", "rows")] == [8, 0, 8, 4]


def test_rejected_lines_are_named_and_counted(run, run_json, tmp_path: Path) -> None:
    (tmp_path / "bad.tsv").write_bytes(BAD.encode() + b"\xff\xfe\tx\ty\n")
    result = run("ingest", "new.kvdb", "bad.tsv", "--encoder", ENCODER)
    assert "5 facts inserted, 0 duplicates, 3 rejected" in result.stdout
    for line in (5, 7, 8):
        assert f"kvdb: rejected: bad.tsv, line {line}: " in result.stderr
    assert "rejected" not in result.stdout.replace("3 rejected", "")


def test_a_flood_of_rejected_lines_is_cut(run, tmp_path: Path) -> None:
    (tmp_path / "bad.tsv").write_text("a\tb\tc\n" + "bad\n" * 100)
    result = run("ingest", "new.kvdb", "bad.tsv", "--encoder", ENCODER)
    assert result.stderr.count("line ") == 20
    assert "80 more, 100 in all" in result.stderr


def test_terminal_escapes_in_a_bad_line_are_not_obeyed(run, tmp_path: Path) -> None:
    (tmp_path / "bad\x1b[31m.tsv").write_text("a\tb\tc\nbad\n")
    result = run("ingest", "new.kvdb", "bad\x1b[31m.tsv", "--encoder", ENCODER)
    assert "\x1b" not in result.stderr
    assert "\\x1b[31m.tsv, line 2" in result.stderr


@pytest.mark.parametrize("again", [False, True])
def test_strict_writes_nothing(run, tmp_path: Path, facts: Path, db: Path, again: bool) -> None:
    (tmp_path / "bad.tsv").write_text(BAD)
    target = db if again else tmp_path / "new.kvdb"
    before = stored(db)
    result = run("ingest", target, facts, "bad.tsv", "--strict", "--encoder", ENCODER, code=1)
    assert result.stderr.startswith("kvdb: error: bad.tsv, line 5: ")
    assert result.stdout == ""
    assert stored(db) == before
    assert target.exists() == again


def test_strict_with_standard_input(run, run_json, tmp_path: Path) -> None:
    run("ingest", "new.kvdb", "-", "--strict", "--encoder", ENCODER, input=BAD, code=1)
    assert not (tmp_path / "new.kvdb").exists()
    assert run_json("ingest", "new.kvdb", "-", "--strict", "--encoder", ENCODER, input=FACTS)["inserted"] == 4
    assert "empty" in run("ingest", "new.kvdb", "-", "--strict", "--encoder", ENCODER, input="", code=1).stderr


def test_standard_input_and_compressed_files(run_json, tmp_path: Path) -> None:
    (tmp_path / "facts.tsv.gz").write_bytes(gzip.compress(FACTS.encode()))
    assert run_json("ingest", "a.kvdb", "-", "--encoder", ENCODER, input=FACTS)["inserted"] == 4
    assert run_json("ingest", "b.kvdb", "facts.tsv.gz", "--encoder", ENCODER)["inserted"] == 4


def test_format_and_columns(run_json, tmp_path: Path) -> None:
    (tmp_path / "table").write_text("o;s;p\nParis;France;capital\n")
    options = ("--format", "csv", "--columns", "s,p,o", "--encoder", ENCODER)
    assert run_json("ingest", "new.kvdb", "table", *options)["inserted"] == 1
    assert stored(tmp_path / "new.kvdb") == [("France", "capital", "Paris")]


@pytest.mark.parametrize(("mask", "rows"), [("tail", 4), ("head", 4), ("both", 8)])
def test_masks(run_json, facts: Path, mask: str, rows: int) -> None:
    report = run_json("ingest", "new.kvdb", facts, "--mask", mask, "--encoder", ENCODER)
    assert (report["inserted"], report["rows"]) == (4, rows)


def test_nouns_of_a_file(run, run_json, tmp_path: Path, facts: Path) -> None:
    (tmp_path / "nouns.tsv").write_text("capital\tseat of government\tcountry governed\n")
    run("ingest", "new.kvdb", facts, "--nouns", "nouns.tsv", "--encoder", ENCODER)
    with kvdb.open(tmp_path / "new.kvdb") as store:
        nouns = {r.name: (r.tail_noun, r.head_noun) for r in store.relations()}
    assert nouns["capital"] == ("seat of government", "country governed")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.tsv"], "missing.tsv does not exist"),
        (["empty.tsv"], "empty"),
        (["facts.tsv", "missing.tsv"], "missing.tsv does not exist"),
        (["facts.tsv", "--encoder", "nothing of this name"], "nothing of this name"),
        (["facts.tsv", "--encoder", "hash_encoder:missing"], "cannot import"),
        (["facts.tsv", "--nouns", "missing.tsv"], "missing.tsv"),
        (["facts.tsv", "--format", "tables"], "unknown format"),
        (["facts.tsv", "--format", "parquet"], "facts.tsv"),
        (["table.csv", "--columns", "a,b,missing"], "missing"),
    ],
)
def test_a_mistake_leaves_no_store(run, tmp_path: Path, facts: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "empty.tsv").write_text("")
    (tmp_path / "table.csv").write_text("a,b,c\n1,2,3\n")
    result = run("ingest", "new.kvdb", "--encoder", ENCODER, *arguments, code=1)
    assert result.stderr.startswith("kvdb: error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.glob("new.kvdb*"))


def test_another_encoder_is_refused(run, tmp_path: Path, db: Path) -> None:
    (tmp_path / "modules" / "other_encoder.py").write_text("def encode(texts):\n    return [[1.0, 2.0]] * len(texts)\n")
    before = stored(db)
    result = run("ingest", db, "facts.tsv", "--encoder", "other_encoder:encode", code=1)
    assert "hash_encoder:encode" in result.stderr
    assert stored(db) == before


def test_a_file_that_is_no_store(run, tmp_path: Path, facts: Path) -> None:
    before = facts.read_bytes()
    assert "not a kvdb store" in run("ingest", facts, facts, "--encoder", ENCODER, code=1).stderr
    assert facts.read_bytes() == before


def test_large_enough_for_a_tree(run_json, tmp_path: Path) -> None:
    report = run_json("ingest", "new.kvdb", many(tmp_path / "many.tsv", 6000), "--encoder", ENCODER, "--batch", 1000)
    assert report["inserted"] == 6000
    info = run_json("info", "new.kvdb")
    assert (info["triples"], info["rows"], info["staged"]) == (6000, 6000, 0)
    assert len(info["levels"]) >= 2
    assert run_json("verify", "new.kvdb")["ok"]
