"""What a store keeps of its calibrations (kvdb_sdk/store_calibration.py): a note with one for each adapter and route.

A record is of use to that adapter alone, which its fingerprint tells; any other goes by its own coefficients.
"""

from __future__ import annotations

import logging
import math
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import msgpack

from kvdb import Store
from kvdb.errors import AdapterMismatchError, CorruptStoreError
from kvdb.file.notes import put_note

if TYPE_CHECKING:
    from kvdb.change.write import Write

    from ..attend.adapter import AdapterConfig

NOTE = "calibration"
VERSION = 3  # of the record and of what its coefficients mean; records of another are passed over
MOST = 16  # records, the newest

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The coefficients that fit one store, in place of the adapter's. `facts`: how many it had then."""

    adapter: str  # fingerprint
    route: str
    known: tuple[float, ...]
    related: tuple[float, ...]
    model: str = ""
    encoder: str = ""
    questions: int = 0
    facts: int = 0

    def checked(self, fingerprint: str) -> Calibration:
        """This, for the adapter with that fingerprint. Raises AdapterMismatchError."""
        if self.adapter != fingerprint:
            raise AdapterMismatchError(
                f"the calibration is of another adapter, for {self.model} and {self.encoder}: "
                "calibrate the store again with this one (`kvdb calibrate`)"
            )
        return self

    def applied_to(self, config: AdapterConfig) -> AdapterConfig:
        """The adapter's config with these coefficients."""
        if self.route == "attention":
            return replace(config, known_by_attention=self.known, related=self.related)
        return replace(config, known=self.known, related=self.related)


def all_calibrations(store: Store) -> list[Calibration]:
    """Every calibration that the store keeps, the newest last. A record that does not hold is passed over."""
    with store.snapshot() as snapshot:
        try:
            body = snapshot.note(NOTE)
            records = [] if body is None else msgpack.unpackb(body)
        except (CorruptStoreError, ValueError, msgpack.UnpackException) as error:
            _log.warning("the calibration of %s is not used: %s", store.path, error)
            return []
    found = [_unpacked(record) for record in records] if isinstance(records, list) else []
    return [each for each in found if each is not None]


def calibrations_of(store: Store, fingerprint: str) -> list[Calibration]:
    """Those of one adapter, one for each route that was calibrated."""
    return [each for each in all_calibrations(store) if each.adapter == fingerprint]


def keep(store: Store, calibration: Calibration) -> None:
    """Put a calibration into the store, in place of the same adapter's and route's. Raises ReadOnlyStoreError."""
    mark = (calibration.adapter, calibration.route)

    def put(write: Write) -> None:
        others = [each for each in all_calibrations(store) if (each.adapter, each.route) != mark]
        records = [{"version": VERSION, **asdict(each)} for each in [*others, calibration][-MOST:]]
        put_note(write.txn, write, NOTE, msgpack.packb(records))

    store.write_with(put)  # what is read there stays as it is until this is written: no other writer comes between


def _unpacked(record: Any) -> Calibration | None:
    """None for what this version cannot use."""
    if not isinstance(record, dict) or record.get("version") != VERSION:
        return None
    if not all(isinstance(record.get(name), list) for name in ("known", "related")):
        return None
    try:
        found = Calibration(
            adapter=str(record["adapter"]),
            route=str(record["route"]),
            known=tuple(float(x) for x in record["known"]),
            related=tuple(float(x) for x in record["related"]),
            model=str(record["model"]),
            encoder=str(record["encoder"]),
            questions=int(record["questions"]),
            facts=int(record["facts"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError):  # the last of an infinite number
        return None
    wanted = (8, 4)
    finite = all(map(math.isfinite, found.known + found.related))
    return found if (len(found.known), len(found.related)) == wanted and finite else None
