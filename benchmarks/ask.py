"""What `ask` costs a token against the plain model, in one run, for stores of several sizes.

    python benchmarks/ask.py small.kvdb large.kvdb --questions 12

Both generate the same number of tokens from the same prompts, in turn, so that a noisy machine hits both. Prints the
medians over questions and their ratio.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

import kvdb
from kvdb_sdk import KnowledgeModel, load_language_model
from kvdb_sdk.models.prompts import chat_prompt


def plain_seconds(model, tokenizer, question: str, tokens: int) -> float:
    started = time.perf_counter()
    inputs = tokenizer(chat_prompt(tokenizer, question), return_tensors="pt", add_special_tokens=False)
    with torch.no_grad():
        model.generate(
            **inputs, min_new_tokens=tokens, max_new_tokens=tokens, do_sample=False,
            pad_token_id=tokenizer.eos_token_id,
        )  # fmt: skip
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", nargs="+")
    parser.add_argument("--questions", type=int, default=12)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--route", default="hybrid")
    options = parser.parse_args()
    model, tokenizer = load_language_model(options.model)
    print("| facts | route | tokens | plain ms/token | ask ms/token | ratio |\n|---|---|---|---|---|---|")
    for path in options.stores:
        with kvdb.open(path, read_only=True) as store:
            asking = KnowledgeModel(model, tokenizer, store, route=options.route)
            facts = store.info().triples
            step = max(1, facts // options.questions)
            picked = [fact for i, fact in enumerate(store.match()) if i % step == 0][: options.questions]
            nouns = {relation.name: relation.tail_noun for relation in store.relations()}
            asked = [f"What is the {nouns[fact.relation]} of {fact.head}?" for fact in picked]
            asking.ask(asked[0])  # the first question loads what is lazy
            plain_seconds(model, tokenizer, asked[0], 4)
            ours, plain, counts = [], [], []
            for question in asked:
                answer = asking.ask(question)
                tokens = answer.stats["tokens"]
                ours.append(answer.stats["ms_per_token"])
                plain.append(1000 * plain_seconds(model, tokenizer, question, tokens) / tokens)
                counts.append(tokens)
        ratios = [a / b for a, b in zip(ours, plain, strict=True)]
        print(
            f"| {facts:,} | {options.route} | {statistics.median(counts):.0f} | {statistics.median(plain):.1f} "
            f"| {statistics.median(ours):.1f} | {statistics.median(ratios):.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
