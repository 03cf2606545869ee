"""The parts of benchmarks/accuracy.py, in a small form: what is asked of which facts, the papers' recipes, the page."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path

import pytest

import kvdb
from kvdb import Triple
from kvdb_sdk import KnowledgeModel
from kvdb_sdk.attend.adapter import load_adapter
from kvdb_sdk.evaluation.evaluate import evaluate
from kvdb_sdk.training.examples import Pool, PoolRow
from kvdb_sdk.training.train import train

from . import tiny, tiny_store

ROOT = Path(__file__).parents[2]
TOKENIZER = tiny_store.tokenizer()
ENCODER = tiny_store.encoder()
TRIPLES = [Triple(f"Place {i}", "capital", f"Town {i * 7}") for i in range(60)]
TWICE = [Triple("Place 0", "capital", "another"), Triple("Both", "river", "a"), Triple("Both", "river", "b")]


@pytest.fixture
def load(monkeypatch):
    """Import a script of benchmarks/."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module


@pytest.fixture(scope="module")
def model():
    built = tiny.model("llama")
    built.config.max_position_embeddings = 256
    return built


def test_every_set_holds_the_asked_facts_and_none_those_set_aside(load):
    plan = load("accuracy_data").protocol(TRIPLES + TWICE + TRIPLES[:5], 10, count=20, unknown=4, seed=1)
    known = {one.triple for one in plan.asked if one.known}
    aside = {one.triple for one in plan.asked if not one.known}
    assert (len(known), len(aside)) == (10, 4)  # no more than the smallest set has facts
    assert known == set(plan.facts[:10])
    assert not aside & set(plan.facts)
    assert len(plan.facts) == len(set(plan.facts)) == 63 - 4
    assert not (known | aside) & {*TWICE, TRIPLES[0]}  # two tails: no one answer is right
    assert plan.sizes([100, 10, 59, 60]) == [10, 59]
    other = load("accuracy_data").protocol(TRIPLES + TWICE, 10, count=20, unknown=4, seed=2)
    assert {one.triple for one in other.asked if one.known} != known


def test_stores_of_several_sizes_have_the_same_vectors(load, tmp_path):
    data = load("accuracy_data")
    plan = data.protocol(TRIPLES, 10, count=8, unknown=4, seed=1)
    paths = data.sized_stores(plan, [10, 50], tmp_path, "towns", ENCODER)
    asked = plan.asked[0]
    found = []
    for size, path in paths.items():
        with kvdb.open(path, read_only=True) as store:
            assert store.info().triples == size
            hit = store.search(ENCODER([f"the capital of {asked.triple.head}"])[0], k=1)[0]
            found.append((hit.fact.triple, round(hit.score, 3)))
    assert found == [(asked.triple, found[0][1])] * 2
    assert data.sized_stores(plan, [10, 50], tmp_path, "towns", ENCODER) == paths
    other = data.protocol(TRIPLES, 10, count=8, unknown=4, seed=2)
    with pytest.raises(SystemExit, match="other questions"):
        data.sized_stores(other, [10, 50], tmp_path, "towns", ENCODER)


