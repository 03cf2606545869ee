"""Questions about more than one fact, taken in steps that are about one fact each.

A step is a generator: it yields questions, is sent their answers, and returns the answer of the whole. Several entities
or relations are asked side by side; yes or no, and which of two has more, are judged from the values; two hops
(kvdb_sdk/question/hops.py) go over the value of the first. What does not go by these rules is asked as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import replace

from kvdb import kg2kv
from kvdb.nouns.modality import Modality, modality_of
from kvdb.nouns.words import clean, strip_auxiliary

from ..answer import Answer
from .claims import claims, flag, is_another, is_turned_round, said_clause, said_relation, says, verdict
from .direction import asks_the_other_way
from .forms import (
    LONGEST,
    asks_in_the_way,
    asks_yes_or_no,
    comparative,
    compares_by,
    has_content,
    has_noun,
    is_negated,
    prefers_less,
    speaks_of_denial,
    weighs,
)
from .hops import MATCHES, two_hops
from .inverse import Ends, claimed_inverse, inverse
from .joining import joined, led
from .measures import is_since, measured
from .overview import overview, told, told_flag
from .quantities import quantity
from .reading import Subject, asked_about, asked_of_it, masked, spelt_noun, without_subjects
from .spelling import mended
from .splitting import is_list, split_entities, split_questions, split_relations

Steps = Generator[list[str], list[Answer], Answer]
COMPARES = 0.15  # as much is enough beside a comparative, among nouns that all subjects have a number of
_JOINTS = (" and ", " & ", ", ", " or ", " vs", " versus ", " than ", " as well as ", "; ", " plus ", " compared ")
_ALTERNATIVES = re.compile(r"\b(?:or|than|vs|versus|compared (?:to|with))\b", re.IGNORECASE)
_AMONG = re.compile(r"(?:^|^of|[:,]|\b(?:between|among|(?:which|who|what)(?: one)? of))\s*(?:the )?$", re.IGNORECASE)


def steps_of(question: str, reader: Ends) -> Steps:
    """The steps of a question."""
    if len(question) > LONGEST:
        return (yield from single(question))
    several = _is_of_several(question)
    found = asked_about(question, reader.subjects(question, spelt=not several))
    whole = question if found else reader.with_whole_name(question)
    if whole != question:
        of_whole = yield from steps_of(whole, reader)
        return replace(of_whole, stats=of_whole.stats | {"asked": whole})
    everything = overview(question, found, reader)
    if everything is not None:
        return everything
    if not several:
        answer = (yield from two_hops(question, found[0], reader)) if len(found) == 1 else None
        return answer or inverse(question, found, reader) or (yield from single(question))
    word = compares_by(_without_nouns(question, found)) if len(found) > 1 else None
    if word and weighs(without_subjects(question, found)):
        answer = yield from _compared(question, found, word, reader)
    elif asks_yes_or_no(without_subjects(question, found)):
        answer = yield from _yes_or_no(question, found, reader)
    else:
        answer = (yield from _several(question, found, reader)) or inverse(question, found, reader)
    return answer or (yield from single(question))


def _is_of_several(question: str) -> bool:
    """Whether a question has any sign that it is about several entities or relations, or claims or compares."""
    text = f" {question.casefold()} "
    joined = any(sign in text for sign in _JOINTS)
    return (
        joined or asks_yes_or_no(question) or text.count(" of ") > 1 or "'s " in text or comparative(text) is not None
    )


def _without_nouns(question: str, found: Sequence[Subject]) -> str:
    """What is left without the subjects and the nouns of them that are spelt out: "highest point" compares nothing."""
    text = without_subjects(question, found)
    noun = spelt_noun(text, [noun for subject in found for noun in subject.nouns])
    return re.sub(re.escape(noun), " ", text, flags=re.IGNORECASE) if noun else text


def single(question: str) -> Steps:
    """The question as it stands, in one step."""
    return (yield [question])[0]


def _several(
    question: str, found: Sequence[Subject], reader: Ends
) -> Generator[list[str], list[Answer], Answer | None]:
    parts = split_entities(question, found)
    if len({subject.term for subject in found}) == 1 and not parts:
        parts = split_relations(question, found[0]) or split_questions(question, found[0])
        if parts and not _different(parts, found[0], reader):
            parts = []
    if len(parts) > 1:
        answers = yield from _of_parts(parts, reader)
        if any(answer.answered for answer in answers):
            return joined(answers, parts)
        return None
    for subject in found:
        answer = yield from two_hops(question, subject, reader)
        if answer is not None:
            return answer
    return None


def _of_parts(parts: Sequence[str], reader: Ends) -> Generator[list[str], list[Answer], list[Answer]]:
    """The answers to the parts: those that are asked from their other end, and what the model makes of the rest."""
    told = [inverse(part, asked_about(part, reader.subjects(part, spelt=True)), reader) for part in parts]
    left = [part for part, answer in zip(parts, told, strict=True) if answer is None]
    heard = iter((yield left) if left else [])
    return [answer or next(heard) for answer in told]


def _different(parts: Sequence[str], subject: Subject, reader: Ends) -> bool:
    """Whether the subject has a noun that one of the parts means, and no two parts mean the same."""
    best = [reader.best_noun(part.replace(subject.term, "it"), subject.nouns) for part in parts]
    meant = [noun for noun, match in best if match >= MATCHES]
    return bool(meant) and len(set(meant)) == len(meant)


def _yes_or_no(
    question: str, found: Sequence[Subject], reader: Ends
) -> Generator[list[str], list[Answer], Answer | None]:
    """The subject is the one whose noun the rest of the question means most; the other is the value that is claimed."""
    if not found:
        return None
    denied = next(filter(None, (_denied(question, subject) for subject in found)), None)
    if denied is not None:
        return led("No.", told(denied))
    inversely = claimed_inverse(question, found, reader)
    if inversely is not None:
        return inversely
    read = [(_meant(masked(question, subject), subject, reader), subject) for subject in found]
    (noun, match), subject = max(read, key=lambda item: item[0][1])
    if match < MATCHES:
        return None
    is_so = flag(question, subject, noun)
    if is_so is not None:
        return led("Yes." if is_so else "No.", told_flag(subject, noun))
    noun = _opposite(question, subject, noun) or noun
    if is_turned_round(question, subject, noun):
        return None
    right = _settled(question, subject, noun, reader)
    if right is None or not (right or subject.complete):  # what is claimed may be among the facts that did not come
        return None
    answer = (yield [kg2kv.question(noun, subject.term)])[0]
    return led("Yes." if right else "No.", answer) if answer.answered else None


def _denied(question: str, subject: Subject) -> Subject | None:
    """The subject with the facts alone that deny what a question claims: by their relation's words and their value."""
    if is_negated(question) or speaks_of_denial(question):
        return None
    text, facts = masked(question, subject), []
    for noun, fact, value in subject.facts:
        way = modality_of(fact.relation)
        if way is None or not way.denies or not has_content(way.plain):  # "is not in" has no word to know it by
            continue
        end = f"what it {way.plain}" if fact.head == subject.term else f"what {way.plain} it"
        said = says(text, way.plain) and not asks_the_other_way(text, end)
        if said and claims(question, value):
            facts.append((noun, fact, value))
    return replace(subject, facts=tuple(facts)) if facts else None


