"""How well the words of a question, its subject aside, mean a relation.

The vector of a whole question is mostly its subject's: "Who runs ABN AMRO?" is as near to the key of the company's
website as to that of its key people. So the subject gives way to "it" on both sides, and what is left is compared with
the relation's noun beside what the fact says, by an encoder f that was changed for it (relation_encoder.py; else the
store's own e):

    match = cos((1 + U) f("Who runs it?"), f("the key people of it: Jane Doe (CEO)"))

A fact's value tells as well as its relation's name: "Who?" is nearer to a person than to a year, whatever the relation
is called. The noun stands alone where there is no fact. Where the question has it word for word, what the fact says
takes nothing from the match. f, or U where an encoder cannot be changed, is learnt from wordings of questions
(relation_wordings.py); with U = 0 and f = e it is the encoder's own similarity.

Where a language model can read relations too (relation_reader.py), it weighs the MOST_READ that f likes best, by a
logit l of each and l_0 of none:

    match' = N + (1 - R) (match - N) + R T (l - l_0)                        N = NOTHING, R = READ, T = TEMPERATURE

so that what neither likes better than nothing stays below N. docs/attention.md has what each of them gives.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from kvdb.kg2kv import key_sentence
from kvdb.types import F32

from .direction import asks_the_other_way
from .forms import has_noun
from .spelling import mended

Encode = Callable[[Sequence[str]], F32]
Match = Callable[[Sequence[str], Sequence[Sequence[str]], "Sequence[Sequence[str]] | None"], list[F32]]
"""Of texts, their subjects masked, with nouns each, and what the facts with these nouns say."""
Read = Callable[[Sequence[str], Sequence[Sequence[str]]], list[F32]]
"""Logits [1 + n] of each text: of none, and of each of the sentences that it may ask for (relation_reader.py)."""

SUBJECT = "it"
TEMPERATURE = 0.05  # of the softmax over relations
FARTHEST = 0.4
NOTHING = 0.3  # the match of a relation that is none
OTHER_WAY = 0.4  # less is the match of a clause whose other end is asked for
MOST_TOLD = 16  # nouns of a text that are read beside a value: those that mean it most
MOST_READ = 8  # of them that the language model reads
READ = 0.5  # the share of its logits in the match
_LONGEST = 80  # characters of a value that are read
_MOST_KEPT = 20_000  # texts of nouns with their vectors
_MOST_ASKED = 512
_FARTHEST_LOGIT = 12.0
_ARTICLE = re.compile(r"(?<!\w)the\s+$", re.IGNORECASE)


class RelationMatch:
    """Compares questions with relations; keeps the vectors of what it has compared."""

    def __init__(self, encode: Encode, change: F32 | None = None, read: Read | None = None) -> None:
        """`encode` is f; `change` is U [E, E], None for 0. Where a language model can `read`, its logits count too."""
        self._encode, self._change, self._read = encode, change, read
        self._vectors: dict[str, F32] = {}
        self._asked: dict[str, F32] = {}
        self._logits: dict[tuple[str, frozenset[str]], dict[str, float]] = {}

    def __call__(
        self,
        asked: Sequence[str],
        nouns: Sequence[Sequence[str]],
        values: Sequence[Sequence[str]] | None = None,
    ) -> list[F32]:
        """The match of each text of `asked`, its subject masked, with each of its `nouns`: in [-1, 1].

        `values`: for each text, what the facts with these nouns say. Facts with one noun have one match, by the value
        of the first of them: which of its values a relation has is not what a question means by it.
        """
        return self._matched(asked, nouns, values, read=self._read)

    def by_encoder(self, asked: Sequence[str], nouns: Sequence[Sequence[str]]) -> list[F32]:
        """The match without values, and without what a language model reads."""
        return self._matched(asked, nouns, None, read=None)

    def best(self, asked: str, nouns: Sequence[str]) -> tuple[str, float]:
        """The noun that a text means most by the encoder, and the match. ("", -1.0) where there is none."""
        if not nouns:
            return "", -1.0
        scores = self.by_encoder([asked], [nouns])[0]
        return nouns[int(scores.argmax())], float(scores.max())

    def _matched(
        self,
        asked: Sequence[str],
        nouns: Sequence[Sequence[str]],
        values: Sequence[Sequence[str]] | None,
        *,
        read: Read | None,
    ) -> list[F32]:
        if not asked:
            return []
        asked = [mended(text, group) for text, group in zip(asked, nouns, strict=True)]
        questions = self._question_vectors(asked)
        matches = self._by_noun(asked, nouns, questions)
        if values is None:
            values = [[""] * len(group) for group in nouns]
        told = [_told(*each) for each in zip(matches, nouns, values, strict=True)]
        vectors = self._noun_vectors({text for each in told for text in each.values()})
        for text, match, group, each in zip(asked, matches, nouns, told, strict=True):
            for at, noun in enumerate(group):
                if noun in each:
                    told_by = float(vectors[each[noun]] @ questions[text])
                    match[at] = max(match[at], told_by) if has_noun(text, noun) else told_by
        if read is not None:
            self._reread(read, asked, nouns, told, matches)
        for text, match, group in zip(asked, matches, nouns, strict=True):
            match -= [OTHER_WAY * asks_the_other_way(text, noun) for noun in group]
        return matches

    def _reread(
        self,
        read: Read,
        asked: Sequence[str],
        nouns: Sequence[Sequence[str]],
        told: Sequence[Mapping[str, str]],
        matches: Sequence[F32],
    ) -> None:
        """Let the language model weigh the nouns that each text means best, unless it has the best of them in words.

        What it did not read is meant no better than what it did.
        """
        picked: list[dict[str, int]] = []  # of each text, the nouns that are read, and where each stands first
        for text, group, match in zip(asked, nouns, matches, strict=True):
            best: dict[str, int] = {}
            for at in np.argsort(-match, kind="stable").tolist():
                if len(best) < MOST_READ:
                    best.setdefault(group[at], at)
            picked.append(best if best and not has_noun(text, next(iter(best))) else {})
        sentences = [
            {noun: _sentence(text, noun, each) for noun in best}
            for text, best, each in zip(asked, picked, told, strict=True)
        ]
        logits = self._logits_of(read, asked, sentences)
        for group, match, best, said, of in zip(nouns, matches, picked, sentences, logits, strict=True):
            if best:
                weighed = {noun: _weighed(float(match[at]), of[said[noun]]) for noun, at in best.items()}
                least = min(weighed.values())
                match[:] = [weighed.get(noun, min(least, own)) for noun, own in zip(group, match.tolist(), strict=True)]

    def _logits_of(
        self, read: Read, asked: Sequence[str], sentences: Sequence[Mapping[str, str]]
    ) -> list[dict[str, float]]:
        """The logit of each sentence of each text, over that of none. The last ones are kept."""
        keys = [(text, frozenset(each.values())) for text, each in zip(asked, sentences, strict=True)]
        new = [(text, sorted(of)) for text, of in dict.fromkeys(keys) if of and (text, of) not in self._logits]
        if new:
            if len(self._logits) + len(new) > _MOST_ASKED:
                self._logits = {key: self._logits[key] for key in keys if key in self._logits}
            for (text, of), each in zip(new, read(*zip(*new, strict=True)), strict=True):
                self._logits[text, frozenset(of)] = dict(zip(of, (each[1:] - each[0]).tolist(), strict=True))
        return [self._logits[key] if key[1] else {} for key in keys]

    def _by_noun(self, asked: Sequence[str], nouns: Sequence[Sequence[str]], questions: dict[str, F32]) -> list[F32]:
        sentences = {noun: key_sentence(noun, SUBJECT) for group in nouns for noun in group}
        vectors = self._noun_vectors(set(sentences.values()))
        return [
            np.array([vectors[sentences[noun]] @ questions[text] for noun in group], np.float32)
            for text, group in zip(asked, nouns, strict=True)
        ]

    def _question_vectors(self, asked: Sequence[str]) -> dict[str, F32]:
        """(1 + U) f of each text, unit length. The last ones are kept: a question is compared more than once."""
        missing = [text for text in dict.fromkeys(asked) if text not in self._asked]
        if missing:
            if len(self._asked) + len(missing) > _MOST_ASKED:
                self._asked = {text: self._asked[text] for text in asked if text in self._asked}
            self._asked.update(zip(missing, _moved(self._encode(missing), self._change), strict=True))
        return self._asked

    def _noun_vectors(self, sentences: set[str]) -> dict[str, F32]:
        missing = sorted(sentences - self._vectors.keys())
        if len(self._vectors) + len(missing) > _MOST_KEPT:
            self._vectors.clear()
            missing = sorted(sentences)
        if missing:
            self._vectors.update(zip(missing, self._encode(missing), strict=True))
        return self._vectors


def beside_value(noun: str, value: str) -> str:
    """A relation's noun and what a fact says, as they are compared together."""
    return f"{key_sentence(noun, SUBJECT)}: {value[:_LONGEST]}"


