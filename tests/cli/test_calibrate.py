"""`kvdb calibrate`, for real with a tiny model and the adapter that `kvdb train` makes for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import ENCODER
from .test_models import tiny_model as tiny_model

FACTS = "".join(f"thing {i}\tcolour\tshade {i}\n" + f"thing {i}\tweight\t{i} kg\n" * (i % 2) for i in range(60))


@pytest.fixture
def common(run, tmp_path: Path, tiny_model: Path) -> tuple[object, ...]:
    """A store, an adapter, and the options that name them."""
    (tmp_path / "many.tsv").write_text(FACTS)
    run("ingest", "many.kvdb", "many.tsv", "--encoder", ENCODER)
    shared = ("--model", tiny_model, "--encoder", ENCODER)
    run(
        "train",
        "many.kvdb",
        "--out",
        "made",
        "--steps",
        1,
        "--batch",
        2,
        "--question-steps",
        0,
        "--relation-steps",
        0,
        *shared,
    )
    return ("many.kvdb", "--adapter", "made", *shared)


def test_calibrate(run, run_json, common: tuple[object, ...]) -> None:
    assert run_json("info", "many.kvdb")["calibrated"] == []
    assert "calibrated  -" in run("info", "many.kvdb").stdout
    before = run("export", "many.kvdb").stdout
    dry = run("calibrate", *common, "--questions", 24, "--no-save").stdout
    lines = dict(line.split("  ", 1) for line in dry.splitlines())
    assert lines["saved"].strip() == "no"
    assert " -> " in lines["known, answered at 0.5"] and " -> " in lines["calibration error"]
    assert run_json("info", "many.kvdb")["calibrated"] == []

    report = run_json("calibrate", *common, "--questions", 24, "--threshold", 0.7)
    assert (report["questions"], report["held_out"], report["threshold"], report["saved"]) == (24, 12, 0.7, True)
    assert {"known", "missing", "kinds", "error", "log_loss"} == report["before"].keys() == report["after"].keys()
    info = run_json("info", "many.kvdb")
    [calibrated] = info["calibrated"]
    assert calibrated["route"] == "hybrid" and calibrated["encoder"] == ENCODER
    assert (calibrated["questions"], calibrated["facts"]) == (24, 90)
    assert info["notes"] == ["calibration"]
    assert "hybrid: 24 questions at 90 facts" in run("info", "many.kvdb").stdout
    assert run("export", "many.kvdb").stdout == before


def test_the_attention_route_is_calibrated_and_chats_without_an_encoder(
    run, run_json, common: tuple[object, ...]
) -> None:
    alone = (*common[:-2], "--route", "attention")
    report = run_json("calibrate", *alone, "--questions", 24)
    assert (report["calibration"]["route"], report["related_after"], report["saved"]) == ("attention", None, True)
    lines = run("chat", *alone, "--json", "--max-new-tokens", 2, input="colour of thing 3?\nand its weight?\n").stdout
    assert [json.loads(line)["stats"]["route"] for line in lines.splitlines()] == ["attention", "attention"]


def test_calibrate_needs_an_adapter_and_facts(run, common: tuple[object, ...], tmp_path: Path) -> None:
    result = run("calibrate", *common[:2], "none", *common[3:], code=1)
    assert "give an adapter" in result.stderr
    result = run("calibrate", *common, "--questions", 4, code=1)
    assert "too few" in result.stderr
    assert run("calibrate", *common, "--questions", 0, code=2)
