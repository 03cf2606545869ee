"""The model's own vector of a question, in the encoder's space: what the attention route goes down the tree with.

A small head on the hidden states that the frozen model has of the question's tokens anyway, a few layers up. It learns
to be near the key of the asked fact (kvdb_sdk/training/question_training.py), so no encoder is needed at question time.

    x_t  = LayerNorm(hidden state of token t)               no affine
    p_k  = sum over t of softmax_t(a_k . x_t) V_k x_t       K poolings, d numbers each
    v    = (O [p_1 .. p_K] + o) / its length
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

POOLINGS = 8
WIDTH = 96  # numbers of each


class QuestionVector(nn.Module):
    """Maps the hidden states of a question to a unit vector of E numbers."""

    def __init__(self, hidden: int, dim: int) -> None:
        super().__init__()
        self.weigh = nn.Parameter(torch.zeros(POOLINGS, hidden))
        self.read = nn.Parameter(torch.empty(POOLINGS * WIDTH, hidden).normal_(std=1 / math.sqrt(hidden)))
        self.out = nn.Parameter(torch.empty(dim, POOLINGS * WIDTH).normal_(std=1 / math.sqrt(POOLINGS * WIDTH)))
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, hidden: Tensor, asking: Tensor) -> Tensor:
        """Unit vectors [B, E] of the tokens [B, T] that ask, from hidden states [B, T, hidden].

        A prompt in which no token asks gets the vector of nothing, which is one like any other.
        """
        x = F.layer_norm(hidden.to(self.read.dtype), hidden.shape[-1:])  # [B, T, hidden]
        logits = (x @ self.weigh.T).masked_fill(~asking[..., None], -math.inf)  # [B, T, K]
        weights = logits.softmax(1).nan_to_num(0.0)  # [B, T, K]
        read = (x @ self.read.T).unflatten(-1, (POOLINGS, WIDTH))  # [B, T, K, d]
        pooled = torch.einsum("btk,btkd->bkd", weights, read).flatten(1)  # [B, K * d]
        return F.normalize(pooled @ self.out.T + self.bias, dim=-1)
