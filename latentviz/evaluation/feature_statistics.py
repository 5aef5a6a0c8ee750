"""What the features of a set say beside those of the in-distribution set, without labels.

A statistic is one function here, or in another of :data:`_MODULES`; pages, jobs and tests read
:func:`feature_statistics`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from latentviz.errors import DataError
from latentviz.evaluation.accuracy import Z95
from latentviz.evaluation.set_statistics import COLUMNS, mean_interval
from latentviz.geometry.shift import Moments, frechet, mean_distance
from latentviz.progress import Progress, silent
from latentviz.workspace import ImageSet, Run, Workspace

#: Value and the ends of its 95 % interval; NaN where there is none.
Interval = tuple[float, float, float]


@dataclass(frozen=True)
class Side:
    """One of the two sets that a statistic compares; what is read of it is kept for the next comparison.

    Attributes
    ----------
    run : Run
    name : str
        Of the set.
    """

    run: Run
    name: str

    @property
    def image_set(self) -> ImageSet:
        """The set."""
        return self.run[self.name]

    @cached_property
    def content(self) -> str:
        """The set's fingerprint: of a large set it takes a while."""
        return self.image_set.fingerprint

    @cached_property
    def moments(self) -> Moments:
        """Of its features."""
        return Moments.of(self.image_set.chunks("features"))


@dataclass(frozen=True)
class FeatureStatistic:
    """A statistic's record with what computes it.

    Attributes
    ----------
    name : str
    title : str
    function : callable
        ``(in-distribution side, other side)`` to an :data:`Interval`.
    cost : callable
        ``(samples, width, classes)`` to about how many multiplications a set takes.
    is_kept : bool
        Results are stored with the run; False where they are read as quickly from an array of the set.
    """

    name: str
    title: str
    function: Callable[[Side, Side], Interval]
    cost: Callable[[int, int, int], float]
    is_kept: bool


_known: dict[str, FeatureStatistic] = {}

#: Other modules that register some.
_MODULES = ("latentviz.evaluation.nac_me", "latentviz.evaluation.clustered")


def register(
    name: str,
    title: str,
    *,
    cost: Callable[[int, int, int], float] = lambda samples, width, classes: 0.0,
    is_kept: bool = True,
) -> Callable[[Callable[[Side, Side], Interval]], Callable[[Side, Side], Interval]]:
    """Decorator that adds a function to the list; see :class:`FeatureStatistic`."""

    def add(function: Callable[[Side, Side], Interval]) -> Callable[[Side, Side], Interval]:
        _known[name] = FeatureStatistic(name, title, function, cost, is_kept)
        return function

    return add


def feature_statistics() -> dict[str, FeatureStatistic]:
    """Every statistic by name.

    Examples
    --------
    >>> list(feature_statistics())
    ['norm', 'confidence', 'distance', 'frechet', 'nac-me', 'silhouette', 'cluster-predictions']
    """
    for module in _MODULES:
        import_module(module)
    order = {module: place for place, module in enumerate([__name__, *_MODULES])}  # whichever was imported first
    found = sorted(_known.values(), key=lambda statistic: order.get(statistic.function.__module__, len(order)))
    return {statistic.name: statistic for statistic in found}


def of_features(run: Run, ind: str, sets: Sequence[str], statistic: str, progress: Progress = silent) -> pd.DataFrame:
    """What the features of every set say beside those of the in-distribution one; stored once computed.

    Parameters
    ----------
    run : Run
    ind : str
    sets : sequence of str
    statistic : str
        One of :func:`feature_statistics`.
    progress : Progress, optional

    Returns
    -------
    DataFrame
        One row a set: ``set``, ``statistic``, ``value``, ``value_low``, ``value_high`` (95 % intervals from the normal
        distribution; missing for the Fréchet distance).

    Raises
    ------
    DataError
        If there is no such statistic, a set has no samples, or no set at all can be compared. One that cannot (a single
        sample, features that are not finite) has NaN.
    WorkspaceError
        If the run has no set of a name, or something of it is missing on disk.
    """
    asked, base = _found(statistic), Side(run, ind)
    rows: list[tuple] = []
    problem = ""
    for number, name in enumerate(sets):
        progress("Comparing features", number, len(sets), "sets")
        if not len(run[name]):
            raise DataError(f'"{name}" holds no samples.')
        values, reason = _value(asked, base, Side(run, name))
        problem = problem or reason
        rows.append((name, statistic, *values))
    progress("Comparing features", len(sets), len(sets), "sets")
    if problem and all(math.isnan(row[2]) for row in rows):
        raise DataError(problem)
    return pd.DataFrame(rows, columns=COLUMNS)


