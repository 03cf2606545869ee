"""Opened, asked and closed, over and over: nothing is kept. benchmarks/cycles.py does it ten thousand times."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from types import ModuleType

import pytest

CYCLES = 300
MOST = 3 << 20  # bytes; what the allocator takes and gives back is less


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    return importlib.import_module("cycles")


def test_a_process_that_opens_and_closes_keeps_nothing(script: ModuleType, path: Path) -> None:
    ask = script.search_and_match(script.make_store(path, 1000))
    samples = list(script.cycles(path, CYCLES, ask))
    memory, _ = script.growth(samples)
    assert len(samples) == script.REPORTS
    assert {s.descriptors for s in samples} == {samples[0].descriptors}
    assert memory < MOST, samples


def test_the_check_of_cycles_sees_what_is_kept(script: ModuleType, path: Path) -> None:
    script.make_store(path, 1000)
    kept: list[bytes] = []
    opened: list[int] = []

    def leak(store: object, cycle: int) -> None:
        kept.append(os.urandom(1 << 15))
        opened.append(os.open(path, os.O_RDONLY))

    try:
        memory, descriptors = script.growth(list(script.cycles(path, CYCLES, leak)))
    finally:
        for fd in opened:
            os.close(fd)
    assert memory > MOST
    assert descriptors == CYCLES * 9 // 10
