"""What the steps of a question (kvdb_sdk/question/hops.py, Reader) learn of a store, whoever answers from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager

import numpy as np

from kvdb import SearchLimits, Snapshot
from kvdb.types import U64

from ..models.encoders import Encoder
from ..question.aliases import with_aliases
from ..question.hops import MATCHES
from ..question.reading import Subject, about, ends, subjects, values_named, values_said
from ..question.relation_match import RelationMatch, without_subject
from ..question.rows import said
from ..question.short_names import Part, part_of_a_name
from .finding import named_in, told_about
from .pager import Pager
from .relations import StoreRelations
from .routing import select_by_vector, without


class StoreReader(ABC):
    """Reads the words of a store. What it needs is set by those that are one."""

    encoder: Encoder | None
    matcher: RelationMatch | None
    pager: Pager
    limits: SearchLimits
    relations: StoreRelations
    _last: tuple[int, str, U64] = (-1, "", np.empty(0, np.uint64))  # transaction, question, rows near it
    hidden: frozenset[int] = frozenset()  # rows that are left out, as if the store did not have them

    @abstractmethod
    def generation(self) -> AbstractContextManager[Snapshot]:
        """One state of the store, held while it is read."""

    def subjects(self, question: str, *, spelt: bool = False) -> list[Subject]:
        """The terms of the store that a question names, with their facts. `spelt`, or without an encoder: only those
        that stand there in the store's spelling.
        """
        with self.generation() as snapshot:
            if not snapshot.rows:
                return []
            near = np.empty(0, np.uint64)
            if not spelt and self.encoder is not None:
                near = self._near(snapshot, question)
            return subjects(snapshot, question, named_in(snapshot, question, near, self.hidden))

    def with_whole_name(self, question: str) -> str:
        """The question with a subject's whole name where it has a part of it (question/short_names.py)."""
        if self.encoder is None or not question.strip():
            return question
        with self.generation() as snapshot:
            if values_named(snapshot, question, self.hidden):  # a name that the store has, if only as a value
                return question
            near = said(snapshot, without(self._near(snapshot, question), self.hidden).tolist())
            part = part_of_a_name(question, [row.term for row in near])
            if part is None or not (part.is_a_name or self._asks_of(question, part, snapshot)):
                return question
            return question[: part.start] + part.term + question[part.end :]

    def _near(self, snapshot: Snapshot, question: str) -> U64:
        """The rows that a question's vector finds. The last ones are kept: a question's steps ask for them again."""
        assert self.encoder is not None
        if self._last[:2] != (snapshot.txn_id, question):
            rows = select_by_vector(snapshot, self.encoder([question or "?"])[0], self.pager, self.limits)
            self._last = (snapshot.txn_id, question, rows)
        return self._last[2]

    def _asks_of(self, question: str, part: Part, snapshot: Snapshot) -> bool:
        """Whether a question means something that the store has of a subject: "recursion" alone names no company."""
        nouns = list(told_about(snapshot, part.term, self.hidden))
        return self.best_noun(without_subject(question, part.start, part.end), nouns)[1] >= MATCHES

    def about(self, term: str) -> Subject | None:
        """What the store has about a term as it is spelt; None where that is nothing."""
        with self.generation() as snapshot:
            return about(snapshot, term, self.hidden)

    def ends(self, term: str) -> Subject | None:
        """The facts whose tail is a term, each under the noun of its head; None where there is none."""
        with self.generation() as snapshot:
            return ends(snapshot, term, self.hidden)

    def askable(self, subject: Subject) -> list[str]:
        """The nouns that a subject might be asked for: its own, and those that it lacks of its kind."""
        told = {noun: value for noun, _, value in reversed(subject.facts)}
        with self.generation() as snapshot:
            return list(self.relations.kinds(snapshot).askable(told))

    def values_named(self, question: str, *, words: bool = False) -> list[Subject]:
        """The names in a question that are values of the store and nothing more, with the facts that have them; with
        `words` also those in small letters.
        """
        with self.generation() as snapshot:
            return values_named(snapshot, question, self.hidden, words=words)

    def values_said(self, question: str, relation: str) -> list[str]:
        """What a question has, word for word, that is a value of a relation for some subject; the longest first."""
        with self.generation() as snapshot:
            return values_said(snapshot, question, relation)

    def best_noun(self, text: str, nouns: Sequence[str]) -> tuple[str, float]:
        """The noun that a text, its subject masked, means most, and the match in [-1, 1]. ("", -1.0): there is none."""
        if self.matcher is None or not nouns:
            return "", -1.0
        with self.generation() as snapshot:
            names = with_aliases(nouns, self.relations.aliases(snapshot))
        best, match = self.matcher.best(text, list(names))
        return names[best], match
