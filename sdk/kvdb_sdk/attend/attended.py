"""Which facts a prompt read most: what `answer.stats["attended"]` and ACC@1 and ACC@5 of an evaluation say."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from transformers import LogitsProcessor

from .attention import Attachment
from .joint_softmax import copy_weights

MOST = 5  # facts in `answer.stats["attended"]`


class Attended(LogitsProcessor):
    """Keeps the weights of the facts at the end of the prompts; changes no score. One for each `generate`."""

    def __init__(self, attachment: Attachment) -> None:
        self.weights: Tensor | None = None
        """[rows, n + 1], last the null fact; rows may be beams of the same prompt. None without facts."""
        self._attachment = attachment
        self._begun = False

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # type: ignore[override]
        if not self._begun:
            self._begun = True
            self.weights = _last_weights(self._attachment)
        return scores

    def best(self, row: int, facts: int, most: int) -> list[tuple[int, float]]:
        """Places and weights of the `most` facts that a row read most, among the first `facts` columns; best first."""
        if self.weights is None:
            return []
        found: Any = self.weights[row, :facts].topk(min(most, facts))
        return list(zip(found.indices.tolist(), found.values.tolist(), strict=True))


def _last_weights(attachment: Attachment) -> Tensor | None:
    """Copy weights of the last token, from the KB layers that read the last selection.

    Where several layers select, each has facts of its own in its columns: only from the last of them on do they mean
    the same ones.
    """
    adapter = attachment.adapter
    last = max(adapter.config.select_layers)
    logits = {
        index: each[:, :, -1:]  # [rows, H, 1, n + 1]
        for index, each in attachment.trace.logits.items()
        if adapter.config.kb_layers[index] >= last
    }
    return copy_weights(adapter, logits)[:, 0].cpu() if logits else None
