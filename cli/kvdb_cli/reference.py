"""docs/cli.md, written from the commands themselves: `python -m kvdb_cli.reference > docs/cli.md`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from kvdb_cli.main import cli

_HEAD = """\
# Command line

<!-- Written by `make docs` from the commands themselves: do not edit. -->

Every error is one line on standard error and exit code 1; a wrong command line gives 2, Ctrl-C 130. Data goes
to standard output, everything else to standard error. `python -m kvdb_cli` is the same as `kvdb`.
"""


def reference() -> str:
    """The whole page."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    yield "## kvdb\n"
    yield f"    kvdb {_usage(cli)}\n"
    yield from _described(cli)
    for name, command in cli.commands.items():
        yield f"## kvdb {name}\n"
        yield f"    kvdb {name} {_usage(command)}\n"
        yield from _described(command)


def _described(command: click.Command) -> Iterator[str]:
    yield inspect.cleandoc(command.help or "") + "\n"
    options = [p for p in command.params if isinstance(p, click.Option)]
    if not options:
        return
    yield "| option | | default |"
    yield "|---|---|---|"
    for option in options:
        yield f"| {_names(option)} | {_cell(option.help or '')} | {_default(option)} |"
    yield ""


def _usage(command: click.Command) -> str:
    arguments = [p.metavar or (p.name or "").upper() for p in command.params if isinstance(p, click.Argument)]
    after = ["COMMAND [ARGS]..."] if isinstance(command, click.Group) else arguments
    return " ".join(["[OPTIONS]", *after])


def _names(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    if option.is_flag:
        return names
    if isinstance(option.type, click.Choice):
        return f"{names} {_cell(' | '.join(option.type.choices))}"
    return f"{names} {option.metavar or option.type.name.split()[0].upper()}"


def _default(option: click.Option) -> str:
    if option.is_flag or not option.show_default:
        return "required" if option.required else ""
    return f"`{option.default}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    click.echo(reference(), nl=False)
