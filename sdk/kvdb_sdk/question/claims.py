"""Whether what a question claims of a subject is so, judged from the values that the store has.

Yes needs the whole value, no more and no less. No needs a claim that cannot be another way to say the value. Between
the two nothing is judged: "Is Guinea the country of X?" where it is Equatorial Guinea, "US" for "United States".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from kvdb.nouns import clause
from kvdb.nouns.lexicon import SYMMETRIC
from kvdb.nouns.phrases import is_verbal
from kvdb.nouns.words import clean, plain_verb

from .direction import acting_clause, asks_the_other_way
from .forms import LONGEST, content_words, has_noun, noun_places, states_one_thing, stem
from .quantities import scaled
from .reading import Subject, masked

# numbers with their sign and decimals, else words; dots inside belong to them
_TOKEN = re.compile(r"(?<![\w.])-\d+(?:\.\d+)*|\w+(?:\.\w+)*")
_FLAGS = {"yes": True, "true": True, "y": True, "no": False, "false": False, "n": False}
_OF_NAMES = "of the and a an de la le du von van al el"
_DATED = re.compile(r"\d+(?:\.\d+){2,}")
_MODAL = re.compile(r"^\W*(?:can|may|must|should)\b", re.IGNORECASE)  # "May it ...?" claims no month
_INSIDE = frozenset(_OF_NAMES.split())  # of names: "Isle of Man"
_SAID_AROUND = """
about actually also any anything ask asked asking available be aren wasn weren isn doesn didn don t re certain check
cheers contain contained contains correctly currently data database dear exist existing exists fact facts far find
forgot forget given guess happen heard hello help hey hi homework if indeed info information just kind let like
listed look looking maybe mention mentioned mind need now ok okay perhaps possible possibly question quick read
record recorded records regarding remember said says so some something sorry stated still store stored thank thanks
then think wrote thought too try verify want well whether wonder wondering
"""
_ASIDE = frozenset(_SAID_AROUND.split())  # what people say around a claim


def verdict(question: str, subject: Subject, noun: str) -> bool | None:
    """True or False where the question claims a value for the noun of a subject and the store settles it, else None."""
    if not states_one_thing(_without(masked(question, subject), [noun, *subject.values(noun)])):
        return None
    text = _MODAL.sub("", masked(question, subject))
    whole = [value for value in subject.values(noun) if claims(text, value)]
    if whole and not any(map(_is_name, _runs(_without(text, whole), noun))):
        return True
    claimed = _runs(text, noun, _relations(subject, noun))
    values = [_flat(value, noun) for value in subject.values(noun)]
    others = [_flat(value, noun) for other, _, value in subject.facts if other != noun]
    more = [run for run in claimed if _fold(run) not in values]
    if len(more) < len(claimed):
        # "and the capital of Spain is Lisbon" is another claim; "Paris, France" only says which Paris is meant
        return None if any(_is_name(run) and _fold(run) not in others for run in more) else True
    if len(claimed) != 1:
        return None
    claim = _fold(claimed[0])
    if claim in others or any(_may_mean(claim, value) for value in values):
        return None
    if any(("%" in question) != ("%" in value) for value in subject.values(noun)) and _has_number(claim):
        return None  # 50 % may be 0.5
    return False if _is_value(claimed[0], question, subject, noun) else None


def is_another(question: str, subject: Subject, noun: str, other: str) -> bool:
    """Whether a question claims a value that the noun has for another subject, and nothing else: "Is the chapter of
    asthma Diseases of the digestive system?" It is no other way to say a value that shares only some of its words.
    """
    text = _without(_MODAL.sub("", masked(question, subject)), [other])
    claim, values = set(_flat(other, noun)), [set(_flat(value, noun)) for value in subject.values(noun)]
    if len(claim) < 2 or any(claim <= value or value <= claim for value in values):
        return False
    return states_one_thing(_without(text, [noun])) and not _runs(text, noun)


def claims(question: str, value: str) -> bool:
    """Whether a question has a value word for word, its article aside, and nothing beside it that is an alternative."""
    bare = re.sub(r"^(?:the|a|an)\s+", "", value, flags=re.IGNORECASE)
    stands = len(bare) <= len(question) and re.search(rf"(?<!\w){re.escape(bare)}(?!\w)", question, re.IGNORECASE)
    return bool(stands) and states_one_thing(_without(question, [bare]))


def flag(question: str, subject: Subject, noun: str) -> bool | None:
    """What a fact says whose value is yes or no ("is_active": "no"), where the question claims nothing but that; else
    None.
    """
    found = {_FLAGS.get(value.casefold()) for value in subject.values(noun)}
    text = _MODAL.sub("", masked(question, subject))
    own = _relations(subject, noun)
    if len(found) != 1 or None in found or not (has_noun(text, noun) or says(text, own)):
        return None
    return None if _runs(text, noun, own) or not states_one_thing(text) else found.pop()


def says(question: str, phrase: str) -> bool:
    """Whether a question has every word of a relation's phrase that says something, in some form."""
    asked = [stem(word) for word in _tokens(question)]
    return all(any(_is_form(stem(word), other) for other in asked) for word in content_words(phrase))


