"""Which relations a subject might be asked for, told from what subjects have together."""

from __future__ import annotations

import kvdb
from kvdb import Triple
from kvdb_sdk.question.kinds import Kinds
from kvdb_sdk.select.relations import StoreRelations

from . import tiny_store

ENCODER = tiny_store.encoder()

AIRPORTS = [{"code": "AAA", "country": "Chad", "elevation": "10"}, {"code": "BBB", "country": "Mali", "city": "Kayes"}]
FIRMS = [{"founder": "Ann", "country": "Peru", "revenue": "1 M"}, {"founder": "Bo", "revenue": "2 M", "seat": "Lima"}]


def test_a_subject_might_be_asked_for_what_its_kind_has():
    kinds = Kinds.of([*AIRPORTS, *FIRMS])
    asked = kinds.askable({"code": "CCC", "country": "Fiji"})
    assert asked == {"code": "CCC", "country": "Fiji", "elevation": "10", "city": "Kayes"} | {
        "founder": "Ann",
        "revenue": "1 M",
    }  # both stand beside "country", which is half of what is known
    assert set(kinds.askable({"code": "CCC", "city": "Rome", "elevation": "3"})) == {
        "code",
        "city",
        "elevation",
        "country",
    }


def test_of_whom_too_little_is_known_anything_might_be_asked():
    kinds = Kinds.of([*AIRPORTS, {"only": "x"}])
    everything = {"code", "country", "elevation", "city", "only"}
    assert set(kinds.askable({})) == everything
    assert set(kinds.askable({"only": "y"})) == everything  # stands beside nothing
    assert set(kinds.askable({"new": "y"})) == {*everything, "new"}
    assert kinds.askable({"new": "y", "newer": "z"}) == {"new": "y", "newer": "z"}
    assert Kinds.of([]).askable({"new": "x"}) == {"new": "x"}


def test_the_kinds_of_a_store_follow_its_relations(tmp_path):
    relations = StoreRelations()

    def facts(subjects, name):
        return [Triple(f"{name} {at}", noun, value) for at, told in enumerate(subjects) for noun, value in told.items()]

    with kvdb.open(tmp_path / "a.kvdb", create=True) as store:
        store.insert(facts(AIRPORTS, "Airport"), ENCODER)
        with store.snapshot() as snapshot:
            first = relations.kinds(snapshot)
            assert set(relations.nouns(snapshot)) == {"code", "country", "elevation", "city"}
            assert set(first.askable({"code": "CCC"})) == {"code", "country", "elevation", "city"}
            assert first.examples["code"] == "AAA"
        store.insert([Triple(f"Airport {i}", "code", f"{i}") for i in range(40)], ENCODER)
        with store.snapshot() as snapshot:
            many = relations.kinds(snapshot)
            assert many is not first  # there are many more codes
        store.insert([Triple("Airport 99", "code", "III")], ENCODER)
        with store.snapshot() as snapshot:
            assert relations.kinds(snapshot) is many  # much the same
        store.insert(facts(FIRMS, "Firm"), ENCODER)
        with store.snapshot() as snapshot:
            assert set(relations.kinds(snapshot).askable({"founder": "Cy", "revenue": "3 M"})) == {
                "founder",
                "revenue",
                "country",
                "seat",
            }
