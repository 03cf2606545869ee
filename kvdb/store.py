"""The store: what most callers use. Reads go through a snapshot, writes through one transaction each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import IO, TypeVar

import lmdb

from kvdb.change.changes import changes
from kvdb.change.insert import EncodedText, insert_batch
from kvdb.change.plan import Encode, NounsOf
from kvdb.change.removing import delete_in_parts
from kvdb.change.transaction import WriteTransaction
from kvdb.change.write import Write
from kvdb.encoder import bind_encoder
from kvdb.errors import StoreClosedError
from kvdb.fields import check_triple, check_triples
from kvdb.file import registry
from kvdb.file.environment import Environment
from kvdb.file.failures import read_only
from kvdb.file.notes import put_note
from kvdb.file.records import unpack_encoder
from kvdb.kg2kv import noun_forms
from kvdb.snapshot import Snapshot
from kvdb.types import (
    F32,
    Change,
    EncoderRecord,
    Fact,
    FactId,
    Health,
    Hit,
    InsertReport,
    Mask,
    Relation,
    SearchLimits,
    StoreInfo,
    VerifyReport,
)

T = TypeVar("T")


class Store:
    """Facts in one file, with the vectors and the tree that search them.

    Guarantees:
    - Durability: when a write returns, it is on the disk; after a crash or a power loss the store is as it was after
      some write, and no write that returned is missing.
    - Atomicity: a write happens as a whole or not at all, and readers never see a part of it.
    - Isolation: a snapshot sees the store as it was when it was taken. Readers never wait, for each other or for a
      writer. Writers, of all threads and processes, take turns; who waits longer than `timeout` seconds gets a
      StoreLockedError.
    - Threads may share a store. Processes open it each for themselves; one inherited through fork is refused.

    Use it in a `with` block, or call `close`.
    """

    def __init__(self, env: Environment, *, read_only: bool, timeout: float) -> None:
        self._env: Environment | None = env
        self._path = env.path
        self._read_only = read_only
        self._timeout = timeout

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"kvdb.Store({self._path!r}{'' if self._env else ', closed'})"

    def close(self) -> None:
        """Close the store. Snapshots that are still open stay valid until they are closed."""
        if self._env is not None:
            registry.release(self._env)
            self._env = None

    @property
    def path(self) -> str:
        """Where the file is."""
        return self._path

    @property
    def read_only(self) -> bool:
        """True where writes are refused."""
        return self._read_only

    @property
    def timeout(self) -> float:
        """How many seconds a write waits for another writer."""
        return self._timeout

    @property
    def environment(self) -> Environment:
        """The open file. Raises StoreClosedError or ForkedStoreError."""
        if self._env is None:
            raise StoreClosedError(f"{self._path} is closed: open it again")
        self._env.check()
        return self._env

    def snapshot(self) -> Snapshot:
        """The store as it is now, until the snapshot is closed: use it in a `with` block."""
        return Snapshot(self.environment)

    @property
    def encoder(self) -> EncoderRecord | None:
        """The encoder whose vectors the store holds, None before the first is bound."""
        with self.snapshot() as snapshot:
            data = snapshot.get(snapshot.tables.meta, b"encoder")
            return None if data is None else unpack_encoder(data)

    @property
    def dim(self) -> int | None:
        """Dimensions of the vectors, None before there are any."""
        with self.snapshot() as snapshot:
            return snapshot.dim

    def bind_encoder(self, record: EncoderRecord) -> None:
        """Record the encoder of an empty store, or check that this is the one that the store was made with.

        Raises EncoderMismatchError where name, dimension or the vectors of the probe sentences differ.
        """
        bind_encoder(self, record)

    def write_with(self, body: Callable[[Write], T], *, stage: bool = False) -> T:
        """Run `body` in one durable write transaction. For the modules of kvdb: users have insert and delete."""
        env = self._writable()

        def run(txn: lmdb.Transaction) -> T:
            write = Write(txn, env, stage=stage)
            result = body(write)
            write.finish()
            return result

        return env.write(run, self._timeout)

    _write = write_with

    def _writable(self) -> Environment:
        if self._read_only:
            raise read_only(self._path)
        return self.environment

    def insert(
        self,
        triples: Iterable[Sequence[str]],
        encode: Encode,
        *,
        masks: Sequence[Mask] | None = None,
        nouns: NounsOf = noun_forms,
    ) -> InsertReport:
        """Add a small batch of facts in one transaction; those that the store has already are left as they are.

        `encode` maps n strings to float32 [n, d]; it sees only strings that are new. `masks` defaults to what the
        store was first loaded with, else to ("tail",). For many facts use `kvdb.load.ingest`.
        Raises FieldError, VectorError, and what `encode` raises; then nothing was written.
        """
        batch = check_triples(triples)
        return insert_batch(self, batch, EncodedText(encode, self.dim or 0), masks=masks, nouns=nouns)

    def delete(self, ids: Iterable[int]) -> int:
        """Remove facts by their ids; how many there were. Unknown ids are passed over.

        More than 20,000 are removed in several transactions; in `write()` it is always one.
        """
        return delete_in_parts(self, [int(id) for id in ids])

    def update(self, id: int, *, tail: str, encode: Encode) -> FactId:
        """Change the tail of a fact, in one transaction. It keeps its id, unless another fact says the same already:
        then that one stays and this one goes; the id of the fact that stays is returned.

        Raises FactNotFoundError, FieldError, VectorError, and what `encode` raises; then nothing was written.
        """
        with self.write() as transaction:
            return transaction.update(id, tail=tail, encode=encode)

    @contextmanager
    def write(self) -> Iterator[WriteTransaction]:
        """Several changes together: `with store.write() as transaction:` makes all of them when the block ends, and
        none where it raises. Raises StoreLockedError where another writer is longer than `timeout`.
        """
        env = self._writable()
        with env.transaction(self._timeout) as txn:
            write = Write(txn, env)
            transaction = WriteTransaction(write)
            yield transaction
            transaction.end().finish()

    def changes(self, *, since: int) -> Iterator[Change]:
        """The facts that were inserted and deleted after transaction `since` (a snapshot's txn_id), in order.

        The feed keeps a million ids, those of the newest transactions. Raises LimitError where `since` is older.
        """
        with self.snapshot() as snapshot:
            yield from changes(snapshot, since)

    def find(self, triple: Sequence[str]) -> FactId | None:
        """The id of exactly this triple, None where the store does not have it."""
        with self.snapshot() as snapshot:
            return snapshot.find(*check_triple(triple))

    def get(self, id: int) -> Fact:
        """A fact by its id. Raises FactNotFoundError."""
        with self.snapshot() as snapshot:
            return snapshot.triple(id)

    def match(self, head: str | None = None, relation: str | None = None, tail: str | None = None) -> Iterator[Fact]:
        """Facts whose given fields are exactly these, in the order of ids; all facts where none is given.

        One snapshot serves the whole iteration: writes in between do not show.
        """
        self.environment  # noqa: B018 -- a closed store is refused at the call, not at the first fact
        return self._match(head, relation, tail)

    def _match(self, head: str | None, relation: str | None, tail: str | None) -> Iterator[Fact]:
        with self.snapshot() as snapshot:
            yield from snapshot.match(head, relation, tail)

    def search(self, vector: F32, *, k: int = 5, exact: bool = False, limits: SearchLimits | None = None) -> list[Hit]:
        """The k facts nearest to `vector` [d], best first; `exact` looks at all. Raises VectorError, LimitError."""
        with self.snapshot() as snapshot:
            return snapshot.search(vector, k=k, exact=exact, limits=limits)

    def relations(self) -> list[Relation]:
        """Every relation with the nouns of its key sentences."""
        with self.snapshot() as snapshot:
            return snapshot.relations()

    def set_nouns(
        self,
        relation: str,
        *,
        tail_noun: str | None = None,
        head_noun: str | None = None,
        aliases: Sequence[str] | None = None,
        encode: Encode | None = None,
        edited: bool = True,
    ) -> Relation:
        """Change the nouns of a relation, and so the key sentences of its rows, which `encode` encodes anew. `edited`:
        they are somebody's choice, not the rules'. `aliases` replace those that it has, and need no encoder. Raises
        FieldError: no such relation, an empty noun, or more than 32 aliases."""
        from kvdb.change.rename import set_nouns

        return set_nouns(self, relation, tail_noun, head_noun, aliases, encode=encode, edited=edited)

    def set_note(self, name: str, body: bytes | None) -> None:
        """Keep up to 64 KiB under a name, in one transaction; None removes them. Raises FieldError, LimitError."""
        self._write(lambda write: put_note(write.txn, write, name, body))

    def verify(self) -> VerifyReport:
        """Check every invariant of the store; what does not hold is in the report."""
        from kvdb.upkeep.verify import verify

        with self.snapshot() as snapshot:
            return verify(snapshot)

    def compact(self) -> str:
        """Do the work that waits and rewrite the file, which gets smaller; no byte of a deleted fact is left in it.

        "" when that was done, else why the file could not be swapped: somebody else has it open, or the disk is full.
        """
        from kvdb.upkeep.compact import compact

        return compact(self)

    def backup(self, target: str | os.PathLike[str], *, overwrite: bool = False) -> VerifyReport:
        """Copy the store, as it is now, to the file `target`, verified and synced, while others go on writing.

        Raises InputError where `target` exists, CorruptStoreError, StoreFullError. `kvdb.restore` is the way back.
        """
        from kvdb.upkeep.backup import backup

        return backup(self, target, overwrite=overwrite)

    def health(self, *, samples: int = 32) -> Health:
        """How full leaves are, what waits, what is dead, and the recall of `samples` searches: takes seconds."""
        from kvdb.upkeep.health import health

        return health(self, samples=samples)

    def info(self) -> StoreInfo:
        """What is in the store."""
        from kvdb.info import info

        return info(self)

    def export(self, target: IO[str], *, format: str = "tsv") -> int:
        """Write all facts as "tsv", "jsonl" or "ntriples"; how many."""
        from kvdb.export import export

        with self.snapshot() as snapshot:
            return export(snapshot, target, format=format)
