"""The `kvdb` command: its group, and what becomes of errors.

Every error that kvdb raises on purpose is one line on standard error and exit code 1; a wrong command line is
2, Ctrl-C 130. Command modules import the engine and the SDK inside their functions, so that each command pays
only for what it uses.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import IO, Any

import click

from kvdb_cli.ask import ask
from kvdb_cli.calibrate import calibrate
from kvdb_cli.chat import chat
from kvdb_cli.facts import add, delete, match, search
from kvdb_cli.ingest import ingest
from kvdb_cli.learn import eval_command, train
from kvdb_cli.operations import backup, compact, migrate, repair, restore
from kvdb_cli.output import one_line
from kvdb_cli.whole import export, info, relations, verify

INTERRUPTED = 130
BROKEN_PIPE = 141

_AFTER_INTERRUPT = {
    "ingest": "what was stored is safe; run the same command again and it finishes the job",
    "train": "run the same command again and it goes on from its last checkpoint",
}


class _Failure(click.ClickException):
    """A KvdbError, shown as one line."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"kvdb: error: {one_line(self.message)}", file=file, err=file is None)


class _Kvdb(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit):
            raise
        except KeyboardInterrupt:
            if ctx.params.get("debug"):
                raise
            remedy = _AFTER_INTERRUPT.get(ctx.invoked_subcommand or "", "")
            click.echo(f"kvdb: interrupted{': ' if remedy else ''}{remedy}", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # the reader has left: nothing more can be said to it, not even by the interpreter's last flush
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(BROKEN_PIPE) from None
        except _kvdb_error() as error:  # looked up only once there is an error
            if ctx.params.get("debug"):
                raise
            raise _Failure(str(error)) from error
        return result


def _kvdb_error() -> type[Exception]:
    from kvdb.errors import KvdbError

    return KvdbError


@click.group(cls=_Kvdb, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="kvdb", prog_name="kvdb")
@click.option("--debug", is_flag=True, help="Show the traceback of an error, and what goes on inside.")
def cli(debug: bool) -> None:
    """Facts in one file, which a language model reads through its own attention.

    Data goes to standard output, everything else to standard error.
    """
    logging.basicConfig(level=logging.WARNING, format="kvdb: %(message)s", stream=sys.stderr)
    for name in ("kvdb", "kvdb_sdk"):
        logging.getLogger(name).setLevel(logging.DEBUG if debug else logging.INFO)


for _command in (
    ingest,
    info,
    add,
    delete,
    match,
    search,
    ask,
    chat,
    relations,
    verify,
    export,
    compact,
    backup,
    restore,
    repair,
    migrate,
    train,
    eval_command,
    calibrate,
):
    cli.add_command(_command)


def main() -> None:
    """The entry point of the `kvdb` script."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # facts are UTF-8 whatever the locale says; arguments that are not come back as they went in
            stream.reconfigure(
                encoding="utf-8", errors="surrogateescape" if stream is sys.stdout else "backslashreplace"
            )
    cli(prog_name="kvdb")
