"""`ask` and `eval` with a stand-in model, `train` for real with a tiny one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import tokenizers
import torch
import transformers

import kvdb_sdk
from kvdb.errors import LimitError
from kvdb_sdk import Answer, Citation
from kvdb_sdk.training import calibration
from kvdb_sdk.training.apart import domains_apart

from .conftest import ENCODER, many


class StandIn:
    """Answers with the tail of the first fact whose head is in the question."""

    made: dict[str, Any]

    def __init__(self, store: Any) -> None:
        self.store = store

    @classmethod
    def from_pretrained(cls, model: str, store: Any, **options: Any) -> StandIn:
        cls.made = {"model": model, **options}
        if options["memory"] == "1B":
            raise LimitError("too little memory")
        return cls(store)

    def ask(self, question: str, *, max_new_tokens: int = 96) -> Answer:
        stats = {"tokens": 10, "seconds": 0.5, "ms_per_token": 50.0}
        for fact in self.store.match():
            if fact.head in question and fact.relation in question:
                cited = Citation(fact.id, fact.head, fact.relation, fact.tail, 0.75)
                return Answer(f"It is\x1b[31m {fact.tail}.", True, (cited,), stats=stats)
        return Answer("I do not know.", False, stats=stats)

    def ask_many(self, questions: Sequence[str]) -> list[Answer]:
        return [self.ask(question) for question in questions]


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kvdb_sdk, "KnowledgeModel", StandIn)


def test_ask(run, run_json, db: Path) -> None:
    question = "What is the capital of Japan?"
    answer = run_json("ask", db, question, "--encoder", ENCODER)
    assert answer.keys() == {"answer", "answered", "source", "citations", "stats"}
    assert answer["answered"] is True
    assert answer["citations"] == [{"id": 3, "head": "Japan", "relation": "capital", "tail": "Tokyo", "weight": 0.75}]
    plain = run("ask", db, question, "--encoder", ENCODER).stdout
    assert plain == "It is\\x1b[31m Tokyo.\n0.750\t3\tJapan\tcapital\tTokyo\n"


def test_ask_what_is_not_there(run, run_json, db: Path) -> None:
    answer = run_json("ask", db, "Who?", "--encoder", ENCODER)
    assert (answer["answered"], answer["citations"]) == (False, [])


def test_ask_hands_its_options_on(run, db: Path) -> None:
    options = ("--model", "m", "--adapter", "a", "--route", "attention", "--memory", "1MB", "--device", "cpu")
    run("ask", db, "Who?", *options, "--encoder", ENCODER)
    assert StandIn.made == {
        "model": "m",
        "encoder": ENCODER,
        "adapter": "a",
        "facts_in_prompt": 5,
        "route": "attention",
        "memory": "1MB",
        "device": "cpu",
        "threshold": None,
        "only_store": False,
    }
    run("ask", db, "Who?", "--only-store", "--encoder", ENCODER)
    assert StandIn.made["only_store"] is True
    assert "empty" in run("ask", db, " ", "--encoder", ENCODER, code=2).stderr
    run("ask", db, "Who?", "--threshold", 0.8, "--encoder", ENCODER)
    assert StandIn.made["threshold"] == 0.8
    assert run("ask", db, "Who?", "--threshold", 1.5, code=2)
    assert run("ask", db, "Who?", "--route", "other", code=2)
    result = run("ask", db, "Who?", "--memory", "1B", "--encoder", ENCODER, code=1)
    assert result.stderr == "kvdb: error: too little memory\n"


def test_no_encoder_is_chosen_for_whoever_gives_none(run, db: Path, facts: Path) -> None:
    """The store's own may be code, and the attention route needs none: KnowledgeModel knows."""
    run("ask", db, "Who?", "--route", "attention")
    assert StandIn.made["encoder"] is None
    run("eval", db, facts, "-n", 2)
    assert StandIn.made["encoder"] is None


def test_ask_without_an_adapter(run, db: Path) -> None:
    run("ask", db, "Who?", "--adapter", "none", "--facts-in-prompt", 3, "--encoder", ENCODER)
    assert (StandIn.made["adapter"], StandIn.made["facts_in_prompt"]) == (None, 3)


