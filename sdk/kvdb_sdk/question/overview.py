"""What the store knows about a subject, where a question asks for no one thing: "Tell me about Oslo", "Oslo".

No model is asked: the facts are told by the store's own sentences, relation by relation, each value cited.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from kvdb import Fact, kg2kv
from kvdb.nouns.words import clean, in_plural

from ..answer import Answer, Citation, Span
from .forms import words
from .hops import Reader
from .reading import Subject, asked_about, masked, spelt_noun
from .relation_match import SUBJECT

BARE = 4  # words of a name that is asked about by itself
MOST_RELATIONS, MOST_VALUES = 16, 8  # of a relation; the text says what more there is
_ASKS = re.compile(
    r"\b(?:everything|anything|something|all|facts?|info|information|data|details|overview|summary|summari[sz]e|describe"
    r"|more)\b|\b(?:tell|know|known|have|got|say|says|said|learn|recorded)\b.*\b(?:about|on|of|regarding)\b|^about\b"
    r"|^(?:please )?show (?:me )?it$",
    re.IGNORECASE,
)
_ASKS_ONE = re.compile(
    r"\b(?:is|are|was|were) it (?:all )?about\b|\b(?:does|did|can|could) it\b|\bknown for\b", re.IGNORECASE
)
_WHO = re.compile(r"(?:who|what)(?:'s| is| was) it\??", re.IGNORECASE)
_BEFORE_A_FLAG = re.compile(r"^(?:is|are|was|has|have|does|can) ", re.IGNORECASE)
_TELLS = frozenset(
    ("definition", "description", "kind", "class", "type", "occupation", "profession", "role", "abstract")
)
_ASKS_WHO = re.compile(r"(?:who|what)(?:'s| is| was)\b", re.IGNORECASE)
_SAID_AROUND = """
a about all am an and any anything are available bit can could d data database describe detail details do does else
everything fact facts find for from give got has have hello hey hi i in info information is it just know known knows
learn like list little ll main me more my need of on overview please re record recorded regarding s said say says sheet
show short some something store stored summarise summarize summary tell thank thanks that the there thing things to us
ve want we what whatever which would you your
"""
_AROUND = frozenset(_SAID_AROUND.split())


def overview(question: str, found: Sequence[Subject], reader: Reader) -> Answer | None:
    """What is known of the one subject that a question names; None where it asks for something of it. `found`: those
    that the question spells as the store does; where there is none, they are looked for in any spelling, and then names
    that are only values.
    """
    if not (_ASKS.search(question) or _ASKS_WHO.match(question) or len(question.split()) <= BARE):
        return None
    named = [one for one in found or asked_about(question, reader.subjects(question)) if _is_name(question, one)]
    if len({subject.term for subject in named}) == 1 and _asks_for_all(question, named[0]):
        return told(named[0])
    if (
        len(named) == 1
        and _WHO.fullmatch(masked(question, named[0]))
        and _TELLS.isdisjoint(" ".join(named[0].nouns).split())
    ):
        return told(named[0])
    values = [] if named else reader.values_named(question)
    if len(values) == 1 and (_asks_for_all(question, values[0]) or _WHO.fullmatch(masked(question, values[0]))):
        return told_of_value(values[0])
    return None


def told(subject: Subject) -> Answer:
    """All that is known of a subject."""
    text = ""
    spans: list[Span] = []
    cited: list[Fact] = []
    for noun in subject.nouns[:MOST_RELATIONS]:
        facts = {value: fact for other, fact, value in reversed(subject.facts) if other == noun}  # each value once
        items = list(reversed(facts.items()))
        before, after = kg2kv.answer(noun, subject.term, "\0").split("\0")
        text += (" " if text else "") + before
        if not before and len(items) > 1:  # "Ann and Ben report to Eve."
            after = f" {in_plural(after[1:])}"
        shown, left_out = items[:MOST_VALUES], len(items) - MOST_VALUES
        for place, (value, fact) in enumerate(shown):
            if place:
                text += " and " if place == len(shown) - 1 and left_out <= 0 else ", "
            spans.append(Span(len(text), len(text) + len(value), fact.id, "value"))
            text += value
            cited.append(fact)
        text += (f" and {left_out if subject.complete else 'many'} more" if left_out > 0 else "") + after
    more = len(subject.nouns) - MOST_RELATIONS
    if not subject.complete:
        text += " There is more."
    elif more > 0:
        text += f" There is more, under {more} other relation{'s' * (more > 1)}."
    return Answer(text, True, tuple(Citation.of(fact, 1.0) for fact in cited), tuple(spans), _stats(cited))


def told_flag(subject: Subject, noun: str) -> Answer:
    """What is said by yes or no alone: "AquaPulse 300, discontinued: no." """
    fact, value = next((fact, value) for other, fact, value in subject.facts if other == noun)
    before = f"{subject.term}, {_BEFORE_A_FLAG.sub('', clean(fact.relation))}: "
    span = Span(len(before), len(before) + len(value), fact.id, "value")
    return Answer(f"{before}{value}.", True, (Citation.of(fact, 1.0),), (span,), _stats([fact]))


def told_of_value(value: Subject) -> Answer:
    """What a value is the value of: "The keeper of Bell Rock Lighthouse is Tom Baird." """
    text = ""
    spans: list[Span] = []
    for noun, fact, _ in value.facts[:MOST_VALUES]:
        before, after = kg2kv.answer(noun, fact.head, "\0").split("\0")
        text += (" " if text else "") + before
        spans.append(Span(len(text), len(text) + len(fact.tail), fact.id, "value"))
        text += fact.tail + after
    text += " There is more." if len(value.facts) > MOST_VALUES else ""
    facts = [fact for _, fact, _ in value.facts[:MOST_VALUES]]
    return Answer(text, True, tuple(Citation.of(fact, 1.0) for fact in facts), tuple(spans), _stats(facts))


def _stats(facts: Sequence[Fact]) -> dict[str, Any]:
    return {"facts": len(facts), "attended": [fact.id for fact in facts[:5]], "tokens": 0, "worded_by": "store"}


def _is_name(question: str, subject: Subject) -> bool:
    """Whether a subject is no word of the request: "data", where a store has a term of that name."""
    text = question[subject.start : subject.end]
    return text != text.casefold() or text not in _AROUND


def _asks_for_all(question: str, subject: Subject) -> bool:
    """Whether a question has the subject alone, or words that ask for all of it, and no relation of it by name."""
    text = masked(question, subject)
    said = words(text)
    if not _AROUND.issuperset(said) or SUBJECT not in said or spelt_noun(text, subject.nouns):
        return False
    return said == [SUBJECT] or (_ASKS.search(text) is not None and not _ASKS_ONE.search(text))
