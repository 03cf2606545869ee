"""What many tests of the SDK start from."""

from __future__ import annotations

import pytest

import kvdb
from kvdb_sdk import relation_training

from . import tiny_store


@pytest.fixture(autouse=True)
def few_wordings(monkeypatch):
    """Training encodes every wording of a common relation; a few will do, and the encoders of tests are slow."""
    some = dict(list(relation_training.load_common_relations().items())[:10])
    monkeypatch.setattr(relation_training, "load_common_relations", lambda: some)


@pytest.fixture
def store(tmp_path):
    """The tiny store, open for writing."""
    encoder = tiny_store.encoder()
    with kvdb.open(tmp_path / "s.kvdb", create=True) as store:
        store.bind_encoder(encoder.record)
        store.insert(tiny_store.FACTS, encoder)
        yield store
