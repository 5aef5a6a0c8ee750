"""The folders that whoever started the app allowed it to read, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import streamlit as st

from latentviz import launch
from latentviz.datasets.source import SUFFIXES
from latentviz.errors import DataError
from latentviz.extraction.request import Request

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
    paths = [p for p in (request.model.checkpoint, request.model.onnx) if p is not None]
    for path in [*paths, *(Path(entry.source) for entry in request.sets)]:
        if not any(path.resolve().is_relative_to(root) for root in allowed()):
            raise DataError(f"{path} is not in a folder that was allowed with --data-root.")


@st.cache_data(ttl=20, show_spinner=False)
def files(suffixes: tuple[str, ...]) -> list[str]:
    """Files below the roots with one of the endings."""
    return [str(f / n) for f, _, names in _walk() for n in sorted(names) if Path(n).suffix.lower() in suffixes]


@st.cache_data(ttl=20, show_spinner=False)
def image_folders() -> list[str]:
    """Folders below the roots whose subfolders hold images, or which hold images but lie in no such folder."""
    holding = [folder for folder, _, names in _walk() if any(Path(n).suffix.lower() in SUFFIXES for n in names[:50])]
    parents = {folder.parent for folder in holding if folder.parent not in allowed() or folder not in allowed()}
    flat = {folder for folder in holding if folder in allowed()}
    inside = [p for p in parents | flat if any(p.is_relative_to(root) for root in allowed())]
    return [str(path) for path in sorted(inside)]


def short(path: str | Path) -> str:
    """A path as seen from its root."""
    resolved = Path(path)
    for root in allowed():
        if resolved.is_relative_to(root):
            return str(resolved.relative_to(root.parent))
    return str(path)


def _walk() -> Iterator[tuple[Path, list[str], list[str]]]:
    seen = 0
    for root in allowed():
        for folder, children, names in os.walk(root):
            here = Path(folder)
            children[:] = sorted(c for c in children if not c.startswith("."))
            if len(here.relative_to(root).parts) >= _DEPTH:
                children.clear()
            seen += 1
            if seen > _LIMIT:
                return
            yield here, children, names
