"""Cleaning relation names and inflecting their words: the tools under the rules of `kvdb.nouns`.

English inflection is the work of the `inflect` library (singulars, third person to plain verb, present
participle); the rules here only add what it has no function for: past participle to agent and to gerund.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any
from urllib.parse import unquote

from kvdb.nouns.lexicon import (
    ACRONYMS,
    COMMON_VERBS,
    IRREGULAR_AGENTS,
    IRREGULAR_PARTICIPLES,
    MAYBE_VERBS,
    OR_VERBS,
    PLAIN_VERBS,
    VERBS,
)

_AUXILIARY = re.compile(
    r"^(?:(?:is|was|are|were|be|been|being|has been|have been|had been|will be|can be|may be)\s+)+"
    r"(?:(?:also|often|usually|mainly|mostly|primarily|typically|commonly)\s+(?=\S+\s))?",
    re.I,
)
_PREFIX_OF_VERB = re.compile(r"^(?:up|down|co|re|de|dis|over|out|trans|auto|mis|sub|inter|hyper)(?=[a-z]{5})")
_ARTICLE = re.compile(r"\b(?:a|an|the)\s+(?=\S)", re.I)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SMALL_WORDS = re.compile(r"(?:^|-)(?:of|in|by|at|on|is|has|was|to|for|from|with|and|the)(?:-|$)", re.I)
_IRI = re.compile(r"^(?:https?://|urn:|/[a-z])\S+$")
_PREFIX = re.compile(r"^[A-Za-z][\w.-]{0,15}:(?=[A-Za-z_]\S*$)")  # dbo:birthPlace, concept:isa
_SPACES = re.compile(r"\s+")


@cache
def _engine() -> Any:
    import inflect  # takes seconds to import, and most relations do without

    return inflect.engine()


def clean(relation: str) -> str:
    """A relation name as plain words, be it in snake_case, camelCase, kebab-case, capitals or an IRI."""
    text = relation.strip()
    if _IRI.match(text):
        text = unquote(re.split(r"[/#:]", text.rstrip("/#:"))[-1]) or text
    text = _PREFIX.sub("", text)
    spaced = any(c.isspace() for c in text)
    text = text.replace("_", " ").strip()
    if not spaced:
        if text.count("-") > 1 or (_SMALL_WORDS.search(text) and not _is_check_in(text)):
            text = text.replace("-", " ")
        if _CAMEL.search(text) and not re.search(r"[^\w\s-]", text):
            text = " ".join(_decapitalise(word) for word in _CAMEL.sub(" ", text).split())
    text = _SPACES.sub(" ", "".join(c if c.isprintable() else " " for c in text)).strip()
    return _hush(text) or _SPACES.sub(" ", relation).strip() or "relation"


def _is_check_in(text: str) -> bool:
    """Whether the hyphen belongs to a noun: "check-in", "swearing-in", not "lives-in"."""
    what, _, last = text.rpartition("-")
    return last.lower() in ("in", "on") and not is_participle(what) and not is_third_person(what)


def _decapitalise(word: str) -> str:
    return word if word.isupper() and len(word) > 1 else word.lower()


def _hush(text: str) -> str:
    """Lower case for a phrase that shouts; acronyms keep their capitals."""
    words = text.split(" ")
    if not text.isupper() or (len(words) == 1 and (len(text) <= 5 or any(c.isdigit() for c in text))):
        return text
    if words[-1] in ACRONYMS and all(len(w) <= 5 for w in words):  # "GO ID"
        return text
    return " ".join(w if w in ACRONYMS or any(c.isdigit() for c in w) else w.lower() for w in words)


def core(phrase: str) -> str:
    """The phrase as the lexicon has it: lower case, without leading auxiliaries and without articles."""
    bare = _AUXILIARY.sub("", phrase)
    if bare.lower() in {"a", "an"}:
        return "is a"
    return _ARTICLE.sub("", bare).lower()


def strip_auxiliary(phrase: str) -> str:
    """The phrase without a leading "is", "was", "has been" ..."""
    return _AUXILIARY.sub("", phrase)


@lru_cache(maxsize=4096)
def base_verb(word: str) -> str | None:
    """The plain verb of a third-person form: "governs" gives "govern". None where it is no known verb."""
    lower = word.lower()
    return lower if lower in VERBS else base_among(lower.rpartition("-")[2], VERBS)  # "cross-reacts"


def plain_verb(word: str) -> str:
    """The plain verb of an irregular past or participle, "won", or of a known third person; else the word itself."""
    lower = word.lower()
    return PLAIN_VERBS.get(lower) or base_verb(lower) or lower


def base_among(word: str, verbs: frozenset[str]) -> str | None:
    """That of some verbs of which a word is the third person."""
    if not word.endswith("s") or not word.isascii() or not word.isalpha():
        return None
    plain = str(_engine().plural_verb(word))  # of "lies" it makes "ly"
    known = (verb for verb in (plain, word[:-1]) if verb in verbs or _PREFIX_OF_VERB.sub("", verb) in verbs)
    return next(known, None)


def is_third_person(word: str) -> bool:
    """Whether a word is a known verb in the third person: "governs", not "govern", which may be a noun ("release")."""
    return base_verb(word) not in (None, word.lower())


def is_participle(word: str) -> bool:
    """Whether a word looks like a past participle."""
    lower = word.lower()
    if lower in IRREGULAR_PARTICIPLES:
        return True
    if not lower.endswith("ed") or not lower.isalpha() or lower.endswith("eed"):
        return lower in ("agreed", "freed", "guaranteed", "refereed", "decreed")
    return len(lower) > 4 or lower[:-1] in VERBS or lower[:-2] in VERBS  # "sued"; "shed" is none


def knows_verb(form: str) -> bool:
    """Whether a participle is of a common verb, so that whoever does it has a name: no "conferrer", no "forbidder"."""
    lower = form.lower()
    stems = {lower[:-1], lower[:-2], lower[:-3], lower[:-3] + "y"}  # moved, played, stopped, carried
    return lower in IRREGULAR_AGENTS or not stems.isdisjoint(COMMON_VERBS | OR_VERBS)


def in_plural(clause: str) -> str:
    """What several do, of what one does: "reports to it" gives "report to it", "was sued by it" "were sued by it"."""
    verb, _, rest = clause.partition(" ")
    auxiliary = {"is": "are", "was": "were", "has": "have", "does": "do"}.get(verb)
    several = auxiliary or base_among(verb, MAYBE_VERBS) or verb
    return f"{several} {rest}" if rest else several


def verb_of_agent(noun: str) -> str | None:
    """The plain verb of who does it: "manager" gives "manage", "supplier" "supply". None where it is no such noun."""
    lower = noun.lower()
    bare = lower.removesuffix("er").removesuffix("or")
    forms = (bare, f"{bare}e", f"{bare.removesuffix('i')}y") if bare != lower else ()
    return next((verb for verb in forms if verb in VERBS | COMMON_VERBS | OR_VERBS and agent(verb) == lower), None)


def agent(word: str) -> str:
    """Who does it: "founded" gives "founder", "regulate" gives "regulator", "written" gives "author"."""
    lower = word.lower()
    if lower in IRREGULAR_AGENTS:
        return IRREGULAR_AGENTS[lower]
    plain = _plain_of_gerund(IRREGULAR_PARTICIPLES[lower]) if lower in IRREGULAR_PARTICIPLES else lower
    if plain != lower:  # "read" is its own participle
        return agent(plain)
    stem = lower[:-2] if is_participle(lower) else lower.removesuffix("e")
    if stem + "e" in OR_VERBS or stem in OR_VERBS or re.search(r"[^aeiou]*[aeiou].*(?:at|ct|it)$", stem):
        return stem + "or" if _takes_or(stem) else stem + "er"
    if stem.endswith("y") and stem[-2:-1] not in set("aeiou"):
        return stem[:-1] + "ier"
    return stem + "er"


def _takes_or(stem: str) -> bool:
    if stem in OR_VERBS or stem + "e" in OR_VERBS:
        return True
    return (stem.endswith("at") and len(stem) > 4 and stem not in {"treat", "repeat", "defeat", "float"}) or (
        stem.endswith("ct") and len(stem) > 3
    )


def _plain_of_gerund(gerund: str) -> str:
    return gerund.removesuffix("ing")


@lru_cache(maxsize=4096)
def gerund(word: str) -> str:
    """The -ing form of a plain verb or a past participle."""
    lower = word.lower()
    if lower in IRREGULAR_PARTICIPLES:
        return IRREGULAR_PARTICIPLES[lower]
    if is_participle(lower):
        return lower[:-3] + "ying" if lower.endswith("ied") else lower[:-2] + "ing"
    return str(_engine().present_participle(lower))


def nominal(word: str) -> str:
    """The deed as a noun: "regulate" gives "regulation", "classified" "classification", else the gerund."""
    lower = word.lower()
    stem = lower[:-1] if is_participle(lower) and lower.endswith("ed") else lower
    if stem.endswith("ate") and len(stem) > 4:
        return stem[:-1] + "ion"
    if stem.endswith(("ise", "ize")) and len(stem) > 6:
        return stem[:-1] + "ation"
    if stem.endswith("act") or lower.endswith("acted"):
        return lower.removesuffix("ed") + "ion"
    if lower.endswith(("ified", "ify")):
        return re.sub(r"(?:ied|y)$", "ication", lower)
    return gerund(lower)


def participle(verb: str) -> str:
    """The past participle of a plain verb: "serve" gives "served", "write" gives "written"."""
    lower = verb.lower()
    ing = str(_engine().present_participle(lower))
    for past, form in IRREGULAR_PARTICIPLES.items():
        if form == ing and past not in {"wrote", "became", "began"}:
            return past
    return ing.removesuffix("ing") + "ed" if not ing.endswith("ying") or lower.endswith("ay") else lower[:-1] + "ied"


def singular(noun: str) -> str:
    """The singular of a noun; the noun itself where it is one already."""
    return str(_engine().singular_noun(noun) or noun) if noun.isascii() and noun.isalpha() else noun
