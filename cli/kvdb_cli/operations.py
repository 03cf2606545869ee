"""`kvdb compact`, `backup`, `restore`, `repair`, `migrate`: looking after the file."""

from __future__ import annotations

import click

from kvdb_cli import options
from kvdb_cli.output import print_json


@click.command()
@options.database
@options.as_json
def migrate(db: str, as_json: bool) -> None:
    """Bring the store DB, made by an older kvdb, to this version's format, in place.

    JSON: from, to.
    """
    from kvdb.format import FORMAT_VERSION
    from kvdb.migrate import migrate

    old = migrate(db)
    if as_json:
        print_json({"from": old, "to": FORMAT_VERSION})
    elif old == FORMAT_VERSION:
        click.echo(f"{db} has format {old} already")
    else:
        click.echo(f"{db} had format {old} and has {FORMAT_VERSION} now")
