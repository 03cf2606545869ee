"""Dependencies point down only: kvdb_cli -> kvdb_sdk -> kvdb, and the engine knows no framework."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_import_contracts() -> None:
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
    ]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stdout + out.stderr
    assert "3 kept, 0 broken" in out.stdout


def test_the_engine_imports_no_framework() -> None:
    code = (
        "import sys, pkgutil, importlib, kvdb\n"
        "for module in pkgutil.walk_packages(kvdb.__path__, 'kvdb.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(sorted({'torch', 'transformers', 'kvdb_sdk', 'kvdb_cli', 'click'} & set(sys.modules)))\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout == "[]\n"
