"""A conversation with a store: turns that lean on earlier ones are completed, asked, and remembered.

    conversation = model.conversation()
    conversation.ask("Who directed Inception?")
    conversation.ask("Where was he born?")          # answer.stats["asked"]: "Where was Christopher Nolan born?"

The store is asked questions that stand alone (kvdb_sdk/question/followups.py), so that what it answers, and refuses, is
what it would without the conversation. A turn that has nothing to do with it gets the plain model's answer, which sees
the earlier turns.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from .answer import Answer, is_unrelated
from .question.followups import Topic, stand_alone, topic_of
from .question.hops import Reader

KEPT = 6  # turns that are remembered


class Turn(NamedTuple):
    """A question as it was put, and its answer."""

    question: str
    answer: Answer


class Asks(Protocol):
    """What a conversation needs of a KnowledgeModel."""

    @property
    def reader(self) -> Reader: ...

    def ask(
        self,
        question: str,
        *,
        route: str | None = None,
        max_new_tokens: int = 96,
        context: str | None = None,
        prefer: str = "store",
        turns: Sequence[tuple[str, str]] = (),
    ) -> Answer: ...


class Conversation:
    """Turns over one store. Holds no snapshot between turns: each sees the store as it is then."""

    def __init__(self, model: Asks) -> None:
        self._model = model
        self._kept: deque[Turn] = deque(maxlen=KEPT)
        self._topic: Topic | None = None

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The last turns, the oldest first."""
        return tuple(self._kept)

    def ask(
        self,
        question: str,
        *,
        route: str | None = None,
        max_new_tokens: int = 96,
        context: str | None = None,
        prefer: str = "store",
    ) -> Answer:
        """Answer a turn. `stats["asked"]` is the question that stands alone; the rest as KnowledgeModel.ask."""
        earlier = tuple((turn.question, turn.answer.text) for turn in self._kept)

        def answer_to(text: str) -> Answer:
            return self._model.ask(
                text, route=route, max_new_tokens=max_new_tokens, context=context, prefer=prefer, turns=earlier
            )

        meant = stand_alone(question, self._topic, self._model.reader)
        asked, answer = _first_answered(meant.questions, answer_to)
        if meant.doubtful and not answer.answered and asked != question:
            # "Tell me a joke about it": with a name in it, it looks like a question for the store
            as_put = answer_to(question)
            if is_unrelated(as_put):
                asked, answer = question, as_put
        answer = replace(answer, stats=answer.stats | {"asked": asked})
        if not is_unrelated(answer):
            self._topic = topic_of(asked, answer, self._model.reader) or self._topic
        self._kept.append(Turn(question, answer))
        return answer


def _first_answered(questions: Sequence[str], answer_to: Callable[[str], Answer]) -> tuple[str, Answer]:
    """The first question that is answered, with its answer; the first of all where none is."""
    refused: list[tuple[str, Answer]] = []
    for question in questions:
        answer = answer_to(question)
        if answer.answered:
            return question, answer
        refused.append((question, answer))
    return refused[0]
