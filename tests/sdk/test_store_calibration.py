"""Calibration of a store: its own questions, what hides a fact, what is kept, and who goes by it."""

from __future__ import annotations

from dataclasses import replace

import msgpack
import pytest
import torch

import kvdb
from kvdb.errors import AdapterError, AdapterMismatchError, LimitError, ReadOnlyStoreError
from kvdb.types import row_of
from kvdb_sdk import KnowledgeModel, calibrate
from kvdb_sdk.attend.adapter import fingerprint
from kvdb_sdk.own_questions import HIDDEN, INVENTED, LACKING, MISSING, PRESENT, own_questions
from kvdb_sdk.refusal.calibration_note import NOTE, Calibration, all_calibrations, calibrations_of, keep
from kvdb_sdk.refusal.confidence import known_probability

from . import tiny, tiny_store

TOKENIZER = tiny_store.tokenizer()
ENCODER = tiny_store.encoder()
FACTS = [
    *((f"Place {i}", "capital", f"Town {i * 7}") for i in range(40)),
    *((f"Place {i}", "river", f"River {i * 3}") for i in range(25)),
    *((f"Place {i}", "mayor", f"Person {i * 3 + j}") for i in range(40) for j in range(2)),  # two each: never asked
]


@pytest.fixture(scope="module")
def model():
    return tiny.model("llama")


@pytest.fixture
def store(tmp_path):
    with kvdb.open(tmp_path / "s.kvdb", create=True) as store:
        store.bind_encoder(ENCODER.record)
        store.insert(FACTS, ENCODER)
        yield store


def reader(model, store, **more):
    return KnowledgeModel(
        model, TOKENIZER, store, **{"adapter": tiny_store.adapter_for(model), "encoder": ENCODER, **more}
    )


def made(model, **more):
    adapter, card = tiny_store.adapter_for(model)
    config = adapter.config
    found = Calibration(fingerprint(adapter, card), "hybrid", config.known, config.related, "tiny", "tiny", 30, 105)
    return replace(found, **more)


def asked_about(store, question):
    """The head and relation that a question is about, in any spelling that `rough` leaves; None where unclear."""
    text = question.text.casefold()
    heads = {f.head for f in store.match() if f.head.casefold() in text}
    relations = {r.name for r in store.relations() if r.tail_noun.casefold() in text}
    return (max(heads, key=len), relations.pop()) if heads and len(relations) == 1 else None


def test_half_of_the_questions_can_be_answered_and_none_of_the_others(store, monkeypatch):
    monkeypatch.setattr("kvdb_sdk.own_questions.rough", lambda text, rng: text)  # a slip may name another place
    seen = set()
    for seed in range(6):  # of one draw most are worded without their noun, and are not recognised here
        with store.snapshot() as snapshot:
            made = own_questions(snapshot, 60, seed=seed)
        assert len(made) == 60
        assert [q.kind for q in made[::2]] == [PRESENT] * 30
        assert {q.kind for q in made[1::2]} <= set(MISSING)
        assert len({q.text for q in made}) == 60
        seen |= {q.kind for q in made if fits(store, q)}
    assert {PRESENT, HIDDEN, LACKING} <= seen


def fits(store, question):
    """Whether the question is recognised; then it must be what its kind says."""
    about = asked_about(store, question)
    if about is None:
        return False
    tails = list(store.match(*about))
    if question.kind == PRESENT:
        assert len(tails) == 1 and not question.hidden
    elif question.kind == HIDDEN:
        assert set(question.hidden) >= {row_of(fact.id, "tail") for fact in tails} and len(tails) == 1
    elif question.kind == LACKING:
        assert not tails
    return True


def test_invented_heads_are_not_in_the_store(store):
    with store.snapshot() as snapshot:
        made = [q for q in own_questions(snapshot, 60, seed=3) if q.kind == INVENTED]
    names = {fact.head for fact in store.match()}
    assert made
    for q in made:
        words = q.text.strip("?.").split()
        spans = {" ".join(words[i:j]).strip("?.:,") for i in range(len(words)) for j in range(i, len(words) + 1)}
        assert not spans & names


def test_the_same_seed_gives_the_same_questions(store):
    with store.snapshot() as snapshot:
        assert own_questions(snapshot, 40, seed=1) == own_questions(snapshot, 40, seed=1)
        assert own_questions(snapshot, 40, seed=1) != own_questions(snapshot, 40, seed=2)


