"""The sentence encoder as relations are compared with: a low-rank change of its layers.

A sentence encoder is made for what texts are about. That "since when has it been guiding ships" asks for "the first
lit of it", and not for its range, is a finer thing, and the vectors of the encoder do not have it. So the weights W
[out, in] of each linear map in its layers become W + b a, with a [r, in] and b [out, r] (Hu et al., "LoRA",
section 4.1); kvdb_sdk/training/relation_low_rank.py learns them. The store's own vectors stay as they are.

Only encoders that run here can be changed; vectors of an endpoint or a function are compared as they are.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from kvdb.errors import AdapterMismatchError

from ..attend.adapter import Adapter
from ..models.encoders import Encoder
from ..models.sentence_model import PlainSentenceModel
from .relation_match import Encode, Read, RelationMatch

LowRank = Mapping[str, Tensor]  # "<name of the linear map>.a" [r, in] and "<name>.b" [out, r]


def layer_maps(model: nn.Module) -> dict[str, nn.Linear]:
    """The linear maps in a transformer's layers, by name. {} where its layers are not found."""
    count = getattr(getattr(model, "config", None), "num_hidden_layers", 0)
    stacks = [
        (name, stack)
        for name, stack in model.named_modules()
        if isinstance(stack, nn.ModuleList) and len(stack) == count
    ]
    if not count or len(stacks) != 1:
        return {}
    name, stack = stacks[0]
    return {f"{name}.{inner}": part for inner, part in stack.named_modules() if isinstance(part, nn.Linear)}


def relation_match(adapter: Adapter, encode: Encode, read: Read | None = None) -> RelationMatch:
    """How an adapter compares questions with relations. `read`: how its language model does (relation_reader.py).

    An encoder that gives the vectors that the adapter was trained with, but from elsewhere, cannot be changed: then
    they are compared as they are.
    """
    if not adapter.encoder_change:
        return RelationMatch(encode, adapter.relation.detach().float().cpu().numpy(), read)
    if sentence_model(encode) is None:
        return RelationMatch(encode, read=read)
    return RelationMatch(changed(encode, adapter.encoder_change), read=read)


def sentence_model(encode: Encode) -> PlainSentenceModel | None:
    """The model beneath an encoder, where it runs here and its layers are found; else None."""
    inner = encode.function if isinstance(encode, Encoder) else None
    return inner if isinstance(inner, PlainSentenceModel) and layer_maps(inner.model) else None


def changed(encode: Encode, change: LowRank) -> Encode:
    """An encoder with a low-rank change of some of its layers' maps; the rest is shared with the one given.

    Raises AdapterMismatchError where the change does not fit.
    """
    inner = sentence_model(encode)
    if inner is None:
        raise AdapterMismatchError("the encoder does not run here: its weights cannot be changed")
    model, maps = inner.model, layer_maps(inner.model)
    names = {name.rpartition(".")[0] for name in change}
    if not names <= set(maps) or {f"{name}.{part}" for name in names for part in "ab"} != set(change):
        raise AdapterMismatchError("the adapter changes other layers than the encoder has")
    stays: dict[int, Any] = {id(p): p for p in model.parameters()}
    for name in names:
        del stays[id(maps[name].weight)]
    own = copy.deepcopy(model, stays)  # what is in the memo is not copied
    for name in names:
        each, a, b = own.get_submodule(name), change[f"{name}.a"].float(), change[f"{name}.b"].float()
        if a.shape[0] != b.shape[1] or (b.shape[0], a.shape[1]) != tuple(each.weight.shape):
            raise AdapterMismatchError(f"the adapter's change of {name} has not the shape that the encoder's has")
        each.weight.data = (each.weight.float() + (b @ a).to(each.weight.device)).to(each.weight.dtype)  # [out, in]
    with_own = copy.copy(inner)
    with_own.model = own
    return with_own
