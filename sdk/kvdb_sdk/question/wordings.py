"""Question wordings: those that training uses, and others that only evaluation sees.

`{noun}` is a relation's noun form, `{term}` the fact's subject. The two lists share no wording, so that a score on the
second says how an adapter does on questions that it was not trained on. What people ask without the relation's own
words ("where was {term} born" for the place of birth) is in data files: `paraphrases.json` for the relations of the
training sources, `common_relations.json` for nouns that many stores have.
"""

from __future__ import annotations

import json
import random
import re
from functools import cache
from importlib import resources

from kvdb.kg2kv import clause, key_sentence, question

TRAINING = (
    "What is the {noun} of {term}?",
    "What is the {noun} of {term}?",
    "What's the {noun} of {term}?",
    "What is {term}'s {noun}?",
    "What's {term}'s {noun}?",
    "Tell me the {noun} of {term}.",
    "Tell me what the {noun} of {term} is.",
    "Please tell me the {noun} of {term}.",
    "Give me the {noun} of {term}.",
    "Give the {noun} of {term}.",
    "Can you tell me the {noun} of {term}?",
    "Could you give me the {noun} of {term}?",
    "Can you provide the {noun} of {term}?",
    "I want to know the {noun} of {term}.",
    "I need the {noun} of {term}.",
    "I am looking for the {noun} of {term}.",
    "What does the store say about the {noun} of {term}?",
    "For {term}, what is the {noun}?",
    "For {term}, name the {noun}.",
    "{term}: what is its {noun}?",
    "{term} {noun}",
    "{noun} of {term}",
    "{noun} of {term}?",
    "the {noun} of {term}",
    "State the {noun} of {term}.",
    "Name the {noun} of {term}.",
    "Which {noun} does {term} have?",
    "Which is the {noun} of {term}?",
    "What {noun} does {term} have?",
    "What {noun} is given for {term}?",
    "Find the {noun} of {term}.",
    "Look up the {noun} of {term}.",
    "Show me the {noun} of {term}.",
    "How would you describe the {noun} of {term}?",
    "What would be the {noun} of {term}?",
    "Do you have the {noun} of {term}?",
    "Is the {noun} of {term} known? What is it?",
    "Question: what is the {noun} of {term}?",
    "Hello! What is the {noun} of {term}?",
    "Regarding {term}, tell me the {noun}.",
    "I forgot the {noun} of {term}. What is it?",
    "My question is about {term}. What is the {noun}?",
)

HELD_OUT = (
    "Do you know the {noun} of {term}?",
    "Do you happen to know {term}'s {noun}?",
    "I'd like to know what the {noun} of {term} is.",
    "Could you look up the {noun} for {term}?",
    "When it comes to {term}, what is the {noun}?",
    "Let me know the {noun} of {term}, please.",
    "What can you say about the {noun} of {term}?",
    "Would you mind telling me the {noun} of {term}?",
    "The {noun} of {term} is what?",
    "About {term}: which {noun} is it?",
    "Quick question, {term}'s {noun}?",
    "Someone asked me for the {noun} of {term}. What should I answer?",
)

_TAKES_A_CLAUSE = re.compile(r"(?<!what )(?<!what's )(?<!is )(?<!be )the \{noun\} of \{term\}(?! (?:is|known))")


def word(template: str, noun: str, term: str) -> str:
    """Fill a wording, without reading braces inside the noun or the term.

    A clause ("what it supersedes") goes where "the {noun} of {term}" is asked for; else it is asked for plainly.
    """
    places = r"(\{noun\}|\{term\})"
    filled = {"{noun}": noun, "{term}": term}
    if "{noun}" in template and any(clause(noun)):
        if not _TAKES_A_CLAUSE.search(template):
            return question(noun, term)
        places, filled = r"(the \{noun\} of \{term\})", {"the {noun} of {term}": key_sentence(noun, term)}
    return "".join(filled.get(part, part) for part in re.split(places, template))


@cache
def load_paraphrases() -> dict[str, list[str]]:
    """Relation -> wordings with `{term}`, of the relations that the shipped adapter was trained on."""
    return _data("paraphrases.json")


@cache
def load_common_relations() -> dict[str, list[str]]:
    """Noun -> wordings with `{term}`, of relations that are common in stores of all kinds."""
    return _data("common_relations.json")


@cache
def ordinary_requests() -> list[str]:
    """What people ask of a language model that has nothing to do with any store."""
    return resources.files("kvdb_sdk.question").joinpath("general.txt").read_text(encoding="utf-8").splitlines()


def _data(name: str) -> dict[str, list[str]]:
    text = resources.files("kvdb_sdk.question").joinpath(name).read_text(encoding="utf-8")
    found: dict[str, list[str]] = json.loads(text)
    return found


def rough(text: str, rng: random.Random) -> str:
    """The way people type: now and then lower case, no question mark, or a slip of a letter."""
    if rng.random() < 0.2:
        text = text.lower()
    if rng.random() < 0.25:
        text = text.rstrip("?.")
    if rng.random() < 0.08 and len(text) > 8:
        at = rng.randrange(2, len(text) - 2)
        swapped, left_out = text[at + 1] + text[at], text[at + 1]
        text = text[:at] + rng.choice((swapped, left_out)) + text[at + 2 :]
    return text
