"""`kvdb train`, `kvdb eval`: adapters and how well they answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from kvdb_cli import options
from kvdb_cli.ask import knowledge_model
from kvdb_cli.ingest import Reading
from kvdb_cli.output import print_fields, print_json
from kvdb_cli.progress import progress

if TYPE_CHECKING:
    from kvdb_sdk.training.train import Progress as Step


@click.command()
@options.database
@click.option(
    "--out", required=True, metavar="FOLDER", type=click.Path(file_okay=False), help="Where the adapter goes."
)
@options.model
@click.option(
    "--steps", default=600, show_default=True, type=click.IntRange(0), help="Steps of attending, writing and copying."
)
@click.option("--batch", default=16, show_default=True, type=click.IntRange(1), help="Questions a step.")
@click.option(
    "--question-steps",
    default=1000,
    show_default=True,
    type=click.IntRange(0),
    help="Steps of the model's own vector of a question, first.",
)
@click.option(
    "--relation-steps",
    type=click.IntRange(0),
    help="Steps of how questions mean relations, before that. 0: as the encoder has it, whatever --start has. "
    "By default as --start has it, else as a shipped adapter for this encoder does, else 3000.",
)
@click.option(
    "--reader-steps",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Steps of how the model itself reads relations. 0: as --start does, or not at all.",
)
@click.option("--start", metavar="ADAPTER", help="Go on from this adapter: a shipped name or a folder.")
@click.option(
    "--facts", default=200_000, show_default=True, type=click.IntRange(1), help="Facts to draw from, at most."
)
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same adapter.")
@options.encoder
@options.device
@options.as_json
def train(
    db: str,
    out: str,
    model: str,
    steps: int,
    batch: int,
    question_steps: int,
    relation_steps: int | None,
    reader_steps: int,
    start: str | None,
    facts: int,
    seed: int,
    encoder: str | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Train an adapter for a model on the facts of DB; goes on from a checkpoint in FOLDER.

    JSON: adapter, model, encoder, facts, steps, losses.
    """
    import kvdb
    from kvdb_sdk.adapters import adapter_folder
    from kvdb_sdk.attend.adapter import load_adapter
    from kvdb_sdk.models.encoders import encoder_for
    from kvdb_sdk.models.language_model import load_language_model
    from kvdb_sdk.training.store_pool import pool_of
    from kvdb_sdk.training.train import TrainingOptions
    from kvdb_sdk.training.train import train as train_adapter

    with kvdb.open(db, read_only=True) as store, progress("train", total=steps, unit="steps") as meter:
        encode = encoder_for(store.encoder, encoder, device=device)
        store.bind_encoder(encode.record)
        meter.note("reading facts and model")
        with store.snapshot() as snapshot:
            pool = pool_of(snapshot, limit=facts, seed=seed)
        language_model, tokenizer = load_language_model(model, device=device)
        last: list[Step] = []

        def report(step: Step) -> None:
            last[:] = [step]
            meter.update(step.step, step.step)
            meter.note(", ".join(f"{name} {value:.3f}" for name, value in step.losses.items()))

        train_adapter(
            language_model,
            tokenizer,
            encode,
            pool,
            out,
            model_name=model,
            options=TrainingOptions(
                steps=steps,
                batch=batch,
                seed=seed,
                question_steps=question_steps,
                relation_steps=relation_steps,
                reader_steps=reader_steps,
            ),
            start=load_adapter(adapter_folder(start, language_model))[0] if start else None,
            data={"store": db, "facts": len(pool.rows)},
            report=report,
            note=meter.note,
        )
    losses = last[0].losses if last else {}
    fields: dict[str, Any] = {"adapter": out, "model": model, "encoder": encode.name, "facts": len(pool.rows)}
    _print(fields | {"steps": steps, "losses": losses}, as_json)


@click.command("eval")
@options.database
@click.argument("facts", metavar="FACTS")
@options.model
@options.adapter
@options.facts_in_prompt
@options.route
@options.memory
@options.threshold
@click.option(
    "-n", "limit", default=300, show_default=True, type=click.IntRange(1), help="Facts to ask about, at most."
)
@click.option("--seed", default=0, show_default=True, help="Which facts, and how the questions are worded.")
@options.encoder
@options.device
@options.as_json
def eval_command(
    db: str,
    facts: str,
    model: str,
    adapter: str,
    facts_in_prompt: int,
    route: str,
    memory: str,
    threshold: float | None,
    limit: int,
    seed: int,
    encoder: str | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Ask about the facts of the file FACTS, and count the right answers that the model gives from the store
    DB. A fifth of the questions are about facts that DB does not have.

    em is the share of exact matches; attention says how often the fact was the most attended, or among five.

    JSON: em, citation_accuracy, refusal_f1, n, ms_per_token, token_f1, rouge_l, citations and refusal (precision,
    recall, f1), attention (acc_at_1, acc_at_5), calibration (error, bins), cost (ms_per_token, ms_per_answer,
    resident_bytes, device_bytes), misses.
    """
    import kvdb
    from kvdb.readers import Source
    from kvdb_sdk.evaluation.evaluate import evaluate
    from kvdb_sdk.evaluation.questions import store_questions

    reading = Reading([Source(facts)], None, None)
    with kvdb.open(db, read_only=True) as store, progress("eval", total=None, unit="questions") as meter:
        asked = store_questions(store, list(reading.triples(meter)), count=limit, seed=seed)
        reader = knowledge_model(
            store, model, memory=memory, adapter=adapter, facts_in_prompt=facts_in_prompt, route=route,
            encoder=encoder, device=device, threshold=threshold,
        )  # fmt: skip
        report = evaluate(reader, asked, progress=lambda done: meter.update(done, done))
    fields = report.as_dict()
    if as_json:
        print_json(fields)
    else:
        print_fields(dict(_flat(fields)))


def _flat(fields: dict[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    """The figures for a person: nested ones by their path, no lists, and no figure that is not there."""
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{within}{name}.")
        elif isinstance(value, float):
            yield within + name, f"{value:.4g}"
        elif value is not None and not isinstance(value, tuple | list):
            yield within + name, value


def _print(fields: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(fields)
    else:
        print_fields(fields)
