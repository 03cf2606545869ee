"""What benchmarks/free_questions.py draws with: facts to ask about, in turns and at random."""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

from kvdb import Triple
from kvdb.kg2kv import noun_forms
from kvdb.readers import read

QUESTIONS = Path(__file__).parent / "questions"
TRIES = 50  # draws for each question before a kind counts as used up


class HasQuestion(Protocol):
    @property
    def question(self) -> str: ...


Item = TypeVar("Item")
Question = TypeVar("Question", bound=HasQuestion)


@cache
def wordings(name: str) -> dict[str, Any]:
    """One of the files of `benchmarks/questions/`: "free_wordings" or "several"."""
    found: dict[str, Any] = json.loads((QUESTIONS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def general() -> list[str]:
    """Ordinary requests that have nothing to do with a store."""
    return (QUESTIONS / "general.txt").read_text(encoding="utf-8").splitlines()


def other_languages() -> list[str]:
    """Those of the free wordings that are German, French or Spanish."""
    return (QUESTIONS / "other_languages.txt").read_text(encoding="utf-8").splitlines()


def facts(folder: Path, domain: str) -> list[Triple]:
    return [item for item in read(folder / f"{domain}.tsv.gz") if isinstance(item, Triple)]


def noun(triple: Triple) -> str:
    return noun_forms(triple.relation).tail_noun


def fill(pattern: str, **values: str) -> str:
    """Fill placeholders, without reading braces inside the values."""
    return "".join(
        values[part[1:-1]] if part[1:-1] in values and part[:1] == "{" else part
        for part in re.split(r"(\{\w+\})", pattern)
    )


def by_head_relation(triples: Iterable[Triple]) -> dict[tuple[str, str], list[Triple]]:
    found: dict[tuple[str, str], list[Triple]] = defaultdict(list)
    for triple in triples:
        found[triple.head, triple.relation].append(triple)
    return found


def single(triples: Iterable[Triple]) -> list[Triple]:
    """Facts with the only tail of their (head, relation), without those that the source has wrong."""
    return [found[0] for found in by_head_relation(triples).values() if len(found) == 1 and _sound(found[0])]


def _sound(triple: Triple) -> bool:
    """companies.tsv.gz has missing exchanges as "nan", and cities ("Houston, Texas") where a country should be."""
    return triple.tail != "nan" and not (triple.relation == "country of the company" and "," in triple.tail)


def by_relation(triples: Iterable[Triple], relations: Container[str]) -> dict[str, list[Triple]]:
    found: dict[str, list[Triple]] = defaultdict(list)
    for triple in triples:
        if triple.relation in relations:
            found[triple.relation].append(triple)
    return dict(found)


def turns(
    groups: Mapping[str, Sequence[Item]], patterns: Mapping[str, Sequence[str]], count: int, rng: random.Random
) -> Iterator[tuple[Item, str]]:
    """At most `count` items with a pattern of their group. Groups take turns, and so do the patterns in each."""
    items = {name: rng.sample(list(group), min(count, len(group))) for name, group in groups.items()}
    shuffled = {name: rng.sample(list(patterns[name]), len(patterns[name])) for name in groups}
    order = [(turn, name) for turn in range(count) for name in groups if turn < len(items[name])]
    for turn, name in order[:count]:
        yield items[name][turn], shuffled[name][turn % len(shuffled[name])]


def draws(draw: Callable[[random.Random], Question | None], count: int, seed: str) -> list[Question]:
    """At most `count` different questions of what `draw` gives; None means to draw again."""
    rng = random.Random(seed)
    found: dict[str, Question] = {}
    for _ in range(TRIES * count):
        if len(found) == count:
            break
        asked = draw(rng)
        if asked is not None:
            found.setdefault(asked.question, asked)
    return list(found.values())


def number(text: str) -> float | None:
    """A plain number, thousands with commas or not; None for anything else."""
    return float(text.replace(",", "")) if re.fullmatch(r"-?\d+(,\d{3})*(\.\d+)?", text) else None


def overlap(a: str, b: str) -> bool:
    """Whether one text is in the other, so that an answer with the one has the other as well."""
    a, b = a.casefold(), b.casefold()
    return a in b or b in a
