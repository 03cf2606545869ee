"""What the match of relations is learnt from: questions with their subject masked, and the nouns that they mean.

Three kinds, all data files of this package: wordings of relations that many stores have; a thesaurus of such relations,
with the names that other data have for each; and made-up domains, each with ten relations that are easily confused,
two subjects' values for them, and questions that tell them apart. Most relations of `domains.json` are nouns, most of
`phrases.json` say what a head does, must not do, or has done to it. 55 domains are kept apart, so that refusal is
fitted on relations that the match has not learnt (apart.py).
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from kvdb.kg2kv import key_sentence, noun_forms

from ..question.relation_match import SUBJECT
from ..question.wordings import TRAINING, load_common_relations, word
from .examples import Encode, Pool, PoolRow

LEARNT, APART = ("domains", "phrases"), ("domains_apart", "phrases_apart")
PLAIN = 2  # wordings with the noun itself, for each noun


@dataclass(frozen=True, slots=True)
class Domain:
    """Relations of one kind of subject. Numbers are places in the lists of Wordings."""

    nouns: Sequence[int]  # [n]
    values: Sequence[Sequence[str]]  # [s, n] of each subject
    asked: Sequence[int]  # [m] questions


@dataclass(frozen=True, slots=True)
class Wordings:
    """m questions, and the places of the nouns that each may be answered under: the first is the plain one, others are
    what other data call the same relation.
    """

    asked: Sequence[str]
    right: Sequence[Sequence[int]]
    nouns: Sequence[str]
    domains: Sequence[Domain]

    @property
    def general(self) -> range:
        """The questions that are of no domain: the first ones."""
        return range(min((domain.asked[0] for domain in self.domains), default=len(self.asked)))


@cache
def load_domains(*files: str) -> list[dict[str, Any]]:
    """Those of some files of the package, else all that are learnt from.

    Each has `relations`: name -> {"values": of each subject, "asked": questions with `{term}`}. Those `APART` are not
    learnt from, and name their `subjects`: refusal is fitted on them.
    """
    found: list[dict[str, Any]] = []
    for name in files or LEARNT:
        found += json.loads(resources.files("kvdb_sdk.training").joinpath(f"{name}.json").read_text(encoding="utf-8"))
    return found


@cache
def load_thesaurus() -> dict[str, dict[str, list[str]]]:
    """Relation -> {"also": what other data call it, "asked": questions with `{term}`}."""
    text = resources.files("kvdb_sdk.training").joinpath("thesaurus.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, list[str]]] = json.loads(text)
    return found


def load_wordings(*, seed: int = 0) -> Wordings:
    """All wordings of the package."""
    rng = random.Random(seed)
    pairs: list[tuple[str, tuple[str, ...]]] = [
        (text, (noun,)) for noun, texts in load_common_relations().items() for text in texts
    ]
    for noun in load_common_relations():
        pairs += [(word(text, noun, "{term}"), (noun,)) for text in rng.sample(TRAINING, PLAIN)]
    for name, about in load_thesaurus().items():
        names = tuple(dict.fromkeys(noun_forms(each).tail_noun for each in (name, *about["also"])))
        pairs += [(text, names) for text in about["asked"]]
    return wordings_of([(word(text, "", SUBJECT), names) for text, names in pairs], load_domains())


def with_made_up(pool: Pool, encode: Encode, count: int, *, seed: int) -> Pool:
    """The pool, and `count` pairs of a relation of these wordings and a term of the pool: no facts, but there are
    questions about them and keys, and the pool's own relations are few.
    """
    rng = random.Random(seed)
    relations = [(noun, tuple(texts)) for noun, texts in load_common_relations().items()]
    relations += [(noun_forms(name).tail_noun, tuple(each["asked"])) for name, each in load_thesaurus().items()]
    for domain in load_domains():
        relations += [
            (noun_forms(name).tail_noun, tuple(about["asked"])) for name, about in domain["relations"].items()
        ]
    terms = list(dict.fromkeys(pool.rows[i].term for i in pool.askable))
    pairs = [(rng.choice(relations), rng.choice(terms)) for _ in range(count)]
    rows = [PoolRow(noun, term, "", asked=asked) for (noun, asked), term in pairs]
    keys = encode([key_sentence(row.noun, row.term) for row in rows]).astype(np.float16)  # [count, E]
    return Pool(
        [*pool.rows, *rows],
        np.concatenate([pool.keys, keys]),
        np.concatenate([pool.values, keys]),  # nothing reads a value of these
        [*pool.askable, *range(len(pool.rows), len(pool.rows) + count)],
    )


def wordings_of(pairs: Sequence[tuple[str, Sequence[str]]], domains: Sequence[dict[str, Any]]) -> Wordings:
    """Wordings of (question with its subject masked, nouns) and of domains in the form of `load_domains`."""
    place: dict[str, int] = {}
    asked = [text for text, _ in pairs]
    right = [tuple(place.setdefault(noun, len(place)) for noun in nouns) for _, nouns in pairs]
    made = []
    for domain in domains:
        relations = domain["relations"]
        nouns = [place.setdefault(noun_forms(name).tail_noun, len(place)) for name in relations]
        start = len(asked)
        for noun, about in zip(nouns, relations.values(), strict=True):
            asked += [word(text, "", SUBJECT) for text in about["asked"]]
            right += [(noun,)] * len(about["asked"])
        values = list(zip(*(about["values"] for about in relations.values()), strict=True))
        made.append(Domain(nouns, values, range(start, len(asked))))
    return Wordings(asked, right, list(place), made)
