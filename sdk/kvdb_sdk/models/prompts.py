"""Finds the question inside a prompt: the last user turn of the tokenizer's chat template, else the whole prompt.

The template is learnt from the tokenizer itself by rendering marks through it, so any template works.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

_WORD = frozenset(string.ascii_letters + string.digits)
_SPACES = frozenset("\u0120\u2581\u010a\u0109")  # how vocabularies write a space, a newline, a tab
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff\uac00-\ud7af]")
_ROLES = ("user", "assistant")
_MARKS = ("QUESTIONONE", "ANSWERONE", "QUESTIONTWO")
# Answers are short, and say at once what the store has: models that think first (Qwen3) are asked not to.
_AS_ASKED = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}


@dataclass(frozen=True, slots=True)
class Question:
    """A question's text and the positions of its tokens, up to where the answer starts, in an unpadded prompt."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ChatMarkers:
    """The text right before a user turn, right after it, and from there to the answer."""

    opener: str
    closer: str
    answer_opener: str


def chat_markers(tokenizer: Any) -> ChatMarkers | None:
    """Learn the markers; None where the tokenizer has no usable chat template."""
    if not getattr(tokenizer, "chat_template", None):
        return None
    turns = [{"role": role, "content": mark} for role, mark in zip(("user", "assistant", "user"), _MARKS, strict=True)]
    text = tokenizer.apply_chat_template(turns, **_AS_ASKED)
    if not all(text.count(mark) == 1 for mark in _MARKS):
        return None
    before, rest = text.split(_MARKS[0])
    after_first, rest = rest.split(_MARKS[1])
    between, after_last = rest.split(_MARKS[2])
    opener = _common_suffix(before, between)
    closer = _common_prefix(after_first, after_last)
    return ChatMarkers(opener, closer, after_last) if opener and closer else None


def find_question(tokenizer: Any, markers: ChatMarkers | None, ids: list[int]) -> Question:
    """The last user turn in the prompt `ids` (without padding)."""
    text = tokenizer.decode(ids, skip_special_tokens=False)
    start = text.rfind(markers.opener) if markers else -1
    if markers is None or start < 0:
        begin = int(ids[:1] == [tokenizer.bos_token_id])
        return Question(tokenizer.decode(ids, skip_special_tokens=True).strip(), begin, len(ids))
    body = text[start + len(markers.opener) :]
    question, closed, answer = body.partition(markers.closer)
    opened = markers.answer_opener[len(markers.closer) :]
    prompt = question + markers.answer_opener if answer.startswith(opened) else question + closed
    first = len(ids) - _count(tokenizer, body)
    return Question(question.strip(), max(first, 0), min(max(first, 0) + _count(tokenizer, prompt), len(ids)))


def chat_prompt(tokenizer: Any, question: str, turns: Sequence[tuple[str, str]] = ()) -> str:
    """The prompt that asks a question after earlier `turns` (question, answer): the chat template where there is one,
    else each on a line, after the token that the tokenizer begins texts with."""
    question = without_markers(tokenizer, question)
    turns = [(without_markers(tokenizer, asked), without_markers(tokenizer, answer)) for asked, answer in turns]
    if getattr(tokenizer, "chat_template", None):
        said = [{"role": role, "content": text} for turn in turns for role, text in zip(_ROLES, turn, strict=True)]
        said.append({"role": "user", "content": question})
        text: str = tokenizer.apply_chat_template(said, **_AS_ASKED)
        return text
    begins = tokenizer("")["input_ids"][:1] == [tokenizer.bos_token_id]
    begin = tokenizer.bos_token if begins else ""
    return begin + "".join(f"{asked}\n{answer}\n" for asked, answer in turns) + f"{question}\n"


def continuation_ids(tokenizer: Any, text: str, *, after_space: bool = True) -> list[int]:
    """Token ids of `text` as they come in the middle of a sentence (after a space) or at a start."""
    lead = _plain_ids(tokenizer, "is" if after_space else "is\n")
    joined = _plain_ids(tokenizer, f"is {text}" if after_space else f"is\n{text}")
    if joined[: len(lead)] == lead:
        return joined[len(lead) :]
    return _plain_ids(tokenizer, f" {text}" if after_space else text)


def _plain_ids(tokenizer: Any, text: str) -> list[int]:
    """Token ids of a text that is only text, also where it reads like a token of the model's own ("<|im_end|>")."""
    return list(tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])


def without_markers(tokenizer: Any, text: str) -> str:
    """A user's text in which nothing reads as a token of the model's own: it cannot end its turn and speak for others.

    A space comes into each such token; other texts stay as they are.
    """
    for token in tokenizer.get_added_vocab():
        if len(token) > 1 and token in text:
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


@lru_cache(maxsize=8)  # a quarter of a second for 50,000 tokens
def glued_ids(tokenizer: Any) -> Tensor:
    """Ids of the tokens that go on with the word before them: those that start with a letter or digit, no space.

    Letters of scripts that put no spaces between words (Chinese, Japanese, Thai) go on with nothing.
    """
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    special = set(tokenizer.all_special_ids)
    return torch.tensor(
        [i for i, token in enumerate(tokens) if token and i not in special and _goes_on(tokenizer, i, token)],
        dtype=torch.long,
    )


def _goes_on(tokenizer: Any, id: int, token: str) -> bool:
    """Byte-level and SentencePiece vocabularies mark a leading space by a character of its own: the raw token tells."""
    if token[0] in _WORD:
        return True
    if token[0].isascii() or token[0] in _SPACES:
        return False
    first = tokenizer.decode([id])[:1]
    return first.isalnum() and not _UNSPACED.match(first)


def _count(tokenizer: Any, text: str) -> int:
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


def _common_prefix(left: str, right: str) -> str:
    same = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    return left[:same]


def _common_suffix(left: str, right: str) -> str:
    return _common_prefix(left[::-1], right[::-1])[::-1]
