"""The centroid tree: bulk clustering, descent and the scores that guide it.

Pure functions over arrays and pages. Nothing here knows the file format; `kvdb.load` builds with `cluster`,
`kvdb.snapshot` serves pages to `descend`, and whoever owns the query brings a scorer.
"""

from __future__ import annotations

from kvdb.tree import cluster, descend, score

__all__ = ["cluster", "descend", "score"]
