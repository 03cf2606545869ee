"""The shape of a relation: whether it stands between head and tail as a verb does, and lacks an "is" to do so."""

from __future__ import annotations

import re

from kvdb.nouns.lexicon import ACTIVE, MAYBE_VERBS, PASTS, VERBS
from kvdb.nouns.words import base_among, is_participle, is_third_person

_BEGINS = re.compile(r"(?:is|was|are|were|has|have|had|never|no longer|not)\b", re.I)
_ENDS = re.compile(
    r"\s(?:of|by|in|at|on|to|for|from|with|as|into|through|under|against|about|than|near|within|via|during|between|"
    r"after|before|over|above|below|off|out|up|down|upon|until|since|if|when|that|alongside|without)$",
    re.I,
)
_TOWARDS = re.compile(r"\s(?:to|from|with|into|against|through|below|above|after|before|upon|off|without)$", re.I)
_MAYBE_VERB = re.compile(r"(?!news$)[a-z]+[^sui]s$", re.I)
_ASIDE = re.compile(r"^(?:(?:also|now|still|once|later|then|often|soon|again)\s+)+(?=\S)", re.I)
_FIRST = re.compile(r"^(?:first|last|best|most)\s+(?=\S)", re.I)
_STATES = frozenset({"missing", "pending", "ongoing", "existing", "living", "working", "running", "lacking", "boring"})
_OF_DEEDS = frozenset({"stopped", "started", "resumed", "ceased", "avoided", "denied", "considered", "enjoyed", "quit"})
_DETERMINERS = frozenset({"the", "a", "an", "its", "his", "her", "their", "no", "not", "only"})
_BEFORE_A_VERB = ("co-", "re-", "pre-", "cross-", "self-", "over-", "out-", "mis-", "un-")
_GOES_ON = re.compile(
    r"(?:in|at|on|to|for|from|with|as|into|through|under|against|about|near|within|via|during|between|after|before|"
    r"over|above|below|off|out|up|down|upon|until|since|if|when|alongside|without|the|an?|its|no|not|only|\w+ly)\b",
    re.I,
)  # what follows a verb, and hardly a plural noun: "screws into", "lands automatically", not "parts of"


def is_verbal(phrase: str) -> bool:
    """Whether a relation stands between head and tail as a verb does: "is fed by", "supersedes", "merged into". Not
    "is active", which is answered by yes or no.
    """
    first, *more = _ASIDE.sub("", phrase.lower()).split()
    first = first.rpartition("-")[2] if first.startswith(_BEFORE_A_VERB) else first
    if phrase.split()[0].isupper() and not phrase.isupper():  # "IS code"
        return False
    if _BEGINS.match(phrase):
        return len(more) > 1 or ends_open(phrase) or (more != [] and _is_deed(first, more[0]))
    if is_third_person(first):
        return True
    if not more:
        return first in PASTS or (is_participle(first) and first.endswith("ed"))
    if first.endswith("ly"):
        return is_third_person(more[0]) or is_participle(more[0])
    if is_participle(first) or first in PASTS:  # "failed to acquire", "gave birth to"
        has_object = "the" in more[:2] or "to" in more[:-1] or (len(more) > 1 and more[-1].endswith("ing"))
        has_object = has_object or (first in _OF_DEEDS and more[0].endswith("ing"))
        return has_object or ends_open(phrase)
    if _FIRST.match(phrase) and more[-1] == "by" and is_participle(more[0]):
        return True
    if not ends_open(phrase) or not _MAYBE_VERB.match(first):
        return False
    goes_on = _GOES_ON.match(" ".join(more)) or _TOWARDS.search(phrase)
    return goes_on is not None or (len(more) > 1 and base_among(first, MAYBE_VERBS) is not None)


def _is_deed(auxiliary: str, word: str) -> bool:
    """is suing, had accused; not "is missing", "has wings", which are answered by yes or no, or nouns"""
    if word.endswith("ing"):
        return auxiliary in ("is", "was", "are", "were") and word not in _STATES
    return auxiliary in ("has", "had", "have") and is_participle(word)


def is_passive(phrase: str) -> bool:
    """Whether a verb phrase lacks an "is": "contraindicated with", "torn apart by"; not "signed a contract with"."""
    first, *more = _FIRST.sub("", _ASIDE.sub("", phrase.lower())).split()
    if not is_participle(first) or not ends_open(phrase):
        return False
    if more[-1] == "by" or more[0] in ("since", "until"):
        return True
    if more[0] == "to" and more[1:] and more[1] in VERBS:  # "refused to shake hands with"
        return False
    goes_on = more[0] == "of" or _GOES_ON.match(" ".join(more)) is not None
    return goes_on and first not in ACTIVE and more[0] not in _DETERMINERS


def ends_open(phrase: str) -> bool:
    """Whether a relation ends so that its tail has to follow: "is fed by", "differs from"."""
    return _ENDS.search(phrase) is not None
