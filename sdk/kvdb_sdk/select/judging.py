"""What the words of a question say of one fact, beside all else that its subject might be asked for in this store."""

from __future__ import annotations

from collections.abc import Mapping

from kvdb import Fact, Snapshot
from kvdb.nouns.lexicon import SYMMETRIC

from ..question.aliases import in_nouns
from ..question.direction import acting_clause
from ..question.relation_match import Match
from ..refusal.confidence import Evidence, in_words
from .finding import told_about
from .relations import StoreRelations


def judged(
    snapshot: Snapshot,
    relations: StoreRelations,
    matcher: Match,
    read: Evidence,
    question: str,
    *,
    fact: Fact,
    term: str,
    noun: str,
    value: str,
    match: float | None,
    hidden: frozenset[int],
    more: Mapping[str, str] | None = None,
) -> Evidence:
    """As kvdb_sdk/refusal/confidence.py's `in_words`, by what the store has. `more`: nouns of the subject that its rows
    do not have, with what they say.
    """
    aliases = relations.aliases(snapshot)
    askable = relations.kinds(snapshot).askable(told_about(snapshot, term, hidden))
    return in_words(
        read, matcher, question, term=term, noun=noun, value=value, match=match, askable={**(more or {}), **askable},
        spelt=relations.spelt(snapshot, in_nouns(question, aliases)), aliases=aliases,
        own="" if noun.split()[-1] in SYMMETRIC else acting_clause(fact.relation, is_head=fact.head == term),
    )  # fmt: skip
