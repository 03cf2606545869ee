"""Where the question is in a prompt, and how text is tokenised in it."""

from __future__ import annotations

from kvdb_sdk.models.prompts import chat_markers, continuation_ids, find_question, glued_ids

from . import tiny_store

TOKENIZER = tiny_store.tokenizer()


def test_the_question_is_found_in_any_turn():
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "first one?"},
        {"role": "assistant", "content": "yes."},
        {"role": "user", "content": "What is the capital of Place 3?"},
    ]
    text = TOKENIZER.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    ids = TOKENIZER(text)["input_ids"]
    found = find_question(TOKENIZER, chat_markers(TOKENIZER), ids)
    assert found.text == "What is the capital of Place 3?"
    assert TOKENIZER.decode(ids[found.start : found.end]) == "What is the capital of Place 3?<end><|assistant|>"
    answered = find_question(TOKENIZER, chat_markers(TOKENIZER), ids + TOKENIZER("The cap")["input_ids"])
    assert (answered.text, answered.start, answered.end) == (found.text, found.start, found.end)


def test_without_a_template_the_whole_prompt_is_the_question():
    ids = TOKENIZER("capital of Place 3")["input_ids"]
    found = find_question(TOKENIZER, None, ids)
    assert (found.text, found.start, found.end) == ("capital of Place 3", 0, len(ids))


def test_values_are_tokenised_as_in_a_sentence():
    assert TOKENIZER.decode(continuation_ids(TOKENIZER, "Town 7")) == " Town 7"


def test_tokens_that_go_on_with_a_word():
    glued = set(glued_ids(TOKENIZER).tolist())
    ids = TOKENIZER.get_vocab()
    assert {ids["a"], ids["Z"], ids["7"]} <= glued
    assert not glued & {ids["\u0120"], ids["."], ids["'"], ids["?"], ids["<end>"], ids["<unk>"]}
