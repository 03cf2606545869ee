"""The key-value cache in a decoder's arguments and outputs: transformers 5.24 calls `cache` what was `past_key_values`.

Both are read and written, since models of other packages may have either.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

NAMES = ("cache", "past_key_values")


def cache_in(found: Mapping[str, Any]) -> Any:
    """The cache among the keyword arguments of a forward pass, or in its output; None where there is none."""
    return next((found[name] for name in NAMES if found.get(name) is not None), None)


def with_cache(model: Any, cache: Any) -> dict[str, Any]:
    """The keyword argument that hands a cache to a model's forward pass."""
    takes = inspect.signature(model.forward).parameters
    return {next((name for name in NAMES if name in takes), NAMES[-1]): cache}
