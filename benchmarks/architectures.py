"""What training an adapter takes on the architecture of a large model: random weights, true widths, few layers.

    python benchmarks/architectures.py llama-3.1-8b --vocabulary 49152 --runs 1:0 2:0 2:1 2:0,1
    python benchmarks/architectures.py qwen3-0.6b --runs 2:0 4:0 4:3 4:0,1 28

A run is a number of layers and those that read facts (without: those that training would choose). Each is a process of
its own: a few steps of `kvdb_sdk.training.train.train` on a few of the sample's facts, and a question to the adapter
that came out. Printed are means over all steps but the first, and what is extrapolated to all layers: each figure is a
straight line in the layers below the first that reads facts (no gradient goes there), those from it on, and those that
read (a run of all layers is left out of that). The tokenizer is the demo's, so `--vocabulary` may be cut down to its
49,152 tokens. What is learnt means nothing.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch
import transformers as tf
from architecture_sizes import NAMES, config_of, on_no_device, parameters
from torch.utils.flop_counter import FlopCounterMode

import kvdb
from kvdb.readers import Source, read
from kvdb_sdk import KnowledgeModel, load_encoder, load_language_model
from kvdb_sdk.models.encoders import encoder_for
from kvdb_sdk.training.store_pool import pool_of
from kvdb_sdk.training.train import Progress, TrainingOptions, default_config, train

FACTS = Path(__file__).parents[1] / "examples" / "facts"
EACH = 120  # facts of each file of the sample
HEADER = (
    "layers", "model", "adapter", "s a step", "processor s", "tokens", "TFLOP", "activations GB", "peak GB",
    "ask, s a token",
)  # fmt: skip


class Meter:
    """Hears of every step of a training, and counts from the end of the first on."""

    def __init__(self, model: Any, steps: int) -> None:
        self.rows: list[
            list[float]
        ] = []  # seconds, processor seconds, tokens, TFLOP, GB that wait for the backward pass
        self._steps, self._began, self._done, self._tokens = steps, (0.0, 0.0), 0, 0
        self._waiting: dict[int, int] = {}  # storage -> bytes
        self._flops = FlopCounterMode(display=False)
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._keep, lambda tensor: tensor)
        self._handle = model.base_model.register_forward_pre_hook(self._begin)

    def report(self, progress: Progress) -> None:
        now = time.perf_counter(), time.process_time()
        if progress.step == 1:
            self._flops.__enter__()
            self._hooks.__enter__()
        else:
            done = self._flops.get_total_flops()
            took = [end - start for start, end in zip(self._began, now, strict=True)]
            self.rows.append([*took, self._tokens, (done - self._done) / 1e12, sum(self._waiting.values()) / 1e9])
            self._done = done
        if progress.step == self._steps:
            self._hooks.__exit__(None, None, None)
            self._flops.__exit__(None, None, None)
            self._handle.remove()
        self._waiting.clear()
        self._began = time.perf_counter(), time.process_time()

    def _begin(self, _model: Any, args: tuple[Any, ...]) -> None:
        self._tokens = args[0].numel()

    def _keep(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor that the backward pass will read; weights do not count."""
        if not isinstance(tensor if tensor._base is None else tensor._base, torch.nn.Parameter):
            storage = tensor.untyped_storage()
            self._waiting[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()


def measured(name: str, run: str, store_path: str, given: argparse.Namespace) -> dict[str, Any]:
    """One run, in a process of its own."""
    layers, kb = parsed(run)
    tokenizer = load_language_model("smollm2-135m", device="cpu")[1]
    config = config_of(name, layers, max(given.vocabulary, len(tokenizer)) if given.vocabulary else None)
    config.eos_token_id, config.bos_token_id, config.pad_token_id = tokenizer.eos_token_id, None, None
    torch.manual_seed(0)
    model = tf.AutoModelForCausalLM.from_config(
        config, dtype=getattr(torch, given.dtype), attn_implementation="sdpa"
    ).to(given.device)
    with kvdb.open(store_path, read_only=True) as store, tempfile.TemporaryDirectory() as out:
        encode = encoder_for(store.encoder, device=given.device)
        with store.snapshot() as snapshot:
            pool = pool_of(snapshot)
        chosen = default_config(model, name, encode.record)
        chosen = replace(chosen, kb_layers=kb, select_layers=kb[:1]) if kb else chosen
        options = TrainingOptions(
            steps=given.steps, batch=given.batch, question_steps=2, questions=8, calibration=8, relation_steps=0
        )
        meter = Meter(model, given.steps)
        adapter = train(
            model, tokenizer, encode, pool, out, model_name=name, options=options, config=chosen,
            report=meter.report,
        )  # fmt: skip
        asked = pool.rows[pool.askable[0]]
        reader = KnowledgeModel(model, tokenizer, store, adapter=out, encoder=encode, threshold=0.0)
        started = time.perf_counter()
        answer = reader.ask(asked.question, max_new_tokens=16)
        asking = (time.perf_counter() - started) / answer.stats["tokens"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if given.device.startswith("cuda"):
        peak = torch.cuda.max_memory_allocated()
    return {
        "terms": terms(chosen.kb_layers, layers), "model": parameters(model), "adapter": parameters(adapter),
        "figures": [*map(mean, zip(*meter.rows, strict=True)), peak / 1e9], "asking": asking,
    }  # fmt: skip


def parsed(run: str) -> tuple[int, tuple[int, ...]]:
    """A run's number of layers, and those that read facts: "4:0,1"."""
    layers, _, kb = run.partition(":")
    return int(layers), tuple(int(layer) for layer in kb.split(",")) if kb else ()


def terms(kb_layers: Sequence[int], layers: int) -> list[int]:
    """What a figure is linear in: [1, layers below the first that reads facts, the others, those that read]."""
    return [1, kb_layers[0], layers - kb_layers[0], len(kb_layers)]


def small_store(path: str) -> None:
    """A few facts of each file of the sample, with their vectors."""
    encoder = load_encoder("all-MiniLM-L6-v2")
    with kvdb.open(path, create=True) as store:
        store.bind_encoder(encoder.record)
        for file in sorted(FACTS.glob("*.tsv.gz")):
            store.insert([one for one in islice(read(Source(file)), EACH) if isinstance(one, kvdb.Triple)], encoder)


def row(*cells: object) -> str:
    return "| " + " | ".join(f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=NAMES)
    parser.add_argument("--runs", nargs="+", default=["1:0", "2:0", "2:1", "2:0,1"], metavar="LAYERS[:KB]")
    parser.add_argument("--vocabulary", type=int, help="cut to so many tokens")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=6)
    given = parser.parse_args()
    print(row(*HEADER), row(*["---"] * len(HEADER)), sep="\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "small.kvdb"))
        small_store(path)
        done = []
        for run in given.runs:
            with multiprocessing.get_context("spawn").Pool(1) as process:
                found = process.apply(measured, (given.model, run, path, given))
            done.append(found)
            print(row(run, found["model"], found["adapter"], *found["figures"], found["asking"]), flush=True)
        with kvdb.open(path, read_only=True) as store:
            model, adapter = on_no_device(given.model, store.encoder)
    full = terms(adapter.config.kb_layers, len(model.model.layers))
    done = [found for found in done if found["terms"] != full]  # a run of all layers is what the lines are judged by
    x = np.array([found["terms"] for found in done], float).reshape(-1, len(full))  # [runs, 4]
    if np.linalg.matrix_rank(x) < x.shape[1]:
        print("too few runs that differ: nothing to extrapolate from")
        return
    lines = np.linalg.lstsq(x, np.array([found["figures"] for found in done]), rcond=None)[0]  # [4, figures]
    whole = np.array(full) @ lines  # [figures]
    print(row("all, by straight lines", parameters(model), parameters(adapter), *whole.tolist(), ""))


if __name__ == "__main__":
    main()
