"""The relations of a store, as questions are judged by them: read again where the store has changed much."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from kvdb import Snapshot
from kvdb.types import Relation

from ..question.aliases import Aliases, own_name
from ..question.forms import has_noun
from ..question.kinds import Kinds

MOST = 2000  # relations that are looked at
SUBJECTS = 8  # for each relation, of whose facts its kind is told
MOST_SUBJECTS = 1000
CHANGED = 0.1  # of the facts of a relation: from here on kinds are told anew
FACTS = 64  # of each of them


class StoreRelations:
    """The nouns of a store's relations, and which of them its subjects have together."""

    def __init__(self) -> None:
        self._transaction = -1  # that _relations are of
        self._relations: list[Relation] = []
        self._names: dict[str, tuple[str, ...]] = {}
        self._aliases: dict[str, tuple[str, ...]] = {}
        self._kinds: Kinds | None = None
        self._kinds_of: dict[tuple[int, str], int] = {}  # relations and how many facts they had

    def nouns(self, snapshot: Snapshot) -> list[str]:
        """Of all relations, as questions for a tail have them."""
        return [relation.tail_noun for relation in self._of(snapshot)]

    def spelt(self, snapshot: Snapshot, text: str) -> list[str]:
        """The nouns of tails and heads that stand in a text word for word, in singular or plural, whoever has them."""
        folded = text.casefold()
        nouns = dict.fromkeys(noun for one in self._of(snapshot) for noun in (one.tail_noun, one.head_noun))
        return [noun for noun in nouns if noun.casefold()[:-1] in folded and has_noun(text, noun)]

    def names(self, snapshot: Snapshot) -> Aliases:
        """What else the nouns of relations are called: by the facts, and by questions."""
        self._of(snapshot)
        return self._names

    def aliases(self, snapshot: Snapshot) -> Aliases:
        """What else questions call them, as the store was told."""
        self._of(snapshot)
        return self._aliases

    def kinds(self, snapshot: Snapshot) -> Kinds:
        """Which relations stand together, by the first subjects of each; found anew when the store has much changed."""
        relations = self._of(snapshot)
        if self._kinds is None or not _much_the_same(relations, self._kinds_of):
            self._kinds_of = {(one.id, one.tail_noun): one.facts for one in relations}
            each = max(1, min(SUBJECTS, MOST_SUBJECTS // max(1, len(relations))))
            nouns = {relation.name: relation.tail_noun for relation in relations}
            heads = [
                fact.head for relation in relations for fact in islice(snapshot.match(relation=relation.name), each)
            ]
            self._kinds = Kinds.of(_told(snapshot, head, nouns) for head in dict.fromkeys(heads))
        return self._kinds

    def _of(self, snapshot: Snapshot) -> list[Relation]:
        if self._transaction != snapshot.txn_id:
            self._transaction, self._relations = snapshot.txn_id, snapshot.relations()[:MOST]
            self._aliases = _by_noun((one.tail_noun, one.aliases) for one in self._relations)
            self._names = _by_noun(
                (one.tail_noun, [name for name in (own_name(one.name, one.tail_noun), *one.aliases) if name])
                for one in self._relations
            )
        return self._relations


def _by_noun(names: Iterable[tuple[str, Sequence[str]]]) -> dict[str, tuple[str, ...]]:
    """The names of each noun that has some, each once: relations may share one."""
    found: dict[str, dict[str, None]] = {}
    for noun, others in names:
        if others:
            found.setdefault(noun, {}).update(dict.fromkeys(others))
    return {noun: tuple(others) for noun, others in found.items()}


def _much_the_same(relations: list[Relation], before: dict[tuple[int, str], int]) -> bool:
    """Whether these are the relations of before, each with about as many facts."""
    now = {(one.id, one.tail_noun): one.facts for one in relations}
    return now.keys() == before.keys() and all(
        abs(facts - before[one]) <= CHANGED * before[one] for one, facts in now.items()
    )


def _told(snapshot: Snapshot, head: str, nouns: dict[str, str]) -> dict[str, str]:
    told: dict[str, str] = {}
    for fact in islice(snapshot.match(head=head), FACTS):
        if fact.relation in nouns:
            told.setdefault(nouns[fact.relation], fact.tail)
    return told
