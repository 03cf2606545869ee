"""`kvdb add`, `delete`, `match`, `search`: single facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kvdb_cli import options
from kvdb_cli.output import print_json, print_row

if TYPE_CHECKING:
    from kvdb import Fact


def fact_fields(fact: Fact) -> dict[str, Any]:
    """A fact as every command prints it."""
    return {"id": fact.id, "head": fact.head, "relation": fact.relation, "tail": fact.tail}


@click.command()
@options.database
@click.argument("head")
@click.argument("relation")
@click.argument("tail")
@options.encoder
@options.as_json
def add(db: str, head: str, relation: str, tail: str, encoder: str | None, as_json: bool) -> None:
    """Add one fact to the store DB; a fact that is there already stays as it is.

    JSON: id, inserted.
    """
    import kvdb
    from kvdb_sdk.models.encoders import encoder_for

    head, relation = head.strip(), relation.strip()  # as the readers of files do
    with kvdb.open(db) as store:
        known = store.find((head, relation, tail))
        if known is None:
            encode = encoder_for(store.encoder, encoder)
            store.bind_encoder(encode.record)
            report = store.insert([(head, relation, tail)], encode)
            known, inserted = report.ids[0], report.inserted > 0
        else:
            inserted = False
    if as_json:
        print_json({"id": known, "inserted": inserted})
    else:
        click.echo(f"fact {known} {'added' if inserted else 'is there already'}")


@click.command()
@options.database
@click.option("--id", "ids", metavar="ID", type=int, multiple=True, help="The fact with this id; may be given again.")
@click.option("--head", help="Facts with exactly this head.")
@click.option("--relation", help="Facts with exactly this relation.")
@click.option("--tail", help="Facts with exactly this tail.")
@options.as_json
def delete(
    db: str, ids: tuple[int, ...], head: str | None, relation: str | None, tail: str | None, as_json: bool
) -> None:
    """Delete facts from the store DB: by id, or all that match the given head, relation and tail.

    JSON: deleted.
    """
    import kvdb

    pattern = any(field is not None for field in (head, relation, tail))
    if bool(ids) == pattern:
        raise click.UsageError("give either --id, or one or more of --head, --relation and --tail")
    with kvdb.open(db) as store:
        chosen = [fact.id for fact in store.match(head, relation, tail)] if pattern else list(ids)
        deleted = store.delete(chosen)
    if as_json:
        print_json({"deleted": deleted})
    else:
        click.echo(f"{deleted:,} facts deleted")


@click.command()
@options.database
@click.option("--head", help="Exactly this head.")
@click.option("--relation", help="Exactly this relation.")
@click.option("--tail", help="Exactly this tail.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines; the output is that in any case.")
def match(db: str, head: str | None, relation: str | None, tail: str | None, as_json: bool) -> None:
    """Print the facts of DB with the given head, relation and tail, one JSON object a line, in the order of
    ids.

    JSON: id, head, relation, tail a line.
    """
    import kvdb

    with kvdb.open(db, read_only=True) as store:
        for fact in store.match(head, relation, tail):
            print_json(fact_fields(fact))


@click.command()
@options.database
@click.argument("text")
@click.option("-k", "k", default=5, show_default=True, help="How many facts.")
@click.option("--exact", is_flag=True, help="Look at every row instead of going down the tree.")
@options.encoder
@options.as_json
def search(db: str, text: str, k: int, exact: bool, encoder: str | None, as_json: bool) -> None:
    """Print the facts of DB that are nearest to TEXT: score, id, head, relation, tail.

    JSON: hits, a list of id, head, relation, tail, score.
    """
    import kvdb
    from kvdb.errors import LimitError
    from kvdb_sdk.models.encoders import encoder_for

    if k < 1:
        raise LimitError(f"k is {k}: ask for at least 1 fact")
    with kvdb.open(db, read_only=True) as store:
        encode = encoder_for(store.encoder, encoder)
        store.bind_encoder(encode.record)
        hits = store.search(encode([text])[0], k=k, exact=exact)
    if as_json:
        print_json({"hits": [fact_fields(hit.fact) | {"score": round(hit.score, 6)} for hit in hits]})
        return
    for hit in hits:
        print_row(f"{hit.score:.4f}", hit.fact.id, hit.fact.head, hit.fact.relation, hit.fact.tail)
