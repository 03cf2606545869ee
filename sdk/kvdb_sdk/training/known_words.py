"""Writes the words that kvdb_sdk/question/spelling.py knows: those of all wordings that this package has.

    python -m kvdb_sdk.training.known_words

after a change of any of them; a test holds the file to it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ..question import spelling
from ..question.wordings import HELD_OUT, TRAINING, load_common_relations, load_paraphrases
from .relation_wordings import load_domains, load_thesaurus

PLACEHOLDER = re.compile(r"\{\w+\}")
FILE = Path(spelling.__file__).with_name(spelling.WORDS)


def known_words() -> str:
    """The file: a word and how often it occurs on each line, in the order of the words."""
    counts = Counter(word for text in _texts() for word in spelling.words_in(PLACEHOLDER.sub(" ", text)))
    return "".join(f"{word}\t{count}\n" for word, count in sorted(counts.items()))


def _texts() -> Iterator[str]:
    yield from TRAINING
    yield from HELD_OUT
    for found in (load_paraphrases(), load_common_relations()):
        for name, asked in found.items():
            yield from (name, *asked)
    for name, about in load_thesaurus().items():
        yield from (name, *about["also"], *about["asked"])
    for domain in load_domains():
        for name, about in domain["relations"].items():
            yield from (name, *about["asked"])


if __name__ == "__main__":
    FILE.write_text(known_words(), encoding="utf-8")
