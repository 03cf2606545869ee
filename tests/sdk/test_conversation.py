"""A conversation with the tiny model, and the text that the application gives with a question."""

from __future__ import annotations

import pytest
import torch

from kvdb.errors import LimitError
from kvdb_sdk import Answer, Citation, Conversation, KnowledgeModel, attached_facts
from kvdb_sdk.conversation import KEPT
from kvdb_sdk.models.prompts import chat_prompt
from kvdb_sdk.question.context import context_prompt, speaks_of

from . import tiny, tiny_store
from .test_followups import FACTS, READER

TOKENIZER = tiny_store.tokenizer()


@pytest.fixture(scope="module")
def model():
    return tiny.model("llama")


@pytest.fixture
def knowing(model, store):
    """A model that copies the value of the most similar fact at once."""
    adapter, card = tiny_store.adapter_for(model)
    with torch.no_grad():
        adapter.gate_weight.zero_()
        adapter.gate_bias.copy_(torch.tensor([-30.0, 30.0]))
        adapter.gate_known.zero_()
        adapter.prior.fill_(6.0)
        adapter.threshold.fill_(-1.0)
        adapter.null_bias.fill_(-50.0)
    return KnowledgeModel(model, TOKENIZER, store, adapter=(adapter, card), encoder=tiny_store.encoder())


@pytest.fixture
def refusing(model, store):
    fitting = {"adapter": tiny_store.adapter_for(model), "encoder": tiny_store.encoder()}
    return KnowledgeModel(model, TOKENIZER, store, threshold=1.0, **fitting)


class Told:
    """A model that knows FACTS by the first subject and its noun in a question; haiku are none for the store."""

    reader = READER

    def __init__(self) -> None:
        self.heard: list[tuple[str, tuple[tuple[str, str], ...]]] = []

    def ask(self, question, *, route=None, max_new_tokens=96, context=None, prefer="store", turns=()) -> Answer:
        self.heard.append((question, tuple(turns)))
        for subject in self.reader.subjects(question)[:1]:
            noun, match = self.reader.best_noun(question, subject.nouns)
            for found, fact, value in subject.facts:
                if found == noun and (match > 0.5 or "directed" in question):
                    return Answer(
                        value, True, (Citation(fact.id, fact.head, fact.relation, fact.tail, 1.0),), stats={"tokens": 1}
                    )
        if "poem" in question:
            return Answer("Roses.", False, stats={"related": 0.1})
        if "haiku" in question or "joke" in question:
            related = 0.9 if self.reader.subjects(question) else 0.1
            return Answer("Leaves." if related < 0.5 else "I do not know.", False, stats={"related": related})
        return Answer("I do not know.", False, stats={"related": 1.0})


def asked(conversation: Conversation, *turns: str) -> list[str]:
    return [conversation.ask(turn).stats["asked"] for turn in turns]


def test_turns_lean_on_the_ones_before():
    conversation = Conversation(Told())
    assert asked(conversation, "Who directed Inception?", "Where was he born?", "How many people live there?") == [
        "Who directed Inception?",
        "Where was Christopher Nolan born?",
        "How many people live in London?",
    ]
    assert [turn.answer.text for turn in conversation.turns] == ["Christopher Nolan", "London", "8,799,800"]


def test_the_second_choice_is_asked_where_the_first_is_refused():
    told = Told()
    conversation = Conversation(told)
    conversation.ask("Who directed Inception?")
    told.ask = lambda question, **_: Answer("yes", "Nolan" in question)
    assert conversation.ask("What is its country?").stats["asked"] == "What is Christopher Nolan's country?"
    told.ask = lambda question, **_: Answer("no", False)
    conversation = Conversation(told)
    conversation.ask("What is the director of Inception?")
    assert conversation.ask("And its country?").stats["asked"] == "What is Inception's country?"


def test_a_turn_for_the_plain_model_leaves_the_subject_as_it_was():
    conversation = Conversation(Told())
    turns = asked(conversation, "What is the elevation of Heathrow?", "A poem about Gatwick, please.", "And its city?")
    assert turns[1:] == ["A poem about Gatwick, please.", "What is Heathrow's city?"]


@pytest.mark.parametrize("turn", ["Write a haiku about autumn.", "Tell me a joke about it"])
def test_what_has_nothing_to_do_with_the_store_sees_the_turns_and_is_forgotten(turn):
    told = Told()
    conversation = Conversation(told)
    conversation.ask("What is the elevation of Heathrow?")
    answer = conversation.ask(turn)
    assert (answer.text, answer.answered, answer.stats["asked"]) == ("Leaves.", False, turn)
    assert told.heard[-1] == (turn, (("What is the elevation of Heathrow?", "83"),))
    assert asked(conversation, "And Gatwick?") == ["What is the elevation of Gatwick?"]


def test_a_long_session_keeps_the_last_turns():
    told = Told()
    conversation = Conversation(told)
    for number in range(3 * KEPT):
        conversation.ask(f"Write haiku {number}")
    assert [turn.question for turn in conversation.turns] == [f"Write haiku {n}" for n in range(2 * KEPT, 3 * KEPT)]
    assert len(told.heard[-1][1]) == KEPT


def test_a_refused_question_is_not_answered_about_the_one_before():
    conversation = Conversation(Told())
    conversation.ask("What is the elevation of Heathrow?")
    conversation.ask("What is the population of Nowhereville?")
    answer = conversation.ask("And the elevation?")
    assert (answer.answered, answer.stats["asked"]) == (False, "What is the elevation of Nowhereville?")