def test_a_store_where_nothing_can_be_asked(tmp_path):
    with kvdb.open(tmp_path / "s.kvdb", create=True) as store:
        store.insert([("a", "is", f"b{i}") for i in range(30)], ENCODER)
        with store.snapshot() as snapshot, pytest.raises(LimitError, match="only one"):
            own_questions(snapshot, 40)


@pytest.mark.parametrize("route", ["attention", "encoder", "hybrid"])
def test_a_hidden_row_is_selected_by_no_route_and_the_others_stay(model, store, route):
    facts = reader(model, store, route=route)
    question = "What is the capital of Place 3?"
    facts.judge([question])
    before = [int(row) for row in facts.facts.selected[0]]
    gone = before[0]
    [judged] = facts.judge([question], hidden=[gone])
    after = [int(row) for row in facts.facts.selected[0]]
    assert gone not in after
    assert set(before) - {gone} <= set(after) or route == "hybrid"
    assert len(after) >= min(len(before), 16)  # the next best row takes its place
    assert (judged.relatedness is None) == (route == "attention")
    facts.judge([question])
    assert [int(row) for row in facts.facts.selected[0]] == before


def test_a_head_all_of_whose_rows_are_hidden_is_not_named(model, tmp_path):
    with kvdb.open(tmp_path / "one.kvdb", create=True) as store:
        store.bind_encoder(ENCODER.record)
        ids = store.insert(tiny_store.FACTS, ENCODER).ids
        hidden = [row_of(ids[3], "tail")]
        facts = reader(model, store)
        [seen] = facts.judge(["What is the capital of Place 3?"])
        assert any(found.match for found in facts.facts._found) and seen.relatedness.relation > 0
        facts.judge(["What is the capital of Place 3?"], hidden=hidden)
        assert hidden[0] not in facts.facts._found[0].match
        assert not facts.facts.hidden


