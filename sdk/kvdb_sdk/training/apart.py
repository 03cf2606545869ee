"""Questions to stores of the domains that training keeps apart: what refusal is fitted on, and judged by.

Each domain has a store of its own that lacks two of its relations altogether, and two in five of its other facts. The
questions go the whole way that a user's go, so that what speaks for an answer is what will speak for one later: among
relations that nobody has learnt, of subjects that are asked for more than is known of them.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kvdb
from kvdb import Triple
from kvdb.kg2kv import noun_forms
from kvdb.types import fact_of

from ..attend.adapter import Adapter, Card
from ..models.encoders import Encoder
from ..question.wordings import TRAINING, word
from ..refusal.confidence import Evidence
from ..session import KnowledgeModel
from .relation_wordings import APART, load_domains

THERE, FACT_MISSING, RELATION_MISSING = "there", "fact missing", "relation missing"
LACKING = 2  # relations of a domain that its store has nothing of
MISSING = 0.4  # of the facts of the others
BATCH = 8


@dataclass(frozen=True, slots=True)
class ApartQuestion:
    """`kind`: whether the store has the fact that is asked for, and else whether it has others of its relation."""

    text: str
    fact: Triple
    kind: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What spoke for the fact that a question read most, and whether that is the asked one."""

    question: ApartQuestion
    evidence: Evidence
    right: bool


def domains_apart() -> list[dict[str, Any]]:
    """Those of `domains_apart.json` and `phrases_apart.json`, by turns, so that the first few have both kinds."""
    nouns, phrases = (load_domains(name) for name in APART)
    paired = [each for pair in zip(nouns, phrases, strict=False) for each in pair]
    return paired + nouns[len(phrases) :] + phrases[len(nouns) :]


def judged_apart(
    model: Any,
    tokenizer: Any,
    adapter: Adapter,
    card: Card,
    encode: Encoder,
    domains: Sequence[dict[str, Any]],
    *,
    count: int,
    route: str = "hybrid",
    named: float = 0.0,
    seed: int = 0,
) -> list[list[Outcome]]:
    """Of each domain, at most `count` of its questions as the model judges them. `named`: the share of them that has
    the relation by name, in the training's wordings.
    """
    out = []
    with tempfile.TemporaryDirectory(prefix="kvdb-") as folder:
        for number, domain in enumerate(domains):
            rng = random.Random(f"{seed} {domain['domain']}")
            known, asked = facts_and_questions(domain, count, rng, named=named)
            with kvdb.open(Path(folder) / f"{number}.kvdb", create=True) as store:
                store.bind_encoder(encode.record)
                store.insert(known, encode)
                reading = KnowledgeModel(model, tokenizer, store, adapter=(adapter, card), encoder=encode, route=route)
                batches = (asked[at : at + BATCH] for at in range(0, len(asked), BATCH))
                out.append([outcome for batch in batches for outcome in _outcomes(reading, batch)])
    return out


def facts_and_questions(
    domain: dict[str, Any], count: int, rng: random.Random, *, named: float = 0.0
) -> tuple[list[Triple], list[ApartQuestion]]:
    """The facts that a domain's store has, and at most `count` questions about these and the others."""
    relations: dict[str, Any] = domain["relations"]
    lacking = frozenset(rng.sample(sorted(relations), min(LACKING, len(relations) - 1)))
    facts, questions, known = [], [], []
    for relation, about in relations.items():
        of_it = [
            Triple(subject, relation, value)
            for subject, value in zip(domain["subjects"], about["values"], strict=True)
            if value is not None
        ]
        facts += of_it
        questions += [(text, rng.choice(of_it)) for text in about["asked"] if of_it]
    for fact in facts:
        if fact.relation not in lacking and rng.random() >= MISSING:
            known.append(fact)
    there = frozenset(known)
    asked = []
    for text, fact in rng.sample(questions, min(count, len(questions))):
        wording = rng.choice(TRAINING) if rng.random() < named else text
        kind = THERE if fact in there else RELATION_MISSING if fact.relation in lacking else FACT_MISSING
        asked.append(ApartQuestion(word(wording, noun_forms(fact.relation).tail_noun, fact.head), fact, kind))
    return known, asked


def _outcomes(model: KnowledgeModel, asked: Sequence[ApartQuestion]) -> list[Outcome]:
    out = []
    for question, found in zip(asked, model.judge([each.text for each in asked]), strict=True):
        read = None if found.row is None else model.store.get(fact_of(found.row)).triple
        out.append(Outcome(question, found.evidence, read == question.fact))
    return out
