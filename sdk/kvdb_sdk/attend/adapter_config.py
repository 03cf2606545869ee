"""What an adapter fits and how it judges: the numbers of its card, checked, as a card may come from anywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kvdb.errors import AdapterError

_SIZES = ("hidden_size", "heads", "kv_heads", "head_dim", "encoder_dim")
_LEAST = dict.fromkeys(_SIZES, 1) | {"reader_layers": 0, "reader_rank": 0}


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """What an adapter fits. `kb_layers` attend to facts. Which ones, the model chooses by its vector of the question,
    made of what `question_layer` reads; where that is None, by the queries of `select_layers` (AtlasKV).

    `scale` is the constant of the attention logit (AtlasKV and KBLaM: 100). To the similarity of facts that the
    question names `named_bonus` is added, and `relation_bonus` times the match of their relation.

    `known` and, on the attention route, `known_by_attention` are the coefficients of the probability that the asked
    fact is there: an intercept and one for each feature of kvdb_sdk/refusal/confidence.py. Below `refuse_below` it is
    refused.
    `related`: those of the probability that a question is one for the store (kvdb_sdk/question/relatedness.py).

    The first `reader_layers` of the model, changed by `reader_rank`, read relations (kvdb_sdk/question/
    relation_reader.py); 0: none do.

    Without `copies` the model writes values and refusals in its own words, and without `null_fact` some fact is always
    read: as the papers have it (benchmarks/recipes.py).
    """

    model: str
    model_type: str
    hidden_size: int
    heads: int
    kv_heads: int
    head_dim: int
    encoder: str
    encoder_dim: int
    kb_layers: tuple[int, ...]
    select_layers: tuple[int, ...]
    question_layer: int | None = None
    scale: float = 100.0
    named_bonus: float = 0.05
    relation_bonus: float = 0.9
    known: tuple[float, ...] = (-18.40, -0.10, 3.23, 12.19, 1.83, 4.57, 0.0, 0.0)
    known_by_attention: tuple[float, ...] = (-1.52, -10.73, 7.71, 0.0, 0.0, 0.0, 0.0, 0.0)
    related: tuple[float, ...] = (-16.93, 25.98, 6.41, 2.26)
    refuse_below: float = 0.5
    reader_layers: int = 0
    reader_rank: int = 0
    copies: bool = True
    null_fact: bool = True

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            if not isinstance(found := getattr(self, name), int) or found < least:
                raise AdapterError(f"{name} is {found!r}, and must be a whole number from {least}")
        self._check_layers()
        if (len(self.known), len(self.known_by_attention), len(self.related)) != (8, 8, 4):
            raise AdapterError("known and known_by_attention have 8 coefficients, related 4: train the adapter again")
        numbers = (self.scale, self.named_bonus, self.relation_bonus, self.refuse_below)
        if not all(map(math.isfinite, (*numbers, *self.known, *self.known_by_attention, *self.related))):
            raise AdapterError("a number that the adapter judges by is not finite: train the adapter again")
        if self.heads % self.kv_heads:
            raise AdapterError(f"{self.heads} query heads do not divide into {self.kv_heads} key heads")

    def _check_layers(self) -> None:
        kb, select, question = self.kb_layers, self.select_layers, self.question_layer
        if not select or not set(select) <= set(kb):
            raise AdapterError(f"select_layers {select} must be among kb_layers {kb}, and at least one")
        if min(kb) < 0 or (question is not None and not 0 <= question <= min(kb)):
            raise AdapterError(
                f"question_layer {question} must not come after the first of kb_layers {kb}, and layers count from 0"
            )
