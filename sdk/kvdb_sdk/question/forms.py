"""How a question is put: what can be told from its words alone, whatever the store."""

from __future__ import annotations

import re

from kvdb.nouns.words import plain_verb

LONGEST = 600  # characters; a longer text is no question of these forms

_CLAUSE = r"(?:^|[:,.;?!] )"
_GERMAN_WHAT = r"was (?:ist|sind|war|waren|hat|haben|f\u00fcr|bedeutet|kostet|macht)\b"
_TRUTH_VERB = r"(?:is|are|was|were|does|do|did|has|have|isn't|aren't|wasn't|weren't|doesn't|don't|didn't|would)"
_YES_NO = re.compile(
    rf"{_CLAUSE}(?!{_GERMAN_WHAT})(?:{_TRUTH_VERB}(?!\s+(?:we|i)\b)|can|may|must|should)(?!\w)(?!\s+(?:you|anyone|anybody|someone)\b)(?!\W*$)",
    re.IGNORECASE,
)
_ASKS_TRUTH = re.compile(
    r"(?:true|correct|right|sure)\s*(?:that\b|\?|$)|\byes or no\b|\btrue or \w+|\bconfirm\b"
    r"|\b(?:right|correct) answer\b",
    re.IGNORECASE,
)
_ASKS_WHAT = re.compile(rf"{_CLAUSE}(?:what|which|who|whom|whose|where|when|why|how)\b", re.IGNORECASE)
_ASKS_HOW_MUCH = re.compile(rf"{_CLAUSE}(?:by )?how\b", re.IGNORECASE)
_WEIGHS = re.compile(r"\b(?:which|who|than|or)\b", re.IGNORECASE)
_ASKING_THE = r"(?:what(?:'s| is| was| are| were)|name|state|give(?: me)?|tell(?: me)?|know|need)"
_EITHER = re.compile(r",? or (?:not|no|false|wrong|otherwise)\b", re.IGNORECASE)
_OR = re.compile(r"\bor\b", re.IGNORECASE)
_NOT = re.compile(r"\b(?:not|never|neither|nor|no longer)\b|\w+n't\b", re.IGNORECASE)
_NEGATED_VERB = re.compile(rf"({_CLAUSE})(?:is|are|was|were|does|do|did)n't\b", re.IGNORECASE)
_DENIAL = re.compile(
    r"\b(?:forbid\w*|prohibit\w*|bann?(?:ed)?|exclu\w+|contraindicat\w*|unsafe|dangerous|lack\w*|without|free of"
    r"|avoid\w*|impossible|missing|unfit|unsuitable|refus\w+)\b",
    re.IGNORECASE,
)
_WAYS = {
    "possible": r"can|could|may|might|possibl\w+",
    "required": r"must|needs?|have to|has to|requir\w+",
    "recommended": r"should|ought|recommend\w*",
}
_COLLECTIVE = re.compile(
    r"\b(?:between|among|in common|each other|one another|together|differences?|differ|similar\w*|relationship"
    r"|connect(?:s|ed|ion)?|distance|combined|in total|the (?:sum|total|average) of)\b",
    re.IGNORECASE,
)
_ROUGH = re.compile(
    r"\b(?:about|around|roughly|approximately|nearly|almost|over|under|above|below|at least|at most|exceeds?|than)\b",
    re.IGNORECASE,
)
_LESS = """
lower lowest less least smaller smallest fewer fewest shorter shortest earlier earliest older oldest lighter lightest
cheaper cheapest nearer nearest closer closest colder coldest cooler coolest narrower narrowest thinner thinnest
shallower shallowest poorer poorest slower slowest sooner soonest
"""
_MORE = """
younger youngest later latest newer newest higher highest more most larger largest greater greatest bigger biggest
longer longest taller tallest heavier heaviest deeper deepest wider widest thicker thickest warmer warmest hotter
hottest faster fastest richer richest farther farthest further furthest
"""
_ASCENDING = frozenset(_LESS.split())
_OF_AGE = frozenset(("older", "oldest", "younger", "youngest"))
_COMPARATIVE = re.compile(rf"\b(?:{'|'.join([*_LESS.split(), *_MORE.split()])})\b", re.IGNORECASE)
_FIRST = re.compile(
    r"\b(?:was|were|is|(?:came|come|comes)(?: out)?|there|started|began|opened|appeared|born|died|built|founded"
    r"|established|created|published|released|launched|completed|formed)\s+first\s*(?:[,:;?.]|$)",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")
_ENDING = re.compile(r"(?:ies|ied|ing|es|ed|s|e|y)$")
_FUNCTION_WORDS = """
a an and are as at by can could did do does for from give has have how i in is it its known me my of on or please s say
show tell than that the their there they this to true us was what when where which who whose will with would you your
know correct right sure located called named be been confirm really someone told down answer yes no not
"""
_EMPTY = frozenset(_FUNCTION_WORDS.split())


def words(text: str) -> list[str]:
    """The words of a text, folded."""
    return _WORD.findall(text.casefold())


def content_words(text: str) -> list[str]:
    """Those that say something."""
    return [word for word in words(text) if word not in _EMPTY]


def stem(word: str) -> str:
    """What the forms of a word have in common: "sued" and "sue", "won" and "wins"."""
    plain = plain_verb(word)
    return _ENDING.sub("", plain) if len(plain) > 2 else plain


def has_noun(text: str, noun: str) -> bool:
    """Whether the noun stands in the text as whole words, in any case, singular or plural."""
    return bool(noun_places(text, noun))


def noun_places(text: str, noun: str) -> list[tuple[int, int]]:
    """The spans [start, end) at which it does."""
    return [found.span() for found in re.finditer(rf"(?<!\w){singular_or_plural(noun)}(?!\w)", text, re.IGNORECASE)]


def singular_or_plural(noun: str) -> str:
    """A pattern of either: "capitals", "boxes", "industries"."""
    either = rf"{re.escape(noun)}(?:s|es)?"
    return rf"(?:{either}|{re.escape(noun[:-1])}ies)" if noun[-1:] in ("y", "Y") else either


def asks_for(text: str, noun: str) -> bool:
    """Whether a text, its subject masked, asks for a noun by name: "which country", "the country of it", "it's
    country", but not "the name of the river".
    """
    noun = rf"{singular_or_plural(noun)}(?!\w)(?!\s+of\s+(?!it\b))"
    return (
        re.search(rf"\b(?:which|what|{_ASKING_THE} the|it's)\s+{noun}|\bthe {noun} of it\b", text, re.IGNORECASE)
        is not None
    )


def asks_of_another(text: str, noun: str) -> bool:
    """Whether a text, its subject masked, has a noun of somebody else: "is it the manager of Marek Dvorak", "who has it
    as manager", "whose manager is it".
    """
    noun = rf"{singular_or_plural(noun)}(?!\w)"
    if re.search(
        rf"\bit as (?:an? |the |his |her |their |its )?(?:\w+ )?{noun}|\bwhose {noun} (?:is|was) it\b",
        text,
        re.IGNORECASE,
    ):
        return True
    of_it = re.search(rf"(?i:{noun} (?:of|for) (?:the )?it\b|\bit's (?:\w+ )?{noun})", text)
    return not of_it and re.search(rf"\bit (?i:the {noun}) of [A-Z]", text) is not None


def has_content(text: str) -> bool:
    """Whether a text has a word that says something."""
    return bool(content_words(text))


def asks_yes_or_no(question: str) -> bool:
    """Whether the question is answered by yes or no. Where it also asks what, that is what it is answered by."""
    text = question.strip()
    if _ASKS_TRUTH.search(text):
        return True
    return bool(_YES_NO.search(text)) and not _ASKS_WHAT.search(text)


def asks(question: str) -> bool:
    """Whether a text asks something, and does not tell one to write or to do something."""
    text = question.strip()
    return text.endswith("?") or bool(_ASKS_WHAT.search(text)) or asks_yes_or_no(text)


def states_one_thing(question: str) -> bool:
    """Whether a yes or no would be about one thing that is so: nothing negated, no alternatives, nothing rough."""
    text = _EITHER.sub("", re.sub(r"\b(?:yes or no|true or false)\b", "", question, flags=re.IGNORECASE))
    return not (is_negated(text) or _OR.search(text) or _ROUGH.search(text) or comparative(text))


def is_negated(question: str) -> bool:
    """Whether something is said not to be. A question that begins with "isn't" asks as one that begins with "is"."""
    text = _EITHER.sub("", question)
    return bool(_NOT.search(_NEGATED_VERB.sub(r"\1", text)))


def speaks_of_denial(question: str) -> bool:
    """Whether a question itself asks for what is not so, without a "not"."""
    return _DENIAL.search(question) is not None


def asks_in_the_way(question: str, adjective: str) -> bool:
    """Whether a question asks what may be ("possible"), must be ("required") or should be ("recommended")."""
    return re.search(rf"\b(?:{_WAYS.get(adjective, '(?!)')})\b", question, re.IGNORECASE) is not None


def is_collective(text: str) -> bool:
    """Whether a text, its subjects masked, asks for something that they have with each other, not each for itself."""
    return bool(_COLLECTIVE.search(text))


def comparative(text: str) -> str | None:
    """The first comparative of a text, None where it has none."""
    found = _COMPARATIVE.search(text)
    return found[0].casefold() if found else None


def compares_by(text: str) -> str | None:
    """The comparative that a text compares by; what came first, and is not the first of a kind, is the earliest."""
    return comparative(text) or ("earliest" if _FIRST.search(text) else None)


def is_noun(text: str, noun: str) -> bool:
    """Whether a text is the noun and nothing more, in singular or plural, with an article or without."""
    return re.fullmatch(rf"(?:(?:the|an?)\s+)?{singular_or_plural(noun)}", text.strip(), re.IGNORECASE) is not None


def weighs(text: str) -> bool:
    """Whether a text with a comparative asks which of its subjects it holds for, and not by how much."""
    return bool(_WEIGHS.search(text)) and not _ASKS_HOW_MUCH.search(text)


def prefers_less(word: str, noun: str) -> bool:
    """Whether the comparative wins with the smaller number. A year is the smaller, the older something is; an age is
    not."""
    ages = word in _OF_AGE and "age" in words(noun)
    return (word in _ASCENDING) != ages
