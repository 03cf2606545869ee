"""Noun forms: what a relation is called in the sentence "the {noun} of {term}".

Nouns stay ("capital"), verb phrases become the noun that fits: "was founded by" gives "founder" where the
tail is masked, "organisation founded" where the head is. Rules come in this order, the first that fits wins:
the user's mapping file, the lexicon, what must, may or does not hold (modality.py), the patterns below, a clause
(clauses.py), the relation as it stands. Where that is a guess, `Nouns.sure` is
False, and a language model (`Namer`) may be asked. Deterministic; never empty; never a line break.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from kvdb.nouns.clauses import BEARER, IS, Nouns, bare, bearer, being, clause, own, whole
from kvdb.nouns.lexicon import COMMON_VERBS, FIXED, SYMMETRIC, THIN_NOUNS, TYPE_NOUNS
from kvdb.nouns.modality import refuses, split_modality
from kvdb.nouns.phrases import ends_open, is_verbal
from kvdb.nouns.words import (
    agent,
    base_verb,
    clean,
    core,
    gerund,
    is_participle,
    is_third_person,
    knows_verb,
    nominal,
    participle,
    singular,
    strip_auxiliary,
)

__all__ = ["BEARER", "Namer", "Nouns", "clause", "noun_forms"]

Namer = Callable[[list[str]], list[Nouns]]
"""Names relations with a language model: one Nouns for each relation, in order."""

_Rule = Callable[[str], "Nouns | None"]

_PREPOSITIONS = (
    "of|by|in|at|on|to|for|from|with|as|into|through|under|against|about|than|near|within|via|during|between"
)
_LONGEST = 200  # characters; what is longer is no phrase
_ARTICLE = re.compile(r"(?:a|an|the)\s", re.I)
_HOW = re.compile(
    r"(?:\w+ly|first|last|well|best|also|now|once|still|long|most|least|often|never|not|only|in|on)\s", re.I
)
_NOT = re.compile(r"\b(?:not|never|no|without|lacks|un(?:fit|safe|suitable|suited|able|related|like))\b|n't\b", re.I)


@lru_cache(maxsize=65536)
def noun_forms(relation: str) -> Nouns:
    """The nouns of a relation by rules alone."""
    phrase = clean(relation)
    if len(phrase) > _LONGEST:
        return Nouns(phrase, bearer(phrase), sure=False)
    fixed, modal = FIXED.get(phrase.lower()), _modal(phrase)
    if fixed is None and modal is not None:
        return modal
    fixed = fixed or FIXED.get(core(phrase))
    if fixed is not None:
        return Nouns(*fixed)
    nouns = next(filter(None, (rule(phrase) for rule in _RULES)), None)
    if (is_verbal(phrase) and not (nouns and nouns.sure)) or _loses_a_not(phrase, nouns):
        return whole(phrase)
    return nouns or Nouns(phrase, bearer(phrase), sure=_looks_like_noun(phrase))


def _loses_a_not(phrase: str, nouns: Nouns | None) -> bool:
    """Whether a noun would turn what is said round: "unfit to be used for" is no use."""
    return nouns is not None and _NOT.search(phrase) is not None and not _NOT.search(nouns.tail_noun)


def _modal(phrase: str) -> Nouns | None:
    """must not be used for -> forbidden use; must not be stored with -> what it must not be stored with"""
    modality = split_modality(phrase)
    if modality is None:
        return None
    if refuses(phrase):
        return whole(phrase, sure=True)
    plain = noun_forms(modality.plain)
    thing = plain.tail_noun.startswith("thing ") or plain.tail_noun.endswith(" thing")
    fits = plain.sure and not thing and plain.tail_noun != modality.plain  # "does not cross": a verb, whatever it looks
    if not (modality.adjective and fits) or any(clause(plain.tail_noun)) or split_modality(modality.plain):
        return whole(phrase, sure=True)  # however a language model would call it, it might forget the "not"
    tail = f"{modality.adjective} {plain.tail_noun}"
    head = bearer(tail) if plain.head_noun.startswith("thing ") else f"{modality.adjective} {plain.head_noun}"
    return Nouns(tail, head)


def _has(phrase: str) -> Nouns | None:
    """has the role -> role"""
    found = re.fullmatch(r"(?:has|have|had)\s+(?!been\b)(.+)", phrase, re.I)
    if not found:
        return None
    noun, told = bare(found[1]), _ARTICLE.match(found[1]) is not None
    if is_participle(noun.split()[0]) or (told and re.search(r"\s(?:on|in|with|for|to|from|against)$", noun)):
        return None  # "had accused", "has a stake in"
    by = re.fullmatch(rf"(.+?)\s+(?:{_PREPOSITIONS})", noun, re.I)
    return Nouns(by[1], bearer(by[1]), sure=told) if by else Nouns(noun, bearer(noun))


def _made_by(phrase: str) -> Nouns | None:
    """was founded by -> founder; is a USB device made by -> maker, USB device"""
    found = re.fullmatch(r"(.*?)([\w-]+)\s+by(?:\s+(.+))?", strip_auxiliary(phrase), re.I)
    if not found or not is_participle(found[2]):
        return None
    before, verb, after = found[1].strip(), found[2], found[3]
    fixed = FIXED.get(f"{verb.lower()} by")
    doer = bare(after) if after else fixed[0] if fixed else agent(verb)
    if before and _HOW.fullmatch(f"{before} ") and not before.lower().endswith("ly"):
        return None  # "was first described by" says more than a describer
    if not before:
        return Nouns(doer, fixed[1] if fixed else bearer(doer), sure=bool(after or fixed) or knows_verb(verb))
    if before.lower().endswith("ly"):
        return Nouns(f"{_adjective(before)} {doer}", bearer(f"{_adjective(before)} {doer}"), sure=False)
    return Nouns(doer, bare(before))


def _belongs(phrase: str) -> Nouns | None:
    """belongs to the family -> family; is part of the region -> region; is a district of the country"""
    found = re.fullmatch(r"(?:belongs|belong|belonged|assigned|allocated) to (?:a|an|the) (.+)", phrase, re.I)
    if found:
        return Nouns(found[1], f"member of the {found[1]}")
    of = re.fullmatch(r"(.+?) of (?:a|an|the) (.+)", strip_auxiliary(phrase), re.I)
    if not of or not (IS.match(phrase) or core(of[1]) in {"part", "member"}):
        return None
    what, whole = bare(of[1]), of[2]
    if is_participle(what.split()[0]) and " " not in what:
        return None
    # "Ziagen is another name of the drug Abacavir": the tail is a name too.
    named = re.fullmatch(r"(?:another|other|alternative|a|an)?\s*(.*name)", what, re.I)
    if named:
        other = re.sub(r"^another\b", "other", what, flags=re.I)
        return Nouns(f"{whole} name", other)
    return Nouns(whole, what)


def _inside(phrase: str) -> Nouns | None:
    """is in the block -> block; is used in the region -> region of use; is in the same class as"""
    same = re.fullmatch(r"(?:is |are |has |have )?(?:in |at |on |of )?the same (.+?) (?:as|with)", phrase, re.I)
    if same:
        return Nouns(f"fellow member of the {same[1]}", f"fellow member of the {same[1]}")
    found = re.fullmatch(r"(?:(.+?) )?(?:in|at|on|within|inside) (?:a|an|the) (.+)", strip_auxiliary(phrase), re.I)
    if (
        not found
        or ends_open(phrase)
        or not (IS.match(phrase) or found[1] is None or is_participle(found[1]) or base_verb(found[1]))
    ):
        return None
    deed, place = found[1], found[2]
    if not deed or deed.lower() in {"located", "situated", "found", "contained", "placed", "lies", "based"}:
        return Nouns(place, f"thing in the {place}")
    if deed.lower() == "used":
        return Nouns(f"{place} of use", f"thing used in the {place}")
    if is_participle(deed):
        return Nouns(f"{place} of {nominal(deed)}", f"thing {deed} in the {place}")
    verb = base_verb(deed)
    if verb:
        return Nouns(f"{place} of {nominal(verb)}", f"thing {gerund(verb)} in the {place}")
    return Nouns(place, bare(deed), sure=False)


def _adjective(adverb: str) -> str:
    """negatively -> negative; derivationally -> derivational; never stays"""
    word = adverb.split()[-1]
    if word.endswith("ically"):
        return word.removesuffix("ally")
    if word.endswith("ily"):
        return word[:-3] + "y"
    return word.removesuffix("ly")


def _transitive(phrase: str) -> Nouns | None:
    """regulates -> what it regulates, regulator; serves the city -> city served; negatively regulates"""
    adverb, _, rest = phrase.partition(" ")
    adjective = ""
    if adverb.lower().endswith("ly") and rest:
        adjective, phrase = _adjective(adverb.lower()) + " ", rest
    first, _, rest = phrase.partition(" ")
    verb = base_verb(first)
    if verb is None or first.lower() == verb:  # "release date" is a noun, "releases" a verb
        return None
    if re.fullmatch(rf"(?:{_PREPOSITIONS})\b.*", rest, re.I):
        return None
    thing, done = bare(rest), participle(verb)
    if not rest:
        manner = f"{adverb.lower()} " if adjective else ""
        named = f"{adjective}{agent(verb)}" if verb in COMMON_VERBS else f"what {manner}{first} it"
        return Nouns(f"what it {manner}{first}", named)
    if re.search(rf"\s(?:{_PREPOSITIONS})$", thing, re.I) or (" " in thing and is_participle(thing.split()[-1])):
        return None  # "owns a yacht called"
    return Nouns(f"{adjective}{thing} {done}", f"thing {gerund(verb)} the {thing}", sure=bool(_ARTICLE.match(rest)))


def _relative(phrase: str) -> Nouns | None:
    """is the capital of: the head is the noun, the tail is what it belongs to"""
    found = re.fullmatch(rf"(.+?) ({_PREPOSITIONS}|until|since)", phrase, re.I)
    if not found:
        return None
    verbal = strip_auxiliary(phrase)
    what, preposition = bare(verbal.rsplit(" ", 1)[0]), found[2].lower()
    if not what:
        return Nouns("location", "thing in the location", sure=False)
    words = what.split()
    last = singular(words[-1].lower())
    if preposition in {"of", "to", "with"} and (last in SYMMETRIC or words[-1].lower() in SYMMETRIC):
        return Nouns(what, what)
    fixed = FIXED.get(f"{words[-1].lower()} {preposition}")
    if fixed and len(words) > 1 and not words[0].lower().endswith("ly") and not is_verbal(verbal):
        return Nouns(fixed[0], what)
    return _deed(words, preposition) or being(phrase, what, preposition)


def _deed(words: list[str], preposition: str) -> Nouns | None:
    """occurs in -> place of occurring; derivationally related to -> derivationally related thing"""
    verb = base_verb(words[0]) if is_third_person(words[0]) else None
    if is_participle(words[-1]) or (verb and len(words) == 1):
        described = " ".join(words)
        if verb is None and len(words) > 1 and not _HOW.match(described):  # "notice given for"
            thing = " ".join(words[:-1])
            return Nouns(f"what its {thing} is {words[-1]} {preposition}", bearer(thing), sure=False)
        deed = nominal(verb or words[-1])
        if preposition in {"in", "at", "on", "near", "under"}:
            what = "date" if preposition == "on" else "time or place"  # only the tail tells
            return Nouns(f"{what} of {deed}", bearer(f"{what} of {deed}"), sure=False)
        if preposition == "from":
            return Nouns(f"{deed} source", f"{deed} product", sure=False)
        if preposition == "for":
            return Nouns(f"purpose of {deed}", f"thing with the purpose of {deed}", sure=False)
        if preposition == "with" and verb:
            return Nouns(f"{deed} partner", f"{deed} partner", sure=False)
        if verb is None:
            return Nouns(f"{described} thing", f"{described} thing", sure=False)
        return Nouns(f"{deed} target", agent(verb), sure=False)
    if len(words) > 1 and words[0].lower().endswith("ly"):
        return Nouns(f"{' '.join(words)} thing", f"{' '.join(words)} thing", sure=False)
    return None


def _typed(phrase: str) -> Nouns | None:
    """country of the airport -> country; status of the language -> language status; type of company"""
    found = re.fullmatch(r"(.+?) of (?:(?:the|its|an?) )?(\w+)", phrase, re.I)
    if not found:
        return None
    noun, kind = found[1], found[2].lower()
    if noun.lower() in {"type", "kind"} or (noun.lower() in THIN_NOUNS and kind in TYPE_NOUNS):
        return Nouns(f"{kind} {noun.lower()}", bearer(f"{kind} {noun.lower()}"))
    if kind in TYPE_NOUNS and re.search(r" of the ", phrase, re.I) and not re.search(r"\b(?:of|number)\b", noun):
        return Nouns(noun, bearer(noun, kind))
    its = re.fullmatch(r"name of its (\w+)", phrase, re.I)
    return Nouns(f"{its[1]} name", bearer(f"{its[1]} name")) if its else None


def _is_something(phrase: str) -> Nouns | None:
    """is active, can be deleted: answered by yes or no, never "the is ... of"."""
    what = bare(strip_auxiliary(phrase))
    return None if what == phrase or not what else Nouns(what, bearer(what), sure=False)


_RULES: tuple[_Rule, ...] = (own, _has, _made_by, _belongs, _inside, _typed, _transitive, _relative, _is_something)


def _looks_like_noun(phrase: str) -> bool:
    words = phrase.split()
    if re.fullmatch(r"[A-Za-z]?\d+", phrase):
        return False
    verb = base_verb(words[0])
    return not (is_participle(words[-1]) and len(words) == 1) and (verb is None or verb == words[0].lower())
