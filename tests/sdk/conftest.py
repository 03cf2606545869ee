"""What many tests of the SDK start from."""

from __future__ import annotations

import pytest

import kvdb
from kvdb_sdk.training import train as training
from kvdb_sdk.training.relation_wordings import pool_apart

from . import tiny_store


@pytest.fixture(autouse=True)
def few_domains_apart(monkeypatch):
    """Refusal is calibrated on 30 domains of facts; two will do."""
    monkeypatch.setattr(training, "pool_apart", lambda encode: pool_apart(encode, most=2))


@pytest.fixture
def store(tmp_path):
    """The tiny store, open for writing."""
    encoder = tiny_store.encoder()
    with kvdb.open(tmp_path / "s.kvdb", create=True) as store:
        store.bind_encoder(encoder.record)
        store.insert(tiny_store.FACTS, encoder)
        yield store
