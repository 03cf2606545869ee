"""Where a model normalises its queries (Qwen3, Gemma 3), knowledge queries start as large as its norm makes them.

Such a model does not care how large its query projection's outputs are, for the norm that follows takes their size
away; the knowledge queries have no norm, and copied as they are would start with logits of any size at all.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..attend.adapter import Adapter
from ..attend.attention import attention_modules
from ..models.prompts import chat_prompt

_ASKED = "What is the capital of France, and who was born there?"  # any text does: it only sets a scale


@torch.no_grad()
def scale_as_normalised(adapter: Adapter, model: Any, tokenizer: Any) -> None:
    """Scale the rows of `query`, copies of the model's projections, by what its norm does to them on average."""
    modules = attention_modules(model)
    normed = {i: modules[layer] for i, layer in enumerate(adapter.config.kb_layers) if _has_norm(modules[layer])}
    for index, hidden in _read(model, tokenizer, normed).items():
        module = normed[index]
        before = module.q_proj(hidden)  # [T, H*d]
        after = module.q_norm(before.view(len(hidden), -1, *module.q_norm.weight.shape)).view_as(before)  # [T, H*d]
        size, wanted = before.float().pow(2).mean(0), after.float().pow(2).mean(0)  # [H*d]
        adapter.query[index] *= (wanted / size.clamp_min(1e-12)).sqrt()[:, None]


def _has_norm(module: Any) -> bool:
    return hasattr(module, "q_proj") and getattr(getattr(module, "q_norm", None), "weight", None) is not None


def _read(model: Any, tokenizer: Any, modules: dict[int, Any]) -> dict[int, Tensor]:
    """What these attention modules read of a question, each [T, hidden]."""
    if not modules:
        return {}
    found: dict[int, Tensor] = {}

    def keeper(index: int) -> Any:
        def keep(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            found[index] = (args[0] if args else kwargs["hidden_states"])[0]  # [T, hidden]

        return keep

    handles = [m.register_forward_pre_hook(keeper(index), with_kwargs=True) for index, m in modules.items()]
    try:
        ids = tokenizer(chat_prompt(tokenizer, _ASKED), add_special_tokens=False)["input_ids"]
        model.base_model(torch.tensor([ids], device=model.device), use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    return found
