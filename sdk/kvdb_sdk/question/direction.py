"""Who does it, and to whom: "Who did it warn?" asks for what it warned, "Who warned it?" for what warned it.

A sentence vector hardly tells the two apart, so it is told from where the subject, masked as "it", stands beside the
relation's own words, and whether these are in the passive. Only relations that are clauses say who does what.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kvdb.nouns import clause
from kvdb.nouns.modality import modality_of
from kvdb.nouns.phrases import is_verbal
from kvdb.nouns.words import clean, is_participle, verb_of_agent

from .forms import content_words, stem, words

_DOES, _BEARS, _BESIDE = "does", "bears", "beside"  # what "it" is: who does it, whom it is done to, or neither
_BE = frozenset({"is", "are", "was", "were", "be", "been", "being", "get", "got", "gets"})
_BEFORE_IT = "to from for with at in on of as into against before after under over near through than"
_MODAL_WORDS = "must may might can cannot could should shall would need ought not never no longer"
_BEFORE_A_SUBJECT = "do does did has have had that which who whom what"
_BESIDES, _WAYS = frozenset(_BEFORE_IT.split()), frozenset(_MODAL_WORDS.split())
_GOVERN = _BE | _WAYS | frozenset(_BEFORE_A_SUBJECT.split())


def asks_the_other_way(text: str, noun: str) -> bool:
    """Whether a text, its subject masked, has the words of a clause and asks for its other end."""
    does, done = clause(noun)
    wanted = [word for word in content_words(does or done) if word not in _WAYS]
    asked = words(text)
    place = _place(asked, wanted) if wanted else None
    if place is None or asked.count("it") != 1:
        return False
    said = words(does or done)
    if does and said[-1] in _BESIDES and asked.index("it") < place[0]:  # "did it drown in", "was it drowned in"
        return False
    part = _part_in_text(asked, asked.index("it"), *place, said[-1])
    return part is not None and part != _part_in_clause(said, wanted[0], bool(does))


def asks_for_the_end_of_another(text: str, noun: str, others: Iterable[str]) -> bool:
    """Whether a text asks one of the other clauses the other way round, and has no word of this noun: who acquired it
    is not told by who sued it.
    """
    told = {stem(word) for word in content_words("".join(clause(noun)) or noun)}
    if not told.isdisjoint(stem(word) for word in words(text)):
        return False
    for other in others:
        if asks_the_other_way(text, other):
            verb = stem(next(word for word in content_words("".join(clause(other))) if word not in _WAYS))
            if not any(word.startswith(verb) for word in told):
                return True
    return False


def asks_it_of_the_subject(text: str, noun: str) -> bool:
    """Whether a text asks who did to the subject what a clause says of something of it: "Who wrote it?", where somebody
    "wrote the foreword to it".
    """
    said = [word for word in words(clause(noun)[1]) if word not in _WAYS | _BE]
    asked = words(text)
    if not said or asked.count("it") != 1 or asked.index("it") == 0:
        return False
    stems = {stem(word) for word in asked}
    does_it = stem(asked[asked.index("it") - 1]) == stem(said[0])
    return does_it and any(stem(word) not in stems for word in content_words(" ".join(said[1:])))


def own_clause(relation: str, *, is_head: bool) -> str:
    """A relation's own words as the clause of its head or its tail, without what denies it: "what it was written by",
    "what was written by it". "" where they are none, or may be in either voice ("born in", "lived in"), in which they
    say the same.
    """
    way = modality_of(relation)
    phrase = way.plain if way and way.denies else clean(relation)
    if not is_verbal(phrase):
        return ""
    first, *more = phrase.split()
    if more and is_participle(first):
        if more[-1] in _BESIDES:
            return ""
        phrase = f"was {phrase}" if more[-1] == "by" else phrase
    return f"what it {phrase}" if is_head else f"what {phrase} it"


def acting_clause(relation: str, *, is_head: bool) -> str:
    """`own_clause`; of a relation that is called after who does it, what they do: its "manager" manages it."""
    verb = verb_of_agent(clean(relation).rpartition(" ")[2])
    acts = "" if verb is None else f"what {verb}s it" if is_head else f"what it {verb}s"
    return own_clause(relation, is_head=is_head) or acts


def _part_in_clause(said: Sequence[str], verb: str, does: bool) -> str:
    """The part of "it" in "what it warned" (`does`) or in "what warned it"."""
    at = said.index(verb)
    passive = is_participle(verb) and not _BE.isdisjoint(said[:at])  # "is warned by", not "is known to attract"
    if does or not passive:
        return _DOES if does != passive else _BEARS
    return _DOES if said[-1] == "by" else _BESIDE  # "what is warned by it", "what is sold to it"


def _part_in_text(asked: Sequence[str], subject: int, start: int, end: int, last: str) -> str | None:
    """The part of "it", at `subject`, in a text that has a clause's words at [start, end), the clause ending with
    `last`; None where its place does not tell: in "it trigger event", in "the includes note of it".
    """
    before = asked[subject - 1] if subject else ""
    if subject < start:
        around = {before, *asked[subject + 1 : start]}
        if around.isdisjoint(_GOVERN):
            return None
        return _BEARS if is_participle(asked[start]) and not _BE.isdisjoint(around) else _DOES  # "did it warn"
    if subject < end or subject > end + 1:
        return None
    if before == "by":
        return _DOES
    passive = is_participle(asked[start]) and not _BE.isdisjoint(asked[:start])
    if before in _BESIDES:
        return None if before != last else _BESIDE if passive else _BEARS  # "was sold to it"
    return None if passive or subject > end else _BEARS  # "what is left out here: it", "who warned it"


def _place(asked: Sequence[str], wanted: Sequence[str]) -> tuple[int, int] | None:
    """From where to where a text has all words of a clause that say something, in their order and in any form."""
    stems = [stem(word) for word in asked]
    start, place = -1, -1
    for each in (stem(word) for word in wanted):
        if each not in stems[place + 1 :]:
            return None
        place = stems.index(each, place + 1)
        start = place if start < 0 else start
    return start, place + 1
