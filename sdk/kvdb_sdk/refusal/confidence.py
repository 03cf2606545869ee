"""How probably the store has the fact that was asked for: what `answer.stats["confidence"]` says, and refusal goes by.

A logistic regression, fitted on facts of the training domains and on questions that they cannot answer, over what is
known when the prompt has been read: how much attention the null fact and the best fact got, and how far the question's
words bear the best fact out. The attention alone cannot tell a missing relation of a known subject from a present one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kvdb.nouns import clause

from ..question.aliases import Aliases, in_nouns
from ..question.answer_kind import is_of_another_kind
from ..question.contrasts import contrasts
from ..question.direction import asks_for_the_end_of_another, asks_it_of_the_subject, asks_the_other_way
from ..question.forms import asks_for, asks_of_another, has_noun
from ..question.relation_match import Match, lead, term_in, without_subject
from ..question.spelling import mended
from ..question.word_match import noun_share

SIGNS = (-1, 1, 1, 1, 1, 1, 1)
"""Whether a feature of Evidence speaks for the fact or against it: no fit may turn that round."""

NAMED_INSTEAD = -0.35
"""The most that a relation leads by where the question names another one instead (names_another), asks for its other
end or for that of another one that is not there (direction.py), or wants an answer of another kind (answer_kind.py).
"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for the fact that the attention read most."""

    null: float  # copy weight of the null fact
    weight: float  # copy weight of the best fact
    similarity: float = 0.0  # of the question's and the key's vectors
    named: bool = False  # the question has the fact's term, in any case
    noun_share: float = 0.0  # share of the words of the relation's noun that the question has
    match: float = 0.0  # of its relation where its term is named (kvdb_sdk/question/relation_match.py, word_match.py)
    lead: float = 0.0  # by how much that relation is meant better than all others that might have been asked for

    @property
    def features(self) -> tuple[float, ...]:
        """In the order of the coefficients."""
        return (self.null, self.weight, self.similarity, float(self.named), self.noun_share, self.match, self.lead)


def in_words(
    read: Evidence,
    matcher: Match,
    question: str,
    *,
    term: str,
    noun: str,
    value: str,
    match: float | None,
    askable: Mapping[str, str],
    spelt: Sequence[str] = (),
    own: str = "",
    aliases: Aliases | None = None,
) -> Evidence:
    """What was read, and what the question's words say of the fact: its subject's `term`, its relation's `noun`, its
    `value`, and the `match` of the relation where the question names the term. `askable`: the nouns that the subject
    might have been asked for, with what they say (kvdb_sdk/question/kinds.py). `spelt`: the store's nouns that the
    question has word for word. `own`: the fact's own words, as a clause. `aliases` of the store's nouns.
    """
    place = term_in(question, term)
    ahead = 0.0
    if match is not None and place:
        asked = without_subject(question, *place.span())
        others = {other: said for other, said in askable.items() if other != noun}
        ahead = lead(matcher, asked, noun, value, others)
        asked = in_nouns(asked, aliases or {})
        if (
            names_another(mended(asked, [noun, *others]), noun, others)
            or (not any(clause(noun)) and names_another(asked, noun, spelt))  # "it reports to" may be its manager
            or asks_the_other_way(asked, noun)
            or (own and asks_the_other_way(asked, own))
            or asks_for_the_end_of_another(asked, noun, others)
            or asks_it_of_the_subject(asked, noun)
            or asks_of_another(asked, noun)
            or contrasts(asked, noun, value)
            or is_of_another_kind(asked, value)
        ):
            ahead = min(ahead, NAMED_INSTEAD)
    return replace(
        read,
        named=match is not None,
        noun_share=noun_share(mended(in_nouns(question, aliases or {}), [noun]), noun),
        match=match or 0.0,
        lead=ahead,
    )


def names_another(asked: str, noun: str, others: Iterable[str]) -> bool:
    """Whether a text has one of the other nouns word for word, and not this one, and either asks for it ("which
    country", for a region) or they differ by some words.

    The IATA code is not the ICAO code, however near their sentences are. "Country" is no other than "country of birth".
    """
    if has_noun(asked, noun):
        return False
    own = set(noun.casefold().split())
    for other in others:
        words = set(other.casefold().split())
        if words <= own or not has_noun(asked, other):
            continue
        if asks_for(asked, other) or (own & words and own - words):
            return True
    return False


def known_probability(coefficients: Sequence[float], evidence: Evidence) -> float:
    """The probability in [0, 1] that the asked fact is the one read most."""
    intercept, *by = coefficients
    return _sigmoid(intercept + sum(a * x for a, x in zip(by, evidence.features, strict=True)))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, x))))
