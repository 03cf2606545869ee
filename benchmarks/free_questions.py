"""Questions as people type them, and questions about more than one fact, in wordings that no training saw.

    python benchmarks/free_questions.py ../shared/kg --count 5

prints that many questions of each kind for each domain, one JSON object a line. The wordings lie in
`benchmarks/questions/`, written by hand, for domains that training keeps away from.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import question_draws as qd

from kvdb import Triple
from kvdb_sdk.evaluation.evaluate import Asked

DOMAINS = ("airports", "icd10cm", "companies")


@dataclass(frozen=True, slots=True)
class SeveralAsked:
    """A question about several facts. `wanted`: what a right answer has: tails, "yes" or "no", or the winner's name."""

    question: str
    triples: tuple[Triple, ...]
    wanted: tuple[str, ...]


def free_questions(triples: Iterable[Triple], domain: str, count: int, seed: int = 0) -> list[Asked]:
    """At most `count` questions for the only tail of a (head, relation); relations and wordings take turns."""
    rng, patterns = random.Random(f"free {domain} {seed}"), qd.wordings("free_wordings")[domain]
    groups = qd.by_relation(qd.single(triples), patterns)
    return [Asked(qd.fill(pattern, term=t.head), t) for t, pattern in qd.turns(groups, patterns, count, rng)]


def list_questions(triples: Iterable[Triple], domain: str, count: int, seed: int = 0) -> list[SeveralAsked]:
    """For all 2 to 8 tails of a (head, relation). Notes whose tails are a heading and its items are left out."""
    rng, patterns = random.Random(f"list {domain} {seed}"), qd.wordings("several")["lists"].get(domain, {})
    groups: dict[str, list[tuple[Triple, ...]]] = defaultdict(list)
    for (_, relation), found in qd.by_head_relation(triples).items():
        if relation in patterns and 2 <= len(found) <= 8 and not any(t.tail.endswith(":") for t in found):
            groups[relation].append(tuple(found))
    drawn = qd.turns(groups, patterns, count, rng)
    return [SeveralAsked(qd.fill(p, term=found[0].head), found, tuple(t.tail for t in found)) for found, p in drawn]


def two_entity_questions(triples: Iterable[Triple], domain: str, count: int, seed: int = 0) -> list[SeveralAsked]:
    """For two facts of two heads: of one relation, and as often of two."""
    patterns = qd.wordings("several")["two_entities"]
    groups = qd.by_relation(qd.single(triples), qd.wordings("several")["plain_relations"][domain])

    def draw(rng: random.Random) -> SeveralAsked | None:
        kind, relations = rng.choice(("same", "different")), list(groups)
        a = rng.choice(groups[rng.choice(relations)])
        b = rng.choice(groups[a.relation if kind == "same" else rng.choice(relations)])
        if a.head == b.head or a.tail == b.tail or (a.relation == b.relation) != (kind == "same"):
            return None
        nouns = {"noun_a": qd.noun(a), "noun_b": qd.noun(b)}
        asked = qd.fill(rng.choice(patterns[kind]), term_a=a.head, term_b=b.head, **nouns)
        return SeveralAsked(asked, (a, b), (a.tail, b.tail))

    return qd.draws(draw, count if groups else 0, f"entities {domain} {seed}")


def two_hop_questions(triples: Iterable[Triple], domain: str, count: int, seed: int = 0) -> list[SeveralAsked]:
    """For the tail of a fact whose head is the tail of another. Pairs of relations take turns."""
    rng, hops = random.Random(f"hops {domain} {seed}"), qd.wordings("several")["two_hops"]
    one = {(t.head, t.relation): t for t in qd.single(triples)}
    groups: dict[str, list[tuple[Triple, Triple]]] = defaultdict(list)
    patterns: dict[str, list[str]] = {}
    for pair in hops["pairs"].get(domain, ()):
        patterns[pair["second"]] = pair["patterns"] + rng.sample(hops["generic"], len(pair["patterns"]))
        for first in one.values():
            second = one.get((first.tail, pair["second"]))
            if first.relation == pair["first"] and second is not None and first.head != first.tail:
                groups[pair["second"]].append((first, second))
    return [
        SeveralAsked(qd.fill(p, term=a.head, noun_a=qd.noun(a), noun_b=qd.noun(b)), (a, b), (b.tail,))
        for (a, b), p in qd.turns(groups, patterns, count, rng)
    ]


def yes_no_questions(triples: Iterable[Triple], domain: str, count: int, seed: int = 0) -> list[SeveralAsked]:
    """Whether a value is the tail; every other time it is the tail of another fact of that relation."""
    patterns = qd.wordings("several")["yes_no"]
    groups = qd.by_relation(qd.single(triples), qd.wordings("several")["plain_relations"][domain])

    def draw(rng: random.Random) -> SeveralAsked | None:
        group, right = groups[rng.choice(list(groups))], rng.random() < 0.5
        fact, other = rng.choice(group), rng.choice(group)
        if not right and qd.overlap(fact.tail, other.tail):
            return None
        asked = qd.fill(rng.choice(patterns), noun=qd.noun(fact), term=fact.head, value=(fact if right else other).tail)
        return SeveralAsked(asked, (fact,), ("yes" if right else "no",))

    return qd.draws(draw, count if groups else 0, f"yes {domain} {seed}")


def comparison_questions(triples: Iterable[Triple], domain: str, count: int, seed: int = 0) -> list[SeveralAsked]:
    """Which of two heads has the larger (smaller) number."""
    comparisons = qd.wordings("several")["comparisons"]
    relations = comparisons["relations"].get(domain, {})
    groups = qd.by_relation((t for t in qd.single(triples) if qd.number(t.tail) is not None), relations)

    def draw(rng: random.Random) -> SeveralAsked | None:
        relation, way = rng.choice(list(groups)), rng.choice(("larger", "smaller"))
        a, b = rng.choice(groups[relation]), rng.choice(groups[relation])
        if qd.number(a.tail) == qd.number(b.tail) or qd.overlap(a.head, b.head):
            return None
        generic = comparisons["generic"][way] if relations[relation].get("generic", True) else []
        asked = qd.fill(rng.choice(relations[relation][way] + generic), noun=qd.noun(a), term_a=a.head, term_b=b.head)
        small, large = sorted((a, b), key=lambda t: qd.number(t.tail) or 0.0)
        return SeveralAsked(asked, (a, b), ((large if way == "larger" else small).head,))

    return qd.draws(draw, count if groups else 0, f"compare {domain} {seed}")


KINDS: dict[str, Callable[[Iterable[Triple], str, int, int], Sequence[Asked | SeveralAsked]]] = {
    "free": free_questions,
    "list": list_questions,
    "two entities": two_entity_questions,
    "two hops": two_hop_questions,
    "yes or no": yes_no_questions,
    "comparison": comparison_questions,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with airports.tsv.gz, icd10cm.tsv.gz and companies.tsv.gz")
    parser.add_argument("--count", type=int, default=5, help="questions of each kind for each domain")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for domain in DOMAINS:
        triples = qd.facts(options.folder, domain)
        for kind, ask in KINDS.items():
            for asked in ask(triples, domain, options.count, options.seed):
                print(json.dumps({"domain": domain, "kind": kind} | asdict(asked), ensure_ascii=False))


if __name__ == "__main__":
    main()
