"""Every invariant of a store, checked against what is in the file.

Each check goes on after a problem where it can, and names what it found: one damaged leaf is one problem, not the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import lmdb
import numpy as np

from kvdb.change.pending import waiting
from kvdb.errors import CorruptStoreError
from kvdb.file import format, records
from kvdb.file.failures import translate
from kvdb.file.format import index_key, read_u64, u64
from kvdb.file.notes import raw_notes, unpack_note
from kvdb.file.records import HEAD_BIT, TAIL_BIT, unpack_relation
from kvdb.rebuild import leftovers
from kvdb.snapshot import Snapshot
from kvdb.types import VerifyReport
from kvdb.upkeep.verify_free import check_free
from kvdb.upkeep.verify_tree import check_deltas, check_rows, check_tree

MOST = 1000  # problems that are listed


@dataclass(slots=True)
class Findings:
    """What the checks share: the problems so far, and what the triples promise to the later checks."""

    snapshot: Snapshot
    problems: list[str] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)
    relation_uses: Counter[int] = field(default_factory=Counter)
    used_values: set[int] = field(default_factory=set)
    vector_values: set[int] = field(default_factory=set)  # those that a row answers with
    rows: set[int] = field(default_factory=set)

    def report(self, problem: str) -> None:
        """Note a problem."""
        if len(self.problems) < MOST:
            self.problems.append(problem)

    def equal(self, what: str, found: int, expected: int) -> None:
        """Note a problem where two counts differ."""
        if found != expected:
            self.report(f"{what}: {found}, expected {expected}")

    def attempt(self, check: Callable[[], None]) -> None:
        """Run a part of a check; damage in it becomes a problem."""
        try:
            check()
        except CorruptStoreError as error:
            self.report(str(error))
        except lmdb.Error as error:
            self.report(str(translate(error, self.snapshot.path)))
        except UnicodeDecodeError as error:
            self.report(f"a text is not UTF-8: {error}")


def verify(snapshot: Snapshot) -> VerifyReport:
    """Check every invariant of a snapshot."""
    snapshot.relation_names = {}  # names that were read before do not count
    findings = Findings(snapshot)
    of_facts = (_encoder, _notes, _triples, _index, _relations, _texts, _vectors, check_free)
    for check in (*of_facts, check_rows, check_deltas, check_tree):
        findings.attempt(lambda check=check: check(findings))  # type: ignore[misc]
    findings.checked["pending"] = leftovers(snapshot)
    findings.checked["queued"] = waiting(snapshot)
    return VerifyReport(not findings.problems, tuple(findings.problems), dict(findings.checked))


def _encoder(f: Findings) -> None:
    """The encoder's record can be read, and is of the store's dimension."""
    data = f.snapshot.get(f.snapshot.tables.meta, b"encoder")
    if data is not None:
        f.equal("dimensions of the encoder's record", records.unpack_encoder(data).dim, f.snapshot.state.dim)


def _notes(f: Findings) -> None:
    """Every note can be read."""

    def check(key: bytes, data: memoryview) -> None:
        unpack_note(key, data)

    for key, data in raw_notes(f.snapshot):
        f.checked["notes"] += 1
        f.attempt(lambda key=key, data=data: check(key, data))  # type: ignore[misc]


def _triples(f: Findings) -> None:
    """Every triple can be read, and every index leads to it."""
    s = f.snapshot
    cursor = s.txn.cursor(s.facts_in.index)

    def check(fact: int) -> None:
        record = s.record(fact)
        if record is None:
            return
        f.relation_uses[record.relation] += 1
        f.used_values.update({record.tail, record.head_value} - {0})
        f.vector_values.update({record.tail} if record.masks & TAIL_BIT else ())
        f.vector_values.update({record.head_value} if record.masks & HEAD_BIT else ())
        f.rows.update(int(row) for row in (fact * 2, fact * 2 + 1) if record.masks & (1 << row % 2))
        triple = s.full(fact, record).triple
        keys = {
            "identity": index_key(format.FACT, format.fact_number(*triple)),
            "relation": index_key(format.RELATION, record.relation),
            "tail": index_key(format.TAIL, record.tail),
        }
        for name, key in keys.items():
            if not cursor.set_key_dup(key, u64(fact)):
                f.report(f"fact {fact} is missing from the {name} index")

    for fact in s.fact_ids():
        f.checked["triples"] += 1
        f.attempt(lambda fact=fact: check(fact))  # type: ignore[misc]
    f.equal("triples", f.checked["triples"], s.state.facts)


def _index(f: Findings) -> None:
    """No index has more than what leads to something: with _triples this makes both directions equal."""
    s = f.snapshot
    keys = s.txn.cursor(s.facts_in.index).iternext(keys=True, values=False)
    found = Counter(int.from_bytes(key[:1], "big") for key in keys)  # a flipped bit may leave a key of no bytes: kind 0
    for kind, name in ((format.FACT, "identity"), (format.RELATION, "relation"), (format.TAIL, "tail")):
        f.equal(f"entries of the {name} index", found[kind], s.state.facts)
    f.equal("entries of the text index", found[format.TEXT], s.state.values)
    f.equal("entries of the name index", found[format.NAME], s.entries(s.facts_in.relations))
    f.checked["index"] = sum(found.values())


def _relations(f: Findings) -> None:
    """Every relation counts its facts, and its name leads to it."""
    s = f.snapshot
    for key, data in s.txn.cursor(s.facts_in.relations):
        f.checked["relations"] += 1
        relation = unpack_relation(read_u64(key), data)
        f.equal(f"facts of relation {relation.name!r:.80}", relation.facts, f.relation_uses[relation.id])
        if s.relation_id(relation.name) != relation.id:
            f.report(f"relation {relation.name!r:.80} is missing from the name index")


def _texts(f: Findings) -> None:
    """Every value has a text that leads to it and is used by some fact."""
    s = f.snapshot
    cursor = s.txn.cursor(s.facts_in.index)

    def check(value: int, data: memoryview) -> None:
        text = records.unpack_text(value, data)
        if not cursor.set_key_dup(index_key(format.TEXT, format.hash_text(text)), u64(value)):
            f.report(f"value {value} is missing from the text index")

    found = set()
    for key, data in s.txn.cursor(s.facts_in.texts):
        value = read_u64(key)
        found.add(value)
        f.attempt(lambda value=value, data=data: check(value, data))  # type: ignore[misc]
    f.checked["values"] = len(found)
    f.equal("values", len(found), s.state.values)
    for value in sorted(found - f.used_values):
        f.report(f"value {value} is used by no fact")
    for value in sorted(f.used_values - found):
        f.report(f"value {value} has no text")


def _vectors(f: Findings) -> None:
    """Every value that a row answers with has a vector, and no vector is there without its text."""
    s = f.snapshot
    found = set()

    def check(value: int, data: memoryview) -> None:
        vector = format.unpack_vector(value, data).astype(np.float32)  # [d]
        if len(vector) != s.state.dim or not abs(float(np.linalg.norm(vector)) - 1) < 1e-2:
            f.report(f"the vector of value {value} is not a unit vector of {s.state.dim} dimensions")

    for key, data in s.txn.cursor(s.facts_in.values):
        value = read_u64(key)
        found.add(value)
        f.attempt(lambda value=value, data=data: check(value, data))  # type: ignore[misc]
    f.checked["vectors"] = len(found)
    for value in sorted(found - f.used_values):
        f.report(f"the vector of value {value} is used by no fact")
    for value in sorted(f.vector_values - found):
        f.report(f"value {value} has no vector")
