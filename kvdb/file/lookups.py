"""Looking up many facts or values at once, in the order of the index's keys: most of a batch is not there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kvdb.file import format
from kvdb.file.format import read_u64, u64
from kvdb.file.items import fact_numbers, hashes, index_keys
from kvdb.file.records import SUM
from kvdb.file.tables import Reader
from kvdb.types import U64, FactId, Triple


def find_facts(reader: Reader, triples: Sequence[Triple]) -> dict[Triple, FactId]:
    """Those of the triples that the store has."""
    joined = ["\0".join(triple).encode() for triple in triples]
    heads = [triple[0] for triple in triples]
    hits = _hits(reader, format.FACT, fact_numbers(heads, joined))
    found = {triples[at]: reader.find(*triples[at]) for at, _ in hits}
    return {triple: fact for triple, fact in found.items() if fact is not None}


def find_values(reader: Reader, texts: Sequence[str]) -> dict[str, int | None]:
    """The value of each of the distinct texts, None where there is none."""
    out: dict[str, int | None] = dict.fromkeys(texts)
    get, table = reader.txn.get, reader.facts_in.texts
    with reader.translated():
        for value, text in sorted((value, texts[at]) for at, value in _hits(reader, format.TEXT, hashes(texts))):
            data = get(u64(value), db=table)
            same = data is not None and data[SUM:] == text.encode()  # then it is whole, whatever its checksum
            out[text] = value if same else reader.value_id(text)
    return out


def _hits(reader: Reader, kind: int, numbers: U64) -> list[tuple[int, int]]:
    """Which of the numbers [n] the index has, and the first id of each."""
    order = np.argsort(numbers)
    get, index = reader.txn.get, reader.facts_in.index
    with reader.translated():
        found = [get(key, db=index) for key in index_keys(kind, numbers[order])]
    return [(at, read_u64(data)) for at, data in zip(order.tolist(), found, strict=True) if data is not None]
