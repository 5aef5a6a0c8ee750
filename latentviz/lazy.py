"""Names that are imported on first use: torch takes seconds, and most of the project does without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def attributes(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` that takes each name from its home.

    Parameters
    ----------
    package : str
        ``__name__`` of the module.
    homes : dict of str
        Submodule of every name.
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return get
