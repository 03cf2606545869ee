"""A store of a few facts that is read by plain rules, and right answers: for tests of steps without a model."""

from __future__ import annotations

import re

from kvdb import Fact, kg2kv
from kvdb.kg2kv import noun_forms
from kvdb_sdk.answer import Answer, Citation, Span
from kvdb_sdk.question.asking import Asking
from kvdb_sdk.question.claims import says
from kvdb_sdk.question.forms import has_content
from kvdb_sdk.question.reading import Subject, of_head
from kvdb_sdk.question.rows import Said

FACTS = [
    ("France", "capital", "Paris"),
    ("France", "population", "68,042,591"),
    ("France", "area", "551,695 km2"),
    ("France", "neighbour", "Spain"),
    ("France", "neighbour", "Italy"),
    ("France", "neighbour", "Andorra"),
    ("France", "neighbour", "Monaco"),
    ("France", "motto", "liberty"),
    ("Spain", "capital", "Madrid"),
    ("Spain", "population", "48.6 million"),
    ("Spain", "area", "505,990 km2"),
    ("Italy", "capital", "Rome"),
    ("Italy", "population", "58,853,482"),
    ("Italy", "area", "301340000 m2"),
    ("Paris", "mayor", "Anne Hidalgo"),
    ("Paris", "country", "France"),
    ("Paris", "population", "2,102,650"),
    ("Madrid", "population", "3,332,035"),
    ("Trinidad and Tobago", "capital", "Port of Spain"),
    ("Malabo", "country", "Equatorial Guinea"),
    ("Lower Saxony", "population", "8,140,242"),
    ("Bavaria", "population", "13,369,393"),
    ("First Solar", "founding date", "1999-02-01"),
    ("ABN AMRO", "founding date", "21 September 1991"),
    ("ABN AMRO", "website", "abnamro.nl"),
    ("Ann", "age", "34"),
    ("Ben", "age", "40"),
    ("Boston", "state", "Massachusetts"),
    ("Boston", "country", "United States of America"),
    ("capital", "kind", "noun"),
    ("is", "kind", "verb"),
    ("Luke", "father", "Anakin"),
    ("Star Wars", "director", "George Lucas"),
    ("Lower end of femur", "code", "S72.4"),
    ("Berg", "elevation", "-7.5"),
    ("Tal", "elevation", "-7.5"),
    ("Tal", "colour", "blue"),
    ("Foo", "elevation", "1,234 ft"),
    ("Foo", "national animal", "lion"),
    ("Bar", "length", "3 km"),
    ("Bar", "opening", "1990-01-01"),
    ("Baz", "share", "0.5"),
    ("Baz", "seat", "New York"),
    ("Kestoril", "must not be used for", "Asthma"),
    ("Velum", "may be used for", "Gout"),
    ("Velum", "must not be used for", "Colic"),
    ("Velum", "no longer contains", "Lead"),
    ("Velum", "does not only contain", "Zinc"),
    ("Qar", "increases the effect of", "Iron"),
    ("Asthma", "chapter", "Diseases of the respiratory system"),
    ("Ulcer", "chapter", "Diseases of the digestive system"),
    ("Ulcer stage", "chapter", "Diseases of the digestive system and the skin"),
    ("Skillet", "must not be cleaned with", "dish soap"),
    ("Skillet", "may be cleaned with", "coarse salt"),
    ("Skillet", "does not tolerate", "the dishwasher"),
    ("Skillet", "is_active", "no"),
    ("Paris", "is not in", "Spain"),
    ("Gugong", "forbidden city", "Beijing"),
    ("Orla", "warned", "Petra"),
    ("Orla", "was hired by", "Quill"),
    ("Orla", "refuses to sell to", "Dunmarrow"),
    ("Orla", "subsidiary", "Lumen"),
]
MEANS = {"people": "population", "live": "population", "older": "age", "founded": "founding date", "runs": "mayor"}


