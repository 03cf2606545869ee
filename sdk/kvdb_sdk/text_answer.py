"""From a text that a model wrote in its own words to an answer: what in it is found in the facts that it read.

Where nothing is copied (facts in the prompt, an adapter without a copy gate) no step of the generation says which fact
a word is from. So the text is searched: a fact is cited where the text gives its number, or has its value verbatim.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kvdb import Fact
from kvdb.kg2kv import Row

from .answer import Answer, Citation, Span, says_unknown

InWords = tuple[Fact, Row]
"""A fact that was read, and the row that says which end of it is the term and which the value."""

_NUMBER = re.compile(r"\[(\d+)\]")


def answer_from_text(
    text: str,
    read: Sequence[InWords],
    stats: dict[str, Any],
    *,
    numbered: bool = False,
    weights: Mapping[int, float] | None = None,
) -> Answer:
    """The answer that `text` is, given the facts that were read, best first.

    `answered` is False where the text says that it does not know, or nothing that the facts say; then nothing is cited.
    `numbered`: the text may cite facts as [1], counted from 1; that counts where it also has their value. `weights` of
    the citations by fact id; 1 where there are none.
    """
    numbers = [int(number) - 1 for number in _NUMBER.findall(text)] if numbered else []
    named = [read[place] for place in numbers if 0 <= place < len(read)]
    cited = [fact for fact, row in named if next(_places(text, row.value), None)]
    spans = value_spans(text, read, cited)
    if not spans or says_unknown(without_spans(text, spans)):
        return Answer(text, False, stats=stats)
    by_id: dict[int, Fact] = {fact.id: fact for fact, _ in read}
    ids = dict.fromkeys([fact.id for fact in cited] + [span.id for span in spans])
    found = [Citation.of(by_id[id], 1.0 if weights is None else weights[id]) for id in ids]
    return Answer(text, True, tuple(found), spans, stats)


def without_spans(text: str, spans: Sequence[Span]) -> str:
    """A text without what in it is from facts: "Things I Don't Know" may be a value."""
    for span in sorted(spans, key=lambda span: -span.start):
        text = f"{text[: span.start]} {text[span.end :]}"
    return text


def value_spans(text: str, read: Sequence[InWords], cited: Sequence[Fact] = ()) -> tuple[Span, ...]:
    """Where values of the facts stand verbatim in the text, as whole words; of values that overlap the longest counts.

    A value that several facts share is taken from one of those `cited`, else from one whose term is in the text, else
    from the first.
    """
    known = {fact.id for fact in cited}
    spans: list[Span] = []
    for value in sorted({row.value for _, row in read if row.value in text}, key=lambda value: (-len(value), value)):
        having = [(fact, row) for fact, row in read if row.value == value]
        best, _ = max(having, key=lambda pair: (pair[0].id in known, pair[1].term in text))
        for start, end in _places(text, value):
            if all(end <= span.start or span.end <= start for span in spans):
                spans.append(Span(start, end, best.id, "value"))
    return tuple(sorted(spans, key=lambda span: span.start))


def _places(text: str, value: str) -> Iterator[tuple[int, int]]:
    for match in re.finditer(rf"(?<!\w){re.escape(value)}(?!\w)", text):
        yield match.span()
