"""Cut the sample in examples/facts/ from the full knowledge graphs.

    python examples/make_sample.py FOLDER        # a folder of airports.tsv.gz, chemistry.tsv.gz, ...

A head comes with all its facts or not at all. Heads are chosen by rules that people's questions suggest
(elements, large cities, airports that serve them, common animals), never by chance, and files carry no time
stamp: the same input gives the same bytes. Sources and licences: examples/facts/ATTRIBUTION.md.
"""

from __future__ import annotations

import gzip
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from kvdb.export import escape

Facts = dict[str, list[tuple[str, str]]]  # head -> its relations and tails, in the source's order

TARGET = Path(__file__).parent / "facts"
LARGE_CITY = 1_000_000
COMMON_WORDS = 600
WORD_FIELDS = {"animal", "artifact", "food", "object", "phenomenon", "plant", "process"}
GAMES = re.compile(
    "(Tetris|Pac-Man|Ms. Pac-Man|Super Mario|Sonic the Hedgehog|The Legend of Zelda|Doom|Final Fantasy"
    r"|Donkey Kong|Space Invaders|Street Fighter II|Mortal Kombat|Metroid|Prince of Persia|SimCity|Lemmings"
    r"|Asteroids)\b"
)


def read(path: Path) -> Facts:
    """All facts of a file, by head."""
    facts: Facts = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            head, relation, tail = line.rstrip("\n").split("\t")
            facts[head].append((relation, tail))
    return facts


def first(facts: list[tuple[str, str]], relation: str) -> str:
    """The first tail of a relation, "" where there is none."""
    return next((tail for name, tail in facts if name == relation), "")


def field(facts: list[tuple[str, str]]) -> str:
    """The lexical field of a noun: "noun: plant" gives "plant"."""
    return first(facts, "lexical field").removeprefix("noun: ")


def large_cities(cities: Facts) -> list[str]:
    return [head for head, facts in cities.items() if int(first(facts, "population") or 0) >= LARGE_CITY]


def airports(folder: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """International airports, those of large cities, and the small ranch airports of eastern Texas."""
    served = {head.split(",")[0] for head in large_cities(read(folder / "cities.tsv.gz"))}
    for head, facts in read(folder / "airports.tsv.gz").items():
        known = first(facts, "IATA airport code") and (
            "International" in head or first(facts, "serves the city") in served
        )
        west = first(facts, "airport coordinates").rpartition(", ")[2]
        texan = first(facts, "state or region of the airport") == "Texas" and float(west or -180) > -97
        ranch = head.endswith("Ranch Airport") and texan
        if known or ranch:
            yield head, facts


def chemistry(folder: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The elements, and compounds whose melting and flash points are known."""
    for head, facts in read(folder / "chemistry.tsv.gz").items():
        if first(facts, "chemical symbol") or (
            first(facts, "flash point in kelvin") and first(facts, "melting point in kelvin")
        ):
            yield head, facts


def cities(folder: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Cities of a million people and more, and Reykjavík."""
    facts = read(folder / "cities.tsv.gz")
    for head in [*large_cities(facts), "Reykjavík"]:
        yield head, facts[head]


def icd10cm(folder: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The three-character categories of diagnoses, without the longest lists of notes."""
    for head, facts in read(folder / "icd10cm.tsv.gz").items():
        if first(facts, "is in the ICD-10-CM block") and len(facts) <= 5:
            yield head, facts


def taxonomy(folder: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Mammals that have a common name and whose describer is known."""
    for head, facts in read(folder / "taxonomy.tsv.gz").items():
        mammal = first(facts, "taxonomic division") in {"Mammals", "Primates", "Rodents"}
        if mammal and first(facts, "common name") and (first(facts, "was described by") or head == "Panthera leo"):
            yield head, facts


def video_games(folder: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Editions of games that many people know."""
    for head, facts in read(folder / "video_games.tsv.gz").items():
        if GAMES.match(head) and len(facts) >= 5:
            yield head, facts


def wordnet(folder: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The single-sense words that most other words are linked to, and musical instruments."""
    facts = read(folder / "wordnet.tsv.gz")
    links = Counter(tail for about in facts.values() for _, tail in about if tail in facts)
    plain = [head for head in facts if head.isalpha() and head.islower() and field(facts[head]) in WORD_FIELDS]
    best = set(sorted(plain, key=lambda head: (-links[head], head))[:COMMON_WORDS])
    words = {"photosynthesis", "serendipity", "violin"} | best
    for head, about in facts.items():
        if head in words or "instrument" in first(about, "is a kind of"):
            yield head, about


DOMAINS: tuple[Callable[[Path], Iterator[tuple[str, list[tuple[str, str]]]]], ...] = (
    airports,
    chemistry,
    cities,
    icd10cm,
    taxonomy,
    video_games,
    wordnet,
)


def main(folder: Path) -> None:
    TARGET.mkdir(exist_ok=True)
    total = 0
    for domain in DOMAINS:
        lines = [
            "\t".join(map(escape, (head, relation, tail))) + "\n"
            for head, facts in domain(folder)
            for relation, tail in facts
        ]
        path = TARGET / f"{domain.__name__}.tsv.gz"
        path.write_bytes(gzip.compress("".join(lines).encode(), compresslevel=9, mtime=0))
        total += len(lines)
        print(f"{path.name:24} {len(lines):7,} facts {path.stat().st_size:9,} bytes")
    print(f"{'all':24} {total:7,} facts {sum(p.stat().st_size for p in TARGET.glob('*.gz')):9,} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