class Reader:
    """Terms are found as they are spelt; a noun is meant where a word of it, or one that MEANS it, stands there."""

    def best_noun(self, text, nouns):
        said = {MEANS.get(word, word) for word in re.findall(r"\w+", text.lower())}
        said |= {word for phrase in said for word in phrase.split()}
        scores = [len(said & set(noun.split())) / len(noun.split()) + 0.05 * noun.count(" ") for noun in nouns]
        return (nouns[scores.index(max(scores))], max(scores)) if nouns else ("", -1.0)

    def askable(self, subject):
        return subject.nouns

    def about(self, term):
        facts = facts_of(term)
        return Subject(0, len(term), term, facts) if facts else None

    def subjects(self, question, *, spelt=False):
        found = []
        for term in sorted({head for head, _, _ in FACTS}, key=len, reverse=True):
            for place in re.finditer(rf"(?<!\w){re.escape(term)}(?!\w)", question):
                start, end = place.span()
                if not any(start < other.end and other.start < end for other in found):
                    found.append(Subject(start, end, term, facts_of(term)))
        return sorted(found, key=lambda subject: subject.start)

    def with_whole_name(self, question):
        return question

    def values_named(self, question, *, words=False):
        heads = {head for head, _, _ in FACTS}
        terms = [
            t for t in {tail for _, _, tail in FACTS} - heads if re.search(rf"(?<!\w){re.escape(t)}(?!\w)", question)
        ]
        return [
            Subject(question.index(t), question.index(t) + len(t), t, facts_with(t)) for t in terms if t[0].isupper()
        ]

    threshold = 0.5

    def ends(self, term):
        rows = [Said(Fact(i, h, r, t), noun_forms(r).head_noun, t, h) for i, (h, r, t) in enumerate(FACTS) if t == term]
        facts = tuple((of_head(row), row.fact, row.value) for row in rows)
        return Subject(0, len(term), term, facts) if facts else None

    def surely(self, question, subject, noun):
        clause = "".join(kg2kv.clause(noun))
        return 1.0 if noun in question or (has_content(clause) and says(question, clause)) else 0.0

    def values_said(self, question, relation):
        return sorted((t for _, r, t in FACTS if r == relation and t in question), key=len, reverse=True)


def facts_with(tail):
    return tuple((_noun(r), Fact(i, h, r, t), t) for i, (h, r, t) in enumerate(FACTS) if t == tail)


def facts_of(term):
    return tuple((_noun(r), Fact(i, h, r, t), t) for i, (h, r, t) in enumerate(FACTS) if h == term)


def _noun(relation):
    return noun_forms(relation).tail_noun


def answered(question):
    """The fact whose head and relation the question spells, as an answer that lists all values; else a refusal."""
    stats = {"tokens": 5, "facts": 2, "attended": [1, 2]}
    said = [(i, h, _noun(r), t) for i, (h, r, t) in enumerate(FACTS) if h in question]
    found = [f for f in said if re.search(rf"\b{f[2]}s?\b", question) or kg2kv.question(f[2], f[1]) == question]
    if not found:
        return Answer("I do not know.", False, stats={**stats, "tokens": 1, "confidence": 0.1, "related": 0.9})
    longest = max(len(head) for _, head, _, _ in found)
    found = [fact for fact in found if len(fact[1]) == longest]
    text, spans = kg2kv.answer(found[0][2], found[0][1], "\0").partition("\0")[0], []
    for i, _, _, value in found:
        spans.append(Span(len(text), len(text) + len(value), i, "value"))
        text += value + ", "
    cited = tuple(Citation(i, h, r, t, 0.5) for i, h, r, t in found)
    return Answer(text[:-2] + ".", True, cited, tuple(spans), {**stats, "confidence": 0.9})


def ask(question):
    """The answer, and the rounds of questions that it took."""
    asking, rounds = Asking.start(question, Reader()), []
    while asking.answer is None:
        rounds.append(asking.waiting)
        asking.hear([answered(text) for text in asking.waiting])
    return asking.answer, rounds


def check_spans(answer):
    """Every span is the text that it claims, and its fact is cited."""
    for span in answer.spans:
        assert answer.text[span.start : span.end] == FACTS[span.id][2]
    assert {span.id for span in answer.spans} == {citation.id for citation in answer.citations}
