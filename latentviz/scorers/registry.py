"""All scorers by name; the docs, the app, the command line and the tests read this list."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import Any, TypeVar

from latentviz.errors import ScorerError
from latentviz.scorers.base import Scorer
from latentviz.scorers.info import FEATURES, Family

#: Group of entry points by which other packages add scorers: each names a module or a class.
ENTRY_POINTS = "latentviz.scorers"

_known: dict[str, type[Scorer]] = {}

S = TypeVar("S", bound=type[Scorer])


def register(scorer: S) -> S:
    """Class decorator that adds a scorer to the list.

    Raises
    ------
    ScorerError
        If another scorer has its name.
    """
    scorer.info = scorer.info.with_features
    name = scorer.info.name
    other = _known.get(name, scorer)
    if (other.__module__, other.__qualname__) != (scorer.__module__, scorer.__qualname__):  # equal if loaded again
        raise ScorerError(
            f'Two scorers are called "{name}": {other.__qualname__} and {scorer.__qualname__} '
            f"(of {other.__module__} and {scorer.__module__}). Give one of them another name."
        )
    _known[name] = scorer
    return scorer


def scorers() -> dict[str, type[Scorer]]:
    """Every scorer's class by name, ordered by family and title."""
    _load()
    families = list(Family)
    return dict(sorted(_known.items(), key=lambda item: (families.index(item[1].info.family), item[1].info.title)))


def make(name: str, parameters: Mapping[str, Any] | None = None) -> Scorer:
    """A scorer with parameters, the others by default.

    Raises
    ------
    ScorerError
        If there is no such scorer, or a parameter is unknown or out of range.

    Examples
    --------
    >>> make("knn", {"k": 10})
    KNearestNeighbours(k=10, normalise=True)
    """
    _load()
    if name not in _known:
        raise ScorerError(f'There is no scorer "{name}"; there are {", ".join(scorers())}.')
    scorer = _known[name]
    values = scorer.info.checked(dict(parameters or {}))
    features = values.pop(FEATURES.name) if FEATURES in scorer.info.parameters else FEATURES.default
    made = scorer(**values)
    made.features = features
    return made


@cache
def _load() -> None:
    """Import every module of this package, and what other packages offer."""
    package = import_module(__package__ or "latentviz.scorers")
    for module in iter_modules(package.__path__):
        if not module.name.startswith("_"):  # no scorers in it
            import_module(f"{package.__name__}.{module.name}")
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            loaded = entry.load()
            if isinstance(loaded, type):
                register(loaded)
        except Exception as error:  # of another package, whatever it is; the other scorers still work
            warnings.warn(
                f'The scorers of the entry point "{entry.name}" ({entry.value}) are left out: '
                f"{type(error).__name__}: {error}",
                stacklevel=2,
            )
