"""From generated tokens to an answer: what was copied, which facts it rests on, and what is said where nothing was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from kvdb import Snapshot, kg2kv
from kvdb.named import named_terms
from kvdb.nouns import BEARER
from kvdb.types import Fact, fact_of, mask_of

from .answer import UNKNOWN, Answer, Citation, Span
from .attachment import Knowledge
from .attend.copying import Copier, kind_name
from .question.forms import content_words, has_content, has_noun, words
from .question.listing import with_siblings
from .question.rows import row_in_words
from .text_answer import answer_from_text, without_spans


def answer_of(tokenizer: Any, knowledge: Knowledge, prompt: int, ids: Sequence[int]) -> Answer:
    """The answer to a prompt of the last `generate`, of which `ids` are the generated tokens."""
    copier = knowledge.copier
    facts = len(knowledge.facts.selected[prompt]) if knowledge.facts.selected else 0
    attended = [fact_of(row) for row, _ in knowledge.read_most(prompt)]
    stats: dict[str, Any] = {"facts": facts, "attended": list(dict.fromkeys(attended))}
    whole: str = tokenizer.decode(ids, skip_special_tokens=True)
    if facts and not knowledge.facts.adapter.config.copies:
        return _in_own_words(knowledge, prompt, whole.strip(), stats)
    if copier is None or not facts:  # an empty store knows nothing
        return Answer(UNKNOWN, False, stats=stats)
    if copier.confidence:
        stats["confidence"] = round(copier.confidence[prompt], 4)
    if copier.refused(prompt):
        return Answer(UNKNOWN, False, stats=stats)
    spans, citations = _copied(tokenizer, copier, prompt, ids, whole)
    rows = knowledge.facts.selected[prompt]
    with knowledge.facts.generation() as snapshot:
        if citations:
            copied = [part.key.fact for part in copier.finished(prompt, ids) if kind_name(part.key) == "value"]
            row = int(rows[copied[-1]])
            answer = Answer(whole.strip(), True, citations, spans, stats)
            if not _says_what(snapshot, row, answer):
                answer = _worded_by_store(snapshot, row, citations[0].weight, stats)
            return with_siblings(snapshot, answer, mask_of(row))
        place, weight = knowledge.judged[prompt]
        answer = _worded_by_store(snapshot, int(rows[place]), weight, stats)
        return with_siblings(snapshot, answer, mask_of(int(rows[place])))


def _copied(
    tokenizer: Any, copier: Copier, prompt: int, ids: Sequence[int], whole: str
) -> tuple[tuple[Span, ...], tuple[Citation, ...]]:
    """What of the generated text was copied, and the facts whose values were."""
    lead = len(whole) - len(whole.lstrip())
    spans: list[Span] = []
    weights: dict[Fact, float] = {}
    for part in copier.finished(prompt, ids):
        fact = copier.fact(prompt, part.key)
        start = len(tokenizer.decode(ids[: part.start], skip_special_tokens=True))
        end = len(tokenizer.decode(ids[: part.end], skip_special_tokens=True))
        start += len(whole[start:end]) - len(whole[start:end].lstrip())
        spans.append(Span(start - lead, end - lead, fact.id, kind_name(part.key)))
        if kind_name(part.key) == "value":
            weights[fact] = max(part.weight, weights.get(fact, 0.0))
    ranked = sorted(weights.items(), key=lambda item: -item[1])
    return tuple(spans), tuple(Citation.of(fact, weight) for fact, weight in ranked)


def _says_what(snapshot: Snapshot, row: int, answer: Answer) -> bool:
    """Whether an answer names what its value is, and of what, before the value, and says nothing of its own: the model
    may have copied it into a sentence about something or somebody else ("the stock of it is 75 EUR in price"), or have
    made some of that up. What the store's sentence says better than "the noun of it" does is left to it.
    """
    sentence = row_in_words(snapshot, row)[1]
    if any(kg2kv.clause(sentence.noun)) or kg2kv.is_of_a_deed(sentence.noun):
        return False
    text = without_spans(answer.text, answer.spans)
    copied = {answer.text[span.start : span.end] for span in answer.spans if span.kind == "term"}
    named = {text[term.start : term.end] for term in named_terms(snapshot, text)}
    if any(name.casefold() != sentence.term.casefold() for name in copied | named if has_content(name)):
        return False
    value = next(span for span in answer.spans if span.kind == "value")
    before = answer.text[: value.start]
    if sentence.noun.startswith(BEARER) or not has_noun(before, sentence.noun):
        return False
    if sentence.term.casefold() not in before.casefold():
        return False
    known = Counter(words(sentence.noun if copied else f"{sentence.noun} {sentence.term}"))
    said = Counter(content_words(text))
    return all(max(known[word], known[word.rstrip("s")]) >= times for word, times in said.items())


def _worded_by_store(snapshot: Snapshot, row: int, weight: float, stats: dict[str, Any]) -> Answer:
    """KG2KV's sentence of a row: where the store knows, but the model wrote no value, or not what the value is."""
    fact, sentence = row_in_words(snapshot, row)
    text = sentence.answer
    start = kg2kv.answer(sentence.noun, sentence.term, "\0").index("\0")  # no term has it
    span = Span(start, start + len(sentence.value), fact.id, "value")
    return Answer(text, True, (Citation.of(fact, weight),), (span,), {**stats, "worded_by": "store"})


def _in_own_words(knowledge: Knowledge, prompt: int, text: str, stats: dict[str, Any]) -> Answer:
    """An adapter without a copy gate: whether it knows, and what it cites, is looked for in its text."""
    read = knowledge.read_most(prompt, most=16)
    with knowledge.facts.generation() as snapshot:
        in_words = [row_in_words(snapshot, row) for row, _ in read]
    weights: dict[int, float] = {}
    for (fact, _), (_, weight) in zip(in_words, read, strict=True):
        weights.setdefault(fact.id, weight)
    return answer_from_text(text, in_words, stats, weights=weights)
