"""Values that can be weighed against each other: numbers with their units, and dates.

Two values compare only where they are in one unit, so that 5 km is never less than 300 m.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 200  # characters of a value that are looked at
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO_DATE = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d))?")
_DAY_FIRST = re.compile(r"(?:(\d{1,2})(?:st|nd|rd|th)? )?([A-Za-z]{3,9})\.? (\d{4})")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?, (\d{4})")
_NUMBER = re.compile(
    r"(?:about |approximately |around |circa |ca?\. ?)?(?P<sign>[$€£¥]? ?)"
    r"(?P<number>[-+\u2212]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)(?![\d,.]*\d)\s*(?P<unit>(?:[^\d(]|(?<=[A-Za-z])[23](?!\d))*)(?:\(.*)?",
    re.IGNORECASE,
)
_SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount of a unit; a date is its years."""

    amount: float
    unit: str


def quantity(text: str) -> Quantity | None:
    """What a value amounts to; None where it is no number, or more than one ("1990-1995", "S93.5")."""
    text = " ".join(text[:LONGEST].split())
    date = _date(text)
    if date is not None:
        return Quantity(date, "date")
    found = _NUMBER.fullmatch(text)
    if not found:
        return None
    amount = float(found["number"].replace(",", "").replace("\u2212", "-"))
    first, *more = found["unit"].casefold().strip(" .").split() or [""]
    if first in _SCALES:
        amount, first = amount * _SCALES[first], " ".join(more)
    else:
        first = " ".join([first, *more])
    if first in ("bc", "bce"):
        amount, first = -amount, ""
    return Quantity(amount, found["sign"].strip() + first)


def _date(text: str) -> float | None:
    if found := _ISO_DATE.fullmatch(text):
        year, month, day = int(found[1]), int(found[2]), int(found[3] or 0)
    elif found := _DAY_FIRST.fullmatch(text):
        year, month, day = int(found[3]), _month(found[2]), int(found[1] or 0)
    elif found := _MONTH_FIRST.fullmatch(text):
        year, month, day = int(found[3]), _month(found[1]), int(found[2])
    else:
        return None
    return year + (month * 32 + day) / 1000 if 1 <= month <= 12 else None


def _month(name: str) -> int:
    short = name[:3].casefold()
    return _MONTHS.index(short) + 1 if short in _MONTHS else 0


def scaled(text: str) -> str:
    """A text whose numbers are in plain digits: "3.2 million" and "3,200,000" are 3200000."""
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)

    def digits(found: re.Match[str]) -> str:
        return f"{float(found[1]) * _SCALES[found[2].casefold()]:.0f}"

    return re.sub(rf"(?<![\w.])(\d+(?:\.\d+)?) ({'|'.join(_SCALES)})\b", digits, text, flags=re.IGNORECASE)
