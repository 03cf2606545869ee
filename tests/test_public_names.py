"""The names that users import are a promise: one that goes or comes must be a decision."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

PUBLIC = {
    "kvdb": """
        Change EncoderRecord Fact FactId Health Hit InsertReport KvdbError LeafId LeafPage LoadReport Mask NodeId
        NodePage Relation RepairReport RowId SearchLimits Selection Snapshot Store StoreInfo Triple VerifyReport
        WriteTransaction errors fact_of load mask_of migrate open repair restore row_of
    """,
    "kvdb_sdk": """
        Answer Calibration CalibrationReport Citation Conversation Encoder Knowledge KnowledgeModel ModelFiles NounModel
        OpenAIEncoder PROBE_SENTENCES Span Turn attach calibrate encoder_for load_encoder load_language_model
        model_folder
    """,
    "kvdb.errors": """
        AdapterError AdapterMismatchError BudgetError CorruptStoreError EncoderError
        EncoderMismatchError FactNotFoundError FieldError ForkedStoreError FormatVersionError
        InputError KvdbError LimitError MalformedLineError ModelError NotAStoreError
        ReadOnlyStoreError SourceError StoreClosedError StoreError StoreFullError StoreLockedError
        StoreNotFoundError UnknownEncoderError UnknownModelError UnsupportedModelError VectorError
    """,
}


@pytest.mark.parametrize("module", ["kvdb", "kvdb_sdk"])
def test_exported_names(module: str) -> None:
    loaded = importlib.import_module(module)
    assert sorted(loaded.__all__) == sorted(PUBLIC[module].split())
    for name in loaded.__all__:
        assert getattr(loaded, name) is not None, name


def test_errors() -> None:
    errors = importlib.import_module("kvdb.errors")
    assert sorted(n for n, v in vars(errors).items() if isinstance(v, type)) == sorted(PUBLIC["kvdb.errors"].split())


def test_every_error_is_in_the_tree_of_the_documentation() -> None:
    errors = importlib.import_module("kvdb.errors")
    for name in PUBLIC["kvdb.errors"].split():
        assert issubclass(getattr(errors, name), errors.KvdbError)
        assert name in (errors.__doc__ or "")


def test_a_name_that_is_not_there() -> None:
    sdk = importlib.import_module("kvdb_sdk")
    with pytest.raises(AttributeError, match="no_such_name"):
        sdk.no_such_name  # noqa: B018


def test_the_sdk_loads_torch_only_when_it_is_needed() -> None:
    code = "import sys, kvdb_sdk; from kvdb_sdk import load_encoder; print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "False\n"
