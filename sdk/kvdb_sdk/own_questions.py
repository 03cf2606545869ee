"""Questions about a store that it can answer, and as many that it cannot, made from its own facts.

What cannot be answered is of three kinds, in turn: about a fact that is hidden while it is asked, about a head and a
relation that the store has but not together, and about a head that it does not have. The store is only read.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from kvdb import Snapshot
from kvdb.errors import LimitError
from kvdb.named import named_terms
from kvdb.types import Fact, row_of

from .question.wordings import TRAINING, load_common_relations, load_paraphrases, rough, word

PRESENT, HIDDEN, LACKING, INVENTED = "present", "hidden", "lacking", "invented"
MISSING = (HIDDEN, LACKING, INVENTED)
LONGEST = 80  # characters of a head or tail that is asked about, as in training
TRIES = 20  # for each question
OTHERS = 500  # facts


@dataclass(frozen=True, slots=True)
class OwnQuestion:
    """`hidden`: rows that must not be found while it is asked."""

    text: str
    kind: str
    hidden: tuple[int, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the store can answer it."""
        return self.kind == PRESENT


def own_questions(snapshot: Snapshot, count: int, seed: int = 0) -> list[OwnQuestion]:
    """At most `count` questions, every second one about a fact that is there; fewer of a small store.

    Raises LimitError where no fact of the store can be asked about.
    """
    if "tail" not in snapshot.masks:
        raise LimitError(f"{snapshot.path} has no rows that answer with a tail: there is nothing to ask")
    maker = _Maker(snapshot, random.Random(seed))
    kinds = [kind for missing in MISSING for kind in (PRESENT, missing)]
    made = [maker.question(fact, kinds[i % len(kinds)]) for i, fact in enumerate(islice(maker.facts, count))]
    if not any(question.known for question in made):
        raise LimitError(f"no fact of {snapshot.path} is the only one of its head and relation: ingest some first")
    return made


class _Maker:
    """Draws facts with one tail for their head and relation, and words questions about them."""

    def __init__(self, snapshot: Snapshot, rng: random.Random) -> None:
        self.snapshot, self.rng = snapshot, rng
        self.nouns = {relation.name: relation.tail_noun for relation in snapshot.relations()}
        self.facts = self._facts()
        drawn = (snapshot.fact(id) for id in islice(self._ids(), OTHERS))
        self._others = [fact for fact in drawn if fact is not None]  # whose relations and heads are joined to others

    def question(self, fact: Fact, kind: str) -> OwnQuestion:
        """A question of a kind; where the store has no such, about the fact itself, hidden."""
        if kind == LACKING:
            relation = self._until(lambda: self._other(fact).relation, lambda name: not self._has(fact.head, name))
            if relation is not None:
                return OwnQuestion(self._worded(relation, fact.head), LACKING)
        if kind == INVENTED:
            head = self._until(lambda: self._invented(fact.head, self._other(fact).head), self._is_foreign)
            if head is not None:
                return OwnQuestion(self._worded(fact.relation, head), INVENTED)
        text = self._worded(fact.relation, fact.head)
        if kind == PRESENT:
            return OwnQuestion(text, PRESENT)
        return OwnQuestion(text, HIDDEN, (row_of(fact.id, "tail"), row_of(fact.id, "head")))

    def _worded(self, relation: str, head: str) -> str:
        """As training words questions; in half of the cases without the relation's own words, where there are such."""
        noun = self.nouns[relation]
        others = load_paraphrases().get(relation) or load_common_relations().get(noun) or ()
        wording = self.rng.choice(others) if others and self.rng.random() < 0.5 else self.rng.choice(TRAINING)
        return rough(word(wording, noun, head), self.rng)

    def _facts(self) -> Iterator[Fact]:
        """Facts to ask about, each once, in a random order."""
        for id in self._ids():
            fact = self.snapshot.fact(id)
            if fact is None or max(len(fact.head), len(fact.tail)) > LONGEST:
                continue
            if len(list(islice(self.snapshot.match(fact.head, fact.relation), 2))) == 1:
                yield fact

    def _ids(self) -> Iterator[int]:
        """Ids at random, some of facts that are deleted; where most would be, those of all facts, shuffled."""
        state = self.snapshot.state
        if state.facts < 1000 or state.facts * 20 < state.next_fact:
            ids = list(self.snapshot.fact_ids())
            self.rng.shuffle(ids)
            yield from ids
            return
        drawn: set[int] = set()
        while len(drawn) < state.facts // 2:
            id = self.rng.randrange(1, state.next_fact)
            if id not in drawn:
                drawn.add(id)
                yield id

    def _other(self, fact: Fact) -> Fact:
        return self.rng.choice(self._others or [fact])

    def _until(self, make: Callable[[], str], fits: Callable[[str], bool]) -> str | None:
        made = (make() for _ in range(TRIES))
        return next((text for text in made if fits(text)), None)

    def _has(self, head: str, relation: str) -> bool:
        return next(self.snapshot.match(head, relation), None) is not None

    def _is_foreign(self, text: str) -> bool:
        """Whether neither the text nor any part of it is a term of the store."""
        return bool(text.strip()) and not named_terms(self.snapshot, text)

    def _invented(self, left: str, right: str) -> str:
        """The beginning of one head and the end of another: a name in the store's own style."""
        if self.rng.random() < 0.5 and " " in left and " " in right:
            first, last = left.split(), right.split()
            return " ".join(first[: (len(first) + 1) // 2] + last[len(last) // 2 :])
        return left[: self.rng.randint(1, len(left))] + right[self.rng.randrange(len(right)) :]