def _opposite(question: str, subject: Subject, noun: str) -> str | None:
    """The noun that denies what this one says, or says what this one denies, where it has the value that is claimed."""
    denies, plain = _holds(subject, noun)
    for other in subject.nouns:
        against = _holds(subject, other) == (not denies, plain)
        if against and verdict(question, subject, other):
            return other
    return None


def _settled(question: str, subject: Subject, noun: str, reader: Ends) -> bool | None:
    """The verdict on a claim, seen how the relation holds: what it must not be used for is none of its uses; what it
    may be used for is one where the question asks what may be. Nothing else that it says settles anything.
    """
    relation = _relation(subject, noun)
    right, way = verdict(question, subject, noun), modality_of(relation)
    if right is None:
        others = reader.values_said(question, relation)[:1]
        right = False if others and is_another(question, subject, noun, others[0]) else None
    if any(kg2kv.clause(noun)) and not says(question, way.plain if way else "".join(kg2kv.clause(noun))):
        return None  # "decreases the effect of" is no "increases the effect of", however near they are
    if way is None or has_noun(masked(question, subject), noun):
        return right
    if way.denies:
        return False if right and not speaks_of_denial(question) else None
    return right if right and asks_in_the_way(question, way.adjective) else None


def _holds(subject: Subject, noun: str) -> tuple[bool, str]:
    """Whether the relation of a noun denies, and what it is called where it does not."""
    relation = _relation(subject, noun)
    way = modality_of(relation) or Modality("", clean(relation))
    return way.denies, strip_auxiliary(way.plain)


