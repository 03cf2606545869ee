"""`kvdb chat`: a conversation with a store, line by line."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from kvdb_cli import options
from kvdb_cli.ask import knowledge_model, print_answer
from kvdb_cli.output import one_line

PROMPT = "> "


@click.command()
@options.database
@options.model
@options.adapter
@options.facts_in_prompt
@options.route
@options.memory
@options.only_store
@click.option("--max-new-tokens", default=96, show_default=True, type=click.IntRange(1), help="Longest answer.")
@options.encoder
@options.device
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.pass_context
def chat(
    ctx: click.Context,
    db: str,
    model: str,
    adapter: str,
    facts_in_prompt: int,
    route: str,
    memory: str,
    only_store: bool,
    max_new_tokens: int,
    encoder: str | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Answer questions from standard input, one a line, until it ends or a line is empty.

    A question may lean on the ones before it ("and its elevation?"). Prints as `kvdb ask` does; what is wrong with a
    question is said on standard error, and the next one is read. Exit code 1 where any could not be asked.

    JSON: answer, answered, source, citations, stats, one object a line; stats.asked is the question as it was
    understood.
    """
    import kvdb
    from kvdb.errors import FieldError, LimitError

    with kvdb.open(db, read_only=True) as store:
        reader = knowledge_model(
            store, model, memory=memory, adapter=adapter, facts_in_prompt=facts_in_prompt, route=route,
            encoder=encoder, device=device, only_store=only_store,
        )  # fmt: skip
        conversation, failed = reader.conversation(), False
        for question in _lines():
            try:
                print_answer(conversation.ask(question, max_new_tokens=max_new_tokens), as_json)
            except (LimitError, FieldError) as error:  # of this question: the next one may be asked all the same
                failed = True
                click.echo(f"kvdb: error: {one_line(str(error))}", err=True)
            sys.stdout.flush()  # whoever reads from a pipe waits for this answer
    if failed:
        ctx.exit(1)


def _lines() -> Iterator[str]:
    """Lines of standard input up to the first empty one; a person at a terminal is prompted on standard error."""
    while True:
        if sys.stdin.isatty():
            click.echo(PROMPT, nl=False, err=True)
        question = sys.stdin.buffer.readline().decode("utf-8", "replace").strip()  # questions are UTF-8 in any locale
        if not question:
            return
        yield question
