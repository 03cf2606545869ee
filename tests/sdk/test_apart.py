"""Refusal is fitted on questions to stores that lack facts: what these hold, what is asked of them, what is judged."""

from __future__ import annotations

import importlib
import random
from pathlib import Path

import pytest

from kvdb.types import fact_of
from kvdb_sdk.refusal.confidence import Evidence, known_probability
from kvdb_sdk.training import apart
from kvdb_sdk.training.apart import (
    FACT_MISSING,
    LACKING,
    RELATION_MISSING,
    THERE,
    ApartQuestion,
    Outcome,
    domains_apart,
    facts_and_questions,
    judged_apart,
)
from kvdb_sdk.training.calibration import NOTHING_TELLS, coefficients

from . import tiny, tiny_store

PLACES = {
    "domain": "places",
    "subjects": [f"Place {i}" for i in range(1, 7)],
    "relations": {
        "capital": {
            "values": [f"Town {i}" for i in range(1, 7)],
            "asked": ["What is the capital of {term}?"] * 6,
        }
    },
}


def test_each_domain_is_there_once_and_the_first_two_are_of_both_kinds():
    found = domains_apart()
    assert len(found) == 55 == len({each["domain"] for each in found})
    assert found[0] == apart.load_domains("domains_apart")[0]
    assert found[1] == apart.load_domains("phrases_apart")[0]


@pytest.mark.parametrize("domain", domains_apart(), ids=lambda domain: domain["domain"])
def test_what_a_store_lacks_is_what_the_questions_are_told_to_lack(domain):
    known, asked = facts_and_questions(domain, 1000, random.Random(1))
    assert len(known) == len(set(known))
    for triple in known:
        values = domain["relations"][triple.relation]["values"]
        assert values[domain["subjects"].index(triple.head)] == triple.tail
    has = {triple.relation for triple in known}
    for question in asked:
        assert question.kind == (
            THERE if question.fact in known else FACT_MISSING if question.kind == FACT_MISSING else RELATION_MISSING
        )
        assert (question.kind == RELATION_MISSING) <= (question.fact.relation not in has)
        assert question.fact.head in question.text and "{" not in question.text
    assert len({question.fact.relation for question in asked if question.kind == RELATION_MISSING}) <= LACKING
    share = sum(question.kind == THERE for question in asked) / len(asked)
    assert 0.15 < share < 0.75  # of 8 relations in 10, three facts in five


def test_the_same_seed_asks_the_same_and_a_count_is_kept():
    domain = domains_apart()[0]
    first, again = (facts_and_questions(domain, 7, random.Random(3)) for _ in range(2))
    assert first == again != facts_and_questions(domain, 7, random.Random(4))
    assert len(first[1]) == 7


def test_questions_with_the_relation_by_name():
    _, asked = facts_and_questions(domains_apart()[0], 20, random.Random(0), named=1.0)
    lower = [question.text.casefold() for question in asked]
    assert sum("focal height" in text or "light characteristic" in text for text in lower) >= 1
    wordings = {text for about in domains_apart()[0]["relations"].values() for text in about["asked"]}
    assert not {question.text.replace(question.fact.head, "{term}") for question in asked} & wordings


@pytest.mark.parametrize("route", ["hybrid", "attention"])
def test_an_outcome_is_right_where_the_asked_fact_is_the_one_read_most(monkeypatch, route):
    model, read = tiny.model("llama"), []

    class Spied(apart.KnowledgeModel):
        def judge(self, questions):
            found = super().judge(questions)
            read.extend(None if each.row is None else self.store.get(fact_of(each.row)).triple for each in found)
            return found

    monkeypatch.setattr(apart, "KnowledgeModel", Spied)
    monkeypatch.setattr(apart, "LACKING", 0)
    monkeypatch.setattr(apart, "MISSING", 0.0)

    def asked():
        encoder, tokenizer = tiny_store.encoder(), tiny_store.tokenizer()
        return judged_apart(model, tokenizer, *tiny_store.adapter_for(model), encoder, [PLACES], count=10, route=route)

    [outcomes] = asked()
    facts = [each.question.fact for each in outcomes]
    assert len(facts) == 6 and set(facts) <= {(f"Place {i}", "capital", f"Town {i}") for i in range(1, 7)}
    assert [each.right for each in outcomes] == [fact == most for fact, most in zip(facts, read, strict=True)]
    assert route == "attention" or any(each.right for each in outcomes)  # what a random adapter reads is chance
    monkeypatch.setattr(apart, "MISSING", 1.0)  # a store without a fact
    [nothing] = asked()
    assert [(each.right, each.evidence) for each in nothing] == [(False, Evidence(null=1.0, weight=0.0))] * 6
    assert {each.question.kind for each in nothing} == {FACT_MISSING}


def outcome(evidence, *, right):
    return Outcome(ApartQuestion("?", ("Place", "capital", "Town"), THERE), evidence, right)


def test_where_nothing_tells_refusal_is_the_answer():
    """Weights that are higher where the fact is missing say nothing for it: the probability is low."""
    before = (1.0,) * 8
    right = [i % 2 == 0 for i in range(40)]
    turned = [outcome(Evidence(0.9, 0.1) if known else Evidence(0.1, 0.9), right=known) for known in right]
    assert coefficients(turned, before) == (NOTHING_TELLS, *[0.0] * 7)
    fit = coefficients([outcome(each.evidence, right=not each.right) for each in turned], before)
    assert fit[1] < 0 < fit[2]
    assert coefficients(turned[::2], before) == before == coefficients([], before)  # one class alone teaches nothing


def test_relations_that_a_store_lacks_are_not_fitted():
    seen = [outcome(Evidence(0.1, 0.5, lead=0.3 if right else -0.2), right=right) for right in (True, False) * 20]
    lacking = Outcome(
        ApartQuestion("?", ("Place", "river", "Water"), RELATION_MISSING), Evidence(0, 1, lead=0.4), False
    )
    assert coefficients([*seen, *[lacking] * 40], (0.0,) * 8) == coefficients(seen, (0.0,) * 8)


def test_what_leads_speaks_for_the_fact():
    found = [
        outcome(Evidence(0.1, 0.5, match=0.5, lead=0.3 if right else -0.2), right=right)
        for right in (True, False)
        for _ in range(20)
    ]
    fit = coefficients(found, (0.0,) * 8)
    assert known_probability(fit, found[0].evidence) > 0.8 > 0.2 > known_probability(fit, found[-1].evidence)


def test_the_benchmark_counts_what_is_answered_and_what_is_refused(monkeypatch):
    """benchmarks/domains_apart.py: (kind, right, probability) of each question, refused below 0.4."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    benchmark = importlib.import_module("domains_apart")
    seen = [
        (THERE, True, 0.9), (THERE, True, 0.4), (THERE, False, 0.7), (THERE, True, 0.1), (THERE, False, 0.2),
        (FACT_MISSING, False, 0.39), (FACT_MISSING, False, 0.8), (RELATION_MISSING, False, 0.0),
    ]  # fmt: skip
    judged = [
        (Outcome(ApartQuestion("?", ("a", "b", "c"), kind), Evidence(0.0, 1.0), right), p) for kind, right, p in seen
    ]
    assert benchmark._shares(judged, 0.4) == {
        "refuse below": 0.4, "questions": 8, "read most": 0.6, "right": 0.4, "wrong": 0.2,
        "fact missing, refused": 0.5, "relation missing, refused": 1.0,
        "refusal F1": round(2 / (1 / (2 / 4) + 1 / (2 / 3)), 4),  # precision: 2 of 4 refusals, recall: 2 of 3
    }  # fmt: skip