def is_turned_round(question: str, subject: Subject, noun: str) -> bool:
    """Whether a question claims the other end of a relation: "Did A warn B?" where it is B that warned A."""
    text = masked(question, subject)
    place = re.search(rf"(?<!\w)it (?P<is_one>(?:an?|the) )?{re.escape(noun)}(?!\w)", text, re.IGNORECASE)
    if place and place["is_one"]:  # "Is it a subsidiary of B?", where the subsidiary of it is B
        return noun.split()[-1].casefold() not in SYMMETRIC
    if has_noun(text, noun) and not place:  # in "Does it cause B?" the noun is a verb
        return False
    if noun.split()[-1] in SYMMETRIC:
        return False
    facts = [fact for other, fact, _ in subject.facts if other == noun]
    ends = [end for fact in facts if (end := acting_clause(fact.relation, is_head=fact.head == subject.term))]
    return bool(ends) and all(asks_the_other_way(text, end) for end in ends)


def _relations(subject: Subject, noun: str) -> str:
    """What the facts themselves call a noun of the subject."""
    return " ".join({clean(fact.relation) for other, fact, _ in subject.facts if other == noun})


def said_clause(text: str, nouns: Sequence[str]) -> str | None:
    """The longest of the nouns that are clauses all of whose words a text, its subject masked, has, and the right way
    round.
    """
    phrases = {noun: "".join(clause(noun)) for noun in nouns}
    said = [noun for noun, phrase in phrases.items() if content_words(phrase) and says(text, phrase)]
    return max((noun for noun in said if not asks_the_other_way(text, noun)), key=len, default=None)


def said_relation(text: str, subject: Subject) -> str | None:
    """The noun of a subject whose fact has the words of a text as its own, as a verb, and the right way round; of
    several facts that with the most words.
    """
    found: dict[str, str] = {}
    for noun, fact, value in subject.facts:
        phrase, end = clean(fact.relation), acting_clause(fact.relation, is_head=fact.head == subject.term)
        if not (end or is_verbal(phrase)) or not content_words(phrase) or not says(text, phrase):
            continue
        if value.casefold() in _FLAGS or not (end and asks_the_other_way(text, end)):
            found.setdefault(phrase, noun)
    return found[max(found, key=len)] if found else None


def _is_value(claim: list[str], question: str, subject: Subject, noun: str) -> bool:
    """Whether what is claimed is a value, right or wrong, and not something about it ("is its founder alive?")."""
    if _is_name(claim):
        return True
    text = masked(question, subject)
    if not has_noun(text, noun):
        return False
    before = text[: noun_places(text, noun)[-1][0]]
    return _runs(before, noun) == [claim] or all(value == value.casefold() for value in subject.values(noun))


def _is_name(run: Sequence[str]) -> bool:
    """Whether what is said is a name or a number."""
    return all(not token[0].islower() for token in run)