def _told(match: F32, nouns: Sequence[str], values: Sequence[str]) -> dict[str, str]:
    """The nouns that are compared beside a value, with the sentence of each. `match`: of the nouns alone."""
    first: dict[str, str] = {}
    for at in np.argsort(-match, kind="stable").tolist():
        if values[at]:
            first.setdefault(nouns[at], values[at])
        if len(first) == MOST_TOLD:
            break
    return {noun: beside_value(noun, value) for noun, value in first.items()}


def _sentence(text: str, noun: str, told: Mapping[str, str]) -> str:
    """As the language model reads a noun: beside a value, unless the text has it in words."""
    return key_sentence(noun, SUBJECT) if noun not in told or has_noun(text, noun) else told[noun]


def _weighed(match: float, logit: float) -> float:
    """A match, in part by what the language model makes of it; both as log-odds over nothing."""
    logit = max(-_FARTHEST_LOGIT, min(_FARTHEST_LOGIT, logit))
    return NOTHING + (1 - READ) * (match - NOTHING) + READ * TEMPERATURE * logit


def _moved(vectors: F32, change: F32 | None) -> F32:
    """(1 + change) times vectors [m, E], unit length again."""
    if change is None:
        return vectors
    moved: F32 = vectors + vectors @ change.T  # [m, E]
    moved /= np.linalg.norm(moved, axis=1, keepdims=True).clip(1e-9)
    return moved


