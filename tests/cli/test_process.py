"""The command as a process: streams, exit codes, interruption, and how little it imports."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import kvdb

from .conftest import ENCODER, many

_SLOW = """
import pathlib, time
from hash_encoder import encode as hashed
calls = 0

def encode(texts):
    global calls
    calls += 1
    if calls == 4:  # the probes, then batches
        pathlib.Path("waiting").touch()
        time.sleep(60)
    return hashed(texts)
"""


def test_data_and_messages_go_separate_ways(process, db: Path) -> None:
    good = process("match", db, "--head", "Japan")
    assert (good.returncode, good.stderr) == (0, b"")
    assert json.loads(good.stdout)["tail"] == "Tokyo"
    bad = process("info", "missing.kvdb")
    assert (bad.returncode, bad.stdout) == (1, b"")
    assert bad.stderr.count(b"\n") == 1
    wrong = process("info")
    assert (wrong.returncode, wrong.stdout) == (2, b"")


def test_debug_shows_the_traceback(process) -> None:
    result = process("--debug", "info", "missing.kvdb")
    assert result.returncode == 1
    assert b"Traceback" in result.stderr
    assert b"StoreNotFoundError" in result.stderr


def test_version(process) -> None:
    assert process("--version").stdout.decode() == f"kvdb, version {kvdb.__version__}\n"


def test_facts_are_utf8_whatever_the_locale(process, tmp_path: Path) -> None:
    (tmp_path / "f.tsv").write_bytes("Ünïcödé\tsign\t東京 🙂\n".encode())
    environment = {
        **os.environ,
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "ascii",
    }
    assert process("ingest", "u.kvdb", "f.tsv", "--encoder", ENCODER, env=environment).returncode == 0
    assert process("export", "u.kvdb", env=environment).stdout == (tmp_path / "f.tsv").read_bytes()


def test_an_argument_that_is_not_utf8(process, db: Path) -> None:
    result = process("add", db, b"\xff".decode(errors="surrogateescape"), "r", "t", "--encoder", ENCODER)
    assert result.returncode == 1
    assert result.stderr.startswith(b"kvdb: error: ")


@pytest.mark.parametrize("command", [("match", "--head"), ("match", "--tail"), ("search",), ("delete", "--head")])
def test_a_question_that_is_not_utf8(process, db: Path, command: tuple[str, ...]) -> None:
    name, *option = command
    result = process(name, db, *option, b"caf\xe9".decode(errors="surrogateescape"))
    assert result.returncode == 1
    assert result.stderr.startswith(b"kvdb: error: ") and b"Traceback" not in result.stderr


def test_a_reader_that_leaves_early(tmp_path: Path, process) -> None:
    many(tmp_path / "many.tsv", 20_000)
    assert process("ingest", "many.kvdb", "many.tsv", "--encoder", ENCODER).returncode == 0
    command = [sys.executable, "-m", "kvdb_cli", "match", "many.kvdb"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        assert reader.stderr is not None
        reader.stdout.readline()
        reader.stdout.close()
        assert reader.stderr.read() == b""
        assert reader.wait(60) == 141


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_ingest_interrupted_and_finished(tmp_path: Path, process, stop: signal.Signals) -> None:
    """Stopped in the middle, the store is sound and the same command finishes the job."""
    (tmp_path / "modules" / "slow_encoder.py").write_text(_SLOW)
    many(tmp_path / "many.tsv", 500)
    arguments = ["ingest", "new.kvdb", "many.tsv", "--batch", "100"]
    command = [sys.executable, "-m", "kvdb_cli", *arguments, "--encoder", "slow_encoder:encode"]
    # a shell starts what runs in the background with Ctrl-C ignored, and children inherit that
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed) as job:
        assert job.stderr is not None
        while not (tmp_path / "waiting").exists():
            assert job.poll() is None, job.stderr.read()
            with pytest.raises(subprocess.TimeoutExpired):
                job.wait(0.1)
        job.send_signal(stop)
        message = job.stderr.read().decode()
        code = job.wait(60)
    if stop == signal.SIGINT:
        assert code == 130
        assert message == (
            "kvdb: interrupted: what was stored is safe; run the same command again and it finishes the job\n"
        )
    assert json.loads(process("verify", "new.kvdb", "--json").stdout)["ok"]
    with kvdb.open("new.kvdb") as store:
        assert len(list(store.match())) == 200
    (tmp_path / "modules" / "slow_encoder.py").write_text("from hash_encoder import encode\n")
    finished = process(*arguments, "--encoder", "slow_encoder:encode", "--json")
    report = json.loads(finished.stdout)
    assert (report["triples"], report["inserted"], report["duplicates"]) == (500, 300, 200)


_IMPORTS = """
import sys
from click.testing import CliRunner
from kvdb_cli.main import cli
print(sorted({"torch", "transformers", "numpy", "lmdb", "faiss", "inflect", "rich"} & set(sys.modules)))
encoder = ["--encoder", "hash_encoder:encode"]
for command in (
    ["ingest", "t.kvdb", "-", "--format", "tsv", *encoder],
    ["info", "t.kvdb"],
    ["match", "t.kvdb"],
    ["search", "t.kvdb", "x", *encoder],
):
    result = CliRunner().invoke(cli, command, input="a\\tb\\tc\\n")
    assert result.exit_code == 0, result.output
print(sorted({"torch", "transformers", "sentence_transformers"} & set(sys.modules)))
"""


def test_what_needs_no_model_imports_no_framework() -> None:
    out = subprocess.run([sys.executable, "-c", _IMPORTS], capture_output=True, text=True, check=True)
    assert out.stdout == "[]\n[]\n"
