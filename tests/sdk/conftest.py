"""What many tests of the SDK start from."""

from __future__ import annotations

import pytest

import kvdb

from . import tiny_store


@pytest.fixture
def store(tmp_path):
    """The tiny store, open for writing."""
    encoder = tiny_store.encoder()
    with kvdb.open(tmp_path / "s.kvdb", create=True) as store:
        store.bind_encoder(encoder.record)
        store.insert(tiny_store.FACTS, encoder)
        yield store
