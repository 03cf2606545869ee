"""Answers put one after the other, or led by a sentence: every span goes on to cover what was copied."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..answer import UNKNOWN, Answer, Citation, Span


def led(lead: str, answer: Answer) -> Answer:
    """The answer with a sentence before it."""
    shift = len(lead) + 1
    spans = tuple(replace(span, start=span.start + shift, end=span.end + shift) for span in answer.spans)
    return replace(answer, text=f"{lead} {answer.text}", spans=spans)


def ended_once(answer: Answer) -> Answer:
    """The answer without the full stop after something that ends with one ("... is Palo Alto, U.S.."), and with one
    where a value is the end.
    """
    if any(span.end == len(answer.text) for span in answer.spans) and not answer.text.endswith((".", "?", "!")):
        return replace(answer, text=f"{answer.text}.")
    stops = [found.start() + 1 for found in re.finditer(r"(?:(?<!\.)\.|[?!])\.(?!\S)", answer.text)]
    for stop in reversed([at for at in stops if not any(span.start <= at < span.end for span in answer.spans)]):
        spans = [
            replace(span, start=span.start - (span.start > stop), end=span.end - (span.end > stop))
            for span in answer.spans
        ]
        answer = replace(answer, text=answer.text[:stop] + answer.text[stop + 1 :], spans=tuple(spans))
    return answer


def joined(answers: Sequence[Answer], questions: Sequence[str], more: str = "") -> Answer:
    """The answers one after the other, and `more`; where one is not known, the text says which question that was."""
    text = ""
    spans: list[Span] = []
    for answer, question in zip(answers, questions, strict=True):
        said = answer if answer.answered else Answer(_unknown(question), False)
        moved = led(text, said) if text else said
        text = moved.text
        spans += moved.spans
    known = any(answer.answered for answer in answers)
    text = f"{text} {more}" if more else text
    return Answer(text, known, _cited(answers), tuple(spans), _stats(answers))


def _unknown(question: str) -> str:
    question = question.strip(" ,;")
    return f"{UNKNOWN.rstrip('.')}: {question}" + ("" if question.endswith(("?", ".", "!")) else ".")


def _cited(answers: Sequence[Answer]) -> tuple[Citation, ...]:
    """The facts of all answers by weight, each once with the most that it had."""
    cited: dict[int, Citation] = {}
    for answer in answers:
        for citation in answer.citations if answer.answered else ():
            there = cited.get(citation.id)
            if there is None or there.weight < citation.weight:
                cited[citation.id] = citation
    return tuple(sorted(cited.values(), key=lambda citation: -citation.weight))


def _stats(answers: Sequence[Answer]) -> dict[str, Any]:
    """As of one answer, and how many `parts` there are; the confidence is that of the least sure."""
    stats: dict[str, Any] = {
        "facts": sum(answer.stats.get("facts", 0) for answer in answers),
        "attended": list(dict.fromkeys(fact for answer in answers for fact in answer.stats.get("attended", ()))),
        "tokens": sum(answer.stats.get("tokens", 0) for answer in answers),
        "parts": len(answers),
    }
    sure = [answer.stats["confidence"] for answer in answers if "confidence" in answer.stats]
    return stats | ({"confidence": min(sure)} if sure else {})