def lead(match: Match, asked: str, noun: str, value: str, others: Mapping[str, str]) -> float:
    """By how much a text means a noun, whose fact says `value`, better than all `others` (with what they say) together,
    and than nothing, which any text means by NOTHING:

        match(noun) - T log (exp(NOTHING / T) + sum over the others of exp(match / T))

    in [-FARTHEST, FARTHEST]. Divided by T it is the log-odds of the noun in the softmax that the match was learnt with.
    """
    own, *rest = match([asked], [[noun, *others]], [[value, *others.values()]])[0].tolist()
    rest.append(NOTHING)
    best = max(rest)
    together = best + TEMPERATURE * math.log(sum(math.exp((each - best) / TEMPERATURE) for each in rest))
    return float(max(-FARTHEST, min(FARTHEST, own - together)))


def without_subject(question: str, start: int, end: int) -> str:
    """The question with characters [start, end), its subject, masked, and an article before it."""
    return _ARTICLE.sub("", question[:start]) + SUBJECT + question[end:]


def term_in(text: str, term: str) -> re.Match[str] | None:
    """Where `term` stands in `text` as whole words, in any case; None where it does not."""
    if len(term) > len(text):  # a term may have a megabyte, and a pattern of it takes a second
        return None
    return re.search(r"(?<!\w)" + re.escape(term) + r"(?!\w)", text, re.IGNORECASE)
