"""Draws the figures of docs/benchmarks.md from benchmarks/results.json, which holds what the scripts printed.

python benchmarks/plots.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
OUT = HERE.parent / "docs" / "images"
OURS, OTHERS = "#1f5fa8", "#b8c4d0"


def accuracy(results: dict[str, Any]) -> None:
    """Exact answers per domain, with the store and without."""
    rows = results["accuracy"]
    figure, axes = plt.subplots(figsize=(6, 3))
    places = range(len(rows))
    axes.bar([x - 0.2 for x in places], [100 * row["em"] for row in rows], 0.4, label="with the store", color=OURS)
    axes.bar([x + 0.2 for x in places], [100 * row["plain_em"] for row in rows], 0.4, label="without", color=OTHERS)
    axes.axhline(90, color="black", linewidth=0.8, linestyle=":")
    axes.set_xticks(list(places), [f"{row['name']}\n{row['facts']:,} facts" for row in rows])
    axes.set_ylabel("exact answers, %")
    axes.set_ylim(0, 130)
    axes.set_yticks(range(0, 101, 20))
    axes.legend(loc="upper center", ncol=2)
    save(figure, "accuracy.png")


def search(results: dict[str, Any]) -> None:
    """Recall against latency of one search."""
    figure, axes = plt.subplots(figsize=(6, 3))
    for row in results["search"]:
        ours = row["name"] == "kvdb"
        axes.scatter(row["p50_ms"], row["recall"], s=70, color=OURS if ours else OTHERS, edgecolors="black")
        axes.annotate(
            row["name"], (row["p50_ms"], row["recall"]), xytext=(0, 8), textcoords="offset points", ha="center"
        )
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
    axes.minorticks_off()
    axes.set_xlim(1, 50)
    axes.set_xlabel("one search, p50, ms")
    axes.set_ylabel("recall@16 against exact")
    axes.margins(0.25)
    save(figure, "search.png")


def ask(results: dict[str, Any]) -> None:
    """Time per token over the size of the store."""
    rows = results["ask"]
    figure, axes = plt.subplots(figsize=(6, 3))
    sizes = [row["facts"] for row in rows]
    axes.plot(sizes, [row["ask_ms"] for row in rows], "o-", color=OURS, label="ask")
    axes.plot(sizes, [row["plain_ms"] for row in rows], "o-", color=OTHERS, label="plain model")
    axes.set_xscale("log")
    axes.set_ylim(0, 1.2 * max(row["ask_ms"] for row in rows))
    axes.set_xlabel("facts in the store")
    axes.set_ylabel("ms a token, median")
    axes.legend()
    save(figure, "ask.png")


def save(figure: Any, name: str) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(OUT / name, dpi=130, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    results = json.loads((HERE / "results.json").read_text(encoding="utf-8"))
    for draw in (accuracy, search, ask):
        draw(results)


if __name__ == "__main__":
    main()
