"""A small store, its encoder and a byte-level tokenizer, for tests that run the whole way of a question."""

from __future__ import annotations

import hashlib

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from kvdb_sdk.attend.adapter import Card, model_probe
from kvdb_sdk.models.encoders import Encoder

from . import tiny

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
FACTS = [(f"Place {i}", "capital", f"Town {i * 7}") for i in range(40)]


def _vectors(texts):
    """Bags of hashed words: sentences that share words are near each other."""
    out = np.zeros((len(texts), tiny.ENCODER_DIM), np.float32)
    for row, text in zip(out, texts, strict=True):
        for word in text.lower().strip("?.").split():
            seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest(), "big")
            rare = 1 + 8 * word.isdigit()
            row += rare * np.random.default_rng(seed).normal(size=tiny.ENCODER_DIM)
    return out + 1e-3


def encoder() -> Encoder:
    return Encoder(_vectors, name="tiny")


def tokenizer() -> PreTrainedTokenizerFast:
    """Bytes as tokens, all inside the tiny models' vocabulary of 97."""
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    vocab = {"<pad>": 0, "<s>": 1, "<end>": 2, "<|user|>": 3, "<|assistant|>": 4, "<|system|>": 5, "<unk>": 6}
    for symbol in [*letters, "Ġ", "?", ".", "Ċ", "'", ","]:
        vocab[symbol] = len(vocab)
    bare = Tokenizer(models.BPE(vocab=vocab, merges=[], unk_token="<unk>"))
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(
        tokenizer_object=bare, pad_token="<pad>", bos_token="<s>", eos_token="<end>", unk_token="<unk>",
        additional_special_tokens=["<|user|>", "<|assistant|>", "<|system|>"], padding_side="left",
    )  # fmt: skip
    made.chat_template = TEMPLATE
    return made


def adapter_for(model, **more):
    """A random adapter and a card that fits the model and the tiny encoder."""
    built = tiny.adapter(model, **more)
    probes = tuple(tuple(float(x) for x in row) for row in encoder().record.probes)
    return built, Card(built.config, model_probe(model), probes)
