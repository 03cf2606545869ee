"""Vectors that a damaged store has lost, made anew from the texts of its facts by the encoder that it was made with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kvdb.change.plan import Encode
from kvdb.fields import unit16
from kvdb.kg2kv import key_sentence
from kvdb.types import F16, Mask
from kvdb.upkeep.salvage import Saved


class Mender:
    """Fills the gaps of one batch of facts after another. `encoded`: of how many texts a vector was made."""

    def __init__(self, encode: Encode, dim: int) -> None:
        self._encode = encode
        self._dim = dim
        self._values: dict[str, F16] = {}  # of values, which facts of later batches may share
        self.encoded = 0

    def mend(self, facts: Sequence[Saved]) -> None:
        """Give every fact the vectors that it lacks. Raises VectorError, and what the encoder raises."""
        keys = list(_keys(facts))
        values = list(_values(facts))
        made = dict(self._values)
        texts = [text for text in dict.fromkeys(text for _, _, text in keys + values) if text not in made]
        if texts:
            vectors = unit16(self._encode(texts), dim=self._dim, count=len(texts), what="the encoder's vectors")
            made.update(zip(texts, vectors, strict=True))
            self.encoded += len(texts)
        for gaps, mask, text in keys + values:
            gaps[mask] = made[text]
        self._values.update((text, made[text]) for _, _, text in values)


Gap = tuple[dict[Mask, F16], Mask, str]  # where a vector is missing, and the text that it is of


def _keys(facts: Sequence[Saved]) -> Iterator[Gap]:
    for fact in facts:
        for mask in fact.lost_keys:
            nouns, triple = fact.nouns, fact.triple
            tail = key_sentence(nouns.tail_noun, triple.head)
            yield fact.keys, mask, tail if mask == "tail" else key_sentence(nouns.head_noun, triple.tail)


def _values(facts: Sequence[Saved]) -> Iterator[Gap]:
    for fact in facts:
        for mask in fact.lost_values:
            yield fact.values, mask, fact.triple.tail if mask == "tail" else fact.triple.head
