"""How the match of relations is learnt: the wordings, the change of the encoder, and the matrix in its place."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from kvdb.errors import AdapterError, AdapterMismatchError
from kvdb.kg2kv import noun_forms
from kvdb_sdk.attend.adapter import Card, load_adapter, save_adapter
from kvdb_sdk.models.encoders import Encoder, load_encoder
from kvdb_sdk.question.relation_encoder import changed, layer_maps, relation_match, sentence_model
from kvdb_sdk.question.relation_match import RelationMatch
from kvdb_sdk.training import relation_low_rank, relation_training
from kvdb_sdk.training.relation_low_rank import cut, fit_low_rank
from kvdb_sdk.training.relation_matrix import encoded, fit_relation
from kvdb_sdk.training.relation_training import RELATIONS, learn_relations
from kvdb_sdk.training.relation_wordings import (
    APART,
    load_domains,
    load_thesaurus,
    load_wordings,
    wordings_of,
)

from . import tiny as tiny_model
from .test_encoders import tiny as tiny
from .test_relation_match import SIZE
from .test_relation_match import encoder as bags

# Wordings that share no word with their noun: only what is learnt can tell them.
PAIRS = [("Who runs it?", "mayor"), ("Which stream is there?", "river"), ("Where is its seat?", "capital")]
NAMED = [(asked, (noun,)) for asked, noun in PAIRS]
DOMAIN = {
    "domain": "lighthouses",
    "relations": {
        "first lit": {"values": ["1811", "1882"], "asked": ["When did {term} begin to shine?", "{term} since when"]},
        "is run by": {"values": ["a board", "a trust"], "asked": ["Whose is {term}?", "{term} authority"]},
        "height": {"values": ["35 m", "49 m"], "asked": ["How far up does {term} go?", "{term} size"]},
    },
}
WORDINGS = wordings_of(NAMED * 5, [DOMAIN])


@pytest.fixture(scope="module")
def bert(tiny: Path) -> Encoder:
    return load_encoder(str(tiny), device="cpu")


def right(match: RelationMatch) -> int:
    """How many of the pairs' nouns are found."""
    return sum(match.best(asked, [noun for _, noun in PAIRS])[0] == noun for asked, noun in PAIRS)


def test_wordings_have_their_places() -> None:
    assert [WORDINGS.nouns[i] for (i,) in WORDINGS.right[:3]] == ["mayor", "river", "capital"]
    [domain] = WORDINGS.domains
    assert [WORDINGS.nouns[i] for i in domain.nouns] == [noun_forms(name).tail_noun for name in DOMAIN["relations"]]
    assert list(WORDINGS.general) == list(range(15))
    assert [WORDINGS.asked[i] for i in domain.asked[:2]] == ["When did it begin to shine?", "it since when"]
    assert list(domain.values[1]) == ["1882", "a trust", "49 m"]


def test_the_package_has_wordings_of_many_kinds() -> None:
    found = load_wordings()
    assert len(found.domains) > 500 and len(found.nouns) > 8000 and len(found.general) > 30_000
    assert all("{term}" not in text for text in found.asked)
    for name, about in load_thesaurus().items():
        assert about["also"] and len(about["asked"]) > 5, name
        assert all(text.count("{term}") == 1 for text in about["asked"]), name
    for domain in load_domains():
        for name, about in domain["relations"].items():
            assert len(about["values"]) == 2 and all(about["values"]), (domain["domain"], name)
            assert len({text.lower() for text in about["asked"]}) == len(about["asked"]) >= 5, (domain["domain"], name)
            assert all(text.count("{term}") == 1 for text in about["asked"]), (domain["domain"], name)


def test_the_matrix_finds_what_wordings_mean() -> None:
    """On bags of words, where questions and nouns share none."""
    change = fit_relation(encoded(WORDINGS, bags), steps=80)
    assert right(RelationMatch(bags, change)) == len(PAIRS)
    assert right(RelationMatch(bags)) < len(PAIRS)
    relations = DOMAIN["relations"]
    nouns = [noun_forms(name).tail_noun for name in relations]
    for at, about in enumerate(relations.values()):
        for subject in (0, 1):
            values = [each["values"][subject] for each in relations.values()]
            for asked in about["asked"]:
                match = RelationMatch(bags, change)([asked.replace("{term}", "it")], [nouns], [values])[0]
                assert int(match.argmax()) == at, asked


def test_without_domains_the_nouns_alone_are_learnt() -> None:
    change = fit_relation(encoded(wordings_of(NAMED, []), bags), steps=60)
    assert right(RelationMatch(bags, change)) == len(PAIRS)


