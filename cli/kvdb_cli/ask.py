"""`kvdb ask`: a question to a language model that reads the store."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from kvdb_cli import options
from kvdb_cli.output import one_line, print_json, print_row

if TYPE_CHECKING:
    from kvdb_sdk import Answer


@click.command()
@options.database
@click.argument("question")
@options.model
@options.adapter
@options.facts_in_prompt
@options.route
@options.memory
@options.threshold
@options.only_store
@click.option("--max-new-tokens", default=96, show_default=True, type=click.IntRange(1), help="Longest answer.")
@options.encoder
@options.device
@options.as_json
def ask(
    db: str,
    question: str,
    model: str,
    adapter: str,
    facts_in_prompt: int,
    route: str,
    memory: str,
    threshold: float | None,
    only_store: bool,
    max_new_tokens: int,
    encoder: str | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Answer QUESTION from the facts of DB: the answer, then the facts it rests on with their weights.

    A question that has nothing to do with the store gets the model's own words, and standard error says so.

    JSON: answer, answered, source (store, model or none), citations (a list of id, head, relation, tail, weight),
    stats.
    """
    import kvdb

    if not question.strip():
        raise click.UsageError("the question is empty")
    with kvdb.open(db, read_only=True) as store:
        reader = knowledge_model(
            store, model, memory=memory, adapter=adapter, facts_in_prompt=facts_in_prompt, route=route,
            encoder=encoder, device=device, threshold=threshold, only_store=only_store,
        )  # fmt: skip
        answer = reader.ask(question, max_new_tokens=max_new_tokens)
    print_answer(answer, as_json)


def print_answer(answer: Answer, as_json: bool) -> None:
    """The answer on a line, then the facts behind it; or one JSON object."""
    if as_json:
        print_json(answer_fields(answer))
        return
    click.echo(one_line(answer.text))
    if answer.source == "model":
        click.echo("kvdb: not from the store: the model's own words", err=True)
    for c in answer.citations:
        print_row(f"{c.weight:.3f}", c.id, c.head, c.relation, c.tail)


def knowledge_model(
    store: Any,
    model: str,
    *,
    memory: str,
    adapter: str,
    facts_in_prompt: int,
    route: str,
    encoder: str | None,
    device: str | None,
    threshold: float | None = None,
    only_store: bool = False,
) -> Any:
    """The model that `ask`, `eval` and `calibrate` put questions to. The adapter "none" is no adapter."""
    from kvdb_sdk import KnowledgeModel

    return KnowledgeModel.from_pretrained(
        model,
        store,
        memory=memory,
        adapter=None if adapter == "none" else adapter,
        facts_in_prompt=facts_in_prompt,
        route=route,
        encoder=encoder,
        device=device,
        threshold=threshold,
        only_store=only_store,
    )


def answer_fields(answer: Answer) -> dict[str, Any]:
    """An answer as `--json` prints it."""
    return {
        "answer": answer.text,
        "answered": answer.answered,
        "source": answer.source,
        "citations": [asdict(citation) for citation in answer.citations],
        "stats": answer.stats,
    }
