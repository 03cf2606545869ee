"""The wordings of benchmarks/questions/ and the questions that benchmarks/free_questions.py draws with them."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from kvdb import Triple
from kvdb.kg2kv import load_nouns, noun_forms
from kvdb_sdk.question.wordings import HELD_OUT, TRAINING, word
from kvdb_sdk.training.relation_wordings import APART, load_domains, load_thesaurus

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
FACTS = Path(__file__).parents[3] / "shared" / "kg"
DOMAINS = ("airports", "icd10cm", "companies")
TERM = {"term"}
TWO_TERMS = {"term_a", "term_b"}

AIRPORTS = [
    Triple(f"Airport {{term}} {name}", relation, tail)
    for name, city, feet in (("Ash", "Ashville", "12"), ("Birch", "Birchtown", "1,200"), ("Cedar", "Cedarton", "-7.5"))
    for relation, tail in (("serves the city", city), ("elevation in feet", feet))
]
ICD = [
    Triple("Sprain of left toe", "is a subcategory of", "Sprain of toe"),
    Triple("Sprain of toe", "is a subcategory of", "Sprain of foot"),
    Triple("Sprain of toe", "ICD-10-CM code", "S93.5"),
    Triple("Sprain of toe", "includes", "Twisted toe"),
    Triple("Sprain of toe", "includes", "Turned toe"),
    Triple("Sprain of foot", "code first", "injury, such as:"),
    Triple("Sprain of foot", "code first", "open wound"),
]


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("free_questions")


def placeholders(pattern: str) -> set[str]:
    found = re.findall(r"\{(\w+)\}", pattern)
    assert len(found) == len(set(found)), f"a placeholder twice: {pattern}"
    assert re.sub(r"\{\w+\}", "", pattern).count("{") == 0, pattern
    return set(found)


def free(asking: ModuleType) -> Iterator[str]:
    for relations in asking.qd.wordings("free_wordings").values():
        for patterns in relations.values():
            yield from patterns


def test_every_free_wording_has_one_term_and_is_there_once(asking: ModuleType) -> None:
    patterns = list(free(asking))
    assert all(placeholders(pattern) == TERM for pattern in patterns)
    assert len({pattern.casefold() for pattern in patterns}) == len(patterns)
    counts = [len(p) for relations in asking.qd.wordings("free_wordings").values() for p in relations.values()]
    assert all(6 <= count <= 9 for count in counts)


def test_no_free_wording_is_a_generic_one(asking: ModuleType) -> None:
    def plain(text: str) -> str:
        return text.casefold().rstrip("?.")

    for domain, relations in asking.qd.wordings("free_wordings").items():
        for relation, patterns in relations.items():
            noun = noun_forms(relation).tail_noun
            trained = {plain(word(template, noun, "{term}")) for template in TRAINING}
            assert not trained & {plain(pattern) for pattern in patterns}, (domain, relation)
    assert not set(HELD_OUT) & set(free(asking))


def test_the_thesaurus_has_no_wording_that_is_judged_by(asking: ModuleType) -> None:
    def plain(text: str) -> str:
        return " ".join(text.casefold().split()).strip("?.!¿ ")

    trained = {plain(text) for about in load_thesaurus().values() for text in about["asked"]}
    apart = {text for each in load_domains(*APART) for about in each["relations"].values() for text in about["asked"]}
    assert not trained & {plain(text) for text in (*free(asking), *apart)}


def test_wordings_for_several_facts_have_their_placeholders(asking: ModuleType) -> None:
    several = asking.qd.wordings("several")
    wanted: list[tuple[set[str], list[str]]] = [
        (TWO_TERMS | {"noun_a"}, several["two_entities"]["same"]),
        (TWO_TERMS | {"noun_a", "noun_b"}, several["two_entities"]["different"]),
        (TERM | {"noun_a", "noun_b"}, several["two_hops"]["generic"]),
        (TERM | {"noun", "value"}, several["yes_no"]),
        *((TWO_TERMS | {"noun"}, patterns) for patterns in several["comparisons"]["generic"].values()),
    ]
    for relations in several["lists"].values():
        wanted += [(TERM, patterns) for patterns in relations.values()]
    for pairs in several["two_hops"]["pairs"].values():
        wanted += [(TERM, pair["patterns"]) for pair in pairs]
    for relations in several["comparisons"]["relations"].values():
        wanted += [(TWO_TERMS, one[way]) for one in relations.values() for way in ("larger", "smaller")]
    for names, patterns in wanted:
        assert all(placeholders(pattern) == names for pattern in patterns)
    everything = [pattern for _, patterns in wanted for pattern in patterns] + list(free(asking))
    assert len({pattern.casefold() for pattern in everything}) == len(everything)


def test_general_requests_are_220_different_ones(asking: ModuleType) -> None:
    lines = asking.qd.general()
    assert len(lines) == 220 == len({line.casefold() for line in lines})
    assert all(line and line == line.strip() for line in lines)


@pytest.mark.parametrize("domain", DOMAINS)
def test_wordings_cover_the_relations_of_the_real_facts(asking: ModuleType, domain: str) -> None:
    if not (FACTS / f"{domain}.tsv.gz").exists():
        pytest.skip(f"no facts to compare with: {FACTS} is not there")
    triples = asking.qd.facts(FACTS, domain)
    relations = {triple.relation for triple in triples}
    several = asking.qd.wordings("several")
    assert set(asking.qd.wordings("free_wordings")[domain]) == relations
    assert set(several["plain_relations"][domain]) <= relations
    assert set(several["comparisons"]["relations"].get(domain, {})) <= relations
    asked = asking.list_questions(triples, domain, 200)
    assert {one.triples[0].relation for one in asked} == set(several["lists"].get(domain, {}))
    pairs = several["two_hops"]["pairs"].get(domain, [])
    hops = asking.two_hop_questions(triples, domain, len(pairs))
    assert [(a.relation, b.relation) for a, b in (one.triples for one in hops)] == [
        (pair["first"], pair["second"]) for pair in pairs
    ]


def test_free_questions_ask_only_what_has_one_answer(asking: ModuleType) -> None:
    two = [
        *AIRPORTS,
        Triple("Airport Twin", "serves the city", "Here"),
        Triple("Airport Twin", "serves the city", "There"),
    ]
    asked = asking.free_questions(two, "airports", 50)
    assert sorted(one.triple for one in asked) == sorted(AIRPORTS)
    assert all(one.triple.head in one.question and one.known for one in asked)
    assert asked == asking.free_questions(two, "airports", 50)
    assert len(asking.free_questions(two, "airports", 4)) == 4


def test_facts_that_the_source_has_wrong_are_not_asked(asking: ModuleType) -> None:
    wrong = [Triple("A", "stock exchange", "nan"), Triple("B", "country of the company", "Houston, Texas")]
    right = Triple("C", "country of the company", "Japan")
    assert [one.triple for one in asking.free_questions([*wrong, right], "companies", 9)] == [right]


def test_lists_want_every_tail_and_leave_headings_out(asking: ModuleType) -> None:
    (asked,) = asking.list_questions(ICD, "icd10cm", 9)
    assert asked.wanted == ("Twisted toe", "Turned toe")
    assert "Sprain of toe" in asked.question


def test_two_entities_are_two_heads(asking: ModuleType) -> None:
    asked = asking.two_entity_questions(AIRPORTS, "airports", 40)
    assert len(asked) == 40
    for one in asked:
        a, b = one.triples
        assert a.head != b.head and one.wanted == (a.tail, b.tail)
        assert a.head in one.question and b.head in one.question
    assert len({a.relation == b.relation for a, b in (one.triples for one in asked)}) == 2


def test_two_hops_end_at_the_second_tail(asking: ModuleType) -> None:
    asked = asking.two_hop_questions(ICD, "icd10cm", 9)
    assert {one.wanted for one in asked} == {("S93.5",), ("Sprain of foot",)}
    assert all("Sprain of left toe" in one.question and one.triples[1].head == "Sprain of toe" for one in asked)
    assert asking.two_hop_questions(AIRPORTS, "airports", 9) == []


def test_yes_or_no(asking: ModuleType) -> None:
    asked = asking.yes_no_questions(AIRPORTS, "airports", 40)
    assert {one.wanted for one in asked} == {("yes",), ("no",)}
    for one in asked:
        (fact,) = one.triples
        assert (fact.tail in one.question.replace(fact.head, "")) == (one.wanted == ("yes",))


def test_comparisons_name_the_winner(asking: ModuleType) -> None:
    feet = {"Airport {term} Ash": 12, "Airport {term} Birch": 1200, "Airport {term} Cedar": -7.5}
    asked = asking.comparison_questions(AIRPORTS, "airports", 40)
    low = re.compile(r"lower|smaller|\bless\b|closer")
    for one in asked:
        pick: Callable[..., str] = min if low.search(one.question) else max
        assert one.wanted == (pick((t.head for t in one.triples), key=feet.__getitem__),)
    assert asking.comparison_questions(ICD, "icd10cm", 9) == []


def test_nothing_to_ask_about(asking: ModuleType) -> None:
    assert all(ask([], domain, 5) == [] for ask in asking.KINDS.values() for domain in DOMAINS)


def test_the_aliases_of_icd10cm_are_for_its_relations() -> None:
    """benchmarks/questions/icd10cm_aliases.tsv, with which docs/accuracy.md asks once more."""
    asked = json.loads((BENCHMARKS / "questions" / "free_wordings.json").read_text(encoding="utf-8"))["icd10cm"]
    nouns = load_nouns(BENCHMARKS / "questions" / "icd10cm_aliases.tsv")
    assert set(nouns) == set(asked)
    assert all(nouns[name].tail_noun == noun_forms(name).tail_noun for name in nouns)
    assert sum(len(each.aliases) for each in nouns.values()) == 45
