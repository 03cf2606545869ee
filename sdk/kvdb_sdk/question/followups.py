"""What a turn of a conversation asks, as a question that stands alone; with the store's help, whatever the model.

A turn that names a subject of its own and says what is asked stands alone. Else its words are completed by the topic,
that is, by what the last question for the store was about:

    Who directed Inception?     Christopher Nolan.
    Where was he born?          -> Where was Christopher Nolan born?
    And the year of release?    -> What is the year of release of Inception?
    What about Heat?            -> What is the year of release of Heat?

Which of the topic's terms a word stands for is told by their facts: the one with a noun that the turn means most.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ..answer import Answer
from .forms import asks_yes_or_no, content_words, has_content, words
from .hops import MATCHES, Reader
from .reading import Subject, only_bears, spelt_noun, without_subjects
from .references import about_a_person, about_several, reference, spoken_out
from .relatedness import name_in
from .relation_match import SUBJECT, term_in

MOST_TERMS = 3  # subjects, and values, of one answer that a word may stand for
PREFERRED = 0.05  # of match that the likelier kind of term has ahead of the other

_LEAD = re.compile(
    r"^\W*(?:(?:and|but|ok(?:ay)?|so|then|now|also|or)\b[\s,]*)*(?:(?:what|how) about\b|what of\b)?\s*", re.IGNORECASE
)
_PREPOSITION = re.compile(r"^(?:for|in|at|of|with)\s+", re.IGNORECASE)
_SAME_OF = re.compile(r"^(?:what|how) (?:is|was|are|were) (?:it|that|they) (?:for|in|of|at)\b", re.IGNORECASE)
_ARTICLE = re.compile(r"^(?:the|a|an|its)\s+", re.IGNORECASE)
_ASKS = re.compile(
    r"^(?:what|who|whom|whose|which|where|when|why|how|is|are|was|were|do|does|did|has|have|can|could|will|would|tell"
    r"|give|show|name|list|find|please|say|i)\b",
    re.IGNORECASE,
)


Known = Mapping[str, Subject | None]
"""Terms of the topic, with their facts where the store has any."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What the last question for the store was about."""

    asked: str  # the question, standing alone
    terms: tuple[str, ...]  # its subjects
    values: tuple[str, ...] = ()  # what the answer said of them


@dataclass(frozen=True, slots=True)
class Meant:
    """What a turn may mean: questions that stand alone, the likeliest first."""

    questions: tuple[str, ...]
    doubtful: bool = False  # a word was taken for the topic, whose facts do not fit what is asked


def topic_of(asked: str, answer: Answer, reader: Reader) -> Topic | None:
    """The topic that a question for the store leaves behind; None where it named nothing."""
    terms: list[str] = []
    values: list[str] = []
    for cited in answer.citations:
        # the end that the question does not name is the value: facts are asked from both ends
        tail = term_in(asked, cited.head) is not None or term_in(asked, cited.tail) is None
        terms.append(cited.head if tail else cited.tail)
        values.append(cited.tail if tail else cited.head)
    if not terms:
        terms = [subject.term for subject in own_subjects(asked, reader)] or [name for name in [name_in(asked)] if name]
    if not terms:
        return None
    distinct = [tuple(dict.fromkeys(each))[:MOST_TERMS] for each in (terms, values)]
    return Topic(asked, distinct[0], distinct[1])


def stand_alone(turn: str, topic: Topic | None, reader: Reader) -> Meant:
    """What a turn means: itself where it stands alone."""
    as_put = Meant((turn,))
    if topic is None:
        return as_put
    rest = _LEAD.sub("", turn.strip(), count=1)
    led = rest != turn.strip()
    own = own_subjects(rest, reader, led=led)
    if own and not has_content(without_subjects(rest, own)) and (_SAME_OF.match(rest) or not _ASKS.match(rest)):
        return Meant((_with_subject(topic, rest[own[0].start : own[-1].end], reader),))
    known = {term: _from_both_ends(term, reader) for term in (*topic.terms, *topic.values)}
    nouns = [noun for subject in known.values() if subject for noun in subject.nouns]
    place = reference(rest, nouns)
    if place is not None:
        if _refers(rest, place, own):
            return _completed(rest, topic, known, nouns, reader)
    elif not own and led and _is_a_name(rest, nouns):
        return Meant((_with_subject(topic, _bare(rest), reader),))
    elif not own and not _names_another(rest, nouns):
        return _asked_of_topic(rest, led, topic, known, reader) or as_put
    return Meant((rest,)) if own and led else as_put


def _from_both_ends(term: str, reader: Reader) -> Subject | None:
    """What the store has about a term, and of what it is the tail, under the nouns of the heads: what he wrote."""
    about, ends = reader.about(term), reader.ends(term)
    more = () if ends is None else tuple(fact for fact in ends.facts if not only_bears(fact[0]))
    if about is None:
        return replace(ends, facts=more) if ends and more else None
    return replace(about, facts=(*about.facts, *more))


def own_subjects(text: str, reader: Reader, *, led: bool = False) -> list[Subject]:
    """The subjects that a text names itself.

    The film "It" counts where it is spelt so, unless as the first word of a sentence; `led`: the text begins none.
    """
    found = reader.subjects(text)
    return [s for s in found if has_content(s.term) or (text[s.start : s.end] == s.term and (led or s.start > 0))]


