"""`kvdb calibrate`: fits refusal to one store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kvdb_cli import options
from kvdb_cli.ask import knowledge_model
from kvdb_cli.output import print_fields, print_json
from kvdb_cli.progress import progress

if TYPE_CHECKING:
    from kvdb_sdk.store_calibration import CalibrationReport


@click.command()
@options.database
@options.model
@options.adapter
@options.route
@options.memory
@options.threshold
@click.option(
    "--questions", default=200, show_default=True, type=click.IntRange(1), help="How many questions, at most."
)
@click.option("--seed", default=0, show_default=True, help="Which facts, and how the questions are worded.")
@click.option("--no-save", is_flag=True, help="Report only: DB is not changed.")
@options.encoder
@options.device
@options.as_json
def calibrate(
    db: str,
    model: str,
    adapter: str,
    route: str,
    memory: str,
    threshold: float | None,
    questions: int,
    seed: int,
    no_save: bool,
    encoder: str | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Fit how sure the model must be to the store DB: half of the questions are about facts that it has, half
    are ones that it cannot answer, all made from its own facts.

    The result is kept in DB, for this adapter and route. The report is about questions that were kept out of a
    first fit: the share judged right before and after, and the expected calibration error. Calibrate again when
    DB has changed much.

    JSON: questions, held_out, threshold, before, after, related_before, related_after (each known, missing,
    kinds, error, log_loss), chosen, half_chosen, losses, related_chosen, calibration, saved, seconds.
    """
    import kvdb
    from kvdb_sdk.store_calibration import calibrate as calibrate_store

    with kvdb.open(db, read_only=no_save) as store, progress("calibrate", total=None, unit="questions") as meter:
        reader = knowledge_model(
            store, model, memory=memory, adapter=adapter, facts_in_prompt=1, route=route, encoder=encoder,
            device=device, threshold=threshold,
        )  # fmt: skip
        asked = 0

        def count(more: int) -> None:
            nonlocal asked
            asked += more
            meter.update(asked, asked)

        report = calibrate_store(reader, questions=questions, seed=seed, save=not no_save, progress=count)
    if as_json:
        print_json(report.as_dict())
    else:
        print_fields(_lines(report))


def _lines(report: CalibrationReport) -> dict[str, Any]:
    """The report for a person: before -> after."""
    before, after = report.before, report.after
    fields = {
        "questions": f"{report.questions}, {report.held_out} of them held out for the figures below",
        f"known, answered at {report.threshold:g}": f"{before.known:.1%} -> {after.known:.1%}",
        "missing, refused": f"{before.missing:.1%} -> {after.missing:.1%}",
    }
    for kind in after.kinds:
        fields[f"missing, {kind}"] = f"{before.kinds[kind]:.1%} -> {after.kinds[kind]:.1%}"
    fields["calibration error"] = f"{before.error:.3f} -> {after.error:.3f}"
    fields["coefficients"] = f"{report.chosen} (the first fit's: {report.half_chosen})"
    if report.related_before is not None and report.related_after is not None:
        before, after = report.related_before, report.related_after
        fields["for the store"] = f"{before.known:.1%} -> {after.known:.1%}"
        fields["ordinary requests"] = f"{before.missing:.1%} -> {after.missing:.1%}"
        fields["coefficients of that"] = report.related_chosen
    fields["seconds"] = f"{report.seconds:.0f}"
    fields["saved"] = "yes" if report.saved else "no"
    return fields