def test_with_a_model_and_a_store(knowing):
    conversation = knowing.conversation()
    first = conversation.ask("What is the capital of Place 3?", max_new_tokens=9)
    assert (first.stats["asked"], first.citations[0].tail) == ("What is the capital of Place 3?", "Town 21")
    second = conversation.ask("What about Place 5?", max_new_tokens=9)
    assert second.stats["asked"] == "What is the capital of Place 5?"
    assert [(c.head, c.tail) for c in second.citations] == [("Place 5", "Town 35")]
    third = conversation.ask("And what is the capital of it?", max_new_tokens=9)
    assert third.stats["asked"] == "what is the capital of Place 5?"
    assert third.citations[0].tail == "Town 35"
    assert [turn.question for turn in conversation.turns] == [
        "What is the capital of Place 3?",
        "What about Place 5?",
        "And what is the capital of it?",
    ]


def test_a_turn_goes_by_the_route_that_is_asked_for(knowing):
    conversation = knowing.conversation()
    turns = ("What is the capital of Place 3?", None), ("and Place 5?", "encoder"), ("and Place 7?", "attention")
    assert [conversation.ask(q, route=route, max_new_tokens=1).stats["route"] for q, route in turns] == [
        "hybrid", "encoder", "attention",
    ]  # fmt: skip


def test_without_an_adapter_turns_are_completed_too(model, store):
    asking = KnowledgeModel(model, TOKENIZER, store, adapter=None, encoder=tiny_store.encoder(), facts_in_prompt=1)
    asking.reader.context = None  # the tiny model reads 64 tokens, and does not mind more
    conversation = asking.conversation()
    assert (
        asked(conversation, "What is the capital of Place 3?", "and Place 5?")[1] == "What is the capital of Place 5?"
    )


def test_earlier_turns_go_through_the_chat_template():
    prompt = chat_prompt(TOKENIZER, "c?", [("a?", "b.")])
    assert prompt == "<|user|>a?<end><|assistant|>b.<end><|user|>c?<end><|assistant|>"
    bare = tiny_store.tokenizer()
    bare.chat_template = None
    assert chat_prompt(bare, "c?", [("a?", "b.")]) == "a?\nb.\nc?\n"


def test_the_plain_model_sees_the_turns(refusing, monkeypatch):
    """What is refused as none for the store is written by the plain model, after the earlier turns."""
    written = []
    write = attached_facts.written
    monkeypatch.setattr(
        attached_facts,
        "written",
        lambda model, tokenizer, questions, most, turns=(), **more: (
            written.append((list(questions), list(turns))) or write(model, tokenizer, questions, most, turns, **more)
        ),
    )
    monkeypatch.setattr(type(refusing.facts), "related", lambda self, prompt: 0.0)
    conversation = refusing.conversation()
    first = conversation.ask("hello", max_new_tokens=4)
    conversation.ask("bye", max_new_tokens=4)
    assert written[1] == (["hello"], [])
    assert written[3] == (["bye"], [("hello", first.text)])


CLAIM = "I read it. The capital of Place 3 is Town 8."


def test_the_store_wins_by_default(knowing):
    for prefer in ({}, {"prefer": "store"}):
        answer = knowing.ask("What is the capital of Place 3?", max_new_tokens=9, context=CLAIM, **prefer)
        assert answer.answered and answer.citations[0].tail == "Town 21" and "from" not in answer.stats


def test_where_the_store_does_not_know_the_context_is_read(refusing):
    question = "What is the capital of Place 3?"
    answer = refusing.ask(question, max_new_tokens=4, context=CLAIM)
    assert answer.text == refusing.ask_plain(context_prompt(question, CLAIM), max_new_tokens=4)
    assert (answer.answered, answer.citations, answer.stats["from"]) == (False, (), "context")
    assert refusing.ask(question, max_new_tokens=4).text == "I do not know."


def test_the_context_wins_where_it_is_preferred_and_speaks_of_what_is_asked(knowing):
    question = "What is the capital of Place 3?"
    answer = knowing.ask(question, max_new_tokens=4, context=CLAIM, prefer="context")
    assert (answer.answered, answer.citations, answer.stats["from"]) == (False, (), "context")
    assert answer.stats["tokens"] == 4
    other = knowing.ask(question, max_new_tokens=9, context=CLAIM.replace("Place 3", "Place 4"), prefer="context")
    assert other.answered and other.citations[0].tail == "Town 21"


@pytest.mark.parametrize("context", [None, CLAIM])
def test_no_such_preference(knowing, context):
    with pytest.raises(LimitError, match=r"prefer is 'model': give \"store\" or \"context\""):
        knowing.ask("What is the capital of Place 3?", context=context, prefer="model")


def test_a_preferred_context_needs_an_encoder(model, store):
    asking = KnowledgeModel(model, TOKENIZER, store, adapter=tiny_store.adapter_for(model), route="attention")
    with pytest.raises(LimitError, match="give an encoder"):
        asking.ask("What is the capital of Place 3?", context=CLAIM, prefer="context")


@pytest.mark.parametrize(
    ("context", "speaks"),
    [
        ("the elevation of Heathrow is 9.", True),
        ("Heathrow is an airport. the elevation of it is 9.", True),
        ("the elevation of Gatwick is 9.", False),
        ("the city of Heathrow is Paris.", False),
        ("Heathrow", False),
        ("We flew from Heathrow in 1990.", False),
        ("", False),
    ],
)
def test_a_context_speaks_of_what_is_asked(context, speaks):
    assert ("Heathrow", "elevation", "83") in FACTS
    assert speaks_of(context, "What is the elevation of Heathrow?", READER, tiny_store.encoder()) is speaks
