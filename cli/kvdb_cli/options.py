"""Options and arguments that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def database(function: F) -> F:
    """The store that a command works on."""
    return click.argument("db", metavar="DB", type=click.Path(dir_okay=False))(function)


def as_json(function: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(function)


def encoder(function: F) -> F:
    """`--encoder`."""
    return click.option(
        "--encoder",
        metavar="NAME",
        help="Sentence encoder: a model's name or folder, openai:MODEL@URL (key in OPENAI_API_KEY), or "
        "module:function. Default: the store's own, else all-MiniLM-L6-v2.",
    )(function)


def model(function: F) -> F:
    """`--model`."""
    return click.option(
        "--model",
        default="smollm2-135m",
        show_default=True,
        help="Language model: a folder, a .gguf file, a bundled model's name or a hub id.",
    )(function)


def device(function: F) -> F:
    """`--device`."""
    return click.option("--device", help="Where the model runs: cpu, cuda, cuda:1. Default: a GPU if there is one.")(
        function
    )


def adapter(function: F) -> F:
    """`--adapter`."""
    return click.option(
        "--adapter",
        default="default",
        show_default=True,
        help="A folder made by kvdb train, or the name of one that comes with kvdb; none puts the facts into the "
        "prompt, for any model.",
    )(function)


def facts_in_prompt(function: F) -> F:
    """`--facts-in-prompt`."""
    return click.option(
        "--facts-in-prompt",
        default=5,
        show_default=True,
        type=click.IntRange(1),
        help="With --adapter none: how many facts, at most.",
    )(function)


def route(function: F) -> F:
    """`--route`."""
    return click.option(
        "--route",
        type=click.Choice(["hybrid", "encoder", "attention"]),
        default="hybrid",
        show_default=True,
        help="Who picks the facts: the sentence encoder, the model's own attention, or both.",
    )(function)


def threshold(function: F) -> F:
    """`--threshold`."""
    return click.option(
        "--threshold",
        type=click.FloatRange(0, 1),
        help="How probable it must be that the store has the asked fact, else the answer is that it is not known. "
        "Default: the adapter's own.",
    )(function)


def only_store(function: F) -> F:
    """`--only-store`."""
    return click.option(
        "--only-store",
        is_flag=True,
        help="Say that it is not known also where a question has nothing to do with the store.",
    )(function)


def memory(function: F) -> F:
    """`--memory`."""
    return click.option(
        "--memory",
        metavar="SIZE",
        default="256MB",
        show_default=True,
        help="Device memory for pages of facts.",
    )(function)
