"""Whether a model is still itself with a store attached: ordinary requests, and the perplexity of ordinary text.

    python benchmarks/general.py store.kvdb
    python benchmarks/general.py store.kvdb --text book.txt --adapter my-adapter

Requests are those of benchmarks/questions/general.txt, which have nothing to do with any store. One is left to the
model where `answer.stats` says that it is unrelated; of the first ones the whole answer is compared with the model's
own. The text, by default this project's own documents, is read in passages of 200 tokens, by the model alone and with
the store attached, which looks for facts about every passage.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import kvdb
from kvdb_sdk import KnowledgeModel, attach, load_language_model
from kvdb_sdk.answer import is_unrelated

HERE = Path(__file__).parent
PASSAGE = 200  # tokens
BATCH = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("--text", type=Path, nargs="+", default=sorted((HERE.parent / "docs").glob("*.md")))
    parser.add_argument("--passages", type=int, default=40)
    parser.add_argument("--compare", type=int, default=20, help="requests whose whole answers are compared")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--adapter", default="default")
    given = parser.parse_args()
    model, tokenizer = load_language_model(given.model)
    requests = (HERE / "questions" / "general.txt").read_text(encoding="utf-8").splitlines()
    with kvdb.open(given.store, read_only=True) as store:
        asked = KnowledgeModel(model, tokenizer, store, adapter=given.adapter)
        left = unrelated(asked, requests)
        alike = [request for request in left[: given.compare] if same(asked, request)]
        print(f"left to the model: {len(left)} of {len(requests)} requests ({len(left) / len(requests):.1%})")
        print(f"word for word its own answer: {len(alike)} of {len(left[: given.compare])}")
        passages = cut(tokenizer, given.text, given.passages)
        alone = perplexity(model, passages)
        with attach(model, tokenizer, store, adapter=given.adapter):
            attached = perplexity(model, passages)
    print(
        f"perplexity of {len(passages)} passages: {alone:.3f} alone, {attached:.3f} attached ({attached / alone:.3f} x)"
    )


def unrelated(model: KnowledgeModel, requests: Sequence[str]) -> list[str]:
    """The requests that the model answers as if there were no store."""
    parts = [requests[start : start + BATCH] for start in range(0, len(requests), BATCH)]
    answers = [answer for part in parts for answer in model.ask_many(part, max_new_tokens=2)]
    return [request for request, answer in zip(requests, answers, strict=True) if is_unrelated(answer)]


def same(model: KnowledgeModel, request: str) -> bool:
    return bool(model.ask(request, max_new_tokens=64).text == model.ask_plain(request, max_new_tokens=64))


def cut(tokenizer: Any, paths: Sequence[Path], count: int) -> list[torch.Tensor]:
    """The first `count` passages of the texts, of PASSAGE tokens each: [1, PASSAGE]."""
    ids = tokenizer("\n".join(path.read_text(encoding="utf-8") for path in paths))["input_ids"]
    starts = range(0, len(ids) - PASSAGE, max(PASSAGE, len(ids) // count))
    return [torch.tensor([ids[start : start + PASSAGE]]) for start in starts][:count]


@torch.no_grad()
def perplexity(model: Any, passages: Sequence[torch.Tensor]) -> float:
    losses = [float(model(ids.to(model.device), labels=ids.to(model.device)).loss) for ids in passages]
    return math.exp(sum(losses) / len(losses))


if __name__ == "__main__":
    main()
