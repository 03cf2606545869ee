"""Learns how questions mean relations, before the rest of an adapter: the encoder's change, then the two matrices.

It needs the encoder and wordings alone (relation_wordings.py), neither the language model nor any facts. What was
learnt is a file beside the checkpoint, so that a training that stopped does not learn it again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from kvdb.errors import AdapterError

from ..attend.adapter import Adapter
from ..question.relation_encoder import changed
from .examples import Encode
from .relation_low_rank import fit_low_rank
from .relation_matrices import encoded, fit_relation
from .relation_wordings import Wordings, load_wordings

RELATIONS = "relations.safetensors"


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

        change = fit_low_rank(encode, wordings, steps=steps, seed=seed, report=report)
        compare = changed(encode, change) if change else encode
        to_nouns, to_values = fit_relation(encoded(wordings, compare, encode), seed=seed)
        found = {"nouns": torch.from_numpy(to_nouns), "values": torch.from_numpy(to_values)}
        part = path.with_suffix(".part")
        save_file(found | {f"encoder.{name}": tensor for name, tensor in change.items()}, part)
        part.replace(path)
    try:
        found = load_file(path)
        adapter.relation.data.copy_(found.pop("nouns"))
        adapter.relation_values.data.copy_(found.pop("values"))
    except Exception as error:
        raise AdapterError(f"{path} is not what this training learnt ({error}): remove it to start anew") from error
    adapter.encoder_change = {name.removeprefix("encoder."): tensor for name, tensor in found.items()}
