"""How well a question means a relation by the relation's own words, where there is no encoder to ask.

The attention route goes by it (kvdb_sdk/question/relation_match.py is the encoder's way): the match is the share of the
noun's words that stand in the question, slips mended.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from kvdb.nouns import clause
from kvdb.types import F32

from .spelling import mended

_WORDS = re.compile(r"\w+")


def noun_share(question: str, noun: str) -> float:
    """The share of the noun's words, those of three letters or more where there are any, that the question has; of the
    relation's words where the noun is a clause ("what it supersedes").
    """
    words = _WORDS.findall(("".join(clause(noun)) or noun).casefold())
    words = [word for word in words if len(word) > 2] or words
    asked = set(_WORDS.findall(question.casefold()))
    return sum(word in asked for word in words) / len(words) if words else 0.0


def word_match(
    asked: Sequence[str], nouns: Sequence[Sequence[str]], values: Sequence[Sequence[str]] | None = None
) -> list[F32]:
    """The match of each text of `asked` with each of its `nouns`, in [0, 1]. `values`, what facts say, do not count."""
    return [
        np.array([noun_share(mended(text, [noun]), noun) for noun in group], np.float32)
        for text, group in zip(asked, nouns, strict=True)
    ]
