"""Every format gives the same facts, and says where a line is bad without stopping."""

from __future__ import annotations

import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kvdb.errors import SourceError
from kvdb.readers import read
from kvdb.readers.rdf import local_name
from kvdb.types import Triple

PARIS = Triple("France", "capital", "Paris")
ROME = Triple("Italy", "capital", "Rome")
BOTH = [PARIS, ROME]

NT = """<http://x/France> <http://x/capital> <http://x/Paris> .
<http://x/Italy> <http://x/capital> "Rome"@it .
"""
ATLAS = [
    {"name": h, "description_type": r, "description": t, "key_string": f"the {r} of {h}", "Q": "?", "A": "."}
    for h, r, t in BOTH
]
SOURCES = {
    "a.tsv": "France\tcapital\tParis\nItaly\tcapital\tRome\n",
    "bom.tsv": "\ufeffFrance\tcapital\tParis\r\n\r\n \nItaly\tcapital\tRome",
    "header.tsv": "head\trelation\ttail\nFrance\tcapital\tParis\nItaly\tcapital\tRome\n",
    "sniffed-tsv": "France\tcapital\tParis\nItaly\tcapital\tRome\n",
    "a.csv": "Subject,Predicate,Object\nFrance,capital,Paris\nItaly,capital,Rome\n",
    "semicolon.csv": "id;tail;relation;head\n1;Paris;capital;France\n2;Rome;capital;Italy\n",
    "sniffed-csv": "head,relation,tail\nFrance,capital,Paris\nItaly,capital,Rome\n",
    "a.jsonl": '{"head": "France", "relation": "capital", "tail": "Paris"}\n\n["Italy", "capital", "Rome"]\n',
    "b.ndjson": '{"source": "France", "edge": "capital", "target": "Paris"}\n["Italy", "capital", "Rome"]',
    "lines.json": "\n".join(json.dumps(item) for item in ATLAS),
    "lists.json": '["France", "capital", "Paris"]\n["Italy", "capital", "Rome"]\n',
    "atlas.json": json.dumps(ATLAS),
    "pretty.json": json.dumps(ATLAS, indent=2),
    "oneline.json": "[" + json.dumps(BOTH[0]) + "," + json.dumps(BOTH[1]) + "]",
    "a.nt": NT,
    "sniffed-nt": NT,
    "a.ttl": '@prefix : <http://x/> .\n:France :capital :Paris .\n:Italy :capital "Rome" .\n',
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_format_gives_the_same_facts(read_text, name: str) -> None:
    assert read_text(name, SOURCES[name]) == (BOTH, [])


@pytest.mark.parametrize(
    ("name", "data", "line", "word"),
    [
        ("a.tsv", "France\tcapital\tParis\nno tabs\nItaly\tcapital\tRome\n", 2, "1 column"),
        ("a.tsv", "France\tcapital\tParis\na\tb\tc\td\nItaly\tcapital\tRome\n", 2, "4 column"),
        ("a.tsv", "France\tcapital\tParis\n\tcapital\tx\nItaly\tcapital\tRome\n", 2, "head is empty"),
        ("a.tsv", "France\tcapital\tParis\nx\ty\t \nItaly\tcapital\tRome\n", 2, "tail is empty"),
        ("a.tsv", "France\tcapital\tParis\nx\ty\ta\0b\nItaly\tcapital\tRome\n", 2, "NUL"),
        ("a.tsv", b"France\tcapital\tParis\nx\ty\t\xff\nItaly\tcapital\tRome\n", 2, "UTF-8"),
        ("a.tsv", f"France\tcapital\tParis\n{'x' * 4097}\ty\tz\nItaly\tcapital\tRome\n", 2, "4096|4,096"),
        ("a.tsv", f"France\tcapital\tParis\nx\ty\t{'z' * (1 << 20)}z\nItaly\tcapital\tRome\n", 2, "bytes"),
        (
            "a.tsv",
            f"France\tcapital\tParis\nx\ty\t{'z' * (9 << 20)}\nItaly\tcapital\tRome\n",
            2,
            "longer than",
        ),
        ("a.csv", 'h,r,t\nFrance,capital,Paris\n"x,y,z\nItaly,capital,Rome\n', 3, "never closed"),
        ("a.csv", "h,r,t\nFrance,capital,Paris\nx,y\nItaly,capital,Rome\n", 3, "2 column"),
        ("a.csv", b'h,r,t\nFrance,capital,Paris\nx,"y\xff",z\nItaly,capital,Rome\n', 3, "UTF-8"),
        ("a.csv", 'h,r,t\nFrance,capital,Paris\n"x"y,r,z\nItaly,capital,Rome\n', 3, "CSV"),
        (
            "a.jsonl",
            '["France","capital","Paris"]\n{"head": 1}\n["Italy","capital","Rome"]',
            2,
            "among its keys",
        ),
        ("a.jsonl", '["France","capital","Paris"]\n["x","y",null]\n["Italy","capital","Rome"]', 2, "missing"),
        ("a.jsonl", '["France","capital","Paris"]\n{"head"\n["Italy","capital","Rome"]', 2, "not JSON"),
        ("a.jsonl", '["France","capital","Paris"]\n7\n["Italy","capital","Rome"]', 2, "neither"),
        ("a.jsonl", '["France","capital","Paris"]\n["x","y",NaN]\n["Italy","capital","Rome"]', 2, "NaN"),
        (
            "a.jsonl",
            '["France","capital","Paris"]\n["x","y","\\ud800"]\n["Italy","capital","Rome"]',
            2,
            "Unicode",
        ),
        (
            "a.jsonl",
            '["France","capital","Paris"]\n' + "[" * 99999 + '\n["Italy","capital","Rome"]',
            2,
            "deep",
        ),
        (
            "a.json",
            '[["France","capital","Paris"],{"a":"b"},["Italy","capital","Rome"]]',
            2,
            "among its keys",
        ),
        ("a.json", '[["France","capital","Paris"],["x" "y"],["Italy","capital","Rome"]]', 2, "not JSON"),
        (
            "a.json",
            b'[["France","capital","Paris"],["x","y","\xff"],["Italy","capital","Rome"]]',
            2,
            "Unicode",
        ),
        ("a.nt", NT.replace("<http://x/Italy>", "oops\n<http://x/Italy>"), 2, "not RDF"),
        (
            "a.nt",
            NT.replace("<http://x/Italy>", "_:b <http://x/p> <http://x/o> .\n<http://x/Italy>"),
            1,
            "blank",
        ),
        (
            "a.nt",
            NT.encode().replace(b"<http://x/Italy>", b'<a:a> <a:b> "\xff" .\n<http://x/Italy>'),
            2,
            "UTF-8",
        ),
        ("a.ttl", SOURCES["a.ttl"].replace(":Italy", ":x :y ;;;.\n:Italy"), 3, "not RDF"),
    ],
)
def test_one_bad_line_is_rejected_and_the_rest_is_read(read_text, name, data, line, word) -> None:
    triples, rejected = read_text(name, data)
    assert triples == BOTH
    (bad,) = rejected
    assert bad.line == line
    assert bad.source.endswith(name)
    assert re.search(word, bad.reason), bad.reason


def test_tsv_escapes(read_text) -> None:
    triples, _ = read_text("a.tsv", "a\\\\b\tr\t1\\t2\\n3\\r4\\\\5\\x\\\n")
    assert triples == [Triple("a\\b", "r", "1\t2\n3\r4\\5\\x\\")]


def test_head_and_relation_are_trimmed_and_the_tail_is_verbatim(read_text) -> None:
    assert read_text("a.tsv", " a \t b\t c \n")[0] == [Triple("a", "b", " c ")]


def test_other_line_ends_do_not_split(read_text) -> None:
    assert read_text("a.tsv", "a\tb\tc\u2028d\x0be\x85f\n")[0] == [Triple("a", "b", "c\u2028d\x0be\x85f")]


def test_csv_quotes(read_text) -> None:
    data = 'head,relation,tail\n"a, b",r,"one\ntwo ""2"""\nx 5" y,r,z\n'
    triples, rejected = read_text("a.csv", data)
    assert triples == [Triple("a, b", "r", 'one\ntwo "2"'), Triple('x 5" y', "r", "z")]
    assert not rejected


def test_numbers_keep_their_digits(read_text) -> None:
    digits = "9" * 5000
    triples, rejected = read_text("a.jsonl", f'["x","y",1.10]\n{{"s":"a","p":"b","o":{digits}}}\n["a","b",true]')
    assert triples == [Triple("x", "y", "1.10"), Triple("a", "b", digits)]
    assert len(rejected) == 1


def test_a_long_json_list_is_read_through_a_window(read_text) -> None:
    items = [[f"h{i}", "r", "x" * (i % 5000)] for i in range(1, 2000)]
    data = json.dumps(items)
    broken = data.replace('["h700",', '["h700" ')
    triples, rejected = read_text("a.json", broken)
    assert [r.line for r in rejected] == [700]
    assert len(triples) == len(items) - 1


@pytest.mark.parametrize(("tail", "word"), [("", "breaks off"), (",", "breaks off"), ("] x", "follows the end")])
def test_a_json_list_that_ends_badly_says_so(read_text, tail: str, word: str) -> None:
    triples, rejected = read_text("a.json", '[["France","capital","Paris"],["Italy","capital","Rome"]' + tail)
    assert triples == BOTH
    assert word in rejected[0].reason


def test_columns_by_name_and_by_number(read_text) -> None:
    assert read_text("a.csv", "x,y,z\nParis,capital,France\n", columns=["z", "y", "x"])[0] == [PARIS]
    assert read_text("b.csv", "Paris,capital,France\n", columns=["3", "2", "1"])[0] == [PARIS]
    assert read_text("c.tsv", "x\ty\tz\nParis\tcapital\tFrance\n", columns=["z", "y", "x"])[0] == [PARIS]
    assert read_text("d.tsv", "id\tParis\tcapital\tFrance\n", columns=["4", "3", "2"])[0] == [PARIS]
    assert read_text("e.jsonl", '{"x":"Paris","y":"capital","z":"France"}', columns=["z", "y", "x"])[0] == [PARIS]


@pytest.mark.parametrize("columns", [["a"], ["nope", "y", "x"], "abc"])
def test_columns_that_are_not_there(read_text, columns) -> None:
    with pytest.raises(SourceError, match="column"):
        read_text("a.csv", "x,y,z\nParis,capital,France\n", columns=columns)


def test_labels_name_iris(read_text) -> None:
    data = """@prefix : <http://x/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
:Q142 :P36 :Q90 .
:Q142 rdfs:label "Frankreich"@de , "France"@en , "la France"@fr .
:P36 rdfs:label "capital" .
:Q90 rdfs:label "Paris" .
:Q90 :P1082 2148000 .
:New_York%20City :P1082 "8" .
"""
    triples, rejected = read_text("a.ttl", data)
    assert not rejected
    assert triples == [
        PARIS,
        Triple("France", "label", "Frankreich"),
        Triple("France", "label", "la France"),
        Triple("Paris", "P1082", "2148000"),
        Triple("New York City", "P1082", "8"),
    ]


def test_parquet(tmp_path) -> None:
    path = tmp_path / "a.parquet"
    heads = pa.array(["France", "Italy", None, "x"]).dictionary_encode()
    columns = {"n": [1, 2, 3, 4], "relation": ["capital"] * 4, "object": ["Paris", "Rome", "c", ""]}
    table = pa.table({"subject": heads, **columns})
    pq.write_table(table, path, row_group_size=2)
    items = list(read(path))
    assert items[:2] == BOTH
    assert [item.line for item in items[2:]] == [3, 4]
    assert next(read(path, columns=["object", "relation", "n"])) == Triple("Paris", "capital", "1")


def test_parquet_that_is_none(tmp_path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 nothing")
    with pytest.raises(SourceError, match="Parquet"):
        list(read(path))
    nested = tmp_path / "b.parquet"
    pq.write_table(pa.table({"h": ["a"], "r": ["b"], "t": [["c"]]}), nested)
    with pytest.raises(SourceError, match="not text"):
        list(read(nested))


@pytest.mark.parametrize(
    ("iri", "name"),
    [
        ("http://dbpedia.org/resource/New_York", "New York"),
        ("http://x/a#birthPlace", "birthPlace"),
        ("http://x/folder/", "folder"),
        ("http://x/Sant_Juli%C3%A0", "Sant Julià"),
        ("urn:isbn:0451450523", "0451450523"),
        ("urn:kvdb:entity:a_b%2Fc%3Ad%20", "a_b/c:d "),
    ],
)
def test_what_an_iri_without_label_is_called(iri: str, name: str) -> None:
    assert local_name(iri) == name
