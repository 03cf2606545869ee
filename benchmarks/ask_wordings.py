"""Asks a store about the file that it holds, in the wordings of benchmarks/questions/, and about facts that are gone.

    python benchmarks/ask_wordings.py icd10cm.kvdb ../shared/kg/icd10cm.tsv.gz --count 96
    python benchmarks/ask_wordings.py companies.kvdb ../shared/kg/companies.tsv.gz --kinds free list --out asked.json

"by name" has each relation's own noun, in wordings that training keeps away from; the other kinds are those of
free_questions.py. As many other facts are asked about by name and freely after they were deleted from a copy of the
store: "I do not know." is then right. Prints one JSON object a kind; --out keeps every question and answer.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import free_questions as fq
import question_draws as qd

import kvdb
from kvdb import Store, Triple
from kvdb_sdk import Answer, KnowledgeModel
from kvdb_sdk.evaluation.evaluate import questions
from kvdb_sdk.evaluation.metrics import contains
from kvdb_sdk.evaluation.report import Asked

KINDS = ("by name", *fq.KINDS)
ALSO_DELETED = ("by name", "free")
BATCH = 8
Question = Asked | fq.SeveralAsked
Questions = dict[str, list[Question]]


@dataclass(frozen=True, slots=True)
class Told:
    """A question and its answer."""

    asked: Question
    answer: Answer

    @property
    def right(self) -> bool:
        return is_right(self.answer, triples_of(self.asked), wanted_of(self.asked))

    @property
    def exactly_cited(self) -> bool:
        """Right, and every asked fact is cited, and no other."""
        return self.right and _cited(self.answer) == set(triples_of(self.asked))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("facts", type=Path, help="the file that the store holds: airports, icd10cm or companies")
    parser.add_argument("--count", type=int, default=96, help="questions of each kind")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--adapter", default="default")
    parser.add_argument("--route", default="hybrid")
    parser.add_argument("--out", type=Path, help="keep questions and answers here, as JSON")
    options = parser.parse_args()
    triples = qd.facts(options.facts.parent, options.facts.name.split(".")[0])
    with kvdb.open(options.store, read_only=True) as store:
        there, gone = drawn(store, triples, options)
        told = _asked(store, there, options)
        with without(store, [fact for asked in gone.values() for each in asked for fact in triples_of(each)]) as copy:
            of_gone = _asked(copy, gone, options)
    for kind in there:
        print(json.dumps({"kind": kind} | shares(told[kind], of_gone.get(kind, []))), flush=True)
    if options.out:
        kept = {"there": told, "deleted": of_gone}
        rows = {name: {kind: list(map(_row, each)) for kind, each in of.items()} for name, of in kept.items()}
        options.out.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")


def drawn(store: Store, triples: Sequence[Triple], options: argparse.Namespace) -> tuple[Questions, Questions]:
    """The questions of each kind, and those about facts that are then deleted."""
    domain, count = options.facts.name.split(".")[0], options.count
    nouns = {relation.name: relation.tail_noun for relation in store.relations()}
    by_name = questions(qd.single(triples), count=2 * count, seed=11, nouns=nouns.__getitem__)
    there: Questions = {kind: list(ask(triples, domain, count, 0)) for kind, ask in fq.KINDS.items()}
    gone: Questions = {"by name": list(by_name[count:]), "free": list(fq.free_questions(triples, domain, count, 1))}
    there = {"by name": list(by_name[:count]), **there}
    return (
        {kind: there[kind] for kind in options.kinds if there[kind]},
        {kind: gone[kind] for kind in options.kinds if kind in ALSO_DELETED},
    )


@contextmanager
def without(store: Store, facts: Sequence[Triple]) -> Iterator[Store]:
    """A copy of the store that lacks the facts, for as long as it is asked."""
    with tempfile.TemporaryDirectory(prefix="kvdb-") as folder:
        path = Path(folder) / "copy.kvdb"
        store.backup(path)
        with kvdb.open(path) as copy:
            ids = {found for fact in facts if (found := copy.find(fact)) is not None}
            copy.delete(ids)
            yield copy


def _asked(store: Store, kinds: Questions, options: argparse.Namespace) -> dict[str, list[Told]]:
    if not kinds:
        return {}
    model = KnowledgeModel.from_pretrained(options.model, store, adapter=options.adapter, route=options.route)
    out = {}
    for kind, asked in kinds.items():
        parts = [asked[at : at + BATCH] for at in range(0, len(asked), BATCH)]
        answers = [answer for part in parts for answer in model.ask_many([each.question for each in part])]
        out[kind] = [Told(*each) for each in zip(asked, answers, strict=True)]
    return out


def is_right(answer: Answer, triples: Sequence[Triple], wanted: Sequence[str]) -> bool:
    """Answered, with all that is wanted, verbatim, and of a list's or two subjects' facts no other.

    "Yes" and "no" stand first, and so does the one that a comparison is won by.
    """
    if not answer.answered:
        return False
    if wanted[0] in ("yes", "no"):
        return answer.text.casefold().startswith(wanted[0])
    if wanted[0] not in {fact.tail for fact in triples}:
        return answer.text.startswith(f"{wanted[0].rstrip('.')}.")
    nothing_else = len(wanted) == 1 or _cited(answer) <= set(triples)
    return nothing_else and all(contains(answer.text, each) for each in wanted)


def shares(there: Sequence[Told], gone: Sequence[Told]) -> dict[str, Any]:
    """What came out of the questions of one kind, and of those whose facts were deleted."""
    answered = [each for each in there if each.answer.answered]
    row = {
        "questions": len(there),
        "right": _share(there, [each for each in there if each.right]),
        "cited exactly": _share(there, [each for each in there if each.exactly_cited]),
        "of those answered, right": _share(answered, [each for each in answered if each.right]),
    }
    patterns = qd.other_languages()
    foreign = [each for each in there if _worded_by(each.asked, patterns)]
    if foreign:
        row |= {"in other languages": len(foreign), "of these right": _share(foreign, [e for e in foreign if e.right])}
    if gone:
        refused = sum(not each.answer.answered for each in gone)
        wrongly = len(there) - len(answered)
        f1 = 2 * refused / (refused + wrongly + len(gone))
        row |= {"deleted": len(gone), "refused": round(refused / len(gone), 4), "refusal F1": round(f1, 4)}
    return row


def triples_of(asked: Question) -> tuple[Triple, ...]:
    return (asked.triple,) if isinstance(asked, Asked) else asked.triples


def wanted_of(asked: Question) -> tuple[str, ...]:
    return (asked.triple.tail,) if isinstance(asked, Asked) else asked.wanted


def _worded_by(asked: Question, patterns: Sequence[str]) -> bool:
    head = triples_of(asked)[0].head
    return any(asked.question == qd.fill(pattern, term=head) for pattern in patterns)


def _cited(answer: Answer) -> set[Triple]:
    return {Triple(each.head, each.relation, each.tail) for each in answer.citations}


def _share(of: Sequence[Told], those: Sequence[Told]) -> float | None:
    return round(len(those) / len(of), 4) if of else None


def _row(told: Told) -> dict[str, Any]:
    asked, answer = told.asked, told.answer
    return {
        "question": asked.question,
        "wanted": wanted_of(asked),
        "answer": answer.text,
        "right": told.right,
        "answered": answer.answered,
        "confidence": answer.stats.get("confidence"),
    }


if __name__ == "__main__":
    main()
