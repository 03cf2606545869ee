"""Relations that say what must, may or does not hold: "must not be used for", "may treat", "does not contain".

The plain relation ("is used for") has a noun of its own, and calling the tail by that alone would turn what the fact
says round. So the noun tells it: a "forbidden use", a "possible use". Where the plain relation has no good noun, the
relation itself becomes a clause: "what it must not be stored with".
"""

from __future__ import annotations

import re
from typing import NamedTuple

_MODAL = re.compile(
    r"(?P<modal>can|could|may|might|must|shall|should|ought to|(?:has|have|had|needs?|is|are) to)"
    r"(?P<not>\s?not|n't|\s+never)?\s+(?P<rest>.+)",
    re.I,
)
_NOT_TO = re.compile(r"(?:is|are|was|were) (?:not|never) to\s+(?P<rest>.+)", re.I)
_NEGATED = re.compile(
    r"(?:(?P<is>is|are|was|were|has been|have been)|does|do|did|has|have|had)(?:\s+(?:not|never)|n't)\s+(?P<rest>.+)",
    re.I,
)
_NEVER = re.compile(r"never\s+(?P<rest>.+)", re.I)
_NO_LONGER = re.compile(r"(?P<is>(?:is|are|was|were)\s+)?no longer\s+(?P<rest>.+)", re.I)

_DENIALS = {"forbidden", "impossible", "inadvisable", "excluded"}
_MAY = {"can", "could", "may", "might"}
_SHOULD = {"should", "ought to"}


class Modality(NamedTuple):
    """How a relation holds, as an adjective of its tail, and what holds: the plain relation."""

    adjective: str
    plain: str


def split_modality(phrase: str) -> Modality | None:
    """ "must not be used for" -> ("forbidden", "is used for"). None for a relation that holds as it stands."""
    found = _NOT_TO.fullmatch(phrase)
    if found:
        return Modality("forbidden", _plain(found["rest"]))
    found = _MODAL.fullmatch(phrase)
    if found:
        return Modality(_adjective(found["modal"].lower(), bool(found["not"])), _plain(found["rest"]))
    found = _NO_LONGER.fullmatch(phrase)
    if found:
        return Modality("former", f"is {found['rest']}" if found["is"] else found["rest"])
    found = _NEGATED.fullmatch(phrase)
    if found:
        return Modality("excluded", f"is {found['rest']}" if found["is"] else _plain(found["rest"]))
    found = _NEVER.fullmatch(phrase)
    return Modality("excluded", found["rest"]) if found else None


def denies(noun: str) -> bool:
    """Whether a relation's noun says what is not, must not or cannot be: "forbidden use", "what it does not treat"."""
    if noun.split(" ", 1)[0].lower() in _DENIALS:
        return True
    clause = noun.removeprefix("what ").removeprefix("it ")
    modality = split_modality(clause) if clause != noun else None
    return modality is not None and modality.adjective in _DENIALS


def _adjective(modal: str, negated: bool) -> str:
    if modal in _SHOULD:
        return "inadvisable" if negated else "recommended"
    if not negated:
        return "possible" if modal in _MAY else "required"
    return "impossible" if modal in {"can", "could"} else "forbidden"


def _plain(rest: str) -> str:
    """ "be used for" -> "is used for"; "contain" -> "contains"; "run concurrently with" -> "runs concurrently with" """
    verb, _, after = rest.partition(" ")
    if verb.lower() == "be":
        return f"is {after}" if after else "is"
    if verb.lower() == "have":
        return f"has {after}" if after else "has"
    return f"{_third_person(verb)} {after}".strip()


def _third_person(verb: str) -> str:
    if re.search(r"(?:s|x|z|ch|sh|[^aeiou]o)$", verb):
        return verb + "es"
    return verb[:-1] + "ies" if re.search(r"[^aeiou]y$", verb) else verb + "s"