def _runs(text: str, noun: str, own: str = "") -> list[list[str]]:
    """The words that are claimed, in their case, by phrase: those that say something beside subject and noun.

    `own`: the words of the noun's facts.
    """
    said = {word for each in _tokens(noun) for word in (each, each + "s", each + "es")}
    stems = {stem(word) for word in content_words(f"{''.join(clause(noun))} {own}")}
    runs: list[list[str]] = [[]]
    for token in _TOKEN.findall(scaled(text)):
        folded = _fold([token])[0]
        if (
            folded in said
            or stem(folded) in stems
            or folded in _ASIDE
            or not (_says_something(folded) or folded in _INSIDE)
        ):
            runs.append([])
        elif folded not in _INSIDE:
            runs[-1].append(token)
    return [run for run in runs if run]


def _without(text: str, parts: Sequence[str]) -> str:
    """A text without these parts, so that their own words ("highest point", "North or South") are not read."""
    for part in sorted((part for part in parts if len(part) <= len(text)), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", "", text, flags=re.IGNORECASE)
    return text


def _may_mean(claim: Sequence[str], value: Sequence[str]) -> bool:
    """Whether a claim could be another way to say a value."""
    if not value:
        return True
    numbers = [{_number(word) for word in part} - {None} for part in (claim, value)]
    if all(numbers):  # 376 m may be 1,234 ft
        return not numbers[0].isdisjoint(numbers[1]) or _in_words(claim) != _in_words(value)
    if any(_DATED.fullmatch(word) for word in claim) and _has_number(value):
        return True  # 1.1.90 may be 1990-01-01
    if numbers[0] or (numbers[1] and len(value) == 1):
        return True  # "twelve" for 12
    if any(_alike(a, b) for a in claim for b in value):
        return True
    short, long = sorted((_initials(claim), _initials(value)), key=len)
    return len(short) > 1 and long.startswith(short)  # "NYC" may be "New York"


def _in_words(part: Sequence[str]) -> set[str]:
    """What is said beside the numbers: the unit."""
    return {word for word in part if _number(word) is None}


def _has_number(part: Sequence[str]) -> bool:
    return any(_number(word) is not None for word in part)


def _alike(a: str, b: str) -> bool:
    """Whether two words may be forms of one: "Italy", "Italian"; "cat", "cats"."""
    if any(c.isdigit() for c in a + b):
        return a == b
    a, b = plain_verb(a), plain_verb(b)  # "won", "win"
    return a[:4] == b[:4] or (min(len(a), len(b)) > 2 and (a.startswith(b) or b.startswith(a)))


def _is_form(a: str, b: str) -> bool:
    """Whether two stems are of one word: "treat" and "treatment", but not "company" and "compatible"."""
    return a == b or (min(len(a), len(b)) > 3 and (a.startswith(b) or b.startswith(a)))


def _initials(part: Sequence[str]) -> str:
    """The letters that a name is abbreviated by; of one word, that word: it may be the abbreviation."""
    return part[0].replace(".", "") if len(part) == 1 else "".join(word[0] for word in part)


def _number(word: str) -> float | None:
    return float(word) if re.fullmatch(r"-?\d+(?:\.\d+)?", word) else None


def _tokens(text: str) -> list[str]:
    return _fold(_TOKEN.findall(scaled(text)))


def _flat(value: str, noun: str) -> list[str]:
    """The words of a value, of a long one those it begins with, as `_runs` would read them."""
    return _fold([token for run in _runs(value[:LONGEST], noun) for token in run])


def _fold(tokens: Sequence[str]) -> list[str]:
    """In small letters without accents; numbers as they are equal: 12.0 is 12."""
    plain = [unicodedata.normalize("NFKD", token.casefold()) for token in tokens]
    plain = ["".join(c for c in token if not unicodedata.combining(c)) for token in plain]
    return [f"{float(token):g}" if re.fullmatch(r"-?\d{1,6}\.\d+", token) else token for token in plain]


def _says_something(word: str) -> bool:
    return bool(content_words(word))
