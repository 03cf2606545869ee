"""What training minimises, on one batch of examples with the language model frozen.

    write     cross-entropy of the tokens that the model writes itself (copied spans are left to the copy gate)
    gate      write, copy a term or copy a value: right at every answer token outside a span
    attend    -log weight of the right fact (or the null fact) where it matters: supervised attention

B examples, T answer-side tokens of one padded batch, n candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import DynamicCache

from ..attend.adapter import Adapter, AdapterConfig
from ..attend.attention import Attachment, Trace
from ..attend.joint_softmax import FactBatch, copy_weights, gate_logits
from ..attend.projection import Projection
from ..models.cache_names import cache_in, with_cache
from ..models.prompts import chat_prompt
from .examples import INSIDE, WRITE, Example, Pool


@dataclass(frozen=True, slots=True)
class Batch:
    """A padded batch. Token positions are of the part after the shared prefix."""

    ids: Tensor  # [B, T]
    mask: Tensor  # [B, T] attention: False at padding
    asking: Tensor  # [B, T] tokens of the question
    kinds: Tensor  # [B, T] what the NEXT token is: WRITE, TERM, VALUE, or INSIDE (nothing to learn)
    gold: Tensor  # [B] place of the right candidate, n for the null fact
    keys: Tensor  # [B, n, E]
    values: Tensor  # [B, n, E]
    vectors: Tensor  # [B, E] the questions in the encoder's space
    named: Tensor  # [B, n] 1 where the question names the candidate's term, else 0
    match: Tensor  # [B, n] of the relations of those, else 0

    def similarity(self, vectors: Tensor) -> Tensor:
        """Of the questions, by their vectors [B, E], and the candidates' keys: [B, n]."""
        return torch.einsum("be,bne->bn", vectors, self.keys)

    def prior(self, config: AdapterConfig, vectors: Tensor) -> Tensor:
        """The prior, [B, n], as kvdb_sdk/select/knowledge.py makes it of a store's facts."""
        return self.similarity(vectors) + config.named_bonus * self.named + config.relation_bonus * self.match


class TrainingFacts:
    """The fact source of training: fixed candidates, weighed as on one of two routes.

    `hybrid`: the prior goes by the encoder's vectors, else by the model's own, which then are in `vectors`; without a
    vector there is none.
    """

    def __init__(self, adapter: Adapter) -> None:
        self.vectors: Tensor | None = None  # [B, E] of the questions
        self._adapter = adapter
        self._candidates: Batch | None = None
        self._facts: FactBatch | None = None

    def use(self, batch: Batch, *, hybrid: bool) -> None:
        """The candidates of the next forward pass."""
        self._candidates, self._facts = batch, None
        self.vectors = batch.vectors if hybrid else None

    def begin(self, input_ids: Tensor | None, attention_mask: Tensor | None) -> None:
        pass

    def asked(self, hidden: Tensor) -> None:
        if self._candidates is not None and self.vectors is None and self._adapter.question is not None:
            self.vectors = self._adapter.question(hidden, self._candidates.asking).detach()  # [B, E]

    def facts(self, layer: int, q: Tensor) -> FactBatch | None:
        if self._facts is None and self._candidates is not None:
            self._facts = self._projected(self._candidates)
        return self._facts

    def _projected(self, batch: Batch) -> FactBatch:
        valid = torch.ones(batch.keys.shape[:2], dtype=torch.bool, device=batch.keys.device)
        prior = None if self.vectors is None else batch.prior(self._adapter.config, self.vectors)  # [B, n]
        return FactBatch.project(Projection.of(self._adapter), batch.keys, batch.values, valid, prior=prior)


