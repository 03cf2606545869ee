"""Facts with several tails: an answer that has one of them gets the others, each cited.

The store knows them all, so that none is missed and none is made up, however many facts the attention was given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from kvdb import Fact, Snapshot
from kvdb.types import Mask

from ..answer import Answer, Citation, Span

MOST = 24  # items of a list; the text says how many more there are


def with_siblings(snapshot: Snapshot, answer: Answer, mask: Mask) -> Answer:
    """The answer with every value that the store has beside the last one copied, in the order of their insertion.

    `mask`: the end of its fact that the last value is.
    """
    values = [span for span in answer.spans if span.kind == "value"]
    if not values:
        return answer
    last = values[-1]
    fact = snapshot.triple(last.id)
    tail = mask == "tail"
    more = _others(snapshot, fact, tail, {span.id for span in values})
    if not more:
        return answer
    return _listed(answer, last, [(other.id, other.tail if tail else other.head) for other in more[:MOST]], more)


def _others(snapshot: Snapshot, fact: Fact, tail: bool, there: set[int]) -> list[Fact]:
    """The facts that differ from this one in what was copied alone, without those that the answer has."""
    found = (
        snapshot.match(head=fact.head, relation=fact.relation)
        if tail
        else snapshot.match(relation=fact.relation, tail=fact.tail)
    )
    return [other for other in islice(found, 10_000) if other.id not in there]


def _listed(answer: Answer, last: Span, items: Sequence[tuple[int, str]], more: Sequence[Fact]) -> Answer:
    text, spans = answer.text[: last.end], []
    left_out = len(more) - len(items)
    for place, (id, value) in enumerate(items):
        final = place == len(items) - 1 and not left_out
        text += " and " if final else ", "
        spans.append(Span(len(text), len(text) + len(value), id, "value"))
        text += value
    if left_out:
        text += f" and {left_out} more"
    shift = len(text) - last.end
    moved = [s if s.end <= last.end else replace(s, start=s.start + shift, end=s.end + shift) for s in answer.spans]
    weight = next((citation.weight for citation in answer.citations if citation.id == last.id), 0.0)
    cited = [Citation.of(f, weight) for f in more[: len(items)]]
    ordered = tuple(sorted([*moved, *spans], key=lambda span: span.start))
    return replace(answer, text=text + answer.text[last.end :], spans=ordered, citations=(*answer.citations, *cited))
