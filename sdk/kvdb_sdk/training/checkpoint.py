"""Where a training stands, as one safetensors file: weights, both AdamW moments, the step.

Written by rename, so that a kill leaves the last whole one. Where everything random derives from the seed and the step,
a training that goes on from it is the same training.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from kvdb.errors import AdapterError

Learnt = Mapping[str, torch.nn.Parameter]


def kept(path: Path, learnt: Learnt, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Write the file; `step` are done."""
    tensors = {}
    for name, parameter in learnt.items():
        state = optimizer.state[parameter]
        tensors[f"weight.{name}"] = parameter.detach().cpu().contiguous()
        if state:  # else nothing was learnt of it: the prior, where every step goes without
            tensors[f"first.{name}"] = state["exp_avg"].cpu().contiguous()
            tensors[f"second.{name}"] = state["exp_avg_sq"].cpu().contiguous()
    part = path.with_suffix(".part")
    save_file(tensors, part, metadata={"step": str(step)})
    part.replace(path)


def finished(path: Path, learnt: Mapping[str, Tensor], under_way: Path) -> None:
    """Write what one part of a training learnt, and remove its checkpoint `under_way`."""
    part = path.with_suffix(".part")
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in learnt.items()}, part)
    part.replace(path)
    under_way.unlink(missing_ok=True)


def restored(path: Path, learnt: Learnt, optimizer: torch.optim.Optimizer) -> int:
    """Take over what the file has, if there is one; the number of steps done. Raises AdapterError where it is none."""
    if not path.exists():
        return 0
    try:
        with safe_open(path, framework="pt") as file:
            step = int(file.metadata()["step"])
            for name, parameter in learnt.items():
                with torch.no_grad():
                    parameter.copy_(file.get_tensor(f"weight.{name}"))
                if f"first.{name}" in file.keys():  # noqa: SIM118 -- not a mapping
                    optimizer.state[parameter] = {
                        "step": torch.tensor(float(step)),
                        "exp_avg": file.get_tensor(f"first.{name}").to(parameter.device),
                        "exp_avg_sq": file.get_tensor(f"second.{name}").to(parameter.device),
                    }
    except Exception as error:
        raise AdapterError(f"{path} is no checkpoint of this training ({error}): remove it to start anew") from error
    return step
