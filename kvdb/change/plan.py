"""What a batch of facts would add to a store.

Planning reads only, so that the encoder runs outside the write transaction, and sees only the strings that the store
does not know yet. If another writer commits in between, the plan is made again; strings already encoded are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

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
    seen: set[Triple] = set()
    vectors: dict[str, bool] = {}
    for place, triple in enumerate(out.triples):
        if triple in seen:
            continue
        seen.add(triple)
        found = reader.find(*triple)
        if found is not None:
            out.known[triple] = found
            continue
        out.fresh.append(place)
        if triple.relation not in out.nouns:
            relation = reader.relation_id(triple.relation)
            if relation is None:
                out.nouns[triple.relation] = nouns(triple.relation)
            else:
                stored = reader.relation(relation)
                out.nouns[triple.relation] = Nouns(stored.tail_noun, stored.head_noun)
        for mask in masks:
            text = triple.tail if mask == "tail" else triple.head
            if text not in vectors:
                value = out.ids[text] = reader.value_id(text)
                vectors[text] = value is not None and reader.has_vector(value)
    out.values = {text for text, stored in vectors.items() if not stored}
    return out
