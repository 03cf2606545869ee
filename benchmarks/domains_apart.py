"""How well an adapter understands questions about domains that training keeps apart, and what it refuses.

    python benchmarks/domains_apart.py --adapter default --out outcomes.json

First, how often the right one of a subject's relations is meant best: by the encoder, by the language model that reads
the best eight, and by both. Then the questions are asked of stores that lack facts (`kvdb_sdk/training/apart.py`), and
judged by coefficients that the other stores gave, in ten folds, and by the adapter's own. Prints one JSON object a
line; --out keeps what was seen of each question.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from kvdb.kg2kv import noun_forms
from kvdb_sdk.adapters import adapter_folder
from kvdb_sdk.attend.adapter import Adapter, load_adapter
from kvdb_sdk.models.encoders import Encoder, load_encoder
from kvdb_sdk.models.language_model import load_language_model
from kvdb_sdk.question import relation_match as matching
from kvdb_sdk.question.aliases import by_any_name, own_name
from kvdb_sdk.question.relation_encoder import relation_match
from kvdb_sdk.question.relation_match import SUBJECT, Match, RelationMatch
from kvdb_sdk.question.relation_reader import relation_reader
from kvdb_sdk.question.wordings import word
from kvdb_sdk.refusal.confidence import known_probability
from kvdb_sdk.training.apart import FACT_MISSING, RELATION_MISSING, THERE, Outcome, judged_apart
from kvdb_sdk.training.calibration import coefficients
from kvdb_sdk.training.relation_wordings import APART, load_domains

FOLDS = 10
THRESHOLDS = (0.35, 0.4, 0.45)
SHARES = {"encoder": None, "model": 1.0, "both": matching.READ}  # of the model's logits in the match
Domains = Sequence[dict[str, Any]]
Asked = tuple[str, list[str], list[str], int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adapter", default="default")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--count", type=int, default=1000, help="questions to each store, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="keep the features of each question here, as JSON")
    parser.add_argument("--only", choices=("relations", "stores"), help="the one half or the other")
    options = parser.parse_args()
    model, tokenizer = load_language_model(options.model)
    adapter, card = load_adapter(adapter_folder(options.adapter, model))
    encode = load_encoder(adapter.config.encoder)
    files = {name: load_domains(name) for name in APART}
    if options.only != "stores":
        for name, domains in files.items():
            right = _relations(adapter, model, tokenizer, encode, domains, options.seed)
            print(json.dumps({"domains": name, "meant best": right}), flush=True)
    if options.only == "relations":
        return
    found = {
        name: judged_apart(
            model, tokenizer, adapter, card, encode, domains, count=options.count, seed=options.seed
        )
        for name, domains in files.items()
    }  # fmt: skip
    if options.out:
        kept = {name: [[_features(each) for each in store] for store in stores] for name, stores in found.items()}
        options.out.write_text(json.dumps(kept), encoding="utf-8")
    for row in _refusal(found, adapter.config.known):
        print(json.dumps(row), flush=True)


def _relations(
    adapter: Adapter, model: Any, tokenizer: Any, encode: Encoder, domains: Domains, seed: int
) -> dict[str, Any]:
    """The share of questions whose relation is meant best among those of one subject of its domain."""
    read = relation_reader(adapter, model, tokenizer)
    asked = [list(_questions(domain, seed)) for domain in domains]
    out: dict[str, Any] = {"questions": sum(map(len, asked))}
    for name, share in SHARES.items():
        if share is not None and read is None:
            continue
        with mock.patch.object(matching, "READ", share):
            matcher: RelationMatch = relation_match(adapter, encode, None if share is None else read)
            right = sum(_right(by_any_name(matcher, _names(each)), of) for each, of in zip(domains, asked, strict=True))
        out[name] = round(right / out["questions"], 4)
    return out


def _names(domain: dict[str, Any]) -> dict[str, list[str]]:
    nouns = {name: noun_forms(name).tail_noun for name in domain["relations"]}
    return {noun: [own] for name, noun in nouns.items() if (own := own_name(name, noun))}


def _right(match: Match, asked: Sequence[Asked]) -> int:
    """How many questions mean their own relation best."""
    texts, nouns, values, own = zip(*asked, strict=True)
    return sum(int(scores.argmax()) == at for scores, at in zip(match(texts, nouns, values), own, strict=True))


def _questions(domain: dict[str, Any], seed: int) -> Iterator[Asked]:
    """Each question, its subject masked, with the nouns and values of one of its domain's subjects, and its own's."""
    rng = random.Random(f"{seed} {domain['domain']}")
    for relation, about in domain["relations"].items():
        for text in about["asked"]:
            at = rng.choice([i for i, value in enumerate(about["values"]) if value is not None])
            told = {name: each["values"][at] for name, each in domain["relations"].items()}
            told = {name: value for name, value in told.items() if value is not None}
            nouns = [noun_forms(name).tail_noun for name in told]
            yield word(text, "", SUBJECT), nouns, list(told.values()), list(told).index(relation)


def _refusal(found: dict[str, list[list[Outcome]]], own: Sequence[float]) -> Iterator[dict[str, Any]]:
    """Shares of the questions to the stores of each file, by threshold and by coefficients."""
    stores = [store for of_file in found.values() for store in of_file]
    folds = [
        coefficients([each for at, store in enumerate(stores) if at % FOLDS != fold for each in store], tuple(own))
        for fold in range(FOLDS)
    ]
    start = 0
    for name, of_file in found.items():
        for by in ("ten folds", "the adapter's own"):
            judged = [
                (each, known_probability(folds[(start + at) % FOLDS] if by == "ten folds" else own, each.evidence))
                for at, store in enumerate(of_file)
                for each in store
            ]
            for threshold in THRESHOLDS:
                yield {"domains": name, "coefficients": by} | _shares(judged, threshold)
        start += len(of_file)
    yield {"fitted on all": coefficients([each for store in stores for each in store], tuple(own))}


def _shares(judged: Sequence[tuple[Outcome, float]], threshold: float) -> dict[str, Any]:
    of_kind = {
        kind: [(each.right, p >= threshold) for each, p in judged if each.question.kind == kind]
        for kind in (THERE, FACT_MISSING, RELATION_MISSING)
    }
    there = of_kind[THERE]
    answered = [right for right, says in there if says]
    refused = {kind: sum(not says for _, says in of_kind[kind]) for kind in of_kind}
    wrongly = refused[THERE]
    rightly = refused[FACT_MISSING] + refused[RELATION_MISSING]
    missing = len(of_kind[FACT_MISSING]) + len(of_kind[RELATION_MISSING])
    return {
        "refuse below": threshold,
        "questions": len(judged),
        "read most": round(sum(right for right, _ in there) / len(there), 4),
        "right": round(sum(answered) / len(there), 4),
        "wrong": round((len(answered) - sum(answered)) / len(there), 4),
        "fact missing, refused": round(refused[FACT_MISSING] / len(of_kind[FACT_MISSING]), 4),
        "relation missing, refused": round(refused[RELATION_MISSING] / len(of_kind[RELATION_MISSING]), 4),
        "refusal F1": round(2 * rightly / (rightly + wrongly + missing), 4),
    }


def _features(outcome: Outcome) -> dict[str, Any]:
    question = outcome.question
    return {
        "text": question.text, "fact": question.fact, "kind": question.kind,
        "features": outcome.evidence.features, "right": outcome.right,
    }  # fmt: skip


if __name__ == "__main__":
    main()
