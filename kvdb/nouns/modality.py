"""Relations that say what must, may or does not hold: "must not be used for", "may treat", "does not contain".

The plain relation ("is used for") has a noun of its own, and calling the tail by that alone would turn what the fact
says round. So the noun tells it: a "forbidden use", a "possible use". Where the plain relation has no good noun, the
relation itself becomes a clause: "what it must not be stored with".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from kvdb.nouns.lexicon import MAYBE_VERBS, VERBS
from kvdb.nouns.phrases import ends_open
from kvdb.nouns.words import clean

_MODAL = re.compile(
    r"(?P<modal>can|could|may|might|must|should|shall|will|would|wo|need|ought to|(?:has|have|had|needs|is|are) to)"
    r"(?P<not>n?['\u2019]?t|not|\s+(?:not|never))?\s+(?:also\s+)?(?P<rest>.+)",
    re.I,
)
_NOT_TO = re.compile(r"(?:is|are|was|were) (?:not|never) to\s+(?P<rest>.+)", re.I)
_NEGATED = re.compile(
    r"(?:(?P<is>is|are|was|were|has been|have been)|(?P<do>do)|(?P<has>has|have|had)|does|did)"
    r"(?:\s+(?:also\s+)?(?:not|never)|n['\u2019]?t)\s+(?P<rest>.+)",
    re.I,
)
_REFUSES = re.compile(
    r"(?:refuses|refused|declines|declined|fails|failed|neglects|neglected|(?:is|was) unable) to (?P<rest>.+)", re.I
)
_NEVER = re.compile(r"(?:not|never)\s+(?P<rest>.+)", re.I)
_NO_LONGER = re.compile(r"(?P<is>(?:is|are|was|were)\s+)?no longer\s+(?P<rest>.+)", re.I)
_USED_TO = re.compile(r"used to (?P<rest>.+)", re.I)
_IN_PART = re.compile(
    r"(?:only|just|merely|always|necessarily|usually|often|yet|limited|known|required|obliged|said|(?:have|need) to)\b",
    re.I,
)  # "is not always found in" denies nothing

_NO_ORDERS = frozenset(
    {"contain", "include", "cover", "require", "need", "affect", "cause", "use", "allow", "support"}
)  # after "do not"

DENIALS = frozenset({"forbidden", "impossible", "inadvisable", "excluded"})


class Modality(NamedTuple):
    """How a relation holds, as an adjective of its tail ("" where none tells it), and the plain relation."""

    adjective: str
    plain: str

    @property
    def denies(self) -> bool:
        """Whether it says what is not, must not or cannot be."""
        return self.adjective in DENIALS


@lru_cache(maxsize=4096)
def modality_of(relation: str) -> Modality | None:
    """How a relation holds, by its name: of `mustNotBeUsedFor` ("forbidden", "is used for"). None: it plainly does."""
    return split_modality(clean(relation))


def split_modality(phrase: str) -> Modality | None:
    """As `modality_of`, of a relation that is cleaned."""
    first = phrase.split(" ", 1)[0]
    if phrase.endswith("?") or (first.isupper() and not phrase.isupper()):  # "Do you smoke?", "DO level"
        return None
    found = _USED_TO.fullmatch(phrase)
    if found and _says_what_is_done(found["rest"]):
        return Modality("former", _plain(found["rest"]))
    found = _NOT_TO.fullmatch(phrase)
    if found:
        return Modality("forbidden", _plain(found["rest"]))
    found = _NO_LONGER.fullmatch(phrase)
    if found:
        return Modality("former", f"is {found['rest']}" if found["is"] else found["rest"])
    found = _REFUSES.fullmatch(phrase)
    if found:
        return Modality("excluded", _plain(found["rest"]))
    return _modal(phrase) or _negated(phrase)


def refuses(phrase: str) -> bool:
    """Whether a verb of its own denies what a relation says: "fails to notice"."""
    return _REFUSES.fullmatch(phrase) is not None


def _modal(phrase: str) -> Modality | None:
    found = _MODAL.fullmatch(phrase)
    if not found:
        return None
    modal = found["modal"].lower()
    first = found["rest"].split(" ", 1)[0].lower()
    strong = modal in ("must", "shall", "should", "would") or bool(found["not"])
    no_noun = strong and (first == "be" or first in MAYBE_VERBS)  # "must not be left", "could not find"
    if not no_noun and not _says_what_is_done(found["rest"], plainly=modal == "will"):
        return None
    rest = found["rest"]
    return Modality(_adjective(modal, bool(found["not"]), rest), _plain(rest))


def _negated(phrase: str) -> Modality | None:
    found = _NEGATED.fullmatch(phrase)
    if found is None:
        found = _NEVER.fullmatch(phrase)
        return Modality("" if _IN_PART.match(found["rest"]) else "excluded", found["rest"]) if found else None
    rest = found["rest"]
    if found["do"] and not (rest.lower() in _NO_ORDERS or ends_open(rest)):  # "do not resuscitate"
        return None
    perfect = re.sub(r"^been\s+", "is ", rest) if found["has"] else ""  # "has never been visited by", "has never met"
    plain = perfect or (f"is {rest}" if found["is"] else _plain(rest))
    return Modality("" if _IN_PART.match(rest) else "excluded", plain)


def _says_what_is_done(rest: str, *, plainly: bool = False) -> bool:
    """Whether a verb follows, so that it is no "can opener"; nor a yes or no of its own, as "can be deleted" is.
    `plainly`: only where it cannot be a noun ("will go to", not "will date").
    """
    first, *more = re.sub(r"^(?:only|also)\s+", "", rest.lower()).split()
    if first == "be":
        return len(more) > 1
    if first == "have":
        return True
    return first in VERBS and ends_open(rest) if plainly else first in VERBS or ends_open(rest)


def _adjective(modal: str, negated: bool, rest: str) -> str:
    if modal in ("need", "wo", "will", "would") or _IN_PART.match(rest):
        return ""
    if modal in ("should", "ought to"):
        return "inadvisable" if negated else "recommended"
    if modal in ("could", "might"):
        return "" if negated else "possible"
    if modal == "may":
        return "possible" if not negated else "forbidden" if rest.lower().startswith("be ") else ""
    if modal == "can":
        return "impossible" if negated else "possible"
    return "forbidden" if negated else "required"


def _plain(rest: str) -> str:
    """ "be used for" -> "is used for"; "contain" -> "contains"; "run concurrently with" -> "runs concurrently with" """
    if _IN_PART.match(rest):
        return rest
    verb, _, after = rest.partition(" ")
    third = {"be": "is", "have": "has"}.get(verb.lower()) or _third_person(verb)
    return f"{third} {after}".strip()


def _third_person(verb: str) -> str:
    if re.search(r"(?:s|x|z|ch|sh|[^aeiou]o)$", verb):
        return verb + "es"
    return verb[:-1] + "ies" if re.search(r"[^aeiou]y$", verb) else verb + "s"
