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
    **more: Any,
) -> list[list[int]]:
    """At most `most` tokens that `generate` gives for each question after `turns`, up to and with the end token.

    Raises LimitError where the prompts and the answers do not fit into the model's `context` tokens, None for no limit.
    """
    if most < 1:
        raise LimitError(f"an answer of at most {most} tokens says nothing: allow 1 or more")
    prompts = [chat_prompt(tokenizer, question, turns) for question in questions]
    asked = [tokenizer(prompt, add_special_tokens=False)["input_ids"] for prompt in prompts]
    end, longest = tokenizer.eos_token_id, max(map(len, asked))
    if context is not None and longest + most > context:
        raise LimitError(
            f"the longest question takes {longest} tokens and the answer up to {most}, and the model reads {context}: "
            "shorten the question"
        )
    ids = torch.tensor([[end] * (longest - len(row)) + row for row in asked])  # [B, T] padded on the left
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in asked])  # [B, T]
    out = generate(
        input_ids=ids.to(device), attention_mask=mask.to(device),
        max_new_tokens=most, do_sample=False, pad_token_id=end, eos_token_id=end, **more,
    )  # fmt: skip
    rows: list[list[int]] = out[:, longest:].tolist()
    return [row[: row.index(end) + 1] if end in row else row for row in rows]


class StopRefused(StoppingCriteria):
    """Stops at once where the store does not know: there is nothing to write then."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        copier = self._knowledge.copier
        refused = [copier is not None and copier.refused(row) for row in range(len(input_ids))]
        return torch.tensor(refused, dtype=torch.bool, device=input_ids.device)
