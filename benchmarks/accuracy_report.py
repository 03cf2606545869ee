"""Writes the results of benchmarks/accuracy.py into docs/accuracy.md, and draws them.

    python benchmarks/accuracy_report.py accuracy.json

What stands between the two marks in docs/accuracy.md is replaced; the text around them stays.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

DOCS = Path(__file__).parent.parent / "docs"
BEGIN, END = "<!-- results: written by benchmarks/accuracy_report.py -->", "<!-- end of results -->"
MARKERS = ("o-", "s-", "^-", "v-", "D-", "P-", "X-", "*-", "<-", ">-", "p-")  # lines that lie on each other stay apart
Row = dict[str, Any]
COLUMNS = (
    ("exact", "em"),
    ("F1", "token_f1"),
    ("ROUGE-L", "rouge_l"),
    ("cited, precision", "citations.precision"),
    ("cited, recall", "citations.recall"),
    ("refused, precision", "refusal.precision"),
    ("refused, recall", "refusal.recall"),
    ("refused, F1", "refusal.f1"),
    ("ACC@1", "attention.acc_at_1"),
    ("ACC@5", "attention.acc_at_5"),
    ("ECE", "calibration.error"),
)
COSTS = (("ms a token", "cost.ms_per_token"), ("ms an answer", "cost.ms_per_answer"))
MEMORY = (("pages, MiB", "cost.resident_bytes"), ("device, MiB", "cost.device_bytes"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder with accuracy.md and images/")
    given = parser.parse_args()
    results = json.loads(given.results.read_text(encoding="utf-8"))
    write(results, given.docs)


def write(results: dict[str, Any], docs: Path) -> None:
    """Tables into docs/accuracy.md, plots into docs/images. Raises ValueError where the page has not both marks."""
    if not results["rows"]:
        raise ValueError("there are no results to write")
    page = docs / "accuracy.md"
    text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"{page} has not both marks, {BEGIN} and {END}")
    images = docs / "images"
    images.mkdir(exist_ok=True)
    by_size(results["rows"], images / "accuracy-by-size.png")
    drawn = reliability(results["rows"], images / "reliability.png")
    page.write_text(f"{before}{BEGIN}\n\n{tables(results, drawn)}\n{END}{after}", encoding="utf-8")


def tables(results: dict[str, Any], reliable: bool) -> str:
    """The part of the page between the marks."""
    protocol, rows = results["protocol"], results["rows"]
    lines = [
        f"{protocol['facts']}, {protocol['model']}, {protocol['encoder']}, {protocol['asked']} questions with a fact "
        f"and {protocol['unknown']} without, seed {protocol['seed']}, on {protocol['device']}, {protocol['batch']} "
        f"questions at a time. Adapters: {_adapters(protocol['adapters'])}.",
        "",
        "![Exact answers over the number of facts](images/accuracy-by-size.png)",
        "",
        *_matrix("exact", rows, "em"),
        *_matrix("ACC@1", rows, "attention.acc_at_1"),
    ]
    if reliable:
        lines += ["![Confidence against what came true](images/reliability.png)", ""]
    for size in _sizes(rows):
        lines += [f"### {size:,} facts", "", *_one_size([row for row in rows if row["facts"] == size])]
    return "\n".join(lines)


def _adapters(trained: dict[str, Any]) -> str:
    told = []
    for name, training in trained.items():
        options, data = training.get("options") or {}, training.get("data") or {}
        facts = data.get("facts", data.get("pool"))
        told.append(f"{name}, {options.get('steps')} steps on {facts} facts")
    return "; ".join(told) or "none"


def _sizes(rows: Sequence[Row]) -> list[int]:
    return sorted({row["facts"] for row in rows})


def _titles(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row["title"] for row in rows))


def _matrix(name: str, rows: Sequence[Row], path: str) -> Iterator[str]:
    """One measure of every method that has it, over the number of facts."""
    sizes, cells = _sizes(rows), {(row["title"], row["facts"]): row for row in rows}
    yield "| " + " | ".join([name, *(f"{size:,}" for size in sizes)]) + " |"
    yield "|---" * (len(sizes) + 1) + "|"
    for title in _titles(rows):
        found = [cells.get((title, size)) for size in sizes]
        if any(row and figure(row, path) is not None for row in found):
            yield "| " + " | ".join([title, *(_share(row, path) for row in found)]) + " |"
    yield ""


def _one_size(rows: Sequence[Row]) -> Iterator[str]:
    names = [name for name, _ in (*COLUMNS, *COSTS, *MEMORY)]
    yield "| " + " | ".join(["", *names]) + " |"
    yield "|---" * (len(names) + 1) + "|"
    for row in rows:
        if "skipped" not in row:
            cells = [_share(row, path) for _, path in COLUMNS]
            cells += [_number(figure(row, path)) for _, path in COSTS]
            cells += [_number(figure(row, path), 1 << 20) for _, path in MEMORY]
            yield "| " + " | ".join([row["title"], *cells]) + " |"
    yield ""
    for row in rows:
        if "skipped" in row:
            yield f"Not run: {row['title']} ({row['skipped']})."
            yield ""


def figure(row: Row, path: str) -> float | None:
    """A figure by its path in a report; None where it was not measured."""
    value: Any = row
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value if value is None else float(value)


def _share(row: Row | None, path: str) -> str:
    value = None if row is None else figure(row, path)
    return "" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None, unit: float = 1) -> str:
    return "" if value is None else f"{value / unit:,.1f}"


def by_size(rows: Sequence[Row], path: Path) -> None:
    """Exact answers, and the fact most attended, over the number of facts: a line for each method.

    A method that was measured at one number of facts alone (no facts, say) is a single point.
    """
    chart, panels = plt.subplots(1, 2, figsize=(12, 4), sharey=True, layout="constrained")
    for axes, name, label in zip(panels, ("em", "attention.acc_at_1"), ("exact answers, %", "ACC@1, %"), strict=True):
        for index, title in enumerate(_titles(rows)):
            told = [(row["facts"], figure(row, name)) for row in rows if row["title"] == title]
            points = [(size, 100 * value) for size, value in told if value is not None]
            if points:
                x, y = zip(*sorted(points), strict=True)
                axes.plot(
                    x, y, MARKERS[index % len(MARKERS)], color=f"C{index}", label=title, alpha=0.8, fillstyle="none"
                )
        axes.set_xscale("log")
        axes.set_ylim(-3, 103)
        axes.set_xlabel("facts")
        axes.set_ylabel(label)
    chart.legend(*panels[0].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    _save(chart, path)


def reliability(rows: Sequence[Row], path: Path) -> bool:
    """The share of what came true over the confidence, of each method that tells one at its largest number of facts."""
    last = {row["title"]: row for row in sorted(rows, key=lambda row: row["facts"]) if row.get("calibration")}
    if not last:
        return False
    chart, axes = plt.subplots(figsize=(5, 5), layout="constrained")
    axes.plot([0, 1], [0, 1], ":", color="black", linewidth=0.8)
    for title, row in last.items():
        bins = row["calibration"]["bins"]
        x, y = [bin["confidence"] for bin in bins], [bin["right"] for bin in bins]
        axes.plot(x, y, "-", linewidth=0.8)
        label = f"{title}, {row['facts']:,} facts, ECE {100 * row['calibration']['error']:.1f} %"
        axes.scatter(x, y, s=[8 + 4 * bin["count"] for bin in bins], label=label)
    axes.set_xlabel("confidence")
    axes.set_ylabel("the asked fact is there, and read most")
    axes.legend(fontsize=8)
    _save(chart, path)
    return True


def _save(chart: Any, path: Path) -> None:
    chart.savefig(path, dpi=130, metadata={"Software": None})
    plt.close(chart)


if __name__ == "__main__":
    main()
