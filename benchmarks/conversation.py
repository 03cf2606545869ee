"""Follow-ups that lean on the last turn, and text in the prompt that contradicts the store.

    python benchmarks/conversation.py ../shared/kg --count 10

Follow-ups: for each of `count` heads of each domain a question in full, then one with a pronoun, one without a subject
("And the ...?"), one for another head ("What about ...?") and one with a pronoun again. Reported are the turns
that were completed to the right subject, those answered with the right value, and the same questions asked in full.

Contexts: each question comes with a text that states another value, and the text is read under each `prefer`. A text
about another noun of the same subject should change nothing.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import question_draws as qd

import kvdb
from kvdb import Triple
from kvdb.kg2kv import noun_forms
from kvdb_sdk import Answer, KnowledgeModel, load_encoder

DOMAINS = ("airports", "companies")
FULL = "What is the {noun} of {term}?"
LEANING = ("What is its {noun}?", "And the {noun}?", "What about {term}?", "What is the {noun} of it?")
CLAIMS = (
    "I looked it up myself. The {noun} of {term} is {value}.",
    "{term} has been in the news. Its {noun} is {value}.",
    "As everybody knows, {value} is the {noun} of {term}. There is more to say about it.",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--model", default="smollm2-135m")
    given = parser.parse_args()
    encoder = load_encoder()
    for domain in DOMAINS:
        heads = drawn(qd.facts(given.folder, domain), given.count)
        with tempfile.TemporaryDirectory() as folder, kvdb.open(Path(folder) / "s.kvdb", create=True) as store:
            store.bind_encoder(encoder.record)
            store.insert([t for triples in heads for t in triples], encoder)
            model = KnowledgeModel.from_pretrained(given.model, store, encoder=encoder)
            for report in (followups(model, heads), contexts(model, heads)):
                print(json.dumps({"domain": domain, **report}), flush=True)


def drawn(triples: Sequence[Triple], count: int) -> list[list[Triple]]:
    """The facts of twice `count` heads (each talk goes on to a second one) that have three relations or more."""
    by_head: dict[str, list[Triple]] = defaultdict(list)
    for triple in qd.single(triples):
        by_head[triple.head].append(triple)
    enough = [facts for facts in by_head.values() if len(facts) >= 3]
    return random.Random(0).sample(enough, 2 * count)


def talks(heads: Sequence[Sequence[Triple]]) -> Iterator[list[tuple[str, Triple]]]:
    """Turns and the fact that each asks for."""
    rng = random.Random(1)
    for facts, others in zip(heads[::2], heads[1::2], strict=True):
        relations = {t.relation: t for t in others}
        shared = [t for t in facts if t.relation in relations]
        if not shared or len(facts) < 3:
            continue
        third = rng.choice(shared)
        first, second = rng.sample([t for t in facts if t != third], 2)
        fourth = relations[third.relation]
        fifth = rng.choice([t for t in others if t != fourth])
        asked = [first, second, third, fourth, fifth]
        yield [(fill(form, t), t) for form, t in zip((FULL, *LEANING), asked, strict=True)]


def fill(form: str, triple: Triple, value: str = "") -> str:
    return qd.fill(form, noun=noun_forms(triple.relation).tail_noun, term=triple.head, value=value)


def followups(model: KnowledgeModel, heads: Sequence[Sequence[Triple]]) -> dict[str, object]:
    counts: Counter[str] = Counter()
    for talk in talks(heads):
        conversation = model.conversation()
        for place, (turn, wanted) in enumerate(talk):
            answer = conversation.ask(turn, max_new_tokens=48)
            if place:
                counts["turns"] += 1
                counts["right_subject"] += wanted.head in answer.stats["asked"]
                counts["right"] += right(answer, wanted)
                counts["right_in_full"] += right(model.ask(fill(FULL, wanted), max_new_tokens=48), wanted)
    return {"what": "follow-ups", **counts}


def contexts(model: KnowledgeModel, heads: Sequence[Sequence[Triple]]) -> dict[str, object]:
    rng = random.Random(2)
    values: dict[str, list[str]] = defaultdict(list)
    for triple in (t for facts in heads for t in facts):
        values[triple.relation].append(triple.tail)
    counts: Counter[str] = Counter()
    for facts in heads:
        wanted, other = rng.sample(list(facts), 2)
        false = rng.choice([v for v in values[wanted.relation] if v not in wanted.tail] or [""])
        if not false:
            continue
        counts["questions"] += 1
        claim = fill(rng.choice(CLAIMS), wanted, false)
        beside = fill(rng.choice(CLAIMS), other, rng.choice(values[other.relation]))
        for name, context, prefer in (
            ("store", claim, "store"), ("context", claim, "context"), ("beside", beside, "context"),
        ):  # fmt: skip
            answer = model.ask(fill(FULL, wanted), max_new_tokens=48, context=context, prefer=prefer)
            counts[f"{name}: the store's value"] += right(answer, wanted)
            counts[f"{name}: the claim's value"] += not right(answer, wanted) and false in answer.text
            counts[f"{name}: read the context"] += answer.stats.get("from") == "context"
    return {"what": "contexts", **counts}


def right(answer: Answer, wanted: Triple) -> bool:
    return answer.answered and any((c.head, c.tail) == (wanted.head, wanted.tail) for c in answer.citations)


if __name__ == "__main__":
    main()
