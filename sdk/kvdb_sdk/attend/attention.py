"""Puts knowledge attention into a Hugging Face decoder, and takes it out again without a trace.

Through transformers' AttentionInterface and forward hooks: no model file is copied, no weight is changed. Layers
outside the adapter's `kb_layers`, and every layer while there are no facts, run the model's own attention function on
its own arguments, so their outputs are bit-identical to the plain model's.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from kvdb.errors import UnsupportedModelError

from ..models.cache_names import cache_in
from .adapter import Adapter
from .joint_softmax import FactBatch, fact_logits, joint_softmax, text_logits

_BASES = ("sdpa", "eager")
_PREFIX = "kvdb_"
_layers: weakref.WeakKeyDictionary[nn.Module, _Layer] = weakref.WeakKeyDictionary()


class FactSource(Protocol):
    """Gives the attention its facts."""

    def begin(self, input_ids: Tensor | None, attention_mask: Tensor | None) -> None:
        """A new prompt [B, T] starts: forget the facts of the last one."""

    def asked(self, hidden: Tensor) -> None:
        """What the adapter's question layer reads of the prompt, [B, T, hidden], before any KB layer."""

    def facts(self, layer: int, q: Tensor) -> FactBatch | None:
        """The facts for KB layer `layer` given its queries [B, T, H, d]; None to leave the layer alone."""


@dataclass(slots=True)
class Trace:
    """What the last forward pass of the attached model did, for copying, citing and training."""

    logits: dict[int, Tensor] = field(default_factory=dict)  # KB layer index -> [B, H, T or 1, n + 1]
    hidden: Tensor | None = None  # [B, T or 1, hidden] what the output head read


@dataclass(slots=True)
class _Layer:
    attachment: Attachment
    index: int
    base: Callable[..., tuple[Tensor, Tensor | None]]
    hidden: Tensor | None = None


def model_shape(model: nn.Module) -> dict[str, Any]:
    """The dimensions that an adapter must fit. UnsupportedModelError where the model hides them."""
    modules = attention_modules(model)
    config: Any = modules[0].config
    heads = config.num_attention_heads
    return {
        "model_type": config.model_type,
        "hidden_size": config.hidden_size,
        "heads": heads,
        "kv_heads": getattr(config, "num_key_value_heads", None) or heads,
        "head_dim": getattr(modules[0], "head_dim", None) or config.hidden_size // heads,
        "layers": len(modules),
    }


def attention_modules(model: nn.Module) -> list[Any]:
    """The self-attention module of every decoder layer, in order."""
    found = {}
    for module in model.modules():
        index = getattr(module, "layer_idx", None)
        is_attention = type(module).__name__.endswith("Attention") and hasattr(module, "config")
        if is_attention and isinstance(index, int) and not getattr(module, "is_cross_attention", False):
            found[index] = module
    if not found or sorted(found) != list(range(len(found))):
        raise UnsupportedModelError(
            f"{type(model).__name__} does not have one attention module a layer that goes through transformers' "
            "AttentionInterface; use a decoder such as Llama, Qwen, Mistral, Phi-3, Gemma or GPT-2"
        )
    return [found[index] for index in range(len(found))]


def check_attachable(model: nn.Module) -> None:
    """Raises UnsupportedModelError for a model that knowledge attention cannot go into."""
    modules = attention_modules(model)
    base = modules[0].config._attn_implementation or "eager"
    if base.startswith(_PREFIX):
        raise UnsupportedModelError("a store is attached to this model already: detach it first")
    if base not in _BASES:
        raise UnsupportedModelError(
            f"knowledge attention works on sdpa and eager attention, and this model uses {base}: "
            'load it with attn_implementation="sdpa"'
        )
    if _head(model) is None:
        raise UnsupportedModelError(
            f"{type(model).__name__} writes no text: load it with its language model head (AutoModelForCausalLM)"
        )
    for module in modules:
        _base_function(base, module)


def _head(model: Any) -> nn.Module | None:
    found: nn.Module | None = model.get_output_embeddings()
    return found