def test_the_encoder_learns_what_wordings_mean(bert: Encoder, monkeypatch) -> None:
    monkeypatch.setattr(relation_low_rank, "ALIKE", 2.0)  # to a random model everything is alike
    monkeypatch.setattr(relation_low_rank, "RATE", 3e-2)
    losses: list[float] = []
    before = {name: tensor.clone() for name, tensor in sentence_model(bert).model.state_dict().items()}
    change = fit_low_rank(bert, WORDINGS, steps=60, report=lambda step, loss: losses.append(loss))
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    assert right(RelationMatch(changed(bert, change))) == len(PAIRS)
    for name, tensor in sentence_model(bert).model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_a_change_is_the_formula_and_shares_what_stays(bert: Encoder) -> None:
    inner = sentence_model(bert)
    torch.manual_seed(0)
    change = {}
    upper = {name: each for name, each in layer_maps(inner.model).items() if ".layer.1." in name}
    assert upper and len(layer_maps(inner.model)) == 2 * len(upper)
    for name, each in upper.items():
        change[f"{name}.a"] = torch.randn(3, each.in_features)
        change[f"{name}.b"] = torch.randn(each.out_features, 3) * 0.1
    other = changed(bert, change)
    for name, each in upper.items():
        wanted = each.weight.float() + change[f"{name}.b"] @ change[f"{name}.a"]
        torch.testing.assert_close(other.model.get_submodule(name).weight, wanted.to(each.weight.dtype))
    word, layer = "embeddings.word_embeddings", "encoder.layer.0.output.dense"
    for name in (word, layer):
        assert other.model.get_submodule(name).weight is inner.model.get_submodule(name).weight
    assert not np.allclose(other(["the river of it"]), bert(["the river of it"]), atol=1e-3)
    nothing = changed(bert, {name: torch.zeros_like(each) for name, each in change.items()})
    assert np.allclose(nothing(["the river of it"]), bert(["the river of it"]), atol=1e-6)


def test_a_change_is_cut_to_what_it_does_most() -> None:
    torch.manual_seed(0)
    low = torch.randn(20, 3) @ torch.randn(3, 12)
    a, b = cut(low, 3)
    assert (a.shape, b.shape) == ((3, 12), (20, 3))
    torch.testing.assert_close(b @ a, low, atol=1e-4, rtol=1e-4)
    full = torch.randn(20, 12)
    errors = []
    for rank in range(1, 13):
        a, b = cut(full, rank)
        errors.append(float((full - b @ a).pow(2).sum()))
    dropped = torch.linalg.svdvals(full).pow(2).flip(0).cumsum(0).flip(0)[1:]  # Eckart, Young
    assert errors == pytest.approx([*dropped.tolist(), 0.0], abs=1e-3)


def test_what_was_learnt_is_cut_to_its_rank(bert: Encoder) -> None:
    change = fit_low_rank(bert, WORDINGS, steps=2, rank=2)
    assert set(change) == {f"{name}.{part}" for name in layer_maps(sentence_model(bert).model) for part in "ab"}
    assert {min(tensor.shape) for tensor in change.values()} == {2}


