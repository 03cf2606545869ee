"""Noun forms from a language model, for relations that the rules (`kvdb.nouns`) are not sure of.

Few-shot completion, greedy, one line a noun. What comes back is only ever a noun of at most eight words; anything else
(`kvdb.kg2kv.namer_nouns` checks it) leaves the relation to the rules.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch

from kvdb.kg2kv import Nouns, noun_forms

from .language_model import load_language_model

MOST_WORDS = 8
MOST_TOKENS = 16
MOST_LETTERS = 200  # of a relation that the model is shown

_PLACEHOLDER = re.compile(r"(\s+(of|by|in|for|from|at))?(\s+the)?\s+[AB]\b.*")  # "capital of B"

# relation, noun of its tail, noun of its head
SHOWN = (
    ("was composed by", "composer", "musical work"),
    ("is spoken in", "place where it is spoken", "spoken language"),
    ("was awarded", "award received", "recipient"),
    ("flows into", "river mouth", "tributary"),
    ("is taught at", "school where it is taught", "subject taught"),
    ("has coach", "coach", "team coached"),
)


class NounModel:
    """A namer for `namer_nouns`: asked for relations, it gives the nouns of each."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model, self._tokenizer = model, tokenizer

    @classmethod
    def from_pretrained(cls, name: str) -> NounModel:
        """Load a language model by name, folder or hub id. Raises UnknownModelError."""
        return cls(*load_language_model(name))

    def __call__(self, relations: Sequence[str]) -> list[Nouns]:
        """The nouns of each relation; those of the rules where the model says nothing that could be one."""
        return [self._nouns(relation) for relation in relations]

    def _nouns(self, relation: str) -> Nouns:
        rules = noun_forms(relation)
        tail = self._complete(relation, 1)
        if not tail:
            return rules
        return Nouns(tail, self._complete(relation, 2) or f"thing with the {tail}", sure=False)

    def _complete(self, relation: str, place: int) -> str:
        """The noun of the tail (place 1) or head (2) that the model goes on with, "" where that is none."""
        asked = " ".join(relation.split())[:MOST_LETTERS]
        end = "the second" if place == 1 else "the first"
        lines = [f'"A {shown[0]} B": {end} is the {shown[place]}.' for shown in SHOWN]
        prompt = "\n".join([*lines, f'"A {asked} B": {end} is the'])
        inputs = self._tokenizer(prompt, return_tensors="pt").to(self._model.device)
        with torch.no_grad():
            out = self._model.generate(
                **inputs, max_new_tokens=MOST_TOKENS, do_sample=False, pad_token_id=self._tokenizer.eos_token_id
            )
        text = self._tokenizer.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        return _noun(text)


def _noun(text: str) -> str:
    """The first line of a completion up to its full stop, "" where it is empty or too long to be a noun."""
    line, stop, _ = text.split("\n", 1)[0].partition(".")
    noun = _PLACEHOLDER.sub("", line).strip(" \"'")
    return noun if stop and 0 < len(noun.split()) <= MOST_WORDS else ""