def _refers(text: str, place: int, own: Sequence[Subject]) -> bool:
    """Whether the reference at `place` is to the topic, and not to something that the text itself names."""
    if asks_yes_or_no(text):
        # "Is it in France?", "Is Paris its capital?", but not "Is Paris larger than its suburbs?"
        return all(place < subject.start or not text[subject.end : place].strip() for subject in own)
    before = text[:place]
    return not own and name_in(before) is None and not (":" in before and has_content(before))


def _completed(text: str, topic: Topic, known: Known, nouns: Sequence[str], reader: Reader) -> Meant:
    """The text with its references spoken out: for the term that fits best, then for others that fit."""
    asked = spoken_out(text, SUBJECT, nouns)
    if about_several(text) and len(topic.terms) > 1:
        ranked = [" and ".join(topic.terms)]
    else:
        ranked = _ranked(asked, topic, known, reader, person=about_a_person(text))
    completed = [spoken_out(text, term, nouns) for term in ranked]
    # "and its elevation?" is no sentence yet
    sentences = [one if _ASKS.match(text) else f"What is {one.strip(' ?.!')}?" for one in completed]
    doubtful = max(_fit(asked, subject, reader) for subject in known.values()) < MATCHES
    return Meant(tuple(sentences), doubtful)


def _asked_of_topic(text: str, led: bool, topic: Topic, known: Known, reader: Reader) -> Meant | None:
    """ "And the elevation?", "elevation?", "who is the mayor?": of the topic, where its facts tell what is asked."""
    bare = text.strip(" ?.!")
    if not has_content(bare):
        return None
    whole = f"{bare} of " if _ASKS.match(bare) else f"What is the {_ARTICLE.sub('', bare)} of "
    phrase = led and _ARTICLE.match(bare) is not None
    if not phrase and max(_fit(whole + SUBJECT, subject, reader) for subject in known.values()) < MATCHES:
        return None
    ranked = _ranked(whole + SUBJECT, topic, known, reader, person=False)
    return Meant(tuple(f"{whole}{term}?" for term in ranked))


def _ranked(asked: str, topic: Topic, known: Known, reader: Reader, *, person: bool) -> list[str]:
    """The terms that a word may stand for, the best first; after the first only such as fit. `asked`: masked.

    A person is rather what an answer named, a thing rather what the question did.
    """
    fits = {term: _fit(asked, known[term], reader) + PREFERRED * (not person) for term in topic.terms}
    for value in topic.values:
        subject = known[value]
        if subject is not None and any(fact.head == subject.term for _, fact, _ in subject.facts):
            fits.setdefault(value, _fit(asked, subject, reader) + PREFERRED * person)
        elif person and _could_be_a_person(value):
            fits.setdefault(value, MATCHES - PREFERRED)  # nothing is known of them: ask, and be told so
    ranked = sorted(fits, key=lambda term: -fits[term])
    return ranked[:1] + [term for term in ranked[1:] if fits[term] >= MATCHES]


def _fit(asked: str, subject: Subject | None, reader: Reader) -> float:
    """How well the facts of a subject fit what is asked: 1 where it spells one of their nouns."""
    if subject is None:
        return 0.0
    return 1.0 if spelt_noun(asked, subject.nouns) else reader.best_noun(asked, subject.nouns)[1]


def _with_subject(topic: Topic, subject: str, reader: Reader) -> str:
    """The topic's question with another subject; two that are joined ("of A and B") give way together."""
    found = own_subjects(topic.asked, reader)
    own = [each for each in found if each.term in topic.terms] or found
    if own:
        start, end = own[0].start, own[0].end
        for left, right in pairwise(own):
            if has_content(topic.asked[left.end : right.start]):
                break
            end = right.end
    else:
        place = term_in(topic.asked, topic.terms[0])
        if place is None:
            return f"{topic.asked.rstrip(' ?.!')}: {subject}?"
        start, end = place.span()
    return topic.asked[:start] + subject + topic.asked[end:]


def _bare(text: str) -> str:
    """ "for the Hague?" as "the Hague"."""
    return re.sub(r"(?:'s)?\W*$", "", _PREPOSITION.sub("", text))


def _is_a_name(text: str, nouns: Sequence[str]) -> bool:
    """Whether a text is a name alone, one that the store does not know."""
    bare = _bare(text)
    return has_content(bare) and not _ASKS.match(bare) and bare[:1].isupper() and spelt_noun(bare, nouns) is None


def _names_another(text: str, nouns: Sequence[str]) -> bool:
    """Whether a text has a name that is no part of what may be asked: it is about something else.

    "Population?" begins with a capital as every text does, "Nowhereville population?" with a name.
    """
    known = {word for noun in nouns for word in words(noun)}
    body = _ASKS.sub("", text)
    alone = body == text and len(content_words(text)) == 1
    capital = {found[0].casefold() for found in re.finditer(r"\b[A-Z0-9]\w*", body)}
    return not alone and any(word in capital and word not in known for word in content_words(body))


def _could_be_a_person(value: str) -> bool:
    return value[:1].isupper() and not any(character.isdigit() for character in value)
