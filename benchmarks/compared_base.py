"""What compare_changes.py asks of every store that it compares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import kvdb
from kvdb.types import F16, F32

K = 16


@dataclass(frozen=True)
class Items:
    """What is inserted: ids [n], texts [n] and unit vectors [n, d]."""

    ids: NDArray[np.int64]
    texts: Sequence[kvdb.Triple]
    keys: F16

    @property
    def lines(self) -> list[str]:
        return ["\t".join(text) for text in self.texts]

    @property
    def wide(self) -> F32:
        return self.keys.astype(np.float32)


class System(ABC):
    """One store in an empty folder. Making one raises ImportError where its package is missing."""

    compaction = ""  # what its own is called

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.version = ""

    @abstractmethod
    def build(self, items: Items) -> None:
        """Load all of them at once and make the index."""

    @abstractmethod
    def insert(self, items: Items) -> None:
        """Add items."""

    @abstractmethod
    def delete(self, ids: NDArray[np.int64]) -> None:
        """Take out the items with these ids [n]."""

    @abstractmethod
    def search(self, query: F32) -> list[int]:
        """The ids of the K nearest of a query [d]."""

    def flush(self) -> None:  # noqa: B027
        """Make durable what insert and delete did, where they did not."""

    def compact(self) -> None:  # noqa: B027
        """Make the files smaller and the index better, the store's own way."""

    def close(self) -> None:  # noqa: B027
        """Give everything back."""

    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())
