"""The ways to answer from facts, compared in one run: one model, the same questions, at several numbers of facts.

    python benchmarks/accuracy.py facts.tsv.gz --stores folder --out accuracy.json --kblam kblam --atlaskv atlaskv

The adapters of the papers' recipes come from benchmarks/recipes.py; a method without its adapter is left out. The
results are written after every method: run again, and only what is missing is measured. benchmarks/accuracy_report.py
draws them. docs/accuracy.md describes the protocol.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from accuracy_data import Protocol, protocol, sized_stores
from accuracy_methods import METHODS, Loaded, Method

import kvdb
from kvdb.errors import LimitError
from kvdb.readers import read
from kvdb_sdk import load_encoder, load_language_model
from kvdb_sdk.adapters import adapter_folder
from kvdb_sdk.attend.adapter import load_card
from kvdb_sdk.evaluation.evaluate import evaluate


def main() -> None:
    given = _options()
    model, tokenizer = load_language_model(given.model, device=given.device)
    encoder = load_encoder(given.encoder) if given.encoder else load_encoder()
    adapters = {name: getattr(given, name) for name in ("kblam", "atlaskv", "ours", "kvdb") if getattr(given, name)}
    loaded = Loaded(model, tokenizer, encoder, adapters, given.memory)
    triples = [item for item in read(given.facts) if isinstance(item, kvdb.Triple)]
    plan = protocol(triples, min(given.sizes), count=given.count, unknown=given.unknown, seed=given.seed)
    sizes = plan.sizes(given.sizes)
    if not sizes:
        raise SystemExit(f"{given.facts} has {len(plan.facts):,} facts to store: give a smaller --sizes")
    name = f"{Path(given.facts).name.split('.')[0]}-{given.seed}"
    paths = sized_stores(plan, sizes, given.stores, name, encoder)
    results = _begun(given.out, _described(given, plan, loaded))
    done = {(row["method"], row["facts"]) for row in results["rows"]}
    for size in sizes:
        for key in given.methods:
            method = METHODS[key]
            there = method.adapter is None or method.adapter in adapters
            if there and (key, size) not in done and (method.sized or size == sizes[0]):
                row = {"method": key, "title": method.title, "facts": size}
                row |= _measured(method, loaded, plan, paths[size], size, given.batch)
                results["rows"].append(row)
                _write(given.out, results)
                print(json.dumps({name: value for name, value in row.items() if name != "misses"}), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("facts", help="a file of facts that no adapter was trained on")
    parser.add_argument("--stores", type=Path, required=True, help="folder for the stores, kept for the next run")
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the results")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--count", type=int, default=100, help="questions whose fact is there: at most the least size")
    parser.add_argument("--unknown", type=int, default=50, help="questions whose fact is in no store")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--encoder", help="by default kvdb's own")
    parser.add_argument("--kvdb", default="default", help="our adapter: a folder, or a shipped one")
    parser.add_argument("--kblam", help="folder of an adapter by KBLaM's recipe")
    parser.add_argument("--atlaskv", help="folder of an adapter by AtlasKV's recipe")
    parser.add_argument("--ours", help="folder of an adapter by our recipe, trained for as many steps as theirs")
    parser.add_argument("--memory", default="256MB")
    parser.add_argument("--device")
    parser.add_argument("--batch", type=int, default=8, help="questions asked at a time")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _described(given: argparse.Namespace, plan: Protocol, loaded: Loaded) -> dict[str, Any]:
    """What makes two results comparable, and is kept with them."""
    trained = {name: load_card(adapter_folder(path, loaded.model)).training for name, path in loaded.adapters.items()}
    return {
        "facts": Path(given.facts).name,
        "model": given.model,
        "encoder": loaded.encoder.name,
        "asked": sum(one.known for one in plan.asked),
        "unknown": sum(not one.known for one in plan.asked),
        "seed": given.seed,
        "batch": given.batch,
        "memory": given.memory,
        "device": str(loaded.model.device),
        "adapters": trained,
    }


def _begun(path: Path, described: dict[str, Any]) -> dict[str, Any]:
    """The results so far, where they are of the same protocol."""
    described = json.loads(json.dumps(described))
    if not path.exists():
        return {"protocol": described, "rows": []}
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    differing = [name for name in described if results["protocol"].get(name) != described[name]]
    if differing:
        raise SystemExit(f"{path} holds results of another protocol ({', '.join(differing)}): give another --out")
    return results


def _measured(method: Method, loaded: Loaded, plan: Protocol, path: Path, size: int, batch: int) -> dict[str, Any]:
    """The report of one method on one store, or why there is none."""
    if method.most is not None and size > method.most:
        return {"skipped": f"not tried above {method.most:,} facts"}
    started = time.monotonic()
    with kvdb.open(path, read_only=True) as store:
        try:
            reader = method.make(loaded, store, size)
            report = evaluate(reader, plan.asked, batch=1 if method.alone else batch, progress=_dot)
        except LimitError as error:
            return {"skipped": str(error)}
    return report.as_dict() | {"seconds": round(time.monotonic() - started)}


def _dot(done: int) -> None:
    if done % 10 == 0:
        print(f"{done} asked", end="\r", file=sys.stderr, flush=True)


def _write(path: Path, results: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


if __name__ == "__main__":
    main()
