"""The absorbed projection: score facts in the encoder's space, never store a projected key.

The reference normalises projected keys over the outputs of all KB layers together (D of them):

    K(e) = LayerNorm(Wk e + bk),  logit = q . K(e) / sqrt(d)

With W' = Wk - mean over outputs and b' = bk - mean, the LayerNorm's deviation is a quadratic form in e,

    sigma(e)^2 = e' M e + 2 e' m + c + eps,   M = W''W'/D,  m = W''b'/D,  c = |b'|^2/D
    logit      = ((W'_h' q) . e + q . b'_h) / (sigma(e) sqrt(d))

so a query is mapped once into the encoder's space and meets the stored vectors there. Derivation and check:
docs/attention.md. L KB layers, H query heads in groups of H/G, G key heads of d; E encoder dimension.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .adapter import Adapter

EPS = 1e-5


@dataclass(frozen=True, slots=True)
class Projection:
    """What is derived once from an adapter's weights. Float32 throughout."""

    weight: Tensor  # [L, G, d, E] W'
    bias: Tensor  # [L, G, d] b'
    quadratic: Tensor  # [E, E] M
    linear: Tensor  # [E] m
    constant: Tensor  # [] c + eps
    value_weight: Tensor  # [L, G, d, E]
    value_bias: Tensor  # [L, G, d]

    @classmethod
    def of(cls, adapter: Adapter) -> Projection:
        config = adapter.config
        shape = (len(config.kb_layers), config.kv_heads, config.head_dim)
        weight = adapter.key_weight - adapter.key_weight.mean(dim=0)  # [D, E]
        bias = adapter.key_bias - adapter.key_bias.mean()  # [D]
        size = weight.shape[0]
        return cls(
            weight=weight.view(*shape, -1),
            bias=bias.view(shape),
            quadratic=weight.T @ weight / size,
            linear=weight.T @ bias / size,
            constant=bias @ bias / size + EPS,
            value_weight=adapter.value_weight.view(*shape, -1),
            value_bias=adapter.value_bias.view(shape),
        )

    def sigma(self, e: Tensor) -> Tensor:
        """The LayerNorm's deviation for vectors [..., E] -> [...]. One number a row, cached with its page."""
        square = ((e @ self.quadratic) * e).sum(-1) + 2 * (e @ self.linear) + self.constant  # [...]
        return square.clamp_min(EPS).sqrt()

    def keys(self, e: Tensor) -> Tensor:
        """Projected, normalised keys of a few facts: [..., E] -> [..., L, G, d]."""
        projected = torch.einsum("...e,lgde->...lgd", e, self.weight) + self.bias  # [..., L, G, d]
        return projected / self.sigma(e)[..., None, None, None]

    def values(self, e: Tensor) -> Tensor:
        """Projected values of a few facts: [..., E] -> [..., L, G, d]."""
        return torch.einsum("...e,lgde->...lgd", e, self.value_weight) + self.value_bias

    def absorb(self, q: Tensor, index: int) -> tuple[Tensor, Tensor]:
        """Map the queries of KB layer `index` into the encoder's space.

        q [m, H, d] -> vectors [m*H, E] and offsets [m*H], both already divided by sqrt(d), so that
        logit(query, e) = (vector . e + offset) / sigma(e).
        """
        m, heads, dim = q.shape
        groups = self.weight.shape[1]
        grouped = q.view(m, groups, heads // groups, dim) / math.sqrt(dim)  # [m, G, H/G, d]
        vectors = torch.einsum("mghd,gde->mghe", grouped, self.weight[index])  # [m, G, H/G, E]
        offsets = torch.einsum("mghd,gd->mgh", grouped, self.bias[index])  # [m, G, H/G]
        return vectors.reshape(m * heads, -1), offsets.reshape(m * heads)
