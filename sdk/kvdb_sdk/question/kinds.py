"""What a subject might have been asked for: the relations that subjects of its kind have.

A store has no types. But where subjects have relations together, one that has some of them might be asked for the
rest: an airport for what airports have, whatever else the store is about. Each relation has an example of what it says,
beside which it is read (relation_match.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

SHARE = 0.5  # of a subject's nouns that a noun must stand beside, somewhere, to be one of its kind

Told = Mapping[str, str]  # the nouns of what is known about one subject -> what is said, the first of several values


@dataclass(frozen=True, slots=True)
class Kinds:
    """Which nouns subjects have together, and an example of what is said under each."""

    examples: Told
    beside: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, subjects: Iterable[Told]) -> Kinds:
        """Of what is known about some subjects."""
        examples: dict[str, str] = {}
        beside: dict[str, set[str]] = {}
        for told in subjects:
            for noun, value in told.items():
                examples.setdefault(noun, value)
                beside.setdefault(noun, set()).update(told)
        return cls(examples, {noun: frozenset(others) for noun, others in beside.items()})

    def askable(self, told: Told) -> dict[str, str]:
        """What a subject might be asked for: what is known about it, and the nouns of its kind that it lacks; all nouns
        where a single one is known and stands beside none.
        """
        count = Counter(other for noun in told for other in self.beside.get(noun, ()))
        lacking = [noun for noun, times in count.items() if noun not in told and times >= SHARE * len(told)]
        if not lacking and len(told) < 2:
            return {**self.examples, **told}
        return {**told, **{noun: self.examples[noun] for noun in lacking}}
