"""Greedy generation for a batch of questions, and when it may stop early."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import StoppingCriteria

from kvdb.errors import LimitError

from .attachment import Knowledge
from .models.prompts import chat_prompt

Turns = Sequence[tuple[str, str]]
"""Earlier questions and answers."""


def generated(
    tokenizer: Any,
    generate: Any,
    questions: Sequence[str],
    most: int,
    turns: Turns,
    *,
    device: torch.device,
    context: int | None = None,
    config: Any = None,
    **more: Any,
) -> list[list[int]]:
    """At most `most` tokens that `generate` gives for each question after `turns`, up to and with an end token.

    The oldest turns give way where not all fit. `config`: the model's generation config, which may know more ends than
    the tokenizer does. Raises LimitError where the prompts and the answers do not fit into the model's `context`
    tokens, None for no limit.
    """
    if most < 1:
        raise LimitError(f"an answer of at most {most} tokens says nothing: allow 1 or more")
    asked = _prompts(tokenizer, questions, turns, None if context is None else context - most)
    ends, longest = end_tokens(tokenizer, config), max(map(len, asked))
    pad = next((id for id in (tokenizer.pad_token_id, *ends) if id is not None), 0)  # nothing reads it
    if context is not None and longest + most > context:
        raise LimitError(
            f"the longest question takes {longest} tokens and the answer up to {most}, and the model reads {context}: "
            "shorten the question"
        )
    ids = torch.tensor([[pad] * (longest - len(row)) + row for row in asked])  # [B, T] padded on the left
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in asked])  # [B, T]
    out = generate(
        input_ids=ids.to(device), attention_mask=mask.to(device),
        max_new_tokens=most, do_sample=False, pad_token_id=pad, eos_token_id=ends or None, **more,
    )  # fmt: skip
    rows: list[list[int]] = out[:, longest:].tolist()
    return [row[: next((at for at, id in enumerate(row, 1) if id in ends), most)] for row in rows]


def written(
    model: Any,
    tokenizer: Any,
    questions: Sequence[str],
    most: int,
    turns: Turns = (),
    *,
    generate: Any = None,
    **more: Any,
) -> list[list[int]]:
    """What a model writes after each question: by its own `generate`, unless another one is given. As `generated`."""
    return generated(
        tokenizer,
        generate or model.generate,
        questions,
        most,
        turns,
        device=model.device,
        context=getattr(model.config, "max_position_embeddings", None),
        config=getattr(model, "generation_config", None),
        **more,
    )


def _prompts(tokenizer: Any, questions: Sequence[str], turns: Turns, room: int | None) -> list[list[int]]:
    """The tokens of each prompt, after as many of the last turns as leave room for all of it."""
    prompts = [chat_prompt(tokenizer, question, turns) for question in questions]
    asked: list[list[int]] = [tokenizer(prompt, add_special_tokens=False)["input_ids"] for prompt in prompts]
    if room is None or not turns or max(map(len, asked)) <= room:
        return asked
    return _prompts(tokenizer, questions, turns[1:], room)


def end_tokens(tokenizer: Any, config: Any = None) -> list[int]:
    """The ids that end an answer: the tokenizer's own, and those of a model's generation config.

    A chat model's turns may end with another token than its tokenizer's texts do, or with any of several.
    """
    own = getattr(config, "eos_token_id", None)
    found = (tokenizer.eos_token_id, *(own if isinstance(own, list | tuple) else [own]))
    return [end for end in dict.fromkeys(found) if end is not None]


class StopRefused(StoppingCriteria):
    """Stops at once where the store does not know: there is nothing to write then."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        copier = self._knowledge.copier
        refused = [copier is not None and copier.refused(row) for row in range(len(input_ids))]
        return torch.tensor(refused, dtype=torch.bool, device=input_ids.device)