@pytest.mark.parametrize("name", ["kblam", "atlaskv"])
def test_a_recipe_trains_an_adapter_that_answers_in_its_own_words(load, model, tmp_path, name):
    chosen = load("recipes").recipe(name, model, "tiny", ENCODER.record, steps=2)
    config = chosen.config
    assert config.kb_layers == (0,)  # every third of three
    assert (config.copies, config.null_fact) == (False, False)
    rows = [PoolRow("capital", triple.head, triple.tail) for triple in TRIPLES for _ in range(3)]
    rows = [PoolRow(row.noun, f"{row.term} {i}", row.value) for i, row in enumerate(rows)]
    vectors = ENCODER([f"the {row.noun} of {row.term}" for row in rows]).astype("float16")
    train(
        model, TOKENIZER, ENCODER, Pool.of(rows, vectors, vectors), tmp_path / name, model_name="tiny",
        options=chosen.options, config=config,
    )  # fmt: skip
    assert load_adapter(tmp_path / name)[1].config == config
    with kvdb.open(tmp_path / "s.kvdb", create=True) as store:
        store.bind_encoder(ENCODER.record)
        store.insert(tiny_store.FACTS, ENCODER)
        asking = KnowledgeModel(model, TOKENIZER, store, adapter=tmp_path / name, route="attention", memory="1MB")
        plan = load("accuracy_data").protocol(
            [Triple(*fact) for fact in tiny_store.FACTS], 40, count=2, unknown=0, seed=0
        )
        report = evaluate(asking, plan.asked)
    assert report.attention is not None and report.calibration is None


def test_ours_is_a_recipe_too(load, model):
    recipes = load("recipes")
    ours = recipes.recipe("kvdb", model, "tiny", ENCODER.record, steps=7)
    assert ours.config.copies and ours.config.null_fact
    assert (ours.options.steps, ours.options.weights) == (7, (1.0, 1.0, 1.0))
    atlaskv = recipes.recipe("atlaskv", tiny.model("qwen3"), "tiny", ENCODER.record, steps=7)
    assert atlaskv.config.select_layers == atlaskv.config.kb_layers
    assert (atlaskv.config.question_layer, ours.config.question_layer) == (None, 0)
    with pytest.raises(ValueError, match="no recipe"):
        recipes.recipe("other", model, "tiny", ENCODER.record, steps=7)


def row(method, size, em, **more):
    rates = {"precision": 0.5, "recall": 0.25, "f1": 1 / 3}
    return {"method": method, "title": method.title(), "facts": size, "em": em, "citations": rates, **more}


def test_results_become_tables_and_plots(load, tmp_path):
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "accuracy.md", tmp_path / "docs")
    before = (tmp_path / "docs" / "accuracy.md").read_text()
    told = {"attention": {"acc_at_1": 0.125, "acc_at_5": 0.5}, "calibration": {"error": 0.0321, "bins": []}}
    told["calibration"]["bins"] = [{"count": 3, "confidence": 0.9, "right": 1.0}]
    results = {
        "protocol": {
            "facts": "f.tsv", "model": "m", "encoder": "e", "asked": 9, "unknown": 4, "seed": 1, "device": "cpu",
            "batch": 8, "adapters": {"kvdb": {"options": {"steps": 260}, "data": {"pool": 9702}}},
        },
        "rows": [row("one", 100, 0.75, **told), row("two", 100, 0.5), {**row("two", 1000, 0), "skipped": "too large"}],
    }  # fmt: skip
    del results["rows"][2]["em"]
    report = load("accuracy_report")
    for _ in range(2):  # written again, the page is the same
        report.write(json.loads(json.dumps(results)), tmp_path / "docs")
        page = (tmp_path / "docs" / "accuracy.md").read_text()
    assert page.startswith(before.partition(report.BEGIN)[0])
    assert page.count(report.BEGIN) == page.count(report.END) == 1
    assert "| exact | 100 | 1,000 |" in page
    assert "| One | 75.0 % |  |" in page
    assert "| ACC@1 | 100 | 1,000 |\n|---|---|---|\n| One | 12.5 % |  |\n\n" in page  # Two has no attention
    assert "3.2 %" in page and "Not run: Two (too large)." in page
    assert "kvdb, 260 steps on 9702 facts" in page
    for name in ("accuracy-by-size.png", "reliability.png"):
        assert (tmp_path / "docs" / "images" / name).read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(ValueError, match="no results"):
        report.write({"rows": []}, tmp_path / "docs")


def test_the_page_has_a_place_for_the_results(load):
    report = load("accuracy_report")
    page = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    assert page.index(report.BEGIN) < page.index(report.END)
