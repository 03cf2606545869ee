"""The kind of answer that a question wants: "how many" wants an amount, "when was" a time, "where was" a place, "three
letters" a code.

A value that can be none of that kind answers another question, however near its relation is: "How old is Ada?" is not
answered by what she founded. Of 20,580 and 7,612 wordings that have such words (training/domains.json, phrases.json),
2 % each have values of another kind ("When was it taken down?": "still open" is one, and counts as a time). Of 526
that ask for so many letters or digits 6 % have, and of what their subjects' other relations say 66 %.
"""

from __future__ import annotations

import re

_ASKS_AMOUNT = re.compile(r"\bhow (?:many|much|old|tall|heavy)\b(?! (?:about|longer|more))", re.IGNORECASE)
_ASKS_TIME = re.compile(
    r"\bwhen (?:did|was|were)\b|\b(?:what|which) (?:year|date|month|decade|century)\b", re.IGNORECASE
)
_ASKS_PLACE = re.compile(r"^\W*where (?:did|do|does|was|were|is|are)\b", re.IGNORECASE)
_NUMBER = re.compile(r"[\d.,]+")  # a place may have one, "Route 66"
_NUMBERS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_ASKS_LENGTH = re.compile(  # not "three or four digits", "not the five-digit one", "two letters and a number"
    rf"(?<!or )(?<!to )(?<!and )(?<!not )(?<!not the )(?<![\w-])(?P<count>{'|'.join(_NUMBERS)}|\d\d?)"
    r"[ -](?:letter|digit|character)s?\b(?! (?:and|or|then|plus|with)\b)",
    re.IGNORECASE,
)
_AMOUNTS = """
no none nobody nothing free half one two three four five six seven eight nine ten eleven twelve dozen twice once double
single several few many some all hundred thousand million billion unlimited unknown never first second third quarter
pair per zero full enough little both couple negligible high low medium large small light heavy each varies sole
"""
_TIMES = """
january february march april may june july august september october november december jan feb mar apr jun jul aug sep
sept oct nov dec monday tuesday wednesday thursday friday saturday sunday spring summer autumn fall winter dawn dusk
noon midnight night morning evening afternoon sunrise sunset day days week weeks month months year years daily weekly
monthly yearly annual hour hours minute minutes always never now today tomorrow yesterday before after during while
until since once when upon soon late early end start beginning mid century season easter christmas ramadan lent advent
eve harvest birth death age open ongoing permanent immediately at on by within every first last each next unknown
present term still not none war reign
"""


def _any_of(words: str, ending: str) -> re.Pattern[str]:
    return re.compile(rf"\d|\b(?:{'|'.join(words.split())}){ending}\b|^\W+$", re.IGNORECASE)


_AMOUNT, _TIME = _any_of(_AMOUNTS, r"\w*"), _any_of(_TIMES, "")


def is_of_another_kind(question: str, value: str) -> bool:
    """Whether a question wants an amount, a time, a place, or so many letters or digits, and a value is not that."""
    amount = _ASKS_AMOUNT.search(question) is not None and not _AMOUNT.search(value)
    time = _ASKS_TIME.search(question) is not None and not _TIME.search(value)
    place = _ASKS_PLACE.search(question) is not None and _NUMBER.fullmatch(value) is not None
    return amount or time or place or not _is_as_long(question, value)


def _is_as_long(question: str, value: str) -> bool:
    """Whether a value has a part of as many letters or digits as are asked for, if any are."""
    found = _ASKS_LENGTH.search(question)
    if found is None:
        return True
    said = found["count"].lower()
    count = int(said) if said.isdigit() else _NUMBERS.index(said) + 2
    parts = [*value.split(), *re.findall(r"\d+|[^\W\d_]+", value), *re.findall(r"[^\W_]+", value)]
    return count in map(len, [*parts, re.sub(r"[\W_]", "", value), re.sub(r"\D", "", value)])
