"""What many tests of the SDK start from."""

from __future__ import annotations

import pytest

import kvdb
from kvdb_sdk.training import calibration
from kvdb_sdk.training.apart import domains_apart

from . import tiny_store


@pytest.fixture(autouse=True)
def few_domains_apart(monkeypatch):
    """Refusal is fitted on 55 domains of facts; two will do."""
    monkeypatch.setattr(calibration, "domains_apart", lambda: domains_apart()[:2])


@pytest.fixture
def store(tmp_path):
    """The tiny store, open for writing."""
    encoder = tiny_store.encoder()
    with kvdb.open(tmp_path / "s.kvdb", create=True) as store:
        store.bind_encoder(encoder.record)
        store.insert(tiny_store.FACTS, encoder)
        yield store
