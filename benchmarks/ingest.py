"""Ingest of a file against the encoder alone on the same strings, in one run.

    python benchmarks/ingest.py facts.tsv.gz --limit 20000

Both are cut into the same batches of facts, and batch by batch the encoder alone and the ingest take turns, so that a
noisy machine hits both. The tree, its compaction and everything else that ingest does counts as ingest.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from itertools import islice
from pathlib import Path

import kvdb
from kvdb.kg2kv import key_sentence, noun_forms
from kvdb.readers import read
from kvdb_sdk import load_encoder

BATCH = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("facts")
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--mask", choices=["tail", "both"], default="tail")
    options = parser.parse_args()
    masks = ("tail", "head") if options.mask == "both" else ("tail",)
    triples = [t for t in islice(read(options.facts), options.limit) if isinstance(t, kvdb.Triple)]
    encoder = load_encoder()
    encoder(["warm up"])
    alone, seen = 0.0, set()

    def batches():
        """Encode each batch's strings alone just before ingest encodes them again."""
        nonlocal alone
        for start in range(0, len(triples), BATCH):
            batch = triples[start : start + BATCH]
            keys = [key_sentence(noun_forms(r).tail_noun, h) for h, r, _ in batch]
            if "head" in masks:
                keys += [key_sentence(noun_forms(r).head_noun, t) for _, r, t in batch]
            values = {t for _, _, t in batch} | ({h for h, _, _ in batch} if "head" in masks else set())
            strings = [*dict.fromkeys(keys), *(values - seen)]
            seen.update(values)
            began = time.perf_counter()
            encoder(strings)
            alone += time.perf_counter() - began
            yield from batch

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "facts.kvdb"
        began = time.perf_counter()
        with kvdb.open(path, create=True) as store:
            store.bind_encoder(encoder.record)
            kvdb.load.ingest(store, batches(), encoder, masks=masks, batch=BATCH)
        ours = time.perf_counter() - began - alone
        size = os.path.getsize(path)
    print("| facts | masks | encoder alone s | ingest s | ratio | bytes a fact |\n|---|---|---|---|---|---|")
    print(
        f"| {len(triples):,} | {options.mask} | {alone:.1f} | {ours:.1f} | {ours / alone:.3f} "
        f"| {size / len(triples):.0f} |"
    )


if __name__ == "__main__":
    main()