def test_judging_is_what_an_answer_goes_by(model, store):
    facts = reader(model, store)
    question = "What is the capital of Place 3?"
    [judged] = facts.judge([question])
    answer = facts.ask(question, max_new_tokens=2)
    expected = known_probability(facts.facts.known_by, judged.evidence)
    assert answer.stats["confidence"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("route", ["attention", "hybrid"])
def test_calibrate_keeps_what_it_found_and_every_later_model_goes_by_it(model, store, route):
    asking, facts = reader(model, store, route=route), list(store.match())
    done = []
    report = calibrate(asking, questions=40, progress=done.append)
    assert (report.questions, report.held_out, report.saved) == (40, 20, True)
    assert sum(done) == (40 if route == "attention" else 80)
    assert list(store.match()) == facts and store.verify().ok
    assert set(report.after.kinds) == set(MISSING)
    assert (report.related_after is None) == (route == "attention")
    again = reader(model, store, route=route)
    assert again.facts.calibrations == {route: report.calibration} == asking.facts.calibrations
    fitted = again.facts.judged_by
    assert (fitted.known_by_attention if route == "attention" else fitted.known) == report.calibration.known
    assert fitted.related == report.calibration.related
    other = "encoder" if route == "attention" else "attention"
    again.facts.route = other  # a route that was not calibrated goes by the adapter's
    assert again.facts.judged_by == again.facts.adapter.config


def test_calibration_helps_where_the_adapter_is_far_off(model, store):
    adapter, card = tiny_store.adapter_for(model)
    adapter.config = replace(adapter.config, known=(20.0, *adapter.config.known[1:]))  # knows everything
    card = replace(card, config=adapter.config)
    report = calibrate(reader(model, store, adapter=(adapter, card)), questions=60)
    assert report.before.missing < 0.5 < report.before.known
    assert report.after.log_loss < report.before.log_loss
    assert report.after.error < report.before.error
    assert report.after.known + report.after.missing > report.before.known + report.before.missing
    assert report.chosen != "unchanged"


def test_refusal_goes_by_the_calibration_and_a_threshold_still_overrides(model, store):
    question = "What is the capital of Place 3?"
    never = made(model, known=(-50.0, *[0.0] * 7))
    always = made(model, known=(5.0, *[0.0] * 7))
    assert reader(model, store, calibration=never).ask(question, max_new_tokens=3).answered is False
    assert reader(model, store, calibration=always).ask(question, max_new_tokens=3).stats["confidence"] == 0.9933
    refusing = reader(model, store, calibration=always, threshold=1.0).ask(question, max_new_tokens=3)
    assert (refusing.answered, refusing.citations, refusing.text) == (False, (), "I do not know.")
    keep(store, never)
    assert reader(model, store).ask(question, max_new_tokens=3).stats["confidence"] == 0.0
    assert reader(model, store, calibration=always).ask(question, max_new_tokens=3).stats["confidence"] == 0.9933


def test_another_adapter_goes_by_its_own_coefficients(model, store):
    keep(store, made(model, known=(-50.0, *[0.0] * 7)))
    adapter, card = tiny_store.adapter_for(model)
    with torch.no_grad():
        adapter.null_bias.add_(0.5)  # trained on, with the same config
    other = reader(model, store, adapter=(adapter, card))
    assert other.facts.calibrations == {}
    assert other.facts.judged_by == adapter.config
    with pytest.raises(AdapterMismatchError, match="kvdb calibrate"):
        reader(model, store, adapter=(adapter, card), calibration=made(model))
    changed = replace(card, config=replace(card.config, refuse_below=0.6))
    assert len({fingerprint(adapter, card), fingerprint(adapter, changed), made(model).adapter}) == 3


def test_a_read_only_store_is_calibrated_without_saving(model, store):
    path = store.path
    store.close()
    with kvdb.open(path, read_only=True) as closed:
        asking = reader(model, closed)
        with pytest.raises(ReadOnlyStoreError):
            calibrate(asking, questions=40)
        report = calibrate(asking, questions=40, save=False)
        assert (report.saved, all_calibrations(closed), asking.facts.calibrations) == (False, [], {})
        given = reader(model, closed, calibration=report.calibration)
        assert given.facts.calibrations == {"hybrid": report.calibration}


def test_saving_nothing_changes_nothing(model, store):
    txn = store.info().txn_id
    calibrate(reader(model, store), questions=40, save=False)
    assert (store.info().txn_id, store.info().notes) == (txn, ())


def test_a_small_store_is_refused(model, tmp_path):
    with kvdb.open(tmp_path / "few.kvdb", create=True) as store:
        store.bind_encoder(ENCODER.record)
        store.insert(FACTS[:12], ENCODER)
        with pytest.raises(LimitError, match="too few"):
            calibrate(reader(model, store))
        assert store.info().notes == ()


def test_without_an_adapter_there_is_nothing_to_calibrate(model, store):
    with pytest.raises(AdapterError, match="give an adapter"):
        calibrate(reader(model, store, adapter=None))
    adapter, card = tiny_store.adapter_for(model)
    adapter.config = replace(adapter.config, copies=False)
    with pytest.raises(AdapterError, match="copies"):
        calibrate(reader(model, store, adapter=(adapter, card)))


def test_one_for_each_adapter_and_route_the_newest_kept(model, store):
    for i in range(20):
        keep(store, made(model, adapter=f"{i:032x}"))
    assert [int(each.adapter, 16) for each in all_calibrations(store)] == list(range(4, 20))
    keep(store, made(model, adapter=f"{7:032x}", questions=99))
    keep(store, made(model, adapter=f"{7:032x}", route="attention", known=(0.0, *[1.0] * 7)))
    found = calibrations_of(store, f"{7:032x}")
    assert [(each.route, each.questions) for each in found] == [("hybrid", 99), ("attention", 30)]


@pytest.mark.parametrize(
    "record",
    [
        {"version": 1},
        {"known": [1.0] * 7},
        {"related": "1234"},
        {"known": [float("nan")] * 8},
        {"questions": None},
        {"questions": float("inf")},
        {"facts": float("nan")},
        {"route": "attention", "known": [1.0] * 3},
    ],
)
def test_what_this_version_cannot_use_is_passed_over(model, store, record):
    keep(store, made(model))
    with store.snapshot() as snapshot:
        [whole] = msgpack.unpackb(snapshot.note(NOTE))
    store.set_note(NOTE, msgpack.packb([whole | record, whole]))
    assert all_calibrations(store) == [made(model)]


@pytest.mark.parametrize("body", [b"\xc1", b"", msgpack.packb(7), msgpack.packb([1, "a"])])
def test_a_note_that_is_none_of_ours_stops_nobody(model, store, body):
    store.set_note(NOTE, body)
    assert all_calibrations(store) == []
    assert reader(model, store).facts.calibrations == {}


def test_a_damaged_note_stops_nobody(model, store, caplog):
    keep(store, made(model))
    store.write_with(lambda write: write.txn.put(b"note:calibration", b"12345678", db=write.tables.meta))
    assert reader(model, store).facts.calibrations == {}
    assert "is not used" in caplog.text