class PromptPrefix:
    """The part of the chat prompt before every question: run once, since its tokens never read facts."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        mark = "QUESTION"
        before, after = chat_prompt(tokenizer, mark).split(mark)
        self.after: str = after
        self.tokenizer = tokenizer
        self.ids: list[int] = tokenizer(before, add_special_tokens=False)["input_ids"] if before else []
        self._states: list[tuple[Tensor, Tensor]] = []
        if self.ids:
            with torch.no_grad():
                out = model.base_model(torch.tensor([self.ids], device=model.device), use_cache=True)
            self._states = [(layer.keys, layer.values) for layer in cache_in(out).layers]

    def cache(self, batch: int) -> DynamicCache:
        """A fresh key-value cache that holds the prefix for `batch` rows."""
        return DynamicCache([(k.expand(batch, -1, -1, -1), v.expand(batch, -1, -1, -1)) for k, v in self._states])

    def question_ids(self, question: str) -> list[int]:
        return list(self.tokenizer(question + self.after, add_special_tokens=False)["input_ids"])


def collate(examples: Sequence[Example], pool: Pool, prefix: PromptPrefix, device: torch.device) -> Batch:
    """Pad to the right; position t predicts token t + 1."""
    asked = [prefix.question_ids(example.question) for example in examples]
    rows = [ask + example.answer_ids for ask, example in zip(asked, examples, strict=True)]
    shape = (len(rows), max(map(len, rows)) - 1)
    ids, mask = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.bool)
    asking, kinds = torch.zeros(shape, dtype=torch.bool), torch.full(shape, INSIDE)
    for b, (row, ask, example) in enumerate(zip(rows, asked, examples, strict=True)):
        ids[b, : len(row) - 1] = torch.tensor(row[:-1])
        mask[b, : len(row) - 1] = True
        asking[b, : len(ask)] = True
        kinds[b, len(ask) - 1 : len(row) - 1] = torch.tensor(example.kinds)
    picked = torch.tensor([example.candidates for example in examples])  # [B, n]

    def vectors(of: Any) -> Tensor:
        return torch.from_numpy(of).float().to(device)

    return Batch(
        ids.to(device), mask.to(device), asking.to(device), kinds.to(device),
        torch.tensor([example.gold for example in examples], device=device),
        vectors(pool.keys[picked.numpy()]), vectors(pool.values[picked.numpy()]),
        torch.stack([torch.from_numpy(example.vector) for example in examples]).float().to(device),
        torch.tensor([[float(x is not None) for x in example.match] for example in examples], device=device),
        torch.tensor([[x or 0.0 for x in example.match] for example in examples], device=device),
    )  # fmt: skip


def losses(
    attachment: Attachment,
    source: TrainingFacts,
    batch: Batch,
    prefix: PromptPrefix,
    *,
    hybrid: bool,
) -> dict[str, Tensor]:
    """The three losses. `hybrid` False trains the attention route."""
    model: Any = attachment.model
    adapter = attachment.adapter
    source.use(batch, hybrid=hybrid)
    attachment.trace = Trace()
    before = torch.ones(len(batch.ids), len(prefix.ids), dtype=torch.bool, device=batch.mask.device)
    hidden = model.base_model(
        batch.ids,
        attention_mask=torch.cat([before, batch.mask], 1),
        **with_cache(model.base_model, prefix.cache(len(batch.ids))),
    ).last_hidden_state  # [B, T, hidden]
    weights = copy_weights(adapter, attachment.trace.logits)  # [B, T, n + 1]
    learnt = batch.kinds != INSIDE  # [B, T]
    written = batch.kinds == WRITE
    targets = torch.cat([batch.ids[:, 1:], torch.full_like(batch.ids[:, :1], prefix.tokenizer.eos_token_id)], 1)
    targets = torch.where(_ends(batch.mask), prefix.tokenizer.eos_token_id, targets)  # [B, T]
    logits = model.get_output_embeddings()(hidden[written]).float()  # [*, vocab]
    gate = gate_logits(adapter, hidden, weights)  # [B, T, 3]
    return {
        "write": F.cross_entropy(logits, targets[written]),
        "gate": F.cross_entropy(gate[learnt], batch.kinds[learnt]),
        "attend": _attend_loss(weights, batch),
    }


def _ends(mask: Tensor) -> Tensor:
    """The last real token of each row, [B, T]: its target is the end of the answer."""
    following = torch.cat([mask[:, 1:], torch.zeros_like(mask[:, :1])], dim=1)
    return mask & ~following


def _attend_loss(weights: Tensor, batch: Batch) -> Tensor:
    """-log of the right fact's weight at the answer's start and where spans start."""
    first = batch.asking & ~torch.cat([batch.asking[:, 1:], torch.zeros_like(batch.asking[:, :1])], dim=1)  # [B, T]
    wanted = first | (batch.kinds > WRITE)  # [B, T]
    right = weights.gather(2, batch.gold[:, None, None].expand(-1, weights.shape[1], 1))[..., 0]  # [B, T]
    # the floor only keeps the logarithm finite: below it nothing is learnt
    return -right[wanted].clamp_min(1e-20).log().mean()


def start_from_model(adapter: Adapter, model: nn.Module, modules: Sequence[Any]) -> None:
    """Start the knowledge queries as the model's own query projections, where they can be found."""
    rows = adapter.config.heads * adapter.config.head_dim
    with torch.no_grad():
        for index, layer in enumerate(adapter.config.kb_layers):
            module = modules[layer]
            if hasattr(module, "q_proj"):
                adapter.query[index] = module.q_proj.weight.float()
            elif hasattr(module, "qkv_proj"):
                adapter.query[index] = module.qkv_proj.weight[:rows].float()
            elif hasattr(module, "c_attn"):  # GPT-2's Conv1D keeps [in, out]
                adapter.query[index] = module.c_attn.weight[:, :rows].T.float()
