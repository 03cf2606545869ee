"""How well the words of a question, its subject aside, mean a relation.

The vector of a whole question is mostly its subject's: "Who runs ABN AMRO?" is as near to the key of the company's
website as to that of its key people. So the subject gives way to "it" on both sides, and what is left is compared, by
an encoder f that was changed for it (relation_encoder.py; else the store's own e):

    q = f("Who runs it?")
    match = cos((1 + U) q, f("the key people of it")) + VALUE_SHARE cos((1 + W) q, e(value))

What a fact says of its subject tells as well: "Who?" is nearer to a person than to a year, whatever the relation is
called. f, U and W are learnt from wordings of questions (relation_wordings.py); with U = W = 0 and f = e it is the
encoder's own similarity. docs/attention.md has what each of them gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from kvdb.kg2kv import key_sentence
from kvdb.types import F16, F32

from .spelling import mended

Encode = Callable[[Sequence[str]], F32]
Match = Callable[[Sequence[str], Sequence[Sequence[str]], "Sequence[F16 | F32] | None"], list[F32]]
"""Of texts, their subjects masked, with nouns each, and vectors of what the facts with these nouns say."""

SUBJECT = "it"
VALUE_SHARE = 0.5
FAR = -0.2
_MOST_NOUNS = 50_000  # kept with their vectors
_MOST_ASKED = 512


class RelationMatch:
    """Compares questions with the nouns of relations; keeps the nouns' vectors."""

    def __init__(self, encode: Encode, to_nouns: F32 | None = None, to_values: F32 | None = None) -> None:
        """`encode` is f; `to_nouns` and `to_values` are U and W [E, E], None for 0."""
        self._encode = encode
        self._moves = (to_nouns, to_values)
        self._vectors: dict[str, F32] = {}
        self._asked: dict[str, tuple[F32, F32]] = {}

    def __call__(
        self, asked: Sequence[str], nouns: Sequence[Sequence[str]], values: Sequence[F16 | F32] | None = None
    ) -> list[F32]:
        """The match of each text of `asked`, its subject masked, with each of its `nouns`: in [-1, 1].

        `values`: for each text the vectors [n, E] of what the facts with these nouns say, which then count as well, up
        to VALUE_SHARE more or less.
        """
        if not asked:
            return []
        wanted = self._noun_vectors({noun for group in nouns for noun in group})
        asked = [mended(text, group) for text, group in zip(asked, nouns, strict=True)]
        vectors = self._question_vectors(asked)
        out = [
            np.array([wanted[noun] @ vectors[text][0] for noun in group], np.float32)
            for text, group in zip(asked, nouns, strict=True)
        ]
        if values is not None:
            for text, match, said in zip(asked, out, values, strict=True):
                match += VALUE_SHARE * (said.astype(np.float32) @ vectors[text][1])
        return out

    def best(self, asked: str, nouns: Sequence[str]) -> tuple[str, float]:
        """The noun that a text means most, and the match. ("", -1.0) where there is none to choose from."""
        if not nouns:
            return "", -1.0
        scores = self([asked], [nouns])[0]
        return nouns[int(scores.argmax())], float(scores.max())

    def _question_vectors(self, asked: Sequence[str]) -> dict[str, tuple[F32, F32]]:
        """(1 + U) f and (1 + W) f of each text, unit length. The last ones are kept: a question is compared more than
        once.
        """
        missing = [text for text in dict.fromkeys(asked) if text not in self._asked]
        if missing:
            if len(self._asked) + len(missing) > _MOST_ASKED:
                self._asked = {text: self._asked[text] for text in asked if text in self._asked}
            vectors = self._encode(missing)  # [m, E]
            both = (_moved(vectors, change) for change in self._moves)
            self._asked.update(zip(missing, zip(*both, strict=True), strict=True))
        return self._asked

    def _noun_vectors(self, nouns: set[str]) -> dict[str, F32]:
        missing = sorted(nouns - self._vectors.keys())
        if len(self._vectors) + len(missing) > _MOST_NOUNS:
            self._vectors.clear()
            missing = sorted(nouns)
        if missing:
            vectors = self._encode([key_sentence(noun, SUBJECT) for noun in missing])  # [n, E]
            self._vectors.update(zip(missing, vectors, strict=True))
        return self._vectors


def _moved(vectors: F32, change: F32 | None) -> F32:
    """(1 + change) times vectors [m, E], unit length again."""
    if change is None:
        return vectors
    moved: F32 = vectors + vectors @ change.T  # [m, E]
    moved /= np.linalg.norm(moved, axis=1, keepdims=True).clip(1e-9)
    return moved


def gap(match: Match, asked: str, noun: str, nouns: Sequence[str]) -> float:
    """By how much the best of `nouns` matches a text better than `noun` does: below 0 where none does, FAR where they
    are far from it or there is none.
    """
    if not nouns:
        return FAR
    scores = match([asked], [[noun, *nouns]], None)[0]
    return max(FAR, float(scores[1:].max() - scores[0]))


def without_subject(question: str, start: int, end: int) -> str:
    """The question with characters [start, end), its subject, masked."""
    return question[:start] + SUBJECT + question[end:]


def term_in(text: str, term: str) -> re.Match[str] | None:
    """Where `term` stands in `text` as whole words, in any case; None where it does not."""
    return re.search(r"(?<!\w)" + re.escape(term) + r"(?!\w)", text, re.IGNORECASE)
