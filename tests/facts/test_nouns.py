"""Noun forms: the pinned table of real relations, naming styles, and what must hold for any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvdb.nouns import lexicon, noun_forms
from kvdb.nouns.modality import Modality, modality_of

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
    "has not been reviewed by": "excluded reviewer",
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


@pytest.mark.parametrize("relation", ["P19", "is the mascot of", "was sealed in", "was first sung at"])
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


HOLDS = {
    "must not be used for": ("forbidden", "is used for"),
    "mustNotBeUsedFor": ("forbidden", "is used for"),
    "is not to be used for": ("forbidden", "is used for"),
    "may not be used for": ("forbidden", "is used for"),
    "may not cause": ("", "causes"),  # or it may
    "might not contain": ("", "contains"),
    "can't be used for": ("impossible", "is used for"),
    "isn\u2019t used for": ("excluded", "is used for"),
    "not used for": ("excluded", "used for"),
    "does not treat": ("excluded", "treats"),
    "never won": ("excluded", "won"),
    "has never been visited by": ("excluded", "is visited by"),
    "has been not seen in": ("excluded", "is seen in"),
    "have not ratified": ("excluded", "ratified"),
    "failed_to_notice": ("excluded", "notices"),
    "refuses to sell to": ("excluded", "sells to"),
    "does not only treat": ("", "only treat"),
    "is not always found in": ("", "is always found in"),
    "may_treat": ("possible", "treats"),
    "should follow": ("recommended", "follows"),
    "used to be part of": ("former", "is part of"),
}


@pytest.mark.parametrize(("relation", "way"), HOLDS.items())
def test_how_a_relation_holds_is_told_by_its_name(relation: str, way: tuple[str, str]) -> None:
    assert modality_of(relation) == way
    assert Modality(*way).denies == (way[0] in ("forbidden", "impossible", "excluded"))


@pytest.mark.parametrize(
    "relation",
    [
        *(
            "is used for",
            "capital",
            "can opener",
            "May sales",
            "May 2020",
            "will date",
            "DO level",
            "do not resuscitate",
        ),
        *("Do you smoke?", "Can Be Deleted", "forbidden city", "is_active", "excludes", "needs", "note", "notes"),
    ],
)
def test_what_plainly_holds_has_no_modality(relation: str) -> None:
    assert modality_of(relation) is None


@pytest.mark.parametrize(
    "relation", ["unfit to be used for", "unsafe when used for", "NOT part_of", "cant be used for"]
)
def test_no_noun_loses_a_not(relation: str) -> None:
    noun = noun_forms(relation).tail_noun
    assert noun not in ("use", "containing whole")


@pytest.mark.parametrize(
    ("relation", "noun"),
    [
        ("is_active", "active"),
        ("can opener", "can opener"),
        ("DID number", "DID number"),
        ("updates", "updates"),
        ("commissioned by", "what it is commissioned by"),
        ("contraindicated with", "what it is contraindicated with"),
        ("modified", "date of modification"),
        ("inheritedFrom", "what it inherited from"),
        ("gave_birth_to", "what it gave birth to"),
        ("refused to sell", "what it refused to sell"),
        ("must not be left", "what it must not be left"),
        ("used to own", "former property"),
        ("check-in", "check-in"),
        ("built", "date of construction"),
    ],
)
def test_a_column_s_name_is_no_clause(relation: str, noun: str) -> None:
    assert noun_forms(relation).tail_noun == noun


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
