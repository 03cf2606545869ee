"""Editing a relation's nouns: its key sentences change, so its rows get new vectors and new places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from kvdb.change.plan import Encode
from kvdb.change.write import Write
from kvdb.errors import FieldError, InputError
from kvdb.fields import unit16
from kvdb.file import format
from kvdb.file.records import HEAD_BIT, TAIL_BIT
from kvdb.kg2kv import key_sentence
from kvdb.nouns.file import check_aliases
from kvdb.types import F16, U64, Mask, Relation, row_of

if TYPE_CHECKING:
    from kvdb.store import Store

BATCH = 4096  # rows of one transaction


def set_nouns(
    store: Store,
    name: str,
    tail_noun: str | None,
    head_noun: str | None,
    aliases: Sequence[str] | None,
    *,
    encode: Encode | None,
    edited: bool,
) -> Relation:
    """Store.set_nouns. The nouns change in the last of several transactions: one that was cut short is done again."""
    for noun in (tail_noun, head_noun):
        if noun is not None and (not noun.strip() or "\0" in noun or len(noun) > 4096):
            raise FieldError(f"a noun is a short text, not {noun!r:.80}")
    with store.environment.writer(store.timeout):
        with store.snapshot() as snapshot:
            id = snapshot.relation_id(name)
            if id is None:
                raise FieldError(f"no relation {name!r:.80} in {store.path}: see `kvdb relations`")
            old = snapshot.relation(id)
            new = replace(old, tail_noun=tail_noun or old.tail_noun, head_noun=head_noun or old.head_noun)
            if tail_noun is not None or head_noun is not None:
                new = replace(new, edited=edited)
            if aliases is not None:
                new = replace(new, aliases=check_aliases(aliases, new.tail_noun))
            facts = list(snapshot.ids(format.RELATION, id))
        if new.tail_noun != old.tail_noun:
            _encode_again(store, new, facts, "tail", encode)
        if new.head_noun != old.head_noun:
            _encode_again(store, new, facts, "head", encode)
        store.write_with(lambda write: write.set_nouns(new))
    return new


def _encode_again(store: Store, relation: Relation, facts: list[int], mask: Mask, encode: Encode | None) -> None:
    """Replace the vectors of a relation's rows under one masking, a batch a transaction."""
    queue = iter(facts)
    while batch := list(islice(queue, BATCH)):
        with store.snapshot() as snapshot:
            bit = TAIL_BIT if mask == "tail" else HEAD_BIT
            found = [fact for fact in batch if (record := snapshot.record(fact)) and record.masks & bit]
            full = snapshot.facts(found)
        noun = relation.tail_noun if mask == "tail" else relation.head_noun
        texts = [key_sentence(noun, fact.head if mask == "tail" else fact.tail) for fact in full]
        if not texts:
            continue
        if encode is None:
            raise InputError(f"relation {relation.name!r:.80} has facts: give the encoder that encodes them anew")
        distinct = list(dict.fromkeys(texts))
        vectors = unit16(encode(distinct), dim=store.dim or 0, count=len(distinct), what="the encoder's vectors")
        place = {text: at for at, text in enumerate(distinct)}
        rows = np.array([row_of(fact, mask) for fact in found], np.uint64)
        store.write_with(_replacing(rows, vectors[[place[text] for text in texts]]))


def _replacing(rows: U64, vectors: F16) -> Callable[[Write], None]:
    def body(write: Write) -> None:
        write.tree.remove(rows)
        write.add_rows(rows, vectors)

    return body
