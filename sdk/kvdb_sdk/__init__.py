"""kvdb_sdk: facts for language models.

>>> import kvdb
>>> from kvdb_sdk import KnowledgeModel
>>> with kvdb.open("facts.kvdb") as store:
...     model = KnowledgeModel.from_pretrained("smollm2-135m", store, memory="256MB")
...     answer = model.ask("What is the ICAO airport code of Kay Ranch Airport?")

Names are loaded when they are first used: whoever needs an encoder alone does not wait for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .answer import Answer as Answer
    from .answer import Citation as Citation
    from .answer import Span as Span
    from .attachment import Knowledge as Knowledge
    from .attachment import attach as attach
    from .conversation import Conversation as Conversation
    from .conversation import Turn as Turn
    from .models.encoders import PROBE_SENTENCES as PROBE_SENTENCES
    from .models.encoders import Encoder as Encoder
    from .models.encoders import encoder_for as encoder_for
    from .models.encoders import load_encoder as load_encoder
    from .models.endpoint import OpenAIEncoder as OpenAIEncoder
    from .models.language_model import load_language_model as load_language_model
    from .models.noun_model import NounModel as NounModel
    from .models.resolve import ModelFiles as ModelFiles
    from .models.resolve import model_folder as model_folder
    from .refusal.calibration_note import Calibration as Calibration
    from .session import KnowledgeModel as KnowledgeModel
    from .store_calibration import CalibrationReport as CalibrationReport
    from .store_calibration import calibrate as calibrate

_HOME = {
    "Answer": "answer",
    "Calibration": "refusal.calibration_note",
    "CalibrationReport": "store_calibration",
    "Citation": "answer",
    "Conversation": "conversation",
    "Encoder": "models.encoders",
    "Knowledge": "attachment",
    "KnowledgeModel": "session",
    "ModelFiles": "models.resolve",
    "NounModel": "models.noun_model",
    "OpenAIEncoder": "models.endpoint",
    "PROBE_SENTENCES": "models.encoders",
    "Span": "answer",
    "Turn": "conversation",
    "attach": "attachment",
    "calibrate": "store_calibration",
    "encoder_for": "models.encoders",
    "load_encoder": "models.encoders",
    "load_language_model": "models.language_model",
    "model_folder": "models.resolve",
}

__all__ = [
    "PROBE_SENTENCES",
    "Answer",
    "Calibration",
    "CalibrationReport",
    "Citation",
    "Conversation",
    "Encoder",
    "Knowledge",
    "KnowledgeModel",
    "ModelFiles",
    "NounModel",
    "OpenAIEncoder",
    "Span",
    "Turn",
    "attach",
    "calibrate",
    "encoder_for",
    "load_encoder",
    "load_language_model",
    "model_folder",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
