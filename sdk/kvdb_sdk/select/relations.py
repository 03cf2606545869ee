"""The relations of a store, as questions are judged by them: read again where the store has changed much."""

from __future__ import annotations

from itertools import islice

from kvdb import Snapshot
from kvdb.types import Relation

from ..question.aliases import Aliases
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
        self._aliases: dict[str, tuple[str, ...]] = {}
        self._kinds: Kinds | None = None
        self._kinds_of: dict[tuple[int, str], int] = {}  # relations and how many facts they had

    def nouns(self, snapshot: Snapshot) -> list[str]:
        """Of all relations, as questions for a tail have them."""
        return [relation.tail_noun for relation in self._of(snapshot)]

    def aliases(self, snapshot: Snapshot) -> Aliases:
        """What else questions call the nouns of the relations that have aliases."""
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
            self._aliases = {}
            for one in self._relations:
                if one.aliases:
                    self._aliases[one.tail_noun] = (*self._aliases.get(one.tail_noun, ()), *one.aliases)
        return self._relations


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