def _relation(subject: Subject, noun: str) -> str:
    return next(fact.relation for other, fact, _ in subject.facts if other == noun)


def _meant(text: str, subject: Subject, reader: Ends) -> tuple[str, float]:
    """The noun that a text, its subject masked, means, and how surely: 1 and more where it is spelt out."""
    text = mended(text, subject.nouns)
    noun = spelt_noun(text, subject.nouns) or said_clause(text, subject.nouns) or said_relation(text, subject)
    return (noun, 1.0 + asked_of_it(text, noun)) if noun else reader.best_noun(text, subject.nouns)


def _compared(
    question: str, found: Sequence[Subject], word: str, reader: Ends
) -> Generator[list[str], list[Answer], Answer | None]:
    """Which of the subjects has most, or least, of what all have a number of."""
    if not _are_alternatives(question, found):
        return None
    noun = _weighed(without_subjects(question, found), found, word, reader)
    if noun is None:
        return None
    questions = [kg2kv.question(noun, subject.term) for subject in found]
    answers = yield questions
    if not all(answer.answered for answer in answers):
        return None
    return led(_outcome(question, found, noun, word), joined(answers, questions))


def _are_alternatives(question: str, found: Sequence[Subject]) -> bool:
    """Whether the subjects stand as those that are compared: "A or B", "A than B", "which of A and B"."""
    if len({subject.term for subject in found}) < len(found):
        return False
    last = question[found[-2].end : found[-1].start]
    if len(found) > 2 and not is_list(question, found):
        return False
    return bool(_ALTERNATIVES.search(last)) or bool(
        is_list(question, found) and _AMONG.search(question[: found[0].start])
    )


def _weighed(text: str, found: Sequence[Subject], word: str, reader: Ends) -> str | None:
    """The noun that the subjects are compared by: each has one value of it, in the same unit, and it is spelt out, or
    such as the comparative weighs (measures.py).
    """
    shared = [noun for noun in found[0].nouns if all(noun in subject.nouns for subject in found)]
    spelt = spelt_noun(text, shared)
    nouns = [noun for noun in ([spelt] if spelt else shared) if _comparable(found, noun)]
    of_its_kind = measured(word, nouns)
    noun, match = reader.best_noun(text, of_its_kind or nouns)
    least = COMPARES if of_its_kind or of_its_kind is None else MATCHES
    alone = len(of_its_kind or ()) == 1  # nothing else that it could weigh
    return noun if noun and (spelt or alone or match >= least) else None


def _comparable(found: Sequence[Subject], noun: str) -> bool:
    values = [set(subject.values(noun)) for subject in found]
    amounts = [quantity(value) for group in values for value in group]
    units = {amount.unit if amount else None for amount in amounts}
    return len(amounts) == len(found) and len(units) == 1 and None not in units


def _outcome(question: str, found: Sequence[Subject], noun: str, word: str) -> str:
    """Who wins; where the question says that the first does, whether that is so."""
    amounts = [amount.amount for subject in found if (amount := quantity(subject.values(noun)[0]))]
    less = prefers_less(word, noun) or (word in ("longer", "longest") and is_since(noun))
    best = min(amounts) if less else max(amounts)
    winners = [subject.term for subject, amount in zip(found, amounts, strict=True) if amount == best]
    asks = asks_yes_or_no(without_subjects(question, found))
    claims = re.search(r"\bthan\b", question[found[0].end : found[-1].start])
    if asks and claims and len(found) == 2 and not is_negated(question):
        return "Yes." if winners == [found[0].term] else "No."
    if len(winners) == len(found):
        return "They are the same."
    return f"{' and '.join(winners)}."
