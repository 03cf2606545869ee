"""A question under way: what its steps wait for, and what they have cost."""

from __future__ import annotations

from dataclasses import dataclass

from ..answer import Answer
from .inverse import Ends
from .steps import Steps, single, steps_of


@dataclass(slots=True)
class Asking:
    """A question under way: its steps, and what they wait for."""

    steps: Steps
    waiting: list[str]
    answer: Answer | None = None
    tokens: int = 0  # of all steps, also of those that came to nothing

    @classmethod
    def start(cls, question: str, reader: Ends) -> Asking:
        steps = steps_of(question, reader)
        try:
            return cls(steps, next(steps))
        except StopIteration as done:  # answered by the store alone
            return cls(steps, [], done.value)

    @classmethod
    def whole(cls, question: str) -> Asking:
        """The question as it stands, in one step."""
        steps = single(question)
        return cls(steps, next(steps))

    def hear(self, answers: list[Answer]) -> None:
        """The answers of what it waited for: it asks on, or has its own answer."""
        self.tokens += sum(answer.stats.get("tokens", 0) for answer in answers)
        try:
            self.waiting = self.steps.send(answers)
        except StopIteration as done:
            self.waiting, self.answer = [], done.value
            self.answer.stats["tokens"] = self.tokens
