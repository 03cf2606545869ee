"""A user's own noun forms: a TSV or JSON file of relation, tail_noun, head_noun, aliases. It takes precedence over
the rules.

TSV: one relation a line; an absent or empty head noun is left to the rules, and what follows it are aliases. Lines that
begin with # and a header line "relation<TAB>tail_noun<TAB>..." are skipped.
JSON: {"relation", "tail_noun", "head_noun", "aliases"} objects, one a line (as `kvdb relations DB --json` prints) or in
a list, or one object {relation: tail_noun} or {relation: [tail_noun, head_noun, alias, ...]}.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from kvdb.errors import FieldError, MalformedLineError, SourceError
from kvdb.file.records import MAX_RELATION
from kvdb.nouns import Namer, Nouns, noun_forms

MOST_ALIASES = 32  # of a relation
_MAX_FILE_BYTES = 64 * 1024 * 1024
_Entry = tuple[str, str, str, str, Sequence[str]]  # where it stands, relation, tail noun, head noun, aliases


def check_noun(noun: str) -> str:
    """A noun fit for a key sentence, trimmed. FieldError where it is empty, too long or not one line."""
    text = noun.strip()
    if not text:
        raise FieldError("the noun is empty; give the word that fits 'the ... of X'")
    if any(not c.isprintable() for c in text):
        raise FieldError(f"the noun {text[:40]!r} holds a line break or control character; give it on one line")
    if len(text.encode(errors="replace")) > MAX_RELATION:
        raise FieldError(f"the noun is longer than {MAX_RELATION:,} bytes; shorten it")
    return text


def check_aliases(aliases: Sequence[str], noun: str) -> tuple[str, ...]:
    """Aliases of a tail noun, trimmed, each once and without the noun. FieldError where there are too many, or one is
    no noun.
    """
    known = {noun.casefold()}
    found = []
    for alias in map(check_noun, aliases):
        if alias.casefold() not in known:
            known.add(alias.casefold())
            found.append(alias)
    if len(found) > MOST_ALIASES:
        raise FieldError(f"{len(found)} aliases of {noun!r:.80}: give at most {MOST_ALIASES}")
    return tuple(found)


def load_nouns(path: str | Path) -> dict[str, Nouns]:
    """The mapping of a file, by relation.

    Raises SourceError where the file is missing, unreadable or no text, MalformedLineError where an entry is
    no mapping.
    """
    source = Path(path)
    try:
        if source.stat().st_size > _MAX_FILE_BYTES:
            raise SourceError(f"{source} is larger than 64 MiB, too large for a noun file; check the path")
        text = source.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{source} is not UTF-8 text ({error.reason} at byte {error.start}); convert it") from error
    except OSError as error:
        raise SourceError(f"cannot read the noun file {source}: {error.strerror or error}") from error
    if not text.strip():
        raise SourceError(f"{source} is empty; it should hold relation, tail noun and head noun")
    entries = _json_entries(source, text) if text.lstrip()[0] in "[{" else _tsv_entries(source, text)
    mapping: dict[str, Nouns] = {}
    for place, relation, tail_noun, head_noun, aliases in entries:
        try:
            relation, tail = check_noun(relation), check_noun(tail_noun)
            head = check_noun(head_noun) if head_noun.strip() else noun_forms(relation).head_noun
            mapping[relation] = Nouns(tail, head, aliases=check_aliases(aliases, tail))
        except FieldError as error:
            raise MalformedLineError(f"{source}, {place}: {error}") from error
    return mapping


def _tsv_entries(source: Path, text: str) -> Iterator[_Entry]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split("\t")
        if fields[0] == "relation" and fields[1:2] == ["tail_noun"]:
            continue
        if len(fields) < 2:
            raise MalformedLineError(
                f"{source}, line {number}: {len(fields)} column(s); write relation, tail noun and (optional)"
                " head noun and aliases with tabs between"
            )
        aliases = [field for field in fields[3:] if field.strip()]
        yield f"line {number}", fields[0], fields[1], fields[2] if len(fields) > 2 else "", aliases


def _json_entries(source: Path, text: str) -> Iterator[_Entry]:
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        data = [json.loads(line) for line in lines] if lines[0].startswith('{"relation":') else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedLineError(f"{source}: not JSON ({error}); see docs/kg2kv.md for the form") from error
    items = data.items() if isinstance(data, dict) else enumerate(data, start=1)
    for key, item in items:
        place = f"entry {key}"
        fields: list[object] = []
        if isinstance(item, dict):
            fields = [item.get("relation", key if isinstance(key, str) else ""), item.get("tail_noun", "")]
            aliases = item.get("aliases") or []
            fields += [item.get("head_noun") or "", *(aliases if isinstance(aliases, list) else [aliases])]
        elif isinstance(key, str) and isinstance(item, (str, list)):
            fields = [key, *([item] if isinstance(item, str) else item)]
        texts = [field for field in fields if isinstance(field, str)]
        if len(texts) < max(2, len(fields)):
            raise MalformedLineError(
                f"{source}, {place}: not a relation with its nouns; see docs/kg2kv.md for the form"
            )
        yield place, texts[0], texts[1], texts[2] if len(texts) > 2 else "", texts[3:]


def namer_nouns(
    mapping: Mapping[str, Nouns] | None = None,
    namer: Namer | None = None,
    relations: Sequence[str] = (),
) -> Callable[[str], Nouns]:
    """A function from relation to nouns: the mapping first, then the rules, then `namer` where they are unsure.

    The namer is asked once for all of `relations`, and once for each other relation when it first comes up; an answer
    that is no noun is dropped in favour of the rules.
    """
    known = dict(mapping or {})

    def ask(unsure: list[str]) -> None:
        named = namer(unsure) if namer and unsure else []
        if namer and len(named) != len(unsure):
            raise FieldError(
                f"the namer gave {len(named)} nouns for {len(unsure)} relations; it must give one for each"
            )
        for relation, nouns in zip(unsure, named, strict=False):
            try:
                known[relation] = Nouns(check_noun(nouns.tail_noun), check_noun(nouns.head_noun))
            except FieldError:
                known[relation] = noun_forms(relation)

    def nouns_of(relation: str) -> Nouns:
        if relation not in known:
            rules = noun_forms(relation)
            if namer is None or rules.sure:
                return rules
            ask([relation])
        return known[relation]

    ask([r for r in dict.fromkeys(relations) if r not in known and not noun_forms(r).sure])
    return nouns_of
