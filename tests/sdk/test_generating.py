"""Generation: what pads a batch, and where an answer ends."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from kvdb.errors import LimitError
from kvdb_sdk.generating import generated

from . import tiny_store

TOKENIZER = tiny_store.tokenizer()
PAD, END, OTHER = 0, 2, 5  # OTHER: what this model's turns end with


def tokenizer_with(**more):
    made = tiny_store.tokenizer()
    for name, value in more.items():
        setattr(made, name, value)
    return made


def run(written, *, tokenizer=TOKENIZER, ends=None, questions=("Who?", "What is it?")):
    """The rows of a model that writes `written`, and what it was given."""
    given = {}

    def generate(*, input_ids, **more):
        given.update(more, input_ids=input_ids)
        return torch.cat([input_ids, torch.tensor(written)], 1)

    config = SimpleNamespace(eos_token_id=ends)
    return generated(tokenizer, generate, questions, 4, (), device=torch.device("cpu"), config=config), given


@pytest.mark.parametrize(
    ("ends", "wanted"), [(None, [END]), (OTHER, [END, OTHER]), ([OTHER, END], [END, OTHER]), ([OTHER], [END, OTHER])]
)
def test_an_answer_ends_with_any_end_of_the_tokenizer_or_the_model(ends, wanted):
    rows, given = run([[7, OTHER, 8, END], [7, END, PAD, PAD]], ends=ends)
    assert given["eos_token_id"] == wanted
    assert rows == [[7, OTHER] if OTHER in wanted else [7, OTHER, 8, END], [7, END]]


def test_an_answer_without_an_end_is_whole():
    assert run([[7, 8, 9, 10], [7, 8, 9, 9]])[0] == [[7, 8, 9, 10], [7, 8, 9, 9]]


@pytest.mark.parametrize(
    ("tokenizer", "ends", "pad"),
    [
        (TOKENIZER, OTHER, PAD),
        (tokenizer_with(pad_token=None), OTHER, END),
        (tokenizer_with(pad_token=None, eos_token=None), [OTHER], OTHER),
        (tokenizer_with(pad_token=None, eos_token=None), None, 0),
    ],
)
def test_what_pads_a_batch(tokenizer, ends, pad):
    rows, given = run([[7, 8], [8, 7]], tokenizer=tokenizer, ends=ends)
    assert given["pad_token_id"] == pad
    assert given["input_ids"][given["attention_mask"] == 0].unique().tolist() == [pad]
    assert given["eos_token_id"] or ends is None
    assert rows == [[7, 8], [8, 7]]


def test_without_a_config_the_tokenizers_own_end_counts():
    def generate(*, input_ids, **_):
        return torch.cat([input_ids, torch.tensor([[7, OTHER, END]])], 1)

    assert generated(TOKENIZER, generate, ["Who?"], 3, (), device=torch.device("cpu")) == [[7, OTHER, END]]


def test_the_oldest_turns_give_way_where_not_all_fit():
    """A long answer is not the end of a conversation."""
    seen = []

    def generate(*, input_ids, **_):
        seen.append(TOKENIZER.decode(input_ids[0]))
        return torch.cat([input_ids, torch.tensor([[7, END]])], 1)

    turns = [("First?", "long " * 50), ("Second?", "short"), ("Third?", "short")]

    def run_within(context):
        return generated(TOKENIZER, generate, ["Who?"], 2, turns, device=torch.device("cpu"), context=context)

    for context in (None, 150):
        assert run_within(context) == [[7, END]]
    assert "First" in seen[0]
    assert "First" not in seen[1] and "Second" in seen[1] and seen[1].count("Who") == 1
    with pytest.raises(LimitError, match="the model reads 5"):
        run_within(5)
