"""A decoder's cache under the name of before transformers 5.24 and of since."""

from __future__ import annotations

import pytest
import torch

from kvdb_sdk.models.cache_names import NAMES, cache_in, with_cache

from . import tiny


class _Old:
    def forward(self, input_ids, past_key_values=None): ...


class _New:
    def forward(self, input_ids, cache=None): ...


class _Open:
    def forward(self, *args, **kwargs): ...


def test_a_cache_is_found_under_either_name():
    assert [cache_in({name: "states"}) for name in NAMES] == ["states", "states"]
    assert cache_in({"cache": None, "past_key_values": "states"}) == "states"
    assert cache_in({}) is None


def test_a_cache_is_handed_over_under_the_name_that_the_model_takes():
    assert with_cache(_Old(), 1) == {"past_key_values": 1}
    assert with_cache(_New(), 1) == {"cache": 1}
    assert len(with_cache(_Open(), 1)) == 1


@pytest.mark.parametrize("family", list(tiny.CONFIGS))
def test_the_installed_models_take_it_without_a_warning(family, recwarn):
    model = tiny.model(family)
    with torch.no_grad():
        first = model(torch.tensor([[3, 4, 5]]), use_cache=True)
        model(torch.tensor([[6]]), **with_cache(model, cache_in(first)))
    assert not [each for each in recwarn if "past_key_values" in str(each.message)]
