"""The folders that whoever started the app allowed it to read, and nothing else."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import streamlit as st

from latentviz import launch
from latentviz.datasets.opening import source_paths
from latentviz.datasets.reading import SUFFIXES
from latentviz.errors import DataError
from latentviz.extraction.request import Request, SetRequest

WEIGHTS = (".pt", ".pth", ".th", ".ckpt", ".safetensors")

#: How deep below a root folders are listed, and how many entries at most.
_DEPTH = 5
_LIMIT = 20_000


def allowed() -> list[Path]:
    """The roots that exist."""
    return [root.resolve() for root in launch.paths(launch.DATA_ROOTS) if root.is_dir()]


def check(request: Request) -> None:
    """Refuse what does not lie below a root, and what would run code.

    Raises
    ------
    DataError
        Naming the path. A browser can send anything, so the widgets' choices are no protection.
    """
    if request.model.factory is not None:
        raise DataError("A factory runs code; use it from Python or the command line.")
    for path in (request.model.checkpoint, request.model.onnx):
        if path is not None:
            check_path(path)
    check_sets(request.sets)


def check_sets(sets: Iterable[SetRequest]) -> None:
    """Refuse sources that do not lie below a root.

    Raises
    ------
    DataError
        Naming the source.
    """
    for entry in sets:
        if entry.source.startswith("torchvision:"):  # some of its collections unpickle what they find
            raise DataError(
                f"{entry.source} is no folder that was allowed with --data-root; use it from the command line."
            )
        for path in source_paths(entry.source):
            check_path(path)


def check_path(path: Path) -> None:
    """Refuse what does not lie below a root.

    Raises
    ------
    DataError
        Naming the path.
    """
    if not any(path.resolve().is_relative_to(root) for root in allowed()):
        raise DataError(f"{path} is not in a folder that was allowed with --data-root.")


@st.cache_data(ttl=20, show_spinner=False)
def files(suffixes: tuple[str, ...]) -> list[str]:
    """Files below the roots with one of the endings."""
    return [str(f / n) for f, names in _walk() for n in names if Path(n).suffix.lower() in suffixes]


@st.cache_data(ttl=20, show_spinner=False)
def image_folders() -> list[str]:
    """Folders below the roots whose subfolders hold images, or which hold images but lie in no such folder."""
    holding = [folder for folder, names in _walk() if any(Path(n).suffix.lower() in SUFFIXES for n in names)]
    parents = {folder.parent for folder in holding if folder.parent not in allowed() or folder not in allowed()}
    flat = {folder for folder in holding if folder in allowed()}
    inside = [p for p in parents | flat if any(p.is_relative_to(root) for root in allowed())]
    return [str(path) for path in sorted(inside)]


@st.cache_data(ttl=20, show_spinner=False)
def corrupted_folders() -> list[str]:
    """Folders below the roots that look like CIFAR-10-C: ``labels.npy`` and other arrays beside it."""
    return [
        str(folder)
        for folder, names in _walk()
        if "labels.npy" in names and any(n.endswith(".npy") and n != "labels.npy" for n in names)
    ]


def labels(paths: Sequence[str]) -> Callable[[str], str]:
    """What to show for each path: what follows its root, and as much of the root as tells it from the others.

    No two labels are the same, because Streamlit knows an option by its label.
    """
    shown = {path: len(_below_root(Path(path)).parts) for path in paths}
    while True:
        found = {path: str(Path(*Path(path).parts[-count:])) for path, count in shown.items()}
        often = Counter(found.values())
        alike = [path for path, label in found.items() if often[label] > 1]
        if not alike:
            return lambda path: found.get(path, path)  # Streamlit also asks for the label of what is one already
        shown.update({path: shown[path] + 1 for path in alike})


def _below_root(path: Path) -> Path:
    """A path from the name of its root on."""
    return next((path.relative_to(root.parent) for root in allowed() if path.is_relative_to(root)), path)


def _walk() -> Iterator[tuple[Path, list[str]]]:
    """Folders below the roots with the names of their files, sorted, each once."""
    seen: set[Path] = set()
    for root in allowed():
        for folder, children, names in os.walk(root):
            here = Path(folder)
            children[:] = sorted(c for c in children if not c.startswith("."))
            if len(here.relative_to(root).parts) >= _DEPTH:
                children.clear()
            if here in seen:  # of a root that lies in another
                continue
            seen.add(here)
            if len(seen) > _LIMIT:
                return
            yield here, sorted(names)
