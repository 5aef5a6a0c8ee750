"""Where a correlation of a statistic with accuracy comes from: families, corruptions, severities or models.

A table has one row a dot: a statistic, an accuracy, and what the dot is of. A strong correlation over all dots may be
one between severities only, or between accurate and inaccurate models; these functions look inside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from latentviz.errors import DataError
from latentviz.evaluation.coefficients import coefficients, kind_named, replicated
from latentviz.evaluation.correlation import (
    FEWEST,
    REPLICATES,
    Correlation,
    correlate,
    numbered,
    numbers,
    percentiles,
    reason,
)


@dataclass(frozen=True)
class Average(Correlation):
    """The mean of the correlations inside groups; ``n`` counts the dots of the groups that have one.

    Attributes
    ----------
    by : str
        Column of the groups.
    averaged : int
        Groups that have a correlation.
    undefined : int
        Groups that have none (too few dots, or all equal); they are left out.
    """

    by: str = ""
    averaged: int = 0
    undefined: int = 0


@dataclass(frozen=True, eq=False)
class AcrossModels:
    """Whether a statistic tells good models from bad ones.

    Attributes
    ----------
    by_set : DataFrame
        As of :func:`within`: on every set, over models.
    means : Correlation
        Over models, of the means over the sets that all models have.
    sets : tuple of str
        These sets.
    """

    by_set: pd.DataFrame
    means: Correlation
    sets: tuple[str, ...]


#: Columns of correlations, numbers also without rows: if no set is corrupted, there is nothing inside a severity.
_NUMBERS = {"n": int, "value": float, "low": float, "high": float}


def leave_one_out(
    table: pd.DataFrame,
    statistic: str,
    accuracy: str,
    by: str = "family",
    kind: str = "spearman",
    *,
    groups: str | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """The correlation without each family in turn: does one family make it?

    Parameters
    ----------
    table : DataFrame
        One row a dot.
    statistic, accuracy, by : str
        Columns.
    kind : {"spearman", "pearson", "kendall"}
    groups : str, optional
        Column of what is resampled as a whole.
    replicates, seed : int

    Returns
    -------
    DataFrame
        The family in a column that is called like ``by``, ``n`` (dots without it), ``value``, ``low``, ``high``,
        ``change`` (to the correlation over all dots), ``problem``.

    Raises
    ------
    DataError
        If there is no such column or kind, or as :func:`~latentviz.evaluation.correlation.correlate`.

    Examples
    --------
    >>> dots = pd.DataFrame({"family": list("aaabbb"), "score": [1, 2, 3, 9, 8, 7], "accuracy": [9, 8, 7, 1, 2, 4]})
    >>> leave_one_out(dots, "score", "accuracy")[["family", "n", "value", "change"]].round(2)
      family  n  value  change
    0      a  3   -1.0     0.0
    1      b  3   -1.0     0.0
    """
    _has(table, statistic, accuracy, by, *_named(groups))

    def over(part: pd.DataFrame) -> Correlation:
        return _over(part, statistic, accuracy, kind, groups, replicates, seed)

    whole = over(table)
    rows = []
    for family in table[by].dropna().unique():
        found = over(table[table[by] != family])
        rows.append((family, found.n, found.value, found.low, found.high, found.value - whole.value, found.problem))
    return pd.DataFrame(rows, columns=[by, "n", "value", "low", "high", "change", "problem"]).astype(
        _NUMBERS | {"change": float}
    )


def within(
    table: pd.DataFrame,
    statistic: str,
    accuracy: str,
    by: str,
    kind: str = "spearman",
    *,
    groups: str | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """The correlation inside each group: inside a corruption over severities, inside a model over sets.

    Parameters
    ----------
    table, statistic, accuracy, by, kind, groups, replicates, seed
        As of :func:`leave_one_out`. Dots without a group are left out.

    Returns
    -------
    DataFrame
        The group in a column that is called like ``by``, ``n``, ``value``, ``low``, ``high``, ``problem``.

    Raises
    ------
    DataError
        As :func:`leave_one_out`.

    Examples
    --------
    >>> dots = pd.DataFrame({"blur": list("aaabbb"), "score": [1, 2, 3, 1, 2, 3], "accuracy": [9, 8, 7, 4, 4, 4]})
    >>> within(dots, "score", "accuracy", by="blur")[["blur", "n", "value"]]
      blur  n  value
    0    a  3   -1.0
    1    b  3    NaN
    """
    _has(table, statistic, accuracy, by, *_named(groups))
    rows = []
    for name, part in table.groupby(by, sort=False):
        found = _over(part, statistic, accuracy, kind, groups, replicates, seed)
        rows.append((name, found.n, found.value, found.low, found.high, found.problem))
    return pd.DataFrame(rows, columns=[by, "n", "value", "low", "high", "problem"]).astype(_NUMBERS)


def average_within(
    table: pd.DataFrame,
    statistic: str,
    accuracy: str,
    by: str,
    kind: str = "spearman",
    *,
    groups: str | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Average:
    """The mean of the correlations inside groups, each counting the same, with a cluster bootstrap over groups.

    Groups without a correlation are left out and counted. If something else is independent than the groups, name it:
    the severities of 19 corruptions share these corruptions, so that inside severities the corruptions are to be
    resampled (``by="severity", groups="corruption"``), and over sets the models.

    Parameters
    ----------
    table, statistic, accuracy, by, kind, replicates, seed
        As of :func:`leave_one_out`. Dots without a group are left out.
    groups : str, optional
        Column of what is resampled as a whole; ``by`` if there is none.

    Returns
    -------
    Average

    Raises
    ------
    DataError
        As :func:`leave_one_out`.

    Examples
    --------
    >>> dots = pd.DataFrame({"blur": list("aaabbbccc"), "score": [1, 2, 3] * 3})
    >>> dots["accuracy"] = [9, 8, 7, 6, 4, 2, 5, 7, 3]
    >>> found = average_within(dots, "score", "accuracy", by="blur")
    >>> round(found.value, 3), found.averaged, found.groups
    (-0.833, 3, 3)
    """
    _has(table, statistic, accuracy, by, *_named(groups))
    wanted = kind_named(kind)
    x, y = numbers(table[statistic], "The statistic"), numbers(table[accuracy], "The accuracy")
    member, _ = pd.factorize(table[by])
    counted = np.isfinite(x) & np.isfinite(y) & (member >= 0)
    x, y, member = x[counted], y[counted], member[counted]
    names = np.unique(member)
    whole = [m for m in names if not reason(x[member == m], y[member == m])]
    undefined, left_out = table[by].nunique() - len(whole), int(np.sum(~counted))
    kept = np.isin(member, whole)
    x, y, member = x[kept], y[kept], member[kept]
    units = member if groups is None else numbered(table[groups], len(table))[counted][kept]
    _, units = np.unique(units, return_inverse=True)
    independent = int(units.max(initial=-1)) + 1

    def result(value: float, low: float, high: float, problem: str = "") -> Average:
        return Average(wanted, value, low, high, len(x), independent, problem, left_out, by, len(whole), undefined)

    if not whole:
        return result(math.nan, math.nan, math.nan, f'No group of "{by}" has a correlation of its own.')
    own = np.array([coefficients(x[member == m], y[member == m], _once(member == m), wanted)[0] for m in whole])
    if independent < FEWEST:
        one = "1 group" if independent == 1 else f"{independent} groups"
        problem = f'There {"is" if independent == 1 else "are"} {one} of "{groups or by}" with a correlation; '
        return result(float(own.mean()), math.nan, math.nan, f"{problem}an interval needs at least {FEWEST}.")

    def mean(weights: np.ndarray) -> np.ndarray:
        inside = [coefficients(x[member == m], y[member == m], weights[:, member == m], wanted) for m in whole]
        # A unit that is drawn twice counts twice, also where all of a group is of one unit and it is drawn with it.
        often = [weights[:, member == m].mean(axis=1) for m in whole]
        return _mean_of_defined(np.array(inside), np.array(often))

    if groups is None:  # a group is drawn as a whole, and its own correlation with it
        found = replicated(np.arange(len(own)), replicates, seed, lambda weights: weights @ own / len(own))
    else:
        found = replicated(units, replicates, seed, mean)
    interval = percentiles(found)
    if interval is None:
        return result(float(own.mean()), math.nan, math.nan, "Most resamples have no correlation inside any group.")
    return result(float(own.mean()), *interval)


def across_models(
    table: pd.DataFrame,
    statistic: str,
    accuracy: str,
    kind: str = "spearman",
    *,
    model: str = "model",
    image_set: str = "set",
    replicates: int = REPLICATES,
    seed: int = 0,
) -> AcrossModels:
    """On the same set over models, and on the models' means.

    A model's mean is over the sets that all models have: otherwise a model would look worse for being tried on more
    difficult sets.

    Parameters
    ----------
    table : DataFrame
        One row a model and set.
    statistic, accuracy : str
        Columns.
    kind : {"spearman", "pearson", "kendall"}
    model, image_set : str
        Columns.
    replicates, seed : int
        Models are resampled.

    Returns
    -------
    AcrossModels

    Raises
    ------
    DataError
        If there is no such column or kind, or a model has a set twice.

    Examples
    --------
    >>> dots = pd.DataFrame({"model": list("abc"), "set": "fog", "score": [1, 2, 3], "accuracy": [0.9, 0.7, 0.8]})
    >>> round(across_models(dots, "score", "accuracy").means.value, 3)
    -0.5
    """
    _has(table, statistic, accuracy, model, image_set)
    if (twice := table.duplicated([model, image_set])).any():
        first = table[twice].iloc[0]
        raise DataError(f'The model "{first[model]}" has the set "{first[image_set]}" more than once.')
    by_set = within(table, statistic, accuracy, image_set, kind, replicates=replicates, seed=seed)
    finite = np.isfinite(numbers(table[statistic], "The statistic")) & np.isfinite(
        numbers(table[accuracy], "The accuracy")
    )
    dots = table[finite]
    models = dots.groupby(image_set, sort=False)[model].nunique()
    common = models.index[models == table[model].nunique()]
    means = dots[dots[image_set].isin(common)].groupby(model, sort=False)[[statistic, accuracy]].mean()
    found = correlate(means[statistic], means[accuracy], kind, replicates=replicates, seed=seed)
    return AcrossModels(by_set, found, tuple(map(str, common)))


def _over(
    part: pd.DataFrame, statistic: str, accuracy: str, kind: str, groups: str | None, replicates: int, seed: int
) -> Correlation:
    together = None if groups is None else part[groups]
    return correlate(part[statistic], part[accuracy], kind, groups=together, replicates=replicates, seed=seed)


def _mean_of_defined(inside: np.ndarray, often: np.ndarray) -> np.ndarray:
    """Mean over groups (G, R) → (R,), weighted by how often (G, R) each was drawn; NaN where none has a correlation."""
    often = np.where(np.isnan(inside), 0, often)
    total = often.sum(axis=0)
    found: np.ndarray = np.full(len(total), np.nan)
    np.divide((np.nan_to_num(inside) * often).sum(axis=0), total, out=found, where=total > 0)
    return found


def _once(dots: np.ndarray) -> np.ndarray:
    return np.ones((1, int(dots.sum())), dtype=np.uint8)


def _named(column: str | None) -> list[str]:
    return [] if column is None else [column]


def _has(table: pd.DataFrame, *columns: str) -> None:
    for column in columns:
        if column not in table:
            raise DataError(f'The table has no column "{column}"; it has {", ".join(map(str, table.columns))}.')
