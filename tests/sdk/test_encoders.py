"""Encoders: the same vectors as sentence-transformers, checked and of unit length, whatever is beneath."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

import kvdb_sdk.models.encoders as encoders
from kvdb.errors import EncoderMismatchError, UnknownEncoderError, VectorError
from kvdb.types import EncoderRecord
from kvdb_sdk.models.encoders import PROBE_SENTENCES, Encoder, encoder_for, load_encoder, unit_rows
from kvdb_sdk.models.resolve import ModelFiles, model_folder
from kvdb_sdk.models.sentence_model import PlainSentenceModel, batches_by_length, load_sentence_model, plain_pipeline

TEXTS = [
    "the capital of France",
    "",
    "Ünïcödé – 東京 🙂",
    "  spaces   around\tand within \n",
    "a",
    "word " * 400,  # longer than the model reads
    *(f"the ICAO airport code of airport number {i}" + " and more" * (i % 7) for i in range(60)),
]


@pytest.fixture(scope="module")
def minilm() -> Encoder:
    return load_encoder("minilm", device="cpu")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT of two layers as a sentence-transformers folder with mean pooling."""
    folder = tmp_path_factory.mktemp("tiny-bert")
    bundled = model_folder("minilm")
    assert isinstance(bundled, ModelFiles)
    tokenizer = transformers.AutoTokenizer.from_pretrained(bundled.folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=40,
    )
    transformers.BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_pipeline(folder, "mean_tokens")
    return folder


def write_pipeline(folder: Path, pooling: str, *, prompt: str | None = None) -> None:
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 32, "do_lower_case": false}')
    modes = {f"pooling_mode_{m}": m == pooling for m in ("cls_token", "mean_tokens", "max_tokens")}
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 24, **modes}))
    prompts = {"prompts": {"q": prompt or ""}, "default_prompt_name": "q" if prompt else None}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))


def reference(folder: str, texts: list[str]) -> np.ndarray:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(folder, device="cpu")
    return model.encode(texts, show_progress_bar=False)


def close(function: object) -> float:
    """Some processors encode in bfloat16, which has 8 bits of precision; sentence-transformers is asked in float32."""
    narrow = isinstance(function, PlainSentenceModel) and function.model.dtype is torch.bfloat16
    return 3e-2 if narrow else 1e-5


def test_minilm_equals_sentence_transformers(minilm: Encoder) -> None:
    files = model_folder("minilm")
    assert isinstance(files, ModelFiles)
    ours = minilm(TEXTS)
    assert ours.dtype == np.float32
    assert ours.shape == (len(TEXTS), 384)
    np.testing.assert_allclose(ours, reference(files.folder, TEXTS), atol=close(minilm.function))


@pytest.mark.parametrize(
    ("pooling", "prompt", "plain"),
    [
        ("mean_tokens", None, True),
        ("cls_token", None, True),
        ("max_tokens", None, False),
        ("mean_tokens", "ask: ", False),
    ],
)
def test_any_pipeline_equals_sentence_transformers(tiny: Path, pooling: str, prompt: str | None, plain: bool) -> None:
    write_pipeline(tiny, pooling, prompt=prompt)
    assert (plain_pipeline(tiny) is not None) == plain
    encode = load_sentence_model(ModelFiles("tiny", str(tiny)), device="cpu")
    assert isinstance(encode, PlainSentenceModel) == plain
    np.testing.assert_allclose(encode(TEXTS), reference(str(tiny), TEXTS), atol=close(encode))


@pytest.mark.parametrize("change", [{"do_lower_case": True}, {"module_output_name": "other"}, {"new_setting": 1}])
def test_an_unknown_setting_is_not_plain(tiny: Path, change: dict[str, object]) -> None:
    write_pipeline(tiny, "mean_tokens")
    path = tiny / "sentence_bert_config.json"
    assert plain_pipeline(tiny) is not None
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert plain_pipeline(tiny) is None


def test_encoding_leaves_torch_threads_as_they_were(minilm: Encoder) -> None:
    before = torch.get_num_threads()
    minilm([f"sentence {i} of a batch that needs several threads" for i in range(200)])
    assert torch.get_num_threads() == before


@given(
    st.lists(st.integers(1, 60), max_size=80).map(lambda lengths: [[0] * n for n in lengths]),
    st.integers(1, 200),
)
def test_batches_hold_each_text_once_and_keep_to_the_budget(ids: list[list[int]], budget: int) -> None:
    batches = list(batches_by_length(ids, budget))
    assert sorted(i for batch in batches for i in batch) == list(range(len(ids)))
    for batch in batches:
        longest = max(len(ids[i]) for i in batch)
        assert len(batch) == 1 or longest * len(batch) <= budget


