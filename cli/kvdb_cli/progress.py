"""Progress for the person: a bar with rate and remaining time on a terminal; elsewhere nothing, or a line now
and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from kvdb_cli.output import one_line, say


class Meter(Protocol):
    """Shows how far a job is."""

    def update(self, done: float, count: int) -> None:
        """`done` of the total, in whatever the total is in; `count` things so far, whose rate is shown."""

    def note(self, text: str) -> None:
        """What goes on now, beside the bar."""

    def say(self, text: str) -> None:
        """A line above the bar."""


@contextmanager
def progress(label: str, *, total: float | None, unit: str, lines: bool = False) -> Iterator[Meter]:
    """A bar where standard error is a terminal; else, with `lines`, a line every ten seconds, else
    nothing."""
    if not sys.stderr.isatty():
        yield _Lines(label, total, unit) if lines else _Silent()
        return
    with _bar(unit) as bar:
        task = bar.add_task(label, total=total, rate="", note="")
        yield _Bar(bar, task, unit)


class _Silent:
    def update(self, done: float, count: int) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def say(self, text: str) -> None:
        say(text)


class _Lines(_Silent):
    """Plain lines, for logs."""

    every = 10.0

    def __init__(self, label: str, total: float | None, unit: str) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.began = self.shown = time.monotonic()

    def update(self, done: float, count: int) -> None:
        now = time.monotonic()
        if now - self.shown < self.every:
            return
        self.shown = now
        share = f"{min(1.0, done / self.total):.0%}, " if self.total else ""
        left = (self.total - done) * (now - self.began) / done if self.total and done else 0.0
        ahead = f", about {left:.0f} s left" if left >= 1 else ""
        self.say(f"{self.label}: {share}{count:,} {self.unit}, {count / (now - self.began):,.0f}/s{ahead}")

    def note(self, text: str) -> None:
        self.say(f"{self.label}: {text}")


class _Bar:
    """A bar of rich."""

    def __init__(self, bar: Any, task: Any, unit: str) -> None:
        self.bar, self.task, self.unit = bar, task, unit
        self.began = time.monotonic()

    def update(self, done: float, count: int) -> None:
        rate = count / max(1e-9, time.monotonic() - self.began)
        self.bar.update(self.task, completed=done, rate=f"{count:,} {self.unit}, {rate:,.0f}/s")

    def note(self, text: str) -> None:
        self.bar.update(self.task, note=one_line(text))

    def say(self, text: str) -> None:
        self.bar.console.print(one_line(text), markup=False, highlight=False, soft_wrap=True)


def _bar(unit: str) -> Any:
    # a tenth of a second to import: only where a bar is shown
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
