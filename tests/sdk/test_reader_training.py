"""What the language model learns of relations: it learns, knows when none is meant, and goes on where it stopped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from kvdb.errors import AdapterError
from kvdb.kg2kv import key_sentence
from kvdb_sdk.question.relation_reader import RelationReader
from kvdb_sdk.training.reader_training import READER, UNDER_WAY, fit_reader, learn_reader
from kvdb_sdk.training.relation_wordings import wordings_of

from . import tiny, tiny_store
from .test_relation_training import DOMAIN

TOKENIZER = tiny_store.tokenizer()
WORDINGS = wordings_of([], [DOMAIN, DOMAIN | {"domain": "towers"}])


def test_a_reader_learns_what_wordings_mean():
    model = tiny.model("llama")
    torch.manual_seed(0)
    reader = RelationReader(model, TOKENIZER, layers=2, rank=4)
    losses = []
    fit_reader(reader, WORDINGS, steps=200, rate=1e-2, report=lambda step, loss: losses.append(loss))
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    nouns = [WORDINGS.nouns[i] for i in WORDINGS.domains[0].nouns]
    sentences = [key_sentence(noun, "it") for noun in nouns]
    asked = [WORDINGS.asked[i] for i in WORDINGS.domains[0].asked]
    own = [nouns.index(WORDINGS.nouns[WORDINGS.right[i][0]]) for i in WORDINGS.domains[0].asked]
    found = reader.read(
        asked * 2, [sentences] * len(asked) + [[s for s in sentences if s != sentences[i]] for i in own]
    )
    assert [int(each.argmax()) for each in found[: len(asked)]] == [1 + i for i in own]
    assert sum(int(each.argmax()) == 0 for each in found[len(asked) :]) >= len(asked) - 1


def test_a_reader_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr("kvdb_sdk.training.reader_training.CHECKPOINT_EVERY", 3)
    model = tiny.model("llama")
    adapter, _ = tiny_store.adapter_for(model)
    adapter.config = replace(adapter.config, reader_layers=2, reader_rank=3)

    def learnt(folder, note):
        folder.mkdir(exist_ok=True)
        adapter.reader = {}
        torch.manual_seed(5)
        learn_reader(adapter, model, TOKENIZER, folder, steps=6, seed=1, wordings=WORDINGS, note=note)
        return adapter.reader

    def stops(text):
        if "step 4" in text:
            raise KeyboardInterrupt

    whole = learnt(tmp_path / "a", None)
    with pytest.raises(KeyboardInterrupt):
        learnt(tmp_path / "b", stops)
    assert (tmp_path / "b" / UNDER_WAY).exists()
    seen = []
    again = learnt(tmp_path / "b", seen.append)
    assert seen[0].startswith("reader: step 4 of 6") and not (tmp_path / "b" / UNDER_WAY).exists()
    for name, tensor in whole.items():
        torch.testing.assert_close(again[name], tensor)
    (tmp_path / "b" / READER).write_bytes(b"none of ours")
    with pytest.raises(AdapterError, match="remove it"):
        learnt(tmp_path / "b", None)


def test_a_reader_goes_on_from_what_an_adapter_has(tmp_path):
    adapter, _ = tiny_store.adapter_for(tiny.model("llama"))
    adapter.config = replace(adapter.config, reader_layers=2, reader_rank=3)

    def learnt(name, steps):
        (tmp_path / name).mkdir()
        learn_reader(adapter, tiny.model("llama"), TOKENIZER, tmp_path / name, steps=steps, seed=1, wordings=WORDINGS)
        return {key: tensor.clone() for key, tensor in adapter.reader.items()}

    first = learnt("first", 2)
    same = learnt("same", 0)
    assert all(torch.equal(same[key], tensor) for key, tensor in first.items())
    before = adapter.reader
    further = learnt("further", 1)
    assert not all(torch.equal(further[key], tensor) for key, tensor in first.items())
    assert all(torch.equal(before[key], tensor) for key, tensor in first.items())  # is not changed under its user
