"""What the store knows about a subject, where a question asks for no one thing: "Tell me about Oslo", "Oslo".

No model is asked: the facts are told by the store's own sentences, relation by relation, each value cited.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kvdb import Fact, kg2kv

from ..answer import Answer, Citation, Span
from .forms import words
from .reading import Subject, masked
from .relation_match import SUBJECT

BARE = 4  # words of a name that is asked about by itself
MOST_RELATIONS, MOST_VALUES = 16, 8  # of a relation; the text says what more there is
_ASKS = re.compile(
    r"\b(?:about|everything|anything|all|facts?|info|information|data|details|known?|overview|summary|summarise|summarize)\b",
    re.IGNORECASE,
)
_SAID_AROUND = """
a about all an and anything are available can could data database describe detail details do does everything fact facts
find for from give got has have hello hey hi i in info information is it just know known knows learn like list main me
more need of on out over overview please record recorded regarding said say says sheet show short some store stored
summarise summarize summary tell that the there thing things to up us want what whatever would you your
"""
_AROUND = frozenset(_SAID_AROUND.split())


def overview(question: str, found: Sequence[Subject]) -> Answer | None:
    """What is known of the one subject that a question names; None where it asks for something of it."""
    if len({subject.term for subject in found}) != 1 or not _asks_for_all(masked(question, found[0])):
        return None
    return told(found[0])


def may_ask_for_all(question: str) -> bool:
    """Whether a question has a word of those that ask for all, or may be a name and no more."""
    return _ASKS.search(question) is not None or len(question.split()) <= BARE


def told(subject: Subject) -> Answer:
    """All that is known of a subject."""
    text = ""
    spans: list[Span] = []
    cited: list[Fact] = []
    for noun in subject.nouns[:MOST_RELATIONS]:
        facts = [(fact, value) for other, fact, value in subject.facts if other == noun]
        before, after = kg2kv.answer(noun, subject.term, "\0").split("\0")
        text += (" " if text else "") + before
        shown, left_out = facts[:MOST_VALUES], len(facts) - MOST_VALUES
        for place, (fact, value) in enumerate(shown):
            if place:
                text += " and " if place == len(shown) - 1 and left_out <= 0 else ", "
            spans.append(Span(len(text), len(text) + len(value), fact.id, "value"))
            text += value
            cited.append(fact)
        text += (f" and {left_out} more" if left_out > 0 else "") + after
    more = len(subject.nouns) - MOST_RELATIONS
    text += f" There is more, under {more} other relations." if more > 0 else ""
    citations = tuple(Citation(fact.id, fact.head, fact.relation, fact.tail, 1.0) for fact in cited)
    stats = {"facts": len(cited), "attended": [fact.id for fact in cited[:5]], "tokens": 0, "worded_by": "store"}
    return Answer(text, True, citations, tuple(spans), stats)


def _asks_for_all(text: str) -> bool:
    """Of a question, its subject masked: nothing but the subject, or words that ask for all of it."""
    said = words(text)
    if not said or SUBJECT not in said or not _AROUND.issuperset(said):
        return False
    return said == [SUBJECT] or _ASKS.search(text) is not None
