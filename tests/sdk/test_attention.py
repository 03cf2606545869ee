"""Knowledge attention against the formula, on every supported family; and without a trace when there is nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from kvdb.errors import UnsupportedModelError
from kvdb_sdk.attend.attention import Attachment
from kvdb_sdk.attend.joint_softmax import FactBatch
from kvdb_sdk.attend.projection import Projection
from kvdb_sdk.models.cache_names import cache_in, with_cache

from . import attention_oracle as oracle
from . import tiny

FAMILIES = sorted(tiny.CONFIGS)


class Fixed:
    """A fact source with the same facts for every forward pass."""

    def __init__(self, adapter, batch=1, n=5, *, prior=True, seed=3):
        generator = torch.Generator().manual_seed(seed)
        shape = (batch, n, tiny.ENCODER_DIM)
        self.keys = torch.nn.functional.normalize(torch.randn(shape, generator=generator), dim=-1)
        self.values = torch.nn.functional.normalize(torch.randn(shape, generator=generator), dim=-1)
        self.similarity = torch.rand(shape[:2], generator=generator) if prior else None
        self.valid = torch.ones(shape[:2], dtype=torch.bool)
        self.projection = Projection.of(adapter)
        self.batch = self._project()

    def _project(self):
        return FactBatch.project(self.projection, self.keys, self.values, self.valid, prior=self.similarity)

    def drop(self, b, i):
        self.valid[b, i] = False
        self.batch = self._project()

    def begin(self, input_ids, attention_mask):
        pass

    def facts(self, layer, q):
        return self.batch


class Nothing:
    def begin(self, input_ids, attention_mask):
        pass

    def facts(self, layer, q):
        return None


def ids_of(batch, length, seed=5):
    return torch.randint(3, tiny.VOCAB, (batch, length), generator=torch.Generator().manual_seed(seed))


class Spy:
    """Records what the attention function was given and gave, per KB layer."""

    def __init__(self, monkeypatch, attachment, base="sdpa"):
        self.calls = []
        from kvdb_sdk.attend import attention

        real = ALL_ATTENTION_FUNCTIONS[f"kvdb_{base}"]

        def spy(module, query, key, value, mask, **kwargs):
            layer = attention._layers.get(module)
            hidden = None if layer is None else layer.hidden.clone()
            out = real(module, query, key, value, mask, **kwargs)
            if layer is not None:
                self.calls.append((layer.index, hidden, query, key, value, mask, kwargs, out[0]))
            return out

        ALL_ATTENTION_FUNCTIONS.register(f"kvdb_{base}", spy)
        monkeypatch.setattr(attention, "_attention", spy)  # so that registering again keeps the spy


def text_parts(query, key, value, mask, scaling, b, t):
    """Text logits [H, S] and values [H, S, d] of one token, in float64, from what the model computed."""
    query, key, value = (x.double().numpy() for x in (query, key, value))
    heads, groups = query.shape[1], key.shape[1]
    logits, values = [], []
    tokens, length = query.shape[2], key.shape[2]
    for head in range(heads):
        group = head // (heads // groups)
        row = query[b, head, t] @ key[b, group].T * scaling
        for s in range(length):
            if mask is None:
                allowed = s <= t + length - tokens
                row[s] = row[s] if allowed else -np.inf
            elif mask.dtype == torch.bool:
                row[s] = row[s] if bool(mask[b, 0, t, s]) else -np.inf
            else:
                row[s] += float(mask[b, 0, t, s])
        logits.append(row)
        values.append(value[b, group])
    return np.stack(logits), np.stack(values)


def check_layers(spy, adapter, source, *, tolerance, real=None):
    params = oracle.parameters(adapter)
    assert {call[0] for call in spy.calls} == {0, 1}
    for index, hidden, query, key, value, mask, kwargs, out in spy.calls:
        for b in range(len(query)):
            keep = source.valid[b].numpy()
            facts = [x[b].double().numpy()[keep] for x in (source.keys, source.values)]
            similarity = None if source.similarity is None else source.similarity[b].double().numpy()[keep]
            for t in range(query.shape[2]):
                if real is not None and not real[b, t]:
                    continue
                logits, values = text_parts(query, key, value, mask, kwargs["scaling"], b, t)
                wanted = oracle.fact_output(
                    params, index, hidden[b, t].double().numpy(), *facts, similarity, logits, values
                )
                np.testing.assert_allclose(out[b, t].double().numpy(), wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("prior", [True, False])
def test_every_family_matches_the_formula(family, prior, monkeypatch):
    model = tiny.model(family)
    adapter = tiny.adapter(model)
    source = Fixed(adapter, batch=2, prior=prior)
    source.drop(1, 3)
    with torch.no_grad(), Attachment(model, adapter, source) as attachment:
        spy = Spy(monkeypatch, attachment)
        model(ids_of(2, 7))
    check_layers(spy, adapter, source, tolerance=2e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_left_padding_matches_the_formula(family, monkeypatch):
    model = tiny.model(family)
    adapter = tiny.adapter(model)
    source = Fixed(adapter, batch=2)
    mask = torch.ones(2, 8, dtype=torch.long)
    mask[0, :3] = 0
    with torch.no_grad(), Attachment(model, adapter, source) as attachment:
        spy = Spy(monkeypatch, attachment)
        model(ids_of(2, 8), attention_mask=mask)
    check_layers(spy, adapter, source, tolerance=2e-5, real=mask)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_eager_and_bfloat16_match_the_formula(family, monkeypatch):
    model = tiny.model(family, dtype=torch.bfloat16, implementation="eager")
    adapter = tiny.adapter(model)
    source = Fixed(adapter)
    with torch.no_grad(), Attachment(model, adapter, source) as attachment:
        spy = Spy(monkeypatch, attachment, base="eager")
        model(ids_of(1, 6))
    check_layers(spy, adapter, source, tolerance=2e-2)


@pytest.mark.parametrize("family", FAMILIES)
def test_token_by_token_equals_the_full_pass(family):
    model = tiny.model(family)
    adapter = tiny.adapter(model)
    ids = ids_of(2, 9)
    with torch.no_grad(), Attachment(model, adapter, Fixed(adapter, batch=2)):
        whole = model(ids).logits
        cache, parts = None, []
        for t in range(ids.shape[1]):
            out = model(ids[:, t : t + 1], use_cache=True, **with_cache(model, cache))
            cache = cache_in(out)
            parts.append(out.logits)
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_without_facts_and_detached_the_logits_are_bit_identical(family):
    model = tiny.model(family)
    ids = ids_of(2, 7)
    mask = torch.ones(2, 7, dtype=torch.long)
    mask[1, :2] = 0
    with torch.no_grad():
        plain = model(ids, attention_mask=mask).logits
        adapter = tiny.adapter(model)
        with Attachment(model, adapter, Nothing()):
            empty = model(ids, attention_mask=mask).logits
        with Attachment(model, adapter, Fixed(adapter, batch=2)):
            changed = model(ids, attention_mask=mask).logits
        detached = model(ids, attention_mask=mask).logits
    assert torch.equal(plain, empty)
    assert torch.equal(plain, detached)
    assert not torch.allclose(plain, changed)


def test_attaching_twice_is_refused_and_detaching_twice_is_not():
    model = tiny.model("llama")
    adapter = tiny.adapter(model)
    attachment = Attachment(model, adapter, Nothing())
    with pytest.raises(UnsupportedModelError, match="detach it first"):
        Attachment(model, adapter, Nothing())
    attachment.detach()
    attachment.detach()
    Attachment(model, adapter, Nothing()).detach()


def test_an_attention_that_cannot_be_joined_is_refused():
    model = tiny.model("llama")
    model.config._attn_implementation = "flex_attention"
    with pytest.raises(UnsupportedModelError, match='attn_implementation="sdpa"'):
        Attachment(model, tiny.adapter(model), Nothing())


def test_a_model_without_attention_modules_is_refused():
    with pytest.raises(UnsupportedModelError, match="AttentionInterface"):
        tiny.adapter(torch.nn.Linear(3, 3))
