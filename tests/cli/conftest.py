"""A fake encoder by module and function, a store made with it, and a way to run commands in this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import kvdb
import kvdb_cli
import kvdb_sdk
from kvdb_cli.main import cli

ENCODER = "hash_encoder:encode"
_SOURCE = """
import hashlib
import numpy as np

def encode(texts):
    digests = [hashlib.shake_128(text.encode()).digest(64) for text in texts]
    return np.array([np.frombuffer(d, np.int8).astype(np.float32) for d in digests])

def other(texts):
    return -encode(texts)
"""
FACTS = "France\tcapital\tParis\nGermany\tcapital\tBerlin\nJapan\tcapital\tTokyo\nFrance\tcurrency\teuro\n"

Run = Callable[..., Result]
Process = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture(autouse=True)
def encoder_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "hash_encoder.py").write_text(_SOURCE)
    monkeypatch.syspath_prepend(folder)
    # children import what these tests import, from where they import it
    packages = dict.fromkeys(str(Path(module.__file__).parents[1]) for module in (kvdb, kvdb_sdk, kvdb_cli))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *packages]))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run() -> Run:
    """Run a command line; assert its exit code."""

    def invoke(*arguments: object, code: int = 0, input: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(cli, [str(a) for a in arguments], input=input, prog_name="kvdb")
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return invoke


@pytest.fixture
def run_json(run: Run) -> Callable[..., dict[str, Any]]:
    """The one JSON object that a command prints."""

    def invoke(*arguments: object, **options: Any) -> dict[str, Any]:
        return json.loads(run(*arguments, "--json", **options).stdout)

    return invoke


@pytest.fixture
def process() -> Process:
    """Run a command line as a process of its own."""

    def invoke(*arguments: object, input: bytes = b"", **options: Any) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "kvdb_cli", *map(str, arguments)]
        return subprocess.run(command, input=input, capture_output=True, timeout=120, check=False, **options)

    return invoke


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    path = tmp_path / "facts.tsv"
    path.write_text(FACTS)
    return path


@pytest.fixture
def db(tmp_path: Path, facts: Path, run: Run) -> Path:
    """A store of four facts."""
    path = tmp_path / "facts.kvdb"
    run("ingest", path, facts, "--encoder", ENCODER)
    return path


def many(path: Path, count: int) -> Path:
    """A file of `count` facts."""
    path.write_text("".join(f"thing {i}\tcolour\tshade {i % 97}\n" for i in range(count)))
    return path
