"""What a store keeps of its calibrations, where several are made at once."""

from __future__ import annotations

from threading import Thread

from kvdb_sdk.refusal import calibration_note
from kvdb_sdk.refusal.calibration_note import Calibration, all_calibrations, keep


def test_of_two_calibrations_at_once_both_are_kept(store, monkeypatch):
    first, second = (Calibration("f" * 32, route, (0.0,) * 8, (0.0,) * 4) for route in ("hybrid", "attention"))
    other = Thread(target=keep, args=(store, second))

    def read_while_the_other_writes(of):
        monkeypatch.undo()
        found = all_calibrations(of)
        other.start()
        other.join(1.0)  # by then it is done, unless it waits
        return found

    monkeypatch.setattr(calibration_note, "all_calibrations", read_while_the_other_writes)
    keep(store, first)
    other.join()
    assert all_calibrations(store) == [first, second]