def test_a_training_that_stopped_goes_on_as_if_it_had_not(bert: Encoder, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(relation_low_rank, "CHECKPOINT_EVERY", 2)
    whole = fit_low_rank(bert, WORDINGS, steps=4)

    class Killed(Exception): ...

    def killed(step: int, loss: float) -> None:
        if step == 3:
            raise Killed

    file, seen = tmp_path / "under-way.safetensors", []
    with pytest.raises(Killed):
        fit_low_rank(bert, WORDINGS, steps=4, report=killed, checkpoint=file)
    resumed = fit_low_rank(bert, WORDINGS, steps=4, report=lambda step, _: seen.append(step), checkpoint=file)
    assert seen == [3, 4]
    for name, tensor in whole.items():
        torch.testing.assert_close(resumed[name], tensor)
    file.write_bytes(b"not safetensors")
    with pytest.raises(AdapterError, match="remove it to start anew"):
        fit_low_rank(bert, WORDINGS, steps=4, checkpoint=file)


def test_a_change_that_does_not_fit_is_refused(bert: Encoder) -> None:
    change = fit_low_rank(bert, WORDINGS, steps=1)
    name = next(iter(change))
    with pytest.raises(AdapterMismatchError, match="other layers"):
        changed(bert, {key: tensor for key, tensor in change.items() if key != name})
    with pytest.raises(AdapterMismatchError, match="shape"):
        changed(bert, change | {name: torch.zeros(2, 5)})
    with pytest.raises(AdapterMismatchError, match="does not run here"):
        changed(bags, change)


def test_an_encoder_from_elsewhere_is_left_as_it_is() -> None:
    assert fit_low_rank(bags, WORDINGS, steps=1) == {}


def adapter(size: int):
    of = tiny_model.adapter(tiny_model.model("llama"))
    of.relation = torch.nn.Parameter(torch.zeros(size, size), requires_grad=False)
    return of


def test_what_was_learnt_is_kept_beside_the_checkpoint(bert: Encoder, tmp_path: Path, monkeypatch) -> None:
    first, again = adapter(24), adapter(24)
    notes: list[str] = []
    learn_relations(first, bert, tmp_path, steps=2, seed=0, wordings=WORDINGS, note=notes.append)
    assert [text.split(", loss")[0] for text in notes] == ["relations: step 1 of 2", "relations: step 2 of 2"]
    assert first.encoder_change and not first.relation.any()
    monkeypatch.setattr(relation_training, "fit_low_rank", None)
    learn_relations(again, bert, tmp_path, steps=2, seed=0, wordings=WORDINGS)
    assert first.encoder_change.keys() == again.encoder_change.keys()
    asked = ["Who runs it?"]
    one, other = (relation_match(each, bert)(asked, [["mayor", "river"]])[0] for each in (first, again))
    assert one.tolist() == other.tolist()
    (tmp_path / RELATIONS).write_bytes(b"not safetensors")
    with pytest.raises(AdapterError, match="remove it to start anew"):
        learn_relations(again, bert, tmp_path, steps=2, seed=0, wordings=WORDINGS)


def test_for_an_encoder_from_elsewhere_a_matrix_is_learnt(tmp_path: Path) -> None:
    first, again = adapter(SIZE), adapter(SIZE)
    learn_relations(first, bags, tmp_path, steps=1, seed=0, wordings=WORDINGS)
    learn_relations(again, bags, tmp_path, steps=1, seed=0, wordings=WORDINGS)
    assert not first.encoder_change and torch.equal(first.relation, again.relation)
    assert right(relation_match(first, bags)) == len(PAIRS)


def test_nothing_is_learnt_in_no_steps(tmp_path: Path) -> None:
    untouched = adapter(SIZE)
    learn_relations(untouched, bags, tmp_path, steps=0, seed=0)
    assert not untouched.relation.any() and not untouched.encoder_change and not list(tmp_path.iterdir())


def test_an_adapter_keeps_its_encoders_change(bert: Encoder, tmp_path: Path) -> None:
    made = tiny_model.adapter(tiny_model.model("llama"))
    made.encoder_change = fit_low_rank(bert, WORDINGS, steps=2)
    save_adapter(tmp_path, made, Card(made.config, (0.0,), ((0.0,),)))
    loaded, _ = load_adapter(tmp_path)
    assert loaded.encoder_change.keys() == made.encoder_change.keys()
    for name, tensor in made.encoder_change.items():
        assert torch.equal(loaded.encoder_change[name], tensor.half().float()), name
    made.encoder_change[next(iter(made.encoder_change))].fill_(torch.nan)
    save_adapter(tmp_path, made, Card(made.config, (0.0,), ((0.0,),)))
    with pytest.raises(AdapterError, match="NaN"):
        load_adapter(tmp_path)


def test_where_the_encoder_cannot_be_changed_vectors_are_compared_as_they_are(bert: Encoder) -> None:
    made = adapter(SIZE)
    made.relation.normal_()
    made.encoder_change = fit_low_rank(bert, WORDINGS, steps=1)
    asked, nouns = ["Who runs it?"], [["mayor", "river"]]
    assert relation_match(made, bags)(asked, nouns)[0].tolist() == RelationMatch(bags)(asked, nouns)[0].tolist()


def test_a_step_holds_a_question_against_its_domain(bert: Encoder, monkeypatch) -> None:
    """Nouns of the question's own domain are never excused, however alike; others are."""
    monkeypatch.setattr(relation_low_rank, "ALIKE", -2.0)  # all nouns are alike
    losses: list[float] = []
    fit_low_rank(bert, wordings_of(NAMED, []), steps=1, report=lambda _, loss: losses.append(loss))
    assert losses[0] == pytest.approx(0.0, abs=1e-6)
    fit_low_rank(bert, wordings_of([], [DOMAIN]), steps=1, report=lambda _, loss: losses.append(loss))
    assert losses[1] > 0.1


def test_the_names_of_one_relation_are_not_held_against_each_other(bert: Encoder, monkeypatch) -> None:
    monkeypatch.setattr(relation_low_rank, "ALIKE", 2.0)  # nothing else is excused
    losses: list[float] = []
    pairs = [("Who runs it?", ("mayor", "head of the town")), ("it mayor", ("head of the town", "mayor"))]
    for also in (True, False):
        of = wordings_of([(text, names if also else names[:1]) for text, names in pairs], [])
        fit_low_rank(bert, of, steps=1, report=lambda _, loss: losses.append(loss))
    assert losses[0] == pytest.approx(0.0, abs=1e-6) and losses[1] > 0.1


def test_a_relation_of_a_thesaurus_is_learnt_under_each_of_its_names(bert: Encoder) -> None:
    wordings = wordings_of([("Who runs it?", ("mayor", "head of the town"))], [])
    rng = random.Random(0)
    drawn = {relation_low_rank._drawn(wordings, rng).sentences[0] for _ in range(40)}
    assert drawn == {"the mayor of it", "the head of the town of it"}


def test_the_domains_that_refusal_is_fitted_on_are_not_learnt_from() -> None:
    learnt, apart = load_domains(), load_domains(*APART)
    assert not {each["domain"] for each in learnt} & {each["domain"] for each in apart}

    def asked(domains: list[dict[str, dict[str, dict[str, list[str]]]]]) -> set[str]:
        return {text for domain in domains for about in domain["relations"].values() for text in about["asked"]}

    assert len(asked(apart)) > 3000 and all(text.count("{term}") == 1 for text in asked(apart))
    assert len(asked(apart) & asked(learnt)) < 0.02 * len(asked(apart))  # "Who designed {term}?" anybody may ask
