"""Whether a question that the store cannot answer is one for the store at all.

"What is the elevation of Nowhere Airport?" is, and the answer is that it is not known; "Write a haiku about autumn" is
not, and is left to the model as if there were no store. A logistic regression over how near the nearest fact is, how
well the question means one of the store's relations, and whether it has a name that the store does not know.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .relation_match import SUBJECT, RelationMatch

SIGNS = (1, 1, 1)  # everything that Relatedness has speaks for the store

# A run of capitalised words or numbers that does not begin the question.
_NAME = re.compile(
    r"(?<=[a-z,:;'] )(?:the )?[A-Z0-9][\w'&.\-]*(?:,? (?:of |and |the |de )?[A-Z0-9(][\w'&.\-()]*)*",
)


def name_in(text: str) -> str | None:
    """The first name in a text, of the store or not; None where there is none."""
    found = _NAME.search(text)
    return found[0].strip(" .") if found else None


@dataclass(frozen=True, slots=True)
class Relatedness:
    """What a question has to do with a store."""

    similarity: float  # of the nearest fact
    relation: float  # the best match of any of the store's relations
    named: bool  # the question has a name, of the store or not


def relatedness(
    question: str, similarity: float, match: Sequence[float], nouns: Sequence[str], matcher: RelationMatch
) -> Relatedness:
    """`match`: of the facts that the question names; `nouns`: those of the store's relations."""
    masked = _NAME.sub(SUBJECT, question, count=1)
    found = matcher.by_encoder([masked], [nouns])[0] if nouns else ()
    return Relatedness(similarity, max([*match, *found], default=0.0), masked != question or bool(match))


def related_probability(coefficients: Sequence[float], found: Relatedness) -> float:
    """The probability in [0, 1] that the question is one for the store."""
    intercept, by_similarity, by_relation, by_name = coefficients
    x = intercept + by_similarity * found.similarity + by_relation * found.relation + by_name * found.named
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, x))))
