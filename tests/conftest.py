"""For all tests: no model hub, no deadline that a busy machine could miss."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports huggingface_hub, which reads it once
os.environ["TOKENIZERS_PARALLELISM"] = "false"

settings.register_profile("kvdb", deadline=None)
settings.load_profile("kvdb")
