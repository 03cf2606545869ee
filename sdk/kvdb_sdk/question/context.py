"""Text that the application gives with a question (a document, a user's claim), and whether it speaks of what is asked.

By default the store wins: the text is read only where the store does not know. `prefer="context"` turns that round, for
as long as the text speaks of what is asked: it names the question's subject, and one of its sentences means the noun
that the question means ("the elevation of it") more than the subject's other nouns, and is near to it.
"""

from __future__ import annotations

import re

from kvdb.errors import LimitError
from kvdb.kg2kv import key_sentence

from ..answer import UNKNOWN, Answer, time_taken
from ..models.encoders import Encoder
from .forms import has_content
from .hops import Reader
from .reading import Subject, masked, spelt_noun
from .relation_match import SUBJECT, term_in, without_subject

PREFERENCES = ("store", "context")
NEAR = 0.3  # similarity to the noun that is asked for, from which on a sentence may speak of it

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


def check_prefer(prefer: str) -> None:
    """Raises LimitError for what is no preference."""
    if prefer not in PREFERENCES:
        raise LimitError(f'prefer is {prefer!r}: give "store" or "context"')


def speaks_of(context: str, question: str, reader: Reader, encoder: Encoder | None) -> bool:
    """Whether the context speaks of what the question asks. Raises LimitError where there is no encoder to tell."""
    if encoder is None:
        raise LimitError('prefer="context" compares the context with the question: give an encoder')
    for subject in reader.subjects(question):
        if term_in(context, subject.term):
            noun = _meant(masked(question, subject), subject, reader)
            said = [_masked(subject.term, part) for part in _SENTENCE.split(context)]
            said = [text for text in said if has_content(text)]
            vectors = encoder([key_sentence(noun, SUBJECT), *said])  # [1 + s, E]
            near = vectors[1:] @ vectors[0] >= NEAR  # [s]
            if any(close and _meant(text, subject, reader) == noun for text, close in zip(said, near, strict=True)):
                return True
    return False


def _meant(text: str, subject: Subject, reader: Reader) -> str:
    """The noun of the subject that a text, its subject masked, means most."""
    return spelt_noun(text, subject.nouns) or reader.best_noun(text, subject.nouns)[0]


def _masked(term: str, sentence: str) -> str:
    """The sentence with the term masked; one that follows on another may say "it" anyway."""
    place = term_in(sentence, term)
    return without_subject(sentence, *place.span()) if place else sentence


def context_prompt(question: str, context: str) -> str:
    """The user's turn: the text, what to do with it, and the question."""
    return (
        f"Text:\n{context}\n\n"
        f'Answer the question in one sentence from this text only. If the text does not tell, answer "{UNKNOWN}"\n\n'
        f"Question: {question}"
    )


def answer_from_context(text: str, tokens: int, seconds: float) -> Answer:
    """What the plain model wrote from the context. Nothing vouches for it: not answered by the store, nothing cited."""
    return Answer(text, False, stats={"from": "context", "tokens": tokens, **time_taken(seconds, tokens)})