class Attachment:
    """Knowledge attention on one model. A context manager; `detach` restores the model."""

    def __init__(self, model: nn.Module, adapter: Adapter, source: FactSource, *, keep_all: bool = False) -> None:
        """`keep_all` keeps the trace of every position (training), not only of the last. Raises as check_attachable."""
        check_attachable(model)
        self.model, self.adapter, self.source, self.keep_all = model, adapter, source, keep_all
        self.trace = Trace()
        self.starts = False  # the next pass reads a prompt, also where a cache has text before it
        self._handles: list[Any] = []
        modules = attention_modules(model)
        self.config: Any = modules[0].config
        self._base: str = self.config._attn_implementation or "eager"
        self._attach(modules)

    def _attach(self, modules: list[Any]) -> None:
        for index, layer in enumerate(self.adapter.config.kb_layers):
            module = modules[layer]
            _layers[module] = _Layer(self, index, _base_function(self._base, module))
            self._handles.append(module.register_forward_pre_hook(_remember_hidden, with_kwargs=True))
        if self.adapter.config.question_layer is not None:
            asked = modules[self.adapter.config.question_layer].register_forward_pre_hook(self._asked, with_kwargs=True)
            self._handles.append(asked)
        self._handles.append(self.model.register_forward_pre_hook(self._before_forward, with_kwargs=True))
        head = _head(self.model)
        assert head is not None  # check_attachable
        self._handles.append(head.register_forward_pre_hook(self._before_head))
        name = _PREFIX + self._base
        AttentionInterface.register(name, _attention)
        ALL_MASK_ATTENTION_FUNCTIONS.register(name, ALL_MASK_ATTENTION_FUNCTIONS[self._base])
        self.config._attn_implementation = name

    def detach(self) -> None:
        """Remove every hook; the model is the plain one again. Safe to call twice."""
        for handle in self._handles:
            handle.remove()
        if self._handles:
            self.config._attn_implementation = self._base
        self._handles.clear()
        for module in [module for module, layer in _layers.items() if layer.attachment is self]:
            del _layers[module]

    def __enter__(self) -> Attachment:
        return self

    def __exit__(self, *_: object) -> None:
        self.detach()

    def _before_forward(self, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        cache = cache_in(kwargs)
        self.trace = Trace()
        if self.starts or cache is None or cache.get_seq_length() == 0:
            self.starts = False
            ids = args[0] if args else kwargs.get("input_ids")
            self.source.begin(ids, kwargs.get("attention_mask"))

    def _asked(self, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.source.asked(args[0] if args else kwargs["hidden_states"])

    def _before_head(self, _module: nn.Module, args: tuple[Any, ...]) -> None:
        self.trace.hidden = args[0] if self.keep_all else args[0][:, -1:]


def _remember_hidden(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    layer = _layers.get(module)
    if layer is not None:
        layer.hidden = args[0] if args else kwargs["hidden_states"]


def _base_function(name: str, module: nn.Module) -> Callable[..., tuple[Tensor, Tensor | None]]:
    if name != "eager":
        base: Callable[..., tuple[Tensor, Tensor | None]] = ALL_ATTENTION_FUNCTIONS[name]
        return base
    base = getattr(sys.modules[type(module).__module__], "eager_attention_forward", None)  # type: ignore[assignment]
    if base is None:
        raise UnsupportedModelError(f"{type(module).__name__} has no eager attention function to go through")
    return base


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """What transformers calls in place of sdpa or eager: query [B, H, T, d], key and value [B, G, S, d]."""
    layer = _layers.get(module)
    if layer is None:
        config: Any = module.config
        base = _base_function(config._attn_implementation.removeprefix(_PREFIX), module)
        return base(module, query, key, value, attention_mask, **kwargs)
    facts, q = _facts_of(layer, query)
    if facts is None:
        return layer.base(module, query, key, value, attention_mask, **kwargs)
    attachment = layer.attachment
    logits = fact_logits(attachment.adapter, layer.index, q, facts)  # [B, H, T, n + 1]
    attachment.trace.logits[layer.index] = logits if attachment.keep_all else logits[:, :, -1:]
    scaling = kwargs.get("scaling")
    text = text_logits(
        query,
        key,
        attention_mask,
        scaling=query.shape[-1] ** -0.5 if scaling is None else scaling,
        softcap=kwargs.get("softcap"),
    )  # [B, H, T, S]
    out = joint_softmax(logits, text, facts.layer(attachment.adapter, layer.index).values, value)  # [B, T, H, d]
    return out.to(query.dtype).contiguous(), None


def _facts_of(layer: _Layer, query: Tensor) -> tuple[FactBatch | None, Tensor]:
    attachment = layer.attachment
    assert layer.hidden is not None  # the pre-hook of this very module ran just now
    hidden, layer.hidden = layer.hidden, None
    batch, heads, tokens, dim = query.shape
    weight = attachment.adapter.query[layer.index]  # [H*d, hidden]
    q = (hidden.to(weight.dtype) @ weight.T).view(batch, tokens, heads, dim)  # [B, T, H, d]
    return attachment.source.facts(layer.index, q), q
