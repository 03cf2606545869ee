"""What is found for a question before the model reads it: by its vector, and by the terms that stand in it.

Sentence vectors blur names; the index of terms does not, but it must be asked in the store's spelling. So terms are
looked up as the question spells them, and then, in any case, those of the facts that the vector found. Facts about a
named term are weighed by how well the rest of the question means their relation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from kvdb import SearchLimits, Snapshot
from kvdb.named import Named, named_terms, rows_about, spans
from kvdb.types import F32, U64

from ..attend.adapter import AdapterConfig
from ..question.forms import asks, asks_yes_or_no
from ..question.kinds import Told
from ..question.reading import is_common_word
from ..question.relation_match import Match, term_in, without_subject
from ..question.rows import said
from .pager import Pager
from .routing import select_by_vector, union, widened, without

MOST_TERMS = 4  # named terms whose relations are weighed, the longest first
_GOES_ON = re.compile(r"\s+(?:\d{1,3}|II|III|IV|VI{0,3}|IX)(?=\W*$|\s)")  # "Alien 3" is no "Alien"
RELATION_SHARE = 0.5  # of the match in what orders the facts about a named term


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for one question."""

    vector: F32  # [E] the question's
    rows: U64  # candidates
    match: dict[int, float] = field(default_factory=dict)  # rows whose term is named -> match of their relation

    def bonus(self, row: int, config: AdapterConfig) -> float:
        """What a row has beyond its similarity because the question names its term."""
        match = self.match.get(row)
        return 0.0 if match is None else config.named_bonus + config.relation_bonus * match


def find(
    snapshot: Snapshot,
    questions: Sequence[str],
    vectors: F32,
    matcher: Match | None,
    pager: Pager,
    limits: SearchLimits,
    *,
    hidden: frozenset[int] = frozenset(),
) -> list[Found]:
    """Candidates for each question, by its vector [B, E]. Without a `matcher` by that alone (route `encoder`).

    `hidden` rows are not found, as if the store did not have them.
    """
    wide = widened(limits, hidden)
    near = [without(select_by_vector(snapshot, vector, pager, wide), hidden) for vector in vectors]
    near = [rows[: limits.leaf_top_k] for rows in near]
    if matcher is None:
        return [Found(vector, rows) for vector, rows in zip(vectors, near, strict=True)]
    named = [named_in(snapshot, text, rows, hidden)[:MOST_TERMS] for text, rows in zip(questions, near, strict=True)]
    matches = _matches(snapshot, matcher, questions, named)
    return [
        Found(vector, _joined(snapshot, vector, rows, match, limits.leaf_top_k), match)
        for vector, rows, match in zip(vectors, near, matches, strict=True)
    ]


def named_in(snapshot: Snapshot, question: str, near: U64, hidden: frozenset[int] = frozenset()) -> list[Named]:
    """Terms that the question names, the longest first: as it spells them, and in any case those of rows `near` it.

    A term all of whose rows are hidden is none, nor is a common word ("Can you ...", "tell us"), nor what is only found
    in another case and is a part of a name: "the airport code of Kay Ranch Airport" is not about the town of Airport.
    Nor is one that goes on with a number, where that is no claim.
    A term with very many rows has the first of them, and those near the question.
    """
    beside: dict[str, list[int]] = {}
    for row, each in zip(near.tolist(), said(snapshot, near.tolist()), strict=True):
        beside.setdefault(each.term, []).append(row)
    found = [
        replace(term, rows=tuple(dict.fromkeys([*term.rows, *beside.get(question[term.start : term.end], ())])))
        for term in named_terms(snapshot, question)
    ]
    spelt = {question[term.start : term.end] for term in found}
    for text, rows in beside.items():
        place = None if text in spelt else term_in(question, text)
        if place and not any(term_in(name, text) for name in spelt):
            found.append(Named(*place.span(), tuple(dict.fromkeys([*rows_about(snapshot, text), *rows]))))
    if hidden:
        left = [replace(term, rows=tuple(row for row in term.rows if row not in hidden)) for term in found]
        found = [term for term in left if term.rows]
    found = [term for term in found if not is_common_word(question, term.start, term.end)]
    if not asks_yes_or_no(question):  # which may claim a number: "Is the height of Berg 320?"
        found = [term for term in found if not _GOES_ON.match(question[term.end :])]
    whole = [term for term in found if not any(_is_inside(term, other) for other in found)]
    return sorted(whole, key=lambda term: term.start - term.end)


def meant_of(
    snapshot: Snapshot, matcher: Match, question: str, term: str, hidden: frozenset[int] = frozenset()
) -> dict[int, float]:
    """The rows about a term, with the match of their relation; none where the question lacks it."""
    place = term_in(question, term)
    rows = tuple(row for row in rows_about(snapshot, term) if row not in hidden) if place else ()
    if not place or not rows:
        return {}
    return _matches(snapshot, matcher, [question], [[Named(*place.span(), rows)]])[0]


def asks_about_a_name(snapshot: Snapshot, question: str) -> bool:
    """Whether a question asks, and has a name in it that is, whole, a head or a tail of the store."""

    def known(name: str) -> bool:
        return snapshot.value_id(name) is not None or next(iter(snapshot.head_ids(name)), None) is not None

    return asks(question) and any(
        question[start:end] != question[start:end].lower()
        and not is_common_word(question, start, end)
        and known(question[start:end])
        for start, end in spans(question)
    )


def _is_inside(term: Named, other: Named) -> bool:
    return other.start <= term.start and term.end <= other.end and other.end - other.start > term.end - term.start


def _matches(
    snapshot: Snapshot, matcher: Match, questions: Sequence[str], named: Sequence[Sequence[Named]]
) -> list[dict[int, float]]:
    """For each question the rows that it names, with the match of their relation."""
    terms = [(b, term) for b, found in enumerate(named) for term in found]
    texts = [without_subject(questions[b], term.start, term.end) for b, term in terms]
    told = [said(snapshot, term.rows) for _, term in terms]
    nouns, values = [[row.noun for row in each] for each in told], [[row.value for row in each] for each in told]
    scores = matcher(texts, nouns, values)
    out: list[dict[int, float]] = [{} for _ in questions]
    for (b, term), match in zip(terms, scores, strict=True):
        for row, score in zip(term.rows, match.tolist(), strict=True):
            out[b][row] = max(score, out[b].get(row, -1.0))
    return out


def told_about(snapshot: Snapshot, term: str, hidden: frozenset[int] = frozenset()) -> Told:
    """What the store says about a term, its hidden rows aside: the first value of each noun."""
    told: dict[str, str] = {}
    for row in said(snapshot, [row for row in rows_about(snapshot, term) if row not in hidden]):
        told.setdefault(row.noun, row.value)
    return told


def _joined(snapshot: Snapshot, vector: F32, near: U64, match: dict[int, float], most: int) -> U64:
    """The best `most` rows of those named, and those near."""
    rows = np.fromiter(match, np.uint64, len(match))
    if len(rows) > most:
        weight = np.fromiter(match.values(), np.float32, len(match))  # [n]
        score = snapshot.key_vectors(rows) @ vector + RELATION_SHARE * weight  # [n]
        rows = rows[np.argsort(-score, kind="stable")[:most]]
    return union(rows, near)
