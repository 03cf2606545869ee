"""`kvdb compact`, `backup`, `restore`, `repair`, `migrate`: looking after the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kvdb_cli import options
from kvdb_cli.output import print_json, print_row, say

if TYPE_CHECKING:
    from kvdb_sdk.models.encoders import Encoder

overwrite = click.option("--overwrite", is_flag=True, help="Replace TARGET where it exists.")


@click.command()
@options.database
@options.as_json
@click.pass_context
def compact(ctx: click.Context, db: str, as_json: bool) -> None:
    """Rewrite the store DB into a smaller file, in which no byte of a deleted fact is left.

    Nobody else may have it open. Exit code 1, and the reason, where it was not done.

    JSON: compacted, note, file_bytes.
    """
    import kvdb

    with kvdb.open(db) as store:
        note = store.compact()
        size = store.info().file_bytes
    if as_json:
        print_json({"compacted": not note, "note": note, "file_bytes": size})
    elif note:
        say(f"kvdb: {note}")
    else:
        click.echo(f"compacted: {size:,} bytes")
    if note:
        ctx.exit(1)


@click.command()
@options.database
@click.argument("target", type=click.Path(dir_okay=False))
@overwrite
@options.as_json
def backup(db: str, target: str, overwrite: bool, as_json: bool) -> None:
    """Copy the store DB, as it is now, to the file TARGET while others go on using it.

    The copy is verified and synced before it gets its name.

    JSON: checked.
    """
    import kvdb

    with kvdb.open(db, read_only=True) as store:
        report = store.backup(target, overwrite=overwrite)
    _say_checked(f"{db} is backed up in {target}", report.checked, as_json)


@click.command()
@click.argument("source", metavar="BACKUP", type=click.Path(dir_okay=False))
@click.argument("target", metavar="DB", type=click.Path(dir_okay=False))
@overwrite
@options.as_json
def restore(source: str, target: str, overwrite: bool, as_json: bool) -> None:
    """Make the store DB from the file BACKUP, which is verified first and stays as it is.

    JSON: checked.
    """
    import kvdb

    report = kvdb.restore(source, target, overwrite=overwrite)
    _say_checked(f"{target} is restored from {source}", report.checked, as_json)


def _say_checked(what: str, checked: dict[str, int], as_json: bool) -> None:
    if as_json:
        print_json({"checked": checked})
    else:
        click.echo(f"{what}: {checked.get('triples', 0):,} facts, verified")


@click.command()
@options.database
@click.option(
    "--encoder",
    metavar="NAME",
    help="The sentence encoder that the store was made with (see kvdb ingest): makes lost vectors anew from the texts.",
)
@options.as_json
@click.pass_context
def repair(ctx: click.Context, db: str, encoder: str | None, as_json: bool) -> None:
    """Rebuild the store DB from the facts of which everything verifies, and list what was lost.

    With --encoder, a fact of which only vectors are damaged is kept: they are encoded anew. The damaged file is kept as
    DB.damaged. Exit code 1 where something was lost.

    JSON: facts, lost, losses, damaged, encoded (texts).
    """
    from dataclasses import asdict

    import kvdb

    encode = None if encoder is None else _encoder_of(db, encoder)
    report = kvdb.repair(db, encode=encode)
    if encode is not None:
        with kvdb.open(db) as store:
            store.bind_encoder(encode.record)  # where the store's own record of it was lost
    if as_json:
        print_json(asdict(report))
    else:
        for loss in report.losses:
            print_row(loss)
        anew = f" ({report.encoded:,} texts were encoded anew)" if report.encoded else ""
        said = f"{report.facts:,} facts are whole{anew}, {report.lost:,} pieces lost"
        click.echo(f"{said}; the old file is {report.damaged}")
    if report.lost:
        ctx.exit(1)


def _encoder_of(db: str, name: str) -> Encoder:
    """The named encoder. Raises EncoderMismatchError where it is not the one that the store was made with."""
    import kvdb
    from kvdb.errors import CorruptStoreError
    from kvdb_sdk.models.encoders import encoder_for, load_encoder

    with kvdb.open(db, read_only=True) as store:
        try:
            record = store.encoder
        except CorruptStoreError:  # nothing to compare with: the name given is what there is
            return load_encoder(name)
        encode = encoder_for(record, name)
        store.bind_encoder(encode.record)
    return encode


@click.command()
@options.database
@options.as_json
def migrate(db: str, as_json: bool) -> None:
    """Bring the store DB, made by an older kvdb, to this version's format, in place.

    JSON: from, to.
    """
    import kvdb
    from kvdb.file.format import FORMAT_VERSION

    old = kvdb.migrate(db)
    if as_json:
        print_json({"from": old, "to": FORMAT_VERSION})
    elif old == FORMAT_VERSION:
        click.echo(f"{db} has format {old} already")
    else:
        click.echo(f"{db} had format {old} and has {FORMAT_VERSION} now")
