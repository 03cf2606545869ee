"""`kvdb info`, `relations`, `verify`, `export`: the store as a whole."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import click

from kvdb_cli import options
from kvdb_cli.output import print_fields, print_json, print_row

if TYPE_CHECKING:
    from kvdb import Relation, Store, VerifyReport
    from kvdb.change.plan import Encode


@click.command()
@options.database
@click.option("--health", is_flag=True, help="Also how full leaves are, what waits, and the recall of a few searches.")
@options.as_json
def info(db: str, health: bool, as_json: bool) -> None:
    """Print what is in the store DB.

    JSON: triples, rows, levels (nodes per level), encoder, dim, file_bytes; with --health also leaves, leaf_rows
    (least, middle, most), leaf_sizes (leaves of up to 32, 64, ... 256 rows), delta_rows, dead_rows, queued,
    leftovers, readers, stale_readers, recall (of the 16 nearest rows; null where every search is exact);
    calibrated (a list of model, encoder, route, questions, and facts that the store had then; see kvdb calibrate).
    """
    import kvdb
    from kvdb_sdk.refusal.calibration_note import all_calibrations

    with kvdb.open(db, read_only=True) as store:
        fields = asdict(store.info()) | (asdict(store.health()) if health else {})
        shown = ("model", "encoder", "route", "questions", "facts")
        calibrated = [{name: getattr(each, name) for name in shown} for each in all_calibrations(store)]
        fields["calibrated"] = calibrated
    if as_json:
        print_json(fields)
        return
    fields["levels"] = " > ".join(f"{nodes:,}" for nodes in fields["levels"]) or "flat"
    fields["calibrated"] = "; ".join(
        "{model} with {encoder}, {route}: {questions} questions at {facts:,} facts".format(**each)
        for each in calibrated
    )
    for name in ("masks", "leaf_rows", "leaf_sizes", "notes"):
        if name in fields:
            fields[name] = ", ".join(map(str, fields[name]))
    print_fields({name: "-" if value in (None, "") else value for name, value in fields.items()})


@click.command()
@options.database
@click.option(
    "--set",
    "edit",
    is_flag=True,
    help="Set the nouns of RELATION: kvdb relations DB --set RELATION TAIL [HEAD].",
)
@click.option(
    "--alias",
    is_flag=True,
    help="Set what else questions call the tails of RELATION: kvdb relations DB --alias RELATION [NAME...].",
)
@click.option(
    "--renew",
    is_flag=True,
    help="Give all relations the nouns that the rules give them now; those that were set stay.",
)
@click.option("--nouns", "mapping", metavar="FILE", help="With --renew: noun forms, as kvdb ingest takes them.")
@click.argument("names", metavar="[RELATION [NAME...]]", nargs=-1)
@options.encoder
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a relation, a line each.")
def relations(
    db: str,
    edit: bool,
    alias: bool,
    renew: bool,
    mapping: str | None,
    names: tuple[str, ...],
    encoder: str | None,
    as_json: bool,
) -> None:
    """List the relations of DB with the nouns of their key sentences, or set those of one.

    The tail noun stands in "the NOUN of HEAD", the head noun in "the NOUN of TAIL"; a clause, "what it
    repeals" or "what repeals it", stands for itself with the term in place of "it". Setting them encodes the
    relation's facts anew. A store keeps its nouns when kvdb learns better ones: --renew changes them, and lists
    those that changed.

    Aliases are what else questions call the tails of a relation, such as its name in the trade; they take the place of
    those that it had, and no NAME leaves none. Nothing is encoded anew.

    JSON: relation, tail_noun, head_noun, aliases a line.
    """
    import kvdb
    from kvdb_sdk.models.encoders import encoder_for

    if edit + alias + renew > 1 or (edit and len(names) not in (2, 3)) or bool(names) != (edit or alias):
        raise click.UsageError(
            "give --set RELATION TAIL_NOUN [HEAD_NOUN], or --alias RELATION [NAME...], or --renew, or the store alone "
            "to list"
        )
    if mapping and not renew:
        raise click.UsageError("--nouns goes with --renew")
    with kvdb.open(db, read_only=not (edit or alias or renew)) as store:
        if edit or renew:
            encode = encoder_for(store.encoder, encoder)
            store.bind_encoder(encode.record)
        if renew:
            listed = _renewed(store, encode, mapping)
        elif edit:
            head_noun = names[2] if len(names) == 3 else None
            listed = [store.set_nouns(names[0], tail_noun=names[1], head_noun=head_noun, encode=encode)]
        elif alias:
            listed = [store.set_nouns(names[0], aliases=names[1:])]
        else:
            listed = store.relations()
    for relation in listed:
        _print_relation(relation, as_json)


def _renewed(store: Store, encode: Encode, mapping: str | None) -> list[Relation]:
    """The relations that have other nouns now: those of a file, else of the rules, unless somebody set them. Aliases
    are those of the file, where it has any for a relation.
    """
    from kvdb.kg2kv import load_nouns, noun_forms

    given = load_nouns(mapping) if mapping else {}
    changed = []
    for relation in store.relations():
        nouns = given.get(relation.name) or noun_forms(relation.name)
        new = relation
        if not relation.edited:
            new = replace(new, tail_noun=nouns.tail_noun, head_noun=nouns.head_noun)
        if nouns.aliases:
            new = replace(new, aliases=nouns.aliases)
        if new != relation:
            changed.append(
                store.set_nouns(
                    relation.name, tail_noun=new.tail_noun, head_noun=new.head_noun, aliases=new.aliases, encode=encode,
                    edited=relation.edited,
                )
            )  # fmt: skip
    return changed


def _print_relation(relation: Relation, as_json: bool) -> None:
    if as_json:
        fields = asdict(relation)
        print_json({"relation": fields.pop("name")} | fields)
    else:
        print_row(relation.name, relation.tail_noun, relation.head_noun, *relation.aliases)


@click.command()
@options.database
@options.as_json
@click.pass_context
def verify(ctx: click.Context, db: str, as_json: bool) -> None:
    """Check every invariant of the store DB. Exit code 1, and a list, where one does not hold.

    JSON: ok, problems, checked.
    """
    report = _verified(db)
    if as_json:
        print_json(asdict(report))
    elif report.ok:
        click.echo("ok: " + (", ".join(f"{count:,} {kind}" for kind, count in report.checked.items()) or "nothing"))
    else:
        for problem in report.problems:
            print_row(problem)
    if not report.ok:
        ctx.exit(1)


def _verified(db: str) -> VerifyReport:
    import kvdb
    from kvdb.errors import CorruptStoreError

    try:
        with kvdb.open(db, read_only=True) as store:
            return store.verify()
    except CorruptStoreError as error:  # too broken to be looked at: that is the finding
        return kvdb.VerifyReport(False, (str(error),), {})


@click.command()
@options.database
@click.option(
    "--format",
    "kind",
    type=click.Choice(["tsv", "jsonl", "ntriples"]),
    default="tsv",
    show_default=True,
    help="How.",
)
def export(db: str, kind: str) -> None:
    """Write all facts of DB to standard output."""
    import kvdb

    with kvdb.open(db, read_only=True) as store:
        store.export(sys.stdout, format=kind)