def test_eval(run, run_json, db: Path, facts: Path) -> None:
    report = run_json("eval", db, facts, "-n", 4, "--encoder", ENCODER)
    assert {"em", "citation_accuracy", "refusal_f1", "n", "ms_per_token"} <= report.keys()
    assert (report["em"], report["citation_accuracy"], report["refusal_f1"]) == (1, 1, 1)
    assert report["n"] == 5  # four that the store has, and one that it has not
    assert report["ms_per_token"] == pytest.approx(50)
    assert report["cost"]["ms_per_answer"] == pytest.approx(500)
    assert report["citations"] == report["refusal"] == {"precision": 1, "recall": 1, "f1": 1}
    assert 0 < report["rouge_l"] <= report["token_f1"] < 1  # "It is Paris." against "The capital of France is Paris."
    assert (report["attention"], report["calibration"]) == (None, None)  # the stand-in tells of neither
    lines = dict(line.split(maxsplit=1) for line in run("eval", db, facts, "--encoder", ENCODER).stdout.splitlines())
    assert (lines["em"], lines["citations.precision"], lines["cost.ms_per_token"]) == ("1", "1", "50")
    assert not {"misses", "attention", "calibration"} & lines.keys()


def test_eval_of_facts_that_the_store_lacks(run, db: Path, tmp_path: Path) -> None:
    (tmp_path / "other.tsv").write_text("Peru\tcapital\tLima\n")
    result = run("eval", db, "other.tsv", "--encoder", ENCODER, code=1)
    assert result.stderr.startswith("kvdb: error: ")


@pytest.fixture
def tiny_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a tiny model. Refusal is fitted on 55 domains of facts; a little of two will do for it."""
    few = [domain | {"relations": dict(list(domain["relations"].items())[:4])} for domain in domains_apart()[:2]]
    monkeypatch.setattr(calibration, "domains_apart", lambda: few)
    folder = tmp_path / "tiny-model"
    letters = [chr(c) for c in range(32, 127)]
    vocabulary = {letter: i for i, letter in enumerate(["<pad>", "<s>", "</s>", "<unk>", *letters])}
    words = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    tokenizer.chat_template = (
        "{% for m in messages %}<s>{{ m.role }}\n{{ m.content }}</s>\n{% endfor %}"
        "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=16, intermediate_size=16, num_hidden_layers=3,
        num_attention_heads=2, max_position_embeddings=512, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def test_train_writes_an_adapter(run, run_json, tmp_path: Path, tiny_model: Path) -> None:
    many(tmp_path / "many.tsv", 60)
    run("ingest", "many.kvdb", "many.tsv", "--encoder", ENCODER)
    report = run_json(
        "train",
        "many.kvdb",
        "--out",
        "made",
        "--model",
        tiny_model,
        "--steps",
        2,
        "--batch",
        2,
        "--question-steps",
        2,
        "--relation-steps",
        0,
        "--reader-steps",
        1,
        "--encoder",
        ENCODER,
    )
    assert (report["steps"], report["facts"], report["adapter"]) == (2, 60, "made")
    assert report["losses"]
    assert (tmp_path / "made" / "adapter.safetensors").is_file()
    card = json.loads((tmp_path / "made" / "card.json").read_text())
    assert card["config"]["encoder"] == ENCODER
    assert card["config"]["reader_layers"] > 0 and card["training"]["options"]["reader_steps"] == 1
    only_read = ("--steps", 0, "--question-steps", 0, "--relation-steps", 0, "--reader-steps", 1)
    again = run_json(
        "train", "many.kvdb", "--out", "again", "--model", tiny_model, "--start", "made", *only_read,
        "--encoder", ENCODER,
    )  # fmt: skip
    assert (again["steps"], again["losses"]) == (0, {})


def test_train_needs_facts(run, facts: Path, tmp_path: Path, db: Path, tiny_model: Path) -> None:
    run("delete", db, "--relation", "capital")
    run("delete", db, "--relation", "currency")
    result = run("train", db, "--out", "made", "--model", tiny_model, "--encoder", ENCODER, code=1)
    assert "holds no facts" in result.stderr


def test_the_models_own_words_are_told_apart(capsys) -> None:
    from kvdb_cli.ask import print_answer
    from kvdb_sdk.answer import Answer

    for answer, told in (
        (Answer("A joke.", False, stats={"related": 0.1}), True),
        (Answer("I do not know.", False, stats={"related": 0.1}), False),  # only_store
        (Answer("I do not know.", False, stats={"related": 0.9}), False),
        (Answer("It is Paris.", True, stats={}), False),
    ):
        print_answer(answer, as_json=False)
        seen = capsys.readouterr()
        assert seen.out == f"{answer.text}\n" and ("own words" in seen.err) is told
