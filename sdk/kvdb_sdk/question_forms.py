"""How a question is put: what can be told from its words alone, whatever the store."""

from __future__ import annotations

import re

_TRUTH_VERB = r"(?:is|are|was|were|does|do|did|has|have|isn't|aren't|doesn't|would)"
_YES_NO = re.compile(rf"(?:^|[:,.;] ){_TRUTH_VERB}\b(?!\s+(?:you|anyone|anybody)\b)", re.IGNORECASE)
_ASKS_TRUTH = re.compile(
    r"(?:true|correct|right|sure)\s*(?:that\b|\?|$)|\byes or no\b|\btrue or \w+|\bconfirm\b"
    r"|\b(?:right|correct) answer\b",
    re.IGNORECASE,
)
_LESS = """
lower lowest less least smaller smallest fewer fewest shorter shortest earlier earliest older oldest lighter lightest
cheaper cheapest nearer nearest
"""
_MORE = """
younger youngest later latest newer newest higher highest more most larger largest greater greatest bigger biggest
longer longest taller tallest heavier heaviest
"""
_ASCENDING = frozenset(_LESS.split())
_COMPARATIVE = re.compile(rf"\b(?:{'|'.join([*_LESS.split(), *_MORE.split()])})\b", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?")
_WORD = re.compile(r"\w+")
_FUNCTION_WORDS = """
a an and are as at by can could did do does for from give has have how i in is it its known me my of on or please s say
show tell than that the their there they this to true us was what when where which who whose will with would you your
know correct right sure located called named be been confirm really someone told wrote down answer yes no not
"""
_EMPTY = frozenset(_FUNCTION_WORDS.split())


def words(text: str) -> list[str]:
    """The words of a text, folded."""
    return _WORD.findall(text.casefold())


def content_words(text: str) -> list[str]:
    """Those that say something."""
    return [word for word in words(text) if word not in _EMPTY]


def has_noun(text: str, noun: str) -> bool:
    """Whether the noun stands in the text as whole words, in any case, singular or plural."""
    return re.search(rf"(?<!\w){re.escape(noun)}(?:s|es)?(?!\w)", text, re.IGNORECASE) is not None


def has_content(text: str) -> bool:
    """Whether a text has a word that says something."""
    return bool(content_words(text))


def asks_yes_or_no(question: str) -> bool:
    """Whether the question, or a clause of it, begins as one that is answered by yes or no."""
    text = question.strip()
    return bool(_YES_NO.search(text)) or bool(_ASKS_TRUTH.search(text))


def comparative(question: str) -> str | None:
    """The comparative of a question about two subjects, None where it has none."""
    found = _COMPARATIVE.search(question)
    return found[0].casefold() if found else None


def prefers_less(word: str) -> bool:
    """Whether the comparative wins with the smaller number. A year is the smaller, the older something is."""
    return word in _ASCENDING


def number(text: str) -> float | None:
    """The first number in a value, None where there is none."""
    found = _NUMBER.search(text)
    return float(found[0].replace(",", "")) if found else None
