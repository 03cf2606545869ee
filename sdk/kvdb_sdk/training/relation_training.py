"""Learns how questions mean relations, before the rest of an adapter: a change of the encoder, or a matrix.

It needs the encoder and wordings alone (relation_wordings.py), neither the language model nor any facts. What was
learnt is a file beside the checkpoint, so that a training that stopped does not learn it again; a checkpoint of its own
says how far it is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file

from kvdb.errors import AdapterError

from ..attend.adapter import Adapter
from .checkpoint import finished
from .examples import Encode
from .relation_low_rank import fit_low_rank
from .relation_matrix import encoded, fit_relation
from .relation_wordings import Wordings, load_wordings

RELATIONS = "relations.safetensors"
UNDER_WAY = "relations-checkpoint.safetensors"


def learn_relations(
    adapter: Adapter,
    encode: Encode,
    folder: Path,
    *,
    steps: int,
    seed: int,
    wordings: Wordings | None = None,
    note: Callable[[str], None] | None = None,
) -> None:
    """Set what an adapter has of relations; from the file in `folder` where it is there.

    `steps`: of the encoder's change; with 0 nothing is learnt, and relations are compared as the encoder has them.
    `wordings`: by default those of the package. `note` hears how far it is. Raises AdapterError where the file is none.
    """
    if not steps:
        return
    path = folder / RELATIONS
    if not path.exists():
        wordings = wordings or load_wordings(seed=seed)

        def report(step: int, loss: float) -> None:
            if note is not None:
                note(f"relations: step {step} of {steps}, loss {loss:.3f}")

        change = fit_low_rank(encode, wordings, steps=steps, seed=seed, report=report, checkpoint=folder / UNDER_WAY)
        found = {f"encoder.{name}": tensor for name, tensor in change.items()}
        if not found:  # an encoder that does not run here
            found = {"matrix": torch.from_numpy(fit_relation(encoded(wordings, encode), seed=seed))}
        finished(path, found, folder / UNDER_WAY)
    try:
        found = load_file(path)
        if "matrix" in found:
            adapter.relation.data.copy_(found.pop("matrix"))
    except Exception as error:
        raise AdapterError(f"{path} is not what this training learnt ({error}): remove it to start anew") from error
    adapter.encoder_change = {name.removeprefix("encoder."): tensor for name, tensor in found.items()}