def missing(run: Run, ind: str, sets: Sequence[str], statistic: str) -> list[str]:
    """The sets of which a statistic is to be computed yet."""
    asked, base = _found(statistic), Side(run, ind)
    return [name for name in sets if asked.is_kept and _key(asked, base, Side(run, name)) not in run.derived]


def cost(run: Run, ind: str, sets: Sequence[str], statistic: str) -> float:
    """About how many multiplications :func:`of_features` takes now."""
    asked, todo = _found(statistic), missing(run, ind, sets, statistic)
    return sum(
        asked.cost(len(run[name]), run.manifest.width, len(run.classes)) for name in ([ind, *todo] if todo else [])
    )


def run_job(workspace: Path, parameters: dict[str, Any], progress: Progress) -> str:
    """Background job ``statistic``: the parameters of :func:`of_features`, the run by its name.

    Raises
    ------
    LatentvizError
        As :func:`of_features`.
    """
    run, sets = Workspace(workspace)[parameters["run"]], parameters["sets"]
    of_features(run, parameters["ind"], sets, parameters["statistic"], progress)
    return f"{_found(parameters['statistic']).title} of {len(sets)} sets"


def _found(name: str) -> FeatureStatistic:
    known = feature_statistics()
    if name not in known:
        raise DataError(f'There is no statistic "{name}"; choose {", ".join(known)}.')
    return known[name]


def _key(asked: FeatureStatistic, base: Side, other: Side) -> str:
    record = {"version": 1, "statistic": asked.name}
    return base.run.derived.key("statistics", record, [base.content, other.content])


def _value(asked: FeatureStatistic, base: Side, other: Side) -> tuple[Interval, str]:
    """The statistic of one set, stored if it is one that is kept, and why there is none."""
    derived, key = base.run.derived, _key(asked, base, other) if asked.is_kept else ""
    if not asked.is_kept or key not in derived:
        values, problem = _computed(asked, base, other)
        if asked.is_kept:
            stored = [None if math.isnan(v) else v for v in values]  # JSON knows no NaN
            derived.save(key, {}, {"sets": [base.name, other.name], "value": stored, "problem": problem})
        return values, problem
    meta = derived.meta(key)
    value, low, high = (math.nan if v is None else float(v) for v in meta["value"])
    return (value, low, high), meta["problem"]


def _computed(asked: FeatureStatistic, base: Side, other: Side) -> tuple[Interval, str]:
    try:
        return asked.function(base, other), ""
    except DataError as error:
        return (math.nan, math.nan, math.nan), f'"{base.name}" and "{other.name}": {error}'


@register("norm", "Mean feature norm", is_kept=False)
def _norm(base: Side, other: Side) -> Interval:
    return mean_interval(other.image_set.read("norm").astype(np.float64))


@register("confidence", "Mean confidence", is_kept=False)
def _confidence(base: Side, other: Side) -> Interval:
    return mean_interval(other.image_set.read("confidence").astype(np.float64))


@register("distance", "Distance of the means", cost=lambda samples, width, classes: samples * width**2)
def _distance(base: Side, other: Side) -> Interval:
    """With its interval by the delta method, along the line between the means."""
    one, two = base.moments, other.moments
    value, half = mean_distance(one, two), 0.0
    if value:
        along = (two.mean - one.mean) / value
        variance = along @ (one.covariance / one.count + two.covariance / two.count) @ along
        half = Z95 * math.sqrt(max(float(variance), 0.0))
    return value, max(0.0, value - half), value + half


# A decomposition of each covariance and one of their product: some thirty D³.
@register(
    "frechet", "Fréchet distance (squared)", cost=lambda samples, width, classes: samples * width**2 + 30 * width**3
)
def _frechet(base: Side, other: Side) -> Interval:
    return frechet(base.moments, other.moments), math.nan, math.nan
