"""Which devices there are, and how wide numbers are by default: as they multiply fastest."""

from __future__ import annotations

import logging

import pytest
import torch

from kvdb.errors import LimitError
from kvdb_sdk.models import devices

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:99", "fpga", "hpu"])
def test_a_device_that_is_not_here_is_refused_at_once(name):
    with pytest.raises(LimitError, match=f"no device '{name}' here"):
        devices.default_device(name)


@pytest.mark.parametrize("name", ["cpu", "meta"])
def test_a_device_that_is_here(name):
    assert devices.default_device(name) == devices.default_device(torch.device(name)) == torch.device(name)


@pytest.fixture
def untried():
    """As in a new process: what was tried on this processor is forgotten, before and after."""
    devices._bfloat16_pays.cache_clear()
    yield
    devices._bfloat16_pays.cache_clear()


def test_a_cpu_has_bfloat16_where_it_multiplies_faster(monkeypatch, untried, caplog):
    caplog.set_level(logging.DEBUG, devices.__name__)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    for bfloat16, wanted in ((1.0, torch.bfloat16), (4.0, torch.float32)):
        devices._bfloat16_pays.cache_clear()
        monkeypatch.setattr(devices, "_seconds", lambda dtype, b=bfloat16: b if dtype is torch.bfloat16 else 2.0)
        assert devices.default_dtype(CPU) is wanted
        assert "bfloat16" in caplog.messages[-1]


def test_a_cpu_with_amx_is_not_tried(monkeypatch, untried):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True, "amx_bf16": True})
    monkeypatch.setattr(devices, "_seconds", lambda dtype: pytest.fail("was tried"))
    assert devices.default_dtype(CPU) is torch.bfloat16


def test_a_cpu_without_instructions_for_bfloat16_is_not_tried(monkeypatch, untried):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})
    monkeypatch.setattr(devices, "_seconds", lambda dtype: pytest.fail("was tried"))
    assert devices.default_dtype(CPU) is torch.float32


def test_products_are_timed():
    assert all(devices._seconds(dtype) > 0 for dtype in (torch.bfloat16, torch.float32))


def test_other_devices_have_float32():
    assert devices.default_dtype(torch.device("meta")) is torch.float32
