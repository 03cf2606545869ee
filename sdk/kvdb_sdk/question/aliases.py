"""Relations by other names than their nouns: as the facts have them, and as the people of a trade call them.

No model knows that the "Excludes1 note" of a diagnosis is what it is "never coded together with". An alias, which a
store was told, is one more noun that a question may mean, and a relation is meant as well as the best of its names: its
noun, the words that the facts have for it ("code also", for "the condition to code also"), its aliases. Where an alias
stands word for word, the question counts as one that has the noun.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from kvdb.nouns.words import clean
from kvdb.types import F32

from .direction import asks_the_other_way
from .forms import content_words, singular_or_plural, stem
from .relation_match import OTHER_WAY, Match

_OPEN = re.compile(r"\b(?:of|to|for|by|from|in|on|at|as|into)$", re.IGNORECASE)

Aliases = Mapping[str, Sequence[str]]  # the noun of a relation -> other names


def own_name(relation: str, noun: str) -> str | None:
    """The words that the facts have for a relation, where its noun has them all in another form.

    "Acquired by" is no name of the "acquirer", nor "supplier to" of "what it is supplier to": what was acquired by it,
    or who is the supplier to it, asks the other way round.
    """
    name = clean(relation)
    said, kept = ({stem(word) for word in content_words(text)} for text in (name, noun))
    if not said or not said <= kept or _OPEN.search(name) or name.casefold() == noun.casefold():
        return None
    return name


def by_any_name(match: Match, names: Aliases) -> Match:
    """A match in which each noun is meant as well as the best of its names."""
    if not names:
        return match

    def matched(
        asked: Sequence[str], nouns: Sequence[Sequence[str]], values: Sequence[Sequence[str]] | None = None
    ) -> list[F32]:
        counts = [[1 + len(names.get(noun, ())) for noun in group] for group in nouns]
        every = [[name for noun in group for name in (noun, *names.get(noun, ()))] for group in nouns]
        if values is not None:
            values = [
                [value for value, count in zip(group, each, strict=True) for _ in range(count)]
                for group, each in zip(values, counts, strict=True)
            ]
        found = match(asked, every, values)
        return [_best(*each) for each in zip(asked, nouns, counts, found, strict=True)]

    return matched


def _best(text: str, nouns: Sequence[str], counts: Sequence[int], scores: F32) -> F32:
    """The best score of each noun's names [n] from those of all names. Others than the noun are asked for the other way
    round as it is.
    """
    if not nouns:
        return scores
    starts = np.cumsum([0, *counts[:-1]])  # [n] where the noun itself stands, whose match knows of directions
    less = np.repeat([OTHER_WAY * asks_the_other_way(text, noun) for noun in nouns], counts)
    less[starts] = 0.0
    best: F32 = np.maximum.reduceat(scores - less, starts).astype(np.float32)
    return best


def with_aliases(nouns: Sequence[str], aliases: Aliases) -> dict[str, str]:
    """All names of some nouns, each with its noun; what is a noun is no alias of another."""
    names = {alias: noun for noun in nouns for alias in aliases.get(noun, ())}
    return names | {noun: noun for noun in nouns}


def in_nouns(text: str, aliases: Aliases) -> str:
    """The text with the aliases that stand in it, in singular or plural, replaced by their nouns."""
    if not aliases:
        return text
    nouns = {name.casefold(): noun for name, noun in with_aliases(list(aliases), aliases).items()}
    longest_first = sorted(nouns, key=len, reverse=True)
    groups = "|".join(f"({singular_or_plural(name)})" for name in longest_first)
    return re.sub(
        rf"(?<!\w)(?:{groups})(?!\w)",
        lambda found: nouns[longest_first[(found.lastindex or 1) - 1]],
        text,
        flags=re.IGNORECASE,
    )
