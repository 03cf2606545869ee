"""Where tensors live by default and how wide they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers.utils import logging as transformers_logging

from kvdb.errors import LimitError


def default_device(device: str | torch.device | None = None) -> torch.device:
    """The device asked for, else the first GPU, else the CPU. Raises LimitError for one that there is none of."""
    if device is not None:
        try:
            return torch.device(device)
        except RuntimeError:
            raise LimitError(f"there is no device {str(device)!r}: write cpu, cuda or cuda:1") from None
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def default_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the hardware multiplies it, else float32.

    A CPU without bf16 instructions emulates them: several times slower than float32.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device.type == "cpu":
        cpu = torch.cpu.get_capabilities()
        fast = any(cpu.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
        return torch.bfloat16 if fast else torch.float32
    return torch.float32


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence transformers' progress bars and loading reports inside the block."""
    verbosity = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()
