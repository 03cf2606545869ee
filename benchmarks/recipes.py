"""Trains an adapter by a paper's recipe, or by ours, on the same facts for the same steps: baselines of accuracy.py.

    python benchmarks/recipes.py train.kvdb --recipe atlaskv --steps 3000 --out atlaskv
    python benchmarks/recipes.py train.kvdb --recipe kblam --steps 3000 --out kblam
    python benchmarks/recipes.py train.kvdb --recipe kvdb --steps 3000 --out ours

What the papers have in common, and ours has not: every third layer from the first reads facts, candidates are drawn
evenly, the loss is that of the answer's text alone (values and refusals included), no null fact, prior or copying.

    kblam     arXiv 2410.10450: 100 facts in context, learning rate 5e-4, batch 20; all facts are read at evaluation
    atlaskv   arXiv 2510.17934: 120 facts in context, learning rate 1e-3, batch 10; every KB layer selects (HiKVP)
    kvdb      kvdb_sdk/training/train.py as it is

The wordings, the share of unanswerable questions and the cosine schedule are the same for all.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from typing import Any

import kvdb
from kvdb.types import EncoderRecord
from kvdb_sdk.attend.adapter import AdapterConfig
from kvdb_sdk.attend.attention import model_shape
from kvdb_sdk.models.encoders import encoder_for
from kvdb_sdk.models.language_model import load_language_model
from kvdb_sdk.training.store_pool import pool_of
from kvdb_sdk.training.train import Progress, TrainingOptions, default_config, train

TEXT_ALONE = (1.0, 0.0, 0.0)  # weights of the losses (write, gate, attend)
EVERY = 3  # layers between KB layers in both papers


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an adapter is trained, and what it then is."""

    config: AdapterConfig
    options: TrainingOptions


def recipe(name: str, model: Any, model_name: str, encoder: EncoderRecord, steps: int, seed: int = 0) -> Recipe:
    """The recipe called `kblam`, `atlaskv` or `kvdb`, for a model."""
    config, options = default_config(model, model_name, encoder), TrainingOptions(steps=steps, seed=seed)
    if name == "kvdb":
        return Recipe(config, options)
    layers = tuple(range(0, model_shape(model)["layers"], EVERY))
    config = replace(
        config, kb_layers=layers, select_layers=layers[:1], question_layer=None, copies=False, null_fact=False
    )
    options = replace(options, weights=TEXT_ALONE, attention_only=1.0, near=0.0, relation_steps=0)
    if name == "kblam":
        return Recipe(config, replace(options, candidates=100, learning_rate=5e-4, batch=20))
    if name == "atlaskv":
        config = replace(config, select_layers=layers)
        return Recipe(config, replace(options, candidates=120, learning_rate=1e-3, batch=10))
    raise ValueError(f"no recipe {name!r}: choose kblam, atlaskv or kvdb")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", help="the facts to train on")
    parser.add_argument("--recipe", required=True, choices=["kblam", "atlaskv", "kvdb"])
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--out", required=True, help="folder of the adapter; a checkpoint there is gone on from")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--device", help="cpu, cuda; by default a GPU if there is one")
    parser.add_argument("--batch", type=int, help="questions a step, if not the recipe's")
    parser.add_argument("--facts", type=int, default=200_000, help="facts of the store to draw from, at most")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    model, tokenizer = load_language_model(given.model, device=given.device)
    with kvdb.open(given.store, read_only=True) as store:
        encode = encoder_for(store.encoder, device=given.device)
        with store.snapshot() as snapshot:
            pool = pool_of(snapshot, limit=given.facts, seed=given.seed)
    chosen = recipe(given.recipe, model, given.model, encode.record, given.steps, given.seed)
    options = replace(chosen.options, batch=given.batch) if given.batch else chosen.options
    train(
        model, tokenizer, encode, pool, given.out, model_name=given.model, options=options,
        config=chosen.config, data={"facts": len(pool.rows), "recipe": given.recipe}, report=_every_ten,
    )  # fmt: skip


def _every_ten(progress: Progress) -> None:
    if progress.step % 10 == 0:
        losses = ", ".join(f"{name} {value:.3f}" for name, value in progress.losses.items())
        print(f"step {progress.step}, {progress.seconds:.0f} s: {losses}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
