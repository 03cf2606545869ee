"""Noun forms: the pinned table of real relations, naming styles, and what must hold for any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvdb.nouns import lexicon, noun_forms
from kvdb.nouns.modality import denies

TAIL_NOUNS = {
    # nouns stay
    "capital": "capital",
    "ICAO airport code": "ICAO airport code",
    "elevation in feet": "elevation in feet",
    "half-life": "half-life",
    "GO ID": "GO ID",
    "release date": "release date",
    "year of discovery": "year of discovery",
    "group of the periodic table": "group of the periodic table",
    # verb phrases become nouns
    "is governed by": "governor",
    "read by": "reader",
    "was founded by": "founder",
    "was discovered by": "discoverer",
    "was described by": "describer",
    "was edited by": "editor",
    "was written by": "author",
    "is managed by": "manager",
    "is a USB device made by": "maker",
    "was designed by the architect": "architect",
    "produces": "product",
    "regulates": "what it regulates",
    "negatively regulates": "what it negatively regulates",
    "serves the city": "city served",
    "is located in": "location",
    "is in the ICD-10-CM chapter": "ICD-10-CM chapter",
    "is used in the region": "region of use",
    "belongs to the family": "family",
    "is a district of the country": "country",
    "is another name of the drug": "drug name",
    "is a subcategory of": "parent category",
    "has the role": "role",
    "has a population of": "population",
    "is a kind of": "kind",
    "is also called": "other name",
    "is the opposite of": "opposite",
    "is the enantiomer of": "enantiomer",
    # "of the airport" only says what the head is
    "country of the airport": "country",
    "status of the language": "language status",
    "type of company": "company type",
}

MODAL = {
    # what must, may or does not hold keeps saying so
    "must not be used for": "forbidden use",
    "may not be operated by": "forbidden operator",
    "is not to be used for": "forbidden use",
    "mustNotBeUsedFor": "forbidden use",
    "should follow": "recommended predecessor",
    "must be preceded by": "required predecessor",
    "can be replaced by": "possible replacement",
    "cannot be replaced by": "impossible replacement",
    "does not contain": "excluded content",
    "no longer contains": "former content",
    "does not include": "what it does not include",
    "must not be stored with": "what it must not be stored with",
    "is not found in": "excluded location",
    # where no noun fits, a clause does
    "supersedes": "what it supersedes",
    "is stored with": "what it is stored with",
    "merged into": "what it merged into",
    "is softer than": "what it is softer than",
    "increases the effect of": "what it increases the effect of",
    "is remedied by": "what it is remedied by",
}

STYLES = {
    "birthPlace": "birth place",
    "BirthPlace": "birth place",
    "place_of_birth": "place of birth",
    "date-of-birth": "date of birth",
    "BORN_IN": "place of birth",
    "wasBornIn": "place of birth",
    "CAPITAL": "capital",
    "ISIN": "ISIN",
    "P19": "P19",
    "wdt:P31": "P31",
    "hasICAOCode": "ICAO code",
    "UsedFor": "use",
    "/people/person/place_of_birth": "place of birth",
    "http://dbpedia.org/ontology/birthPlace": "birth place",
    "_hypernym": "hypernym",
}


@pytest.mark.parametrize(("relation", "noun"), [*TAIL_NOUNS.items(), *MODAL.items(), *STYLES.items()])
def test_the_tail_noun_is(relation: str, noun: str) -> None:
    assert noun_forms(relation).tail_noun == noun


@pytest.mark.parametrize(
    ("relation", "noun"),
    [
        ("is governed by", "territory governed"),
        ("produces", "producer"),
        ("regulates", "regulator"),
        ("is a USB device made by", "USB device"),
        ("belongs to the family", "member of the family"),
        ("is a district of the country", "district"),
        ("country of the airport", "airport with the country"),
        ("ICAO airport code", "thing with the ICAO airport code"),
        ("is a subcategory of", "subcategory"),
    ],
)
def test_the_head_noun_is(relation: str, noun: str) -> None:
    assert noun_forms(relation).head_noun == noun


@pytest.mark.parametrize(
    "relation", ["P19", "is the mascot of", "was sealed in", "was first sung at", "does not support"]
)
def test_guesses_are_marked(relation: str) -> None:
    assert not noun_forms(relation).sure


@pytest.mark.parametrize("relation", [*TAIL_NOUNS, "number of employees", "products", "block of the periodic table"])
def test_what_the_rules_know_is_sure(relation: str) -> None:
    assert noun_forms(relation).sure


@pytest.mark.parametrize("plain", ["used for", "operated by", "found in", "stored with", "replaced by", "made of"])
@pytest.mark.parametrize("modal", ["must not be", "may be", "must be", "should be", "is not", "cannot be"])
def test_a_modal_relation_is_not_called_what_the_plain_one_is(modal: str, plain: str) -> None:
    ways = [noun_forms(f"{each} {plain}").tail_noun for each in ("is", modal)]
    assert ways[0] != ways[1]


@pytest.mark.parametrize("relation", ["must not be used for", "does not treat", "is not stored with", "cannot contain"])
def test_a_noun_that_denies_is_known_by_it(relation: str) -> None:
    assert denies(noun_forms(relation).tail_noun) and denies(
        noun_forms(relation).head_noun.removeprefix("thing with the ")
    )


@pytest.mark.parametrize(
    "relation", ["may be used for", "treats", "must contain", "is stored with", "capital", "stored in"]
)
def test_a_noun_that_does_not_deny_is_known_by_it(relation: str) -> None:
    assert not denies(noun_forms(relation).tail_noun)


@given(st.text(max_size=60))
def test_any_text_gives_usable_nouns(relation: str) -> None:
    noun_forms.cache_clear()
    nouns = noun_forms(relation)
    for noun in (nouns.tail_noun, nouns.head_noun):
        assert noun.strip()
        assert len(noun.splitlines()) == 1
    noun_forms.cache_clear()
    assert noun_forms(relation) == nouns


_WORDS = ["is", "was", "has", "been", "a", "the", "of", "by", "in", "to", "for", "not", "never", "located"]
_WORDS += ["must", "may", "be", "cannot", "no", "longer", "should", "to", "n't"]
_WORDS += ["founded", "regulates", "serves", "city", "name", "same", "as", "with", "does", "its", "quickly"]


@given(st.lists(st.sampled_from(_WORDS), min_size=1, max_size=7).map(" ".join))
def test_any_phrase_of_function_words_gives_usable_nouns(relation: str) -> None:
    nouns = noun_forms(relation)
    assert nouns.tail_noun.strip()
    assert nouns.head_noun.strip()


@pytest.mark.parametrize("word", sorted(lexicon.IRREGULAR_PARTICIPLES))
@pytest.mark.parametrize("frame", ["{} by", "is {} by", "{}", "was {} in", "is {} from"])
def test_every_irregular_participle_gives_usable_nouns(frame: str, word: str) -> None:
    """The one of "read" is "read", which once led in circles."""
    nouns = noun_forms(frame.format(word))
    assert nouns.tail_noun.strip() and nouns.head_noun.strip()
