"""Adapters that ship with kvdb, each a folder here, and how an adapter is found by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from kvdb.errors import AdapterError, AdapterMismatchError
from kvdb.types import EncoderRecord

from ..attend.adapter import CARD, check_fits_encoder, check_fits_model, load_adapter, load_card
from ..attend.attention import model_shape

SHIPPED = Path(__file__).parent
DEFAULT = "default"


def shipped_adapters() -> list[str]:
    """Names of the adapters in the package."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{CARD}"))


def adapter_folder(name: str | Path, model: Any) -> Path:
    """A folder of that path, a shipped adapter of that name, or with "default" the shipped one that fits `model`.

    Raises AdapterError for an unknown name, AdapterMismatchError where no shipped adapter fits.
    """
    if str(name) == DEFAULT:
        return _fitting(model)
    if Path(name).is_dir():
        return Path(name)
    if str(name) in shipped_adapters():
        return SHIPPED / str(name)
    raise AdapterError(
        f"adapter {str(name)!r} is neither a folder nor shipped ({', '.join(shipped_adapters()) or 'none are'}): "
        "give a folder made by `kvdb train`"
    )


def shipped_encoder_change(encoder: EncoderRecord) -> dict[str, Tensor]:
    """How a shipped adapter changes this encoder to compare relations; {} where none is for it.

    It has nothing to do with the language model: adapters for other models may have the same.
    """
    for name in shipped_adapters():
        try:
            check_fits_encoder(load_card(SHIPPED / name), encoder.name, encoder.probes)
        except AdapterMismatchError:
            continue
        if change := load_adapter(SHIPPED / name)[0].encoder_change:
            return change
    return {}


def _fitting(model: Any) -> Path:
    shape = model_shape(model)
    for name in shipped_adapters():
        try:
            check_fits_model(load_card(SHIPPED / name), model, shape)
        except AdapterMismatchError:
            continue
        return SHIPPED / name
    raise AdapterMismatchError(
        f"no shipped adapter ({', '.join(shipped_adapters()) or 'there are none'}) fits this {shape['model_type']} "
        "model: train one with `kvdb train` and give its folder as the adapter"
    )
