"""Exact answers from whole files of facts, in wordings that training never used; the plain model beside it.

    python benchmarks/whole_files.py airports.kvdb airports.tsv.gz --count 300 --plain 100

The store must hold the file already (`kvdb ingest`). Prints one JSON object a store. A quarter as many questions again
are about subjects that the store does not have, to measure refusal.
"""

from __future__ import annotations

import argparse
import json
import sys

import kvdb
from kvdb.readers import read
from kvdb_sdk import KnowledgeModel
from kvdb_sdk.evaluation.evaluate import evaluate
from kvdb_sdk.evaluation.metrics import contains
from kvdb_sdk.evaluation.questions import store_questions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", help="STORE FACTS [STORE FACTS ...]")
    parser.add_argument("--count", type=int, default=300, help="questions about facts that are there")
    parser.add_argument("--plain", type=int, default=0, help="ask this many of the plain model too")
    parser.add_argument("--route", default="hybrid")
    parser.add_argument("--adapter", default="default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch", type=int, default=8, help="questions asked at a time")
    options = parser.parse_args()
    for path, facts in zip(options.pairs[::2], options.pairs[1::2], strict=True):
        triples = [item for item in read(facts) if isinstance(item, kvdb.Triple)]
        with kvdb.open(path, read_only=True) as store:
            model = KnowledgeModel.from_pretrained("smollm2-135m", store, adapter=options.adapter, route=options.route)
            asked = store_questions(store, triples, count=options.count, seed=options.seed)
            report = evaluate(model, asked, batch=options.batch, progress=_every_fifty)
            row = {"facts": facts, "route": options.route} | report.as_dict()
            if options.plain:
                known = [one for one in asked if one.known][: options.plain]
                right = [contains(model.ask_plain(one.question), one.triple.tail) for one in known]
                row["plain_em"] = sum(right) / len(right)
            print(json.dumps(row, ensure_ascii=False), flush=True)


def _every_fifty(done: int) -> None:
    if done % 50 == 0:
        print(f"{done} asked", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
