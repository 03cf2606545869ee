"""Where tensors live by default and how wide they are."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from transformers.utils import logging as transformers_logging

from kvdb.errors import LimitError

_log = logging.getLogger(__name__)


def default_device(device: str | torch.device | None = None) -> torch.device:
    """The device asked for, else the first GPU, else the CPU. Raises LimitError for one that there is none of."""
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        asked = torch.device(device)
    except RuntimeError:
        raise LimitError(f"there is no device {str(device)!r}: write cpu, cuda or cuda:1") from None
    try:
        torch.empty(0, device=asked)  # a name that torch knows need not be of anything in this computer
    except (RuntimeError, AssertionError, ImportError) as error:
        why = str(error).partition("\n")[0].partition(". ")[0]
        raise LimitError(f"there is no device {str(device)!r} here ({why}): choose another, such as cpu") from error
    return asked


def default_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the hardware multiplies it faster than float32, else float32 (float16 on an old GPU)."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    return torch.bfloat16 if device.type == "cpu" and _bfloat16_pays() else torch.float32


@cache
def _bfloat16_pays() -> bool:
    """Whether this CPU multiplies matrices faster in bfloat16.

    With AMX it took less than a third of float32's time. Other instructions alone do not tell: with AVX512_BF16 it took
    twice as much on one processor. So there both are tried once, for 30 ms. A CPU without any emulates bfloat16,
    several times slower.
    """
    cpu = torch.cpu.get_capabilities()
    if cpu.get("amx_bf16", False):  # not tried: beside other work the trial may go either way
        return True
    if not any(cpu.get(name, False) for name in ("avx512_bf16", "bf16")):
        return False
    narrow, wide = _seconds(torch.bfloat16), _seconds(torch.float32)
    _log.debug("a product takes %.2g s in bfloat16 and %.2g s in float32: the faster is taken", narrow, wide)
    return narrow < wide


def _seconds(dtype: torch.dtype) -> float:
    """The shortest of a few products as layers have them, so that other work beside it does not count."""
    a, b = torch.ones(128, 576, dtype=dtype), torch.ones(1536, 576, dtype=dtype)
    taken = []
    for _ in range(8):
        started = time.perf_counter()
        torch.nn.functional.linear(a, b)  # [128, 1536]
        taken.append(time.perf_counter() - started)
    return min(taken)


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
