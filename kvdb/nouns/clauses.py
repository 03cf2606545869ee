"""What a relation is called where no noun fits it: a clause with its own words.

    supersedes          what it supersedes           "what Kestoril supersedes"     "Kestoril supersedes ..."
    fees do not cover   what its fees do not cover   "what Kestoril's fees do not cover"
    vice president of   what it is vice president of

"It" is the term. What stands between head and tail as a verb does, or needs an "is" to do so, is never garbled into a
noun: the fact is told as the source told it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kvdb.nouns.phrases import is_passive, is_verbal
from kvdb.nouns.words import is_third_person, singular

BEARER = "thing with the "  # begins the head's noun where a relation has none for it

_ARTICLE = re.compile(r"^(?:a|an|the)\s+", re.I)
IS = re.compile(r"^(?:is|was|are|were|has been|have been|be)\s+", re.I)
_IS_SO = re.compile(
    r"(?:[ai]ble|ive|ent|ant|[^c]al|id|nct|ile|toxic|free|open|exempt|distinct|ed|ing|er|or|ist|ian|ee|man|cadet|fellow|down|up|off|out)$"
    r"|^(?:in|on|at|no|under|into|after|to|for|with)\s",
    re.I,
)  # "valid", "director", "in service", "laid down": what the head is, not something that it has
_OWN = re.compile(
    r"(?P<own>[\w '-]+?)\s+(?:(?:(?:do|does|did|must|may|can|should|will|is|are|was|were)(?: not)?|cannot)\s.+|"
    r"(?:includes|excludes|requires|applies|begins|ends|expires|starts)(?:\s+\w+)?)",
    re.I,
)
_NO_NOUN = re.compile(
    r"\b(?:it|he|she|they|we|you|that|which|who|whom|whose|when|where|what|how|why|to|and|or|if|not|no|"
    r"has|have|had|is|are|was|were|be|been|can|may|must|does|do)\b"
    r"|\s(?:an?|the)\b|^(?:in|at|on|of|by|for|from|with|as|also)\b|ly$",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Nouns:
    """The two nouns of a relation. `sure` is False where the rules guessed. `aliases`: other names of the tail's."""

    tail_noun: str
    head_noun: str
    sure: bool = True
    aliases: tuple[str, ...] = ()


def clause(noun: str) -> tuple[str, str]:
    """The relation of a noun that is a clause: of "what it supersedes", where "it" does so, and of "what its fees
    include"; or of "what supersedes it", where that is done to it. Twice "" for any other noun.
    """
    for whose in ("what it ", "what its "):
        if noun.startswith(whose):
            return noun.removeprefix(whose), ""
    done = noun.removeprefix("what ").removesuffix(" it")
    return "", (done if noun == f"what {done} it" else "")


def bearer(noun: str, kind: str = "thing") -> str:
    """The noun of what has it: "thing with the price"."""
    return f"{kind} with the {noun}"


def bare(text: str) -> str:
    """Without the article that it begins with."""
    return _ARTICLE.sub("", text).strip()


def whole(phrase: str, *, sure: bool = False) -> Nouns:
    """A verb phrase that no noun fits: contraindicated with -> what it is contraindicated with"""
    first, _, rest = phrase.partition(" ")
    if is_passive(phrase) or (first.lower() == "not" and not is_third_person(rest.split(" ", 1)[0])):
        phrase = f"is {phrase}"
    return Nouns(f"what it {phrase}", f"what {phrase} it", sure=sure)


def own(phrase: str) -> Nouns | None:
    """highest point is -> highest point; fees do not cover -> what its fees do not cover"""
    left = re.fullmatch(r"(?P<own>.+?)\s+(?:is|are|was|were)", phrase, re.I)
    found = left or _OWN.fullmatch(phrase)
    if not found or is_verbal(phrase) or _NO_NOUN.search(found["own"]):
        return None
    if left:
        return Nouns(bare(left["own"]), bearer(bare(left["own"])))
    return Nouns(f"what its {bare(phrase)}", bearer(bare(phrase)), sure=False)


def being(phrase: str, what: str, preposition: str) -> Nouns:
    """vice president of -> what it is vice president of, vice president; age range from -> what its age range is from

    `phrase` ends with the preposition; `what` is what stands before it.
    """
    first, *others = phrase.split()
    acts = IS.match(phrase) or any(is_third_person(word) for word in [first, *others])
    if acts and not IS.match(phrase) and not is_third_person(first) and not _NO_NOUN.search(first):
        return Nouns(f"what its {phrase}", bearer(phrase), sure=False)  # "exclusion refers to"
    if (
        not acts
        and preposition in {"from", "on", "by", "until", "since", "via", "within", "through"}
        and not _IS_SO.search(what)
    ):
        verb = "is" if singular(what.split()[-1]) == what.split()[-1] else "are"
        return Nouns(f"what its {what} {verb} {preposition}", bearer(what), sure=False)
    is_so = phrase if acts else f"has {phrase}" if first.lower() == "no" else f"is {phrase}"
    told = f"what {is_so} it" if preposition != "of" or what.endswith("id") else what  # "afraid of"
    return Nouns(f"what it {is_so}", told, sure=False)
