"""Tiny random decoders and adapters for tests."""

from __future__ import annotations

import torch
import transformers as tf

from kvdb_sdk.attend.adapter import Adapter, AdapterConfig
from kvdb_sdk.attend.attention import model_shape

ENCODER_DIM = 12
VOCAB = 97
SMALL = {
    "vocab_size": VOCAB, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 1024,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
CONFIGS = {
    "llama": lambda: tf.LlamaConfig(**SMALL),
    "qwen3": lambda: tf.Qwen3Config(**SMALL, head_dim=8),
    "mistral": lambda: tf.MistralConfig(**SMALL, sliding_window=None),
    "phi3": lambda: tf.Phi3Config(**SMALL),
    "gemma3": lambda: tf.Gemma3TextConfig(
        **SMALL,
        head_dim=8,
        sliding_window=4,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
    ),
    "gpt2": lambda: tf.GPT2Config(
        vocab_size=VOCAB, n_embd=32, n_layer=3, n_head=4, n_positions=1024, bos_token_id=1, eos_token_id=2
    ),
}


def model(name: str, *, dtype: torch.dtype = torch.float32, seed: int = 0, implementation: str = "sdpa"):
    """A random decoder of a family, weights large enough that attention is not uniform."""
    torch.manual_seed(seed)
    built = tf.AutoModelForCausalLM.from_config(CONFIGS[name](), attn_implementation=implementation)
    with torch.no_grad():
        for parameter in built.parameters():
            if parameter.dim() > 1:
                parameter.mul_(6)
    return built.to(dtype).eval()


def adapter(of, *, kb_layers=(0, 2), select_layers=(0,), question_layer=None, seed: int = 1) -> Adapter:
    """A random adapter for a model, every parameter away from its start."""
    shape = model_shape(of)
    shape.pop("layers")
    torch.manual_seed(seed)
    built = Adapter(
        AdapterConfig(
            model="tiny",
            encoder="tiny",
            encoder_dim=ENCODER_DIM,
            kb_layers=kb_layers,
            select_layers=select_layers,
            question_layer=question_layer,
            **shape,
        )
    )
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
        built.prior.fill_(1.0)
    return built.requires_grad_(False)
