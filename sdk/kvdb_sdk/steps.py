"""Questions about more than one fact, taken in steps that are about one fact each.

A step is a generator: it yields questions, is sent their answers, and returns the answer of the whole. Several entities
or relations are asked side by side; two hops go over the value of the first; yes or no, and which of two has more, are
judged from the values. What does not go by these rules is asked as it stands.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from .answer import Answer
from .question_forms import asks_yes_or_no, comparative, has_content, number, prefers_less
from .reading import (
    Subject,
    asked_of_it,
    claims,
    masked,
    nested,
    says,
    spelt_noun,
    split_entities,
    split_relations,
    without_subjects,
)
from .wordings import UNKNOWN

Steps = Generator[list[str], list[Answer], Answer]
MATCHES = 0.5  # from here on a question means a noun
MOST_VALUES = 3  # of a first hop that are followed


class Reader(Protocol):
    """What the steps need to know of a store."""

    def best_noun(self, text: str, nouns: Sequence[str]) -> tuple[str, float]:
        """The noun that a text, its subject masked, means most, and the match in [-1, 1]. ("", -1.0): there is none."""

    def subjects(self, question: str) -> list[Subject]:
        """The terms of the store that a question names, in their order."""


def steps_of(question: str, reader: Reader) -> Steps:
    """The steps of a question."""
    if not _may_need_steps(question):
        return (yield from _single(question))
    found = reader.subjects(question)
    if asks_yes_or_no(question) and found:
        answer = yield from _yes_or_no(question, found, reader)
    elif len(found) > 1 and comparative(without_subjects(question, found)):
        answer = yield from _compared(question, found, reader)
    else:
        answer = yield from _several(question, found, reader)
    return answer or (yield from _single(question))


def _may_need_steps(question: str) -> bool:
    """Cheap signs; without any of them a question is not read further."""
    text = f" {question.casefold()} "
    joined = any(
        sign in text for sign in (" and ", " & ", ", ", " or ", " vs", " than ", " as well as ", "; ", " plus ")
    )
    return (
        joined or asks_yes_or_no(question) or text.count(" of ") > 1 or "'s " in text or comparative(text) is not None
    )


def _single(question: str) -> Steps:
    return (yield [question])[0]


def _several(
    question: str, found: Sequence[Subject], reader: Reader
) -> Generator[list[str], list[Answer], Answer | None]:
    parts = split_entities(question, found)
    if len(found) == 1:
        parts = split_relations(question, found[0])
        if parts and not _different(parts, found[0], reader):
            parts = []
    if len(parts) > 1:
        answers = yield parts
        if any(answer.answered for answer in answers):
            return _joined(answers, parts)
        return None
    for subject in found:
        answer = yield from _two_hops(question, subject, reader)
        if answer is not None:
            return answer
    return None


def _different(parts: Sequence[str], subject: Subject, reader: Reader) -> bool:
    """Whether the parts mean different nouns of the subject."""
    named = [part.replace(subject.term, "it") for part in parts]
    best = [reader.best_noun(part, subject.nouns) for part in named]
    return len({noun for noun, _ in best}) == len(best) and min(match for _, match in best) >= MATCHES


def _two_hops(question: str, subject: Subject, reader: Reader) -> Generator[list[str], list[Answer], Answer | None]:
    """ "the mayor of the capital of A": the capital is asked first, and its name takes the place of its description."""
    inner = nested(question, subject)
    if inner is None:
        return None
    start, end, phrase = inner
    noun, match = reader.best_noun(f"the {phrase} of it", subject.nouns)
    values = subject.values(noun)[:MOST_VALUES]
    if match < MATCHES or not values:
        return None
    seconds = [question[:start] + value + question[end:] for value in values]
    if not any(_about(text, value, reader) for text, value in zip(seconds, values, strict=True)):
        return None
    first, *rest = yield [f"What is the {noun} of {subject.term}?", *seconds]
    if not first.answered or not any(answer.answered for answer in rest):
        return None
    return _joined([first, *(answer for answer in rest if answer.answered)])


def _about(question: str, value: str, reader: Reader) -> bool:
    """Whether the store can tell what is asked of the value of a first hop."""
    for subject in reader.subjects(question):
        if subject.term == value and has_content(masked(question, subject)):
            return reader.best_noun(masked(question, subject), subject.nouns)[1] >= MATCHES
    return False


def _yes_or_no(
    question: str, found: Sequence[Subject], reader: Reader
) -> Generator[list[str], list[Answer], Answer | None]:
    """The subject is the one whose noun the rest of the question means most; the other is the value that is claimed."""
    read = [(_meant(masked(question, subject), subject, reader), subject) for subject in found]
    (noun, match), subject = max(read, key=lambda item: item[0][1])
    if match < MATCHES or not claims(question, subject, noun):
        return None
    answer = (yield [f"What is the {noun} of {subject.term}?"])[0]
    if not answer.answered:
        return answer
    right = any(says(question, subject, value) for value in subject.values(noun))
    return _led("Yes." if right else "No.", answer)


def _meant(text: str, subject: Subject, reader: Reader) -> tuple[str, float]:
    """The noun that a text, its subject masked, means, and how surely: 1 and more where it is spelt out."""
    noun = spelt_noun(text, subject.nouns)
    return (noun, 1.0 + asked_of_it(text, noun)) if noun else reader.best_noun(text, subject.nouns)


def _compared(
    question: str, found: Sequence[Subject], reader: Reader
) -> Generator[list[str], list[Answer], Answer | None]:
    """Which of the first two subjects has more, or less, of a number that both have."""
    word = comparative(question) or ""
    left, right = found[:2]
    text = without_subjects(question, [left, right])
    both = [noun for noun in left.nouns if noun in right.nouns]
    nouns = [noun for noun in both if all(number(value) is not None for s in (left, right) for value in s.values(noun))]
    noun, _ = reader.best_noun(text, nouns)
    if not noun:
        return None
    answers = yield [f"What is the {noun} of {subject.term}?" for subject in (left, right)]
    if not all(answer.answered for answer in answers):
        return None
    a, b = (number(subject.values(noun)[0]) or 0.0 for subject in (left, right))
    if a == b:
        return _led("They are the same.", _joined(answers))
    winner = left if (a < b) == prefers_less(word) else right
    return _led(f"{winner.term}.", _joined(answers))


def _led(lead: str, answer: Answer) -> Answer:
    """The answer with a sentence before it."""
    shift = len(lead) + 1
    spans = tuple(replace(span, start=span.start + shift, end=span.end + shift) for span in answer.spans)
    return replace(answer, text=f"{lead} {answer.text}", spans=spans)


def _joined(answers: Sequence[Answer], questions: Sequence[str] = ()) -> Answer:
    """The answers one after the other; where one is not known, the text says which.

    `stats["parts"]` says how many, and the confidence is that of the least sure answer.
    """
    whole = Answer("", any(answer.answered for answer in answers), stats={"parts": len(answers)})
    for i, answer in enumerate(answers):
        text = answer.text
        if not answer.answered and questions:
            text = f"{UNKNOWN.rstrip('.')}: {questions[i]}"
        moved = _led(whole.text, replace(answer, text=text)) if whole.text else replace(answer, text=text)
        cited = [citation for citation in answer.citations if citation not in whole.citations]
        whole = replace(
            whole, text=moved.text, spans=(*whole.spans, *moved.spans), citations=(*whole.citations, *cited)
        )
    whole.stats["tokens"] = sum(answer.stats.get("tokens", 0) for answer in answers)
    sure = [answer.stats["confidence"] for answer in answers if "confidence" in answer.stats]
    whole.stats["facts"] = sum(answer.stats.get("facts", 0) for answer in answers)
    if sure:
        whole.stats["confidence"] = min(sure)
    return whole


@dataclass(slots=True)
class Asking:
    """A question under way: its steps, and what they wait for."""

    steps: Steps
    waiting: list[str]
    answer: Answer | None = None

    @classmethod
    def start(cls, question: str, reader: Reader) -> Asking:
        steps = steps_of(question, reader)
        return cls(steps, next(steps))

    @classmethod
    def whole(cls, question: str) -> Asking:
        """The question as it stands, in one step."""
        steps = _single(question)
        return cls(steps, next(steps))

    def hear(self, answers: list[Answer]) -> None:
        """The answers of what it waited for: it asks on, or has its own answer."""
        try:
            self.waiting = self.steps.send(answers)
        except StopIteration as done:
            self.waiting, self.answer = [], done.value
