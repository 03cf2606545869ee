"""How large the adapters of larger models are, counted from their shapes; nothing is loaded but an encoder.

    python benchmarks/architecture_sizes.py

The configs are as the models' makers published them. "In training" is the adapter in float32 with its gradients and
both of AdamW's moments. TFLOP are of a step: two operations a weight and token forwards, two more backwards from the
first layer that reads facts on; the output head runs where the model writes by itself (WRITTEN tokens of a step); the
adapter's own queries take six, in float32.
"""

from __future__ import annotations

from typing import Any

import torch
import transformers as tf

from kvdb.types import EncoderRecord
from kvdb_sdk import load_encoder
from kvdb_sdk.attend.adapter import Adapter
from kvdb_sdk.training.train import default_config

LLAMA_ROPE = {
    "rope_type": "llama3", "rope_theta": 500_000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}  # fmt: skip
# hidden, intermediate, layers, heads, tied embeddings
QWEN3 = {
    "qwen3-0.6b": (1024, 3072, 28, 16, True),
    "qwen3-1.7b": (2048, 6144, 28, 16, True),
    "qwen3-4b": (2560, 9728, 36, 32, True),
    "qwen3-8b": (4096, 12288, 36, 32, False),
}
NAMES = ("llama-3.1-8b", *QWEN3)
TOKENS, WRITTEN = 650, 130  # of a step of 16 questions about the sample: run with padding, and written by the model


def config_of(name: str, layers: int | None = None, vocabulary: int | None = None) -> Any:
    """The model's config, as its makers published it, but for a number of layers and of tokens."""
    if name == "llama-3.1-8b":
        return tf.LlamaConfig(
            hidden_size=4096, intermediate_size=14336, num_hidden_layers=layers or 32, num_attention_heads=32,
            num_key_value_heads=8, vocab_size=vocabulary or 128_256, max_position_embeddings=131_072,
            rms_norm_eps=1e-5, rope_parameters=LLAMA_ROPE, tie_word_embeddings=False,
        )  # fmt: skip
    hidden, intermediate, full, heads, tied = QWEN3[name]
    return tf.Qwen3Config(
        hidden_size=hidden, intermediate_size=intermediate, num_hidden_layers=layers or full, num_attention_heads=heads,
        num_key_value_heads=8, head_dim=128, vocab_size=vocabulary or 151_936, max_position_embeddings=40_960,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6}, tie_word_embeddings=tied,
    )  # fmt: skip


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def on_no_device(name: str, encoder: EncoderRecord) -> tuple[Any, Adapter]:
    """The whole model and its adapter, shapes without numbers."""
    with torch.device("meta"):
        model = tf.AutoModelForCausalLM.from_config(config_of(name))
        return model, Adapter(default_config(model, name, encoder))


def step_flops(model: Any, adapter: Adapter) -> tuple[float, float]:
    """Operations of one training step: of the model, and in float32 of the adapter's queries."""
    first, layers = adapter.config.kb_layers[0], list(map(parameters, model.model.layers))
    below, others = sum(layers[:first]), sum(layers[first:])
    head = model.get_output_embeddings().weight.numel()
    return TOKENS * (2 * below + 4 * others) + WRITTEN * 4 * head, TOKENS * 6 * adapter.query.numel()


def main() -> None:
    encoder = load_encoder("all-MiniLM-L6-v2").record
    print("| model | parameters | in bf16, GB | KB layers | adapter | file, MB | in training, GB | TFLOP a step |")
    print("|---|---|---|---|---|---|---|---|")
    for name in NAMES:
        model, adapter = on_no_device(name, encoder)
        count, own, layers = parameters(model), parameters(adapter), adapter.config.kb_layers
        reading = f"{len(layers)} of {len(model.model.layers)}, from {layers[0]}"
        flops = " + ".join(f"{part / 1e12:.2f}" for part in step_flops(model, adapter))
        print(
            f"| {name} | {count:,} | {2 * count / 1e9:.1f} | {reading} | {own:,} | {2 * own / 1e6:.0f} "
            f"| {16 * own / 1e9:.2f} | {flops} |"
        )


if __name__ == "__main__":
    main()
