"""What a process keeps in memory about an open store, for all of its snapshots."""

from __future__ import annotations

from dataclasses import dataclass, field

from kvdb.file.format import LeafMeta
from kvdb.file.merged import MergedPages
from kvdb.file.toned import TonedCache
from kvdb.types import Bools


@dataclass(slots=True)
class Caches:
    """Each can be lost at any time."""

    checked: dict[tuple[int, int], int] = field(default_factory=dict)  # (table, page) -> generation that held
    leaf_metas: dict[int, tuple[bytes, LeafMeta, Bools]] = field(default_factory=dict)  # decoded records, by leaf
    merged_pages: MergedPages = field(default_factory=MergedPages)
    relation_names: dict[int, str] = field(default_factory=dict)
    toned: TonedCache = field(default_factory=TonedCache)

    def clear(self) -> None:
        """Forget what depends on the file: another one took its place."""
        self.checked.clear()
        self.leaf_metas.clear()
        self.merged_pages.clear()
        self.relation_names.clear()
        self.toned.clear()
