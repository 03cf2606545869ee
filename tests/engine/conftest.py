"""Stores in a temporary folder, and an encoder that needs no model (fakes.py, which child processes import as well)."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

import kvdb

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@pytest.fixture(scope="session")
def fakes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("engine_fakes", HERE / "fakes.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "facts.kvdb"


@pytest.fixture
def store(path: Path) -> Iterator[kvdb.Store]:
    with kvdb.open(path, create=True) as opened:
        yield opened


@pytest.fixture
def child() -> Callable[..., subprocess.Popen[str]]:
    """Start a Python program that can import kvdb and fakes; its arguments are in sys.argv."""

    def start(program: str, *args: object) -> subprocess.Popen[str]:
        preamble = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(HERE)!r}]\nimport fakes, kvdb\n"
        command = [sys.executable, "-c", preamble + program, *map(str, args)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    return start
