"""What a comparative weighs: "heavier" is about a weight or a mass, "older" about a date or an age.

A comparative that says nothing of the kind ("larger", "more") weighs whatever the question means best; one that does is
never answered by a number of something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_SINCE = """
date year born birth founded foundation founding established establishment built construction completed completion
opened opening released release created creation inception launch launched introduced formed formation
"""
_TIME = f"age died death {_SINCE}"
_HEIGHT = "height elevation altitude rise ceiling summit level"
_LENGTH = "length duration runtime running span distance run"
_MONEY = "price cost fee fare charge rate value"
_WEALTH = "gdp income revenue wealth worth profit assets equity budget earnings turnover salary fortune capital"

_SIZE = "population inhabitants area size volume capacity number employees staff members length diameter"

_FAMILIES = {
    "bigger biggest larger largest smaller smallest": f"{_SIZE} {_WEALTH}",
    "older oldest younger youngest newer newest earlier earliest later latest sooner soonest": _TIME,
    "heavier heaviest lighter lightest": "weight mass heaviness load displacement tonnage",
    "taller tallest": _HEIGHT,
    "higher highest lower lowest": f"{_HEIGHT} {_MONEY} temperature score rank rate number count",
    "shorter shortest": f"{_HEIGHT} {_LENGTH}",
    "longer longest": f"{_LENGTH} {_SINCE}",  # than another lasts, or has been there
    "deeper deepest shallower shallowest": "depth draught draft",
    "wider widest narrower narrowest": "width breadth beam gauge diameter wingspan span",
    "thicker thickest thinner thinnest": "thickness diameter depth gauge",
    "warmer warmest hotter hottest colder coldest cooler coolest": "temperature heat melting boiling climate",
    "richer richest poorer poorest": _WEALTH,
    "cheaper cheapest": _MONEY,
    "faster fastest slower slowest": "speed velocity",
    "nearer nearest closer closest farther farthest further furthest": "distance orbit radius",
}
_BEGINNINGS = frozenset(_SINCE.split())
_MEASURES = {word: frozenset(nouns.split()) for words, nouns in _FAMILIES.items() for word in words.split()}


def is_since(noun: str) -> bool:
    """Whether a noun says when something began: what has been there longer began earlier."""
    return not _BEGINNINGS.isdisjoint(_words(noun))


def measured(comparative: str, nouns: Iterable[str]) -> list[str] | None:
    """Those of the nouns that a comparative can weigh; None where it says nothing about what it weighs."""
    of = _MEASURES.get(comparative)
    if of is None:
        return None
    return [noun for noun in nouns if not of.isdisjoint(_words(noun))]


def _words(noun: str) -> list[str]:
    return re.findall(r"\w+", noun.casefold())
