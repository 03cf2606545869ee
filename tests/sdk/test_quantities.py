"""Values that can be weighed: numbers with units, and dates."""

from __future__ import annotations

import pytest

from kvdb_sdk.question.quantities import Quantity, quantity, scaled


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("12", 12, ""),
        ("-7.5", -7.5, ""),
        ("\u22127.5", -7.5, ""),
        ("68,042,591", 68_042_591, ""),
        ("48.6 million", 48.6e6, ""),
        ("$3 billion", 3e9, "$"),
        ("5,364 ft (1,635 m)", 5364, "ft"),
        ("551,695 km2", 551_695, "km2"),
        ("about 12 km", 12, "km"),
        ("300 BC", -300, ""),
    ],
)
def test_numbers(text, amount, unit):
    assert quantity(text) == Quantity(pytest.approx(amount), unit)


@pytest.mark.parametrize("text", ["", "S93.5", "A320", "1990-1995", "1,5", "1.2.3", "12:30", "Paris", "5 and 6"])
def test_what_is_no_single_number(text):
    assert quantity(text) is None


def test_dates_in_any_form_are_in_order():
    dates = ["1 January 1949", "1950-05", "1950-05-12", "13 May 1950", "June 2nd, 1950", "Jul. 1950", "3 Dec 2001"]
    found = [quantity(date) for date in dates]
    assert {each.unit for each in found} == {"date"}
    assert sorted(found, key=lambda each: each.amount) == found


def test_scaled():
    assert scaled("3.2 million of 1,234,567 and 1,5") == "3200000 of 1234567 and 1,5"
