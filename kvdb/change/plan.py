"""What a batch of facts would add to a store.

Planning reads only, so that the encoder runs outside the write transaction, and sees only the strings that the store
does not know yet. If another writer commits in between, the plan is made again; strings already encoded are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kvdb.file.lookups import find_facts, find_values
from kvdb.file.tables import Reader
from kvdb.kg2kv import Nouns, key_sentence
from kvdb.types import F32, FactId, Mask, Triple

NounsOf = Callable[[str], Nouns]
Encode = Callable[[Sequence[str]], F32]


@dataclass(slots=True)
class Plan:
    """What of a batch is new, in the order given."""

    txn: int  # the state of the store that it was made for
    triples: list[Triple]  # the whole batch
    fresh: list[int] = field(default_factory=list)  # places in `triples` of the new ones
    known: dict[Triple, FactId] = field(default_factory=dict)  # those that the store has
    nouns: dict[str, Nouns] = field(default_factory=dict)  # of every relation among the new ones
    ids: dict[str, int | None] = field(default_factory=dict)  # values that were looked for, None: there is none
    values: set[str] = field(default_factory=set)  # texts whose vectors are needed and not stored

    def keys(self, mask: Mask) -> list[str]:
        """The key sentence of each new fact under a masking."""
        out = []
        for place in self.fresh:
            triple = self.triples[place]
            nouns = self.nouns[triple.relation]
            tail = mask == "tail"
            out.append(
                key_sentence(nouns.tail_noun, triple.head) if tail else key_sentence(nouns.head_noun, triple.tail)
            )
        return out


def plan(reader: Reader, triples: Sequence[Triple], masks: Sequence[Mask], nouns: NounsOf) -> Plan:
    """Which triples are new to the store and within the batch, and what has to be encoded for them."""
    out = Plan(reader.state.txn, list(triples))
    first: dict[Triple, int] = {}
    for place, triple in enumerate(out.triples):
        first.setdefault(triple, place)
    out.known = find_facts(reader, list(first))
    out.fresh = [place for triple, place in first.items() if triple not in out.known]
    new = [out.triples[place] for place in out.fresh]
    out.nouns = {name: _nouns(reader, name, nouns) for name in dict.fromkeys(triple.relation for triple in new)}
    texts: dict[str, None] = {}
    for mask in masks:
        texts.update(dict.fromkeys(triple.tail if mask == "tail" else triple.head for triple in new))
    out.ids = find_values(reader, list(texts))
    out.values = {text for text, value in out.ids.items() if value is None or not reader.has_vector(value)}
    return out


def _nouns(reader: Reader, name: str, nouns: NounsOf) -> Nouns:
    """The nouns of a relation: those that the store has, else those of its name."""
    relation = reader.relation_id(name)
    if relation is None:
        return nouns(name)
    stored = reader.relation(relation)
    return Nouns(stored.tail_noun, stored.head_noun)