def test_each_distinct_text_is_encoded_once() -> None:
    seen: list[str] = []

    def encode(texts: list[str]) -> np.ndarray:
        seen.extend(texts)
        return np.array([[len(t), 1.0] for t in texts])

    vectors = Encoder(encode, name="length")(["bb", "a", "bb", "ccc", "a"])
    assert seen == ["bb", "a", "ccc"]
    expected = [[2, 1], [1, 1], [2, 1], [3, 1], [1, 1]]
    np.testing.assert_allclose(vectors, [[x / math.hypot(x, y), y / math.hypot(x, y)] for x, y in expected], atol=1e-7)


def test_no_texts_give_no_rows() -> None:
    assert load_encoder(lambda texts: np.ones((len(texts), 3)))([]).shape == (0, 3)


@given(st.lists(st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=3, max_size=3), min_size=1, max_size=5))
def test_rows_have_unit_length_or_are_refused(rows: list[list[float]]) -> None:
    texts = [f"t{i}" for i in range(len(rows))]
    zero = [all(x == 0 for x in row) for row in rows]
    if any(zero):
        with pytest.raises(VectorError, match=f"zero vector for 't{zero.index(True)}'"):
            unit_rows(np.array(rows, np.float32), texts, "e")
        return
    out = unit_rows(np.array(rows, np.float32), texts, "e")
    for row, unit in zip(rows, out, strict=True):
        length = math.hypot(*row)
        assert unit.tolist() == pytest.approx([x / length for x in row], abs=1e-6)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([[1.0, math.nan], [1.0, 1.0]], "NaN or infinite vector for 'first'"),
        ([[1.0, 1.0], [math.inf, 1.0]], "NaN or infinite vector for 'second'"),
        ([[0.0, 0.0], [1.0, 1.0]], "zero vector for 'first'"),
        ([[1.0, 1.0]], "shape"),
        ([1.0, 1.0], "shape"),
        ([["a"], ["b"]], "type"),
        (np.empty((2, 0)), "shape"),
    ],
)
def test_bad_vectors_are_refused(vectors: object, message: str) -> None:
    with pytest.raises(VectorError, match=message):
        Encoder(lambda texts: vectors, name="bad")(["first", "second"])


def test_record_is_name_dimension_and_probes(minilm: Encoder) -> None:
    record = minilm.record
    assert (record.name, record.dim) == ("all-MiniLM-L6-v2", 384)
    assert record.probes.shape == (len(PROBE_SENTENCES), 384)
    assert record.probes.dtype == np.float16
    np.testing.assert_allclose(record.probes.astype(np.float32), minilm(PROBE_SENTENCES), atol=1e-3)


def test_a_callable_goes_by_its_module_and_name() -> None:
    assert load_encoder(reference).name == f"{__name__}:reference"
    assert load_encoder(Encoder(lambda t: t, name="mine")).name == "mine"


def test_module_and_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_encoder_module.py").write_text(
        "def encode(texts):\n    return [[len(t), 2.0] for t in texts]\nnumber = 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    encoder = load_encoder("my_encoder_module:encode")
    assert encoder.name == "my_encoder_module:encode"
    assert encoder(["abc"])[0].tolist() == pytest.approx([3 / math.sqrt(13), 2 / math.sqrt(13)])
    for name in ("my_encoder_module:missing", "my_encoder_module:number", "no_such_module_at_all:f"):
        with pytest.raises(UnknownEncoderError, match=name):
            load_encoder(name)


@pytest.mark.parametrize("name", ["no such model", "smollm2-135m", "openai:", "openai:m@http://user:key@host/v1"])
def test_unknown_encoders(name: str) -> None:
    with pytest.raises(UnknownEncoderError) as caught:
        load_encoder(name)
    assert "key@" not in str(caught.value)


def test_a_hub_id_that_the_hub_does_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UnknownEncoderError, match="no such folder, no installed package"):
        load_encoder("nobody/no-such-encoder")


def record(name: str) -> EncoderRecord:
    return EncoderRecord(name, 2, np.ones((4, 2), np.float16))


@pytest.mark.parametrize("name", ["openai:m@http://127.0.0.1:9/v1", "os:system"])
def test_a_store_alone_cannot_make_us_call_an_address_or_code(name: str) -> None:
    with pytest.raises(EncoderMismatchError, match="if you trust it, give it again"):
        encoder_for(record(name))


def test_the_encoder_given_is_before_the_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[object] = []
    monkeypatch.setattr(
        encoders, "load_encoder", lambda name, device: loaded.append(name) or Encoder(len, name=str(name))
    )
    encoder_for(None)
    encoder_for(None, "given")
    encoder_for(record("stored"))
    encoder_for(record("stored"), "given")
    assert loaded == ["all-MiniLM-L6-v2", "given", "stored", "given"]


def test_a_folder_that_moved_goes_by_the_stores_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "load_encoder", lambda name, device: Encoder(len, name=str(name)))
    assert encoder_for(record("/old/place/mine"), "/new/mine").name == "/old/place/mine"
    assert encoder_for(record("/old/place/mine"), "/new/other").name == "/new/other"
