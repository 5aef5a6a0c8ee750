"""Does a statistic of a set go with the accuracy on it? One dot a model and set, and how sure that many dots make.

:mod:`latentviz.evaluation.relations` takes the dots apart: without a family, inside a corruption, across models.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentviz.errors import DataError
from latentviz.evaluation.coefficients import KINDS, coefficients, kind_named, replicated

#: What every dot is of.
Groups = Sequence[object] | np.ndarray | pd.Series

#: Bootstrap replicates behind an interval.
REPLICATES = 2000

#: Fewer independent units are too few to grade a relation.
FEW = 10

#: Two dots are always on a line, and resamples of two units say nothing.
FEWEST = 3


@dataclass(frozen=True)
class Correlation:
    """A correlation with its 95 % interval, or why there is none.

    Attributes
    ----------
    kind : {"spearman", "pearson", "kendall"}
    value : float
        NaN if it is not defined.
    low, high : float
        NaN if there is a problem.
    n : int
        Dots that are counted.
    groups : int
        Independent units among them, which are resampled; ``n`` if every dot is one.
    problem : str
        A sentence; "" if there is none.
    left_out : int
        Dots whose statistic or accuracy is not finite.
    """

    kind: str
    value: float
    low: float
    high: float
    n: int
    groups: int
    problem: str = ""
    left_out: int = 0


def correlate(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    kind: str = "spearman",
    *,
    groups: Groups | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Correlation:
    """Correlation of a statistic with accuracy, with the interval of a percentile bootstrap over dots.

    Dots of one group stand or fall together: five severities of a corruption are not five independent sets. If groups
    are given, whole groups are drawn (cluster bootstrap), as many as there are.

    Replicates in which all dots have one statistic or one accuracy have no correlation and are left out; if they are
    more than half, there is no interval. A bootstrap cannot go beyond what the dots show: where they are in a perfect
    order the interval has no width; of fewer than ten groups it is not given then.

    Parameters
    ----------
    x : array_like of shape (n,)
        The statistic. Dots with NaN or infinite values are left out, and counted.
    y : array_like of shape (n,)
        The accuracy.
    kind : {"spearman", "pearson", "kendall"}, default "spearman"
        Kendall's is τ_b, which allows for ties.
    groups : array_like of shape (n,), optional
        What every dot depends on, such as its corruption.
    replicates : int, default 2000
    seed : int, default 0

    Returns
    -------
    Correlation
        Without numbers, but with a problem, if there are fewer than three dots or the statistic or the accuracy is
        constant; without an interval if there are fewer than three groups, most replicates are constant, or fewer than
        ten groups are in a perfect order.

    Raises
    ------
    DataError
        If the lengths differ, something is no number, a dot has no group, or there is no such kind.

    References
    ----------
    B. Efron, R. J. Tibshirani, An introduction to the bootstrap, Chapman & Hall (1993), chapter 13.
    C. A. Field, A. H. Welsh, Bootstrapping clustered data, Journal of the Royal Statistical Society B 69 (2007).

    Examples
    --------
    >>> found = correlate([1, 2, 3, 4, 5, 6], [0.9, 0.8, 0.85, 0.7, 0.6, 0.5])
    >>> round(found.value, 3), found.n, found.groups
    (-0.943, 6, 6)
    >>> correlate([1, 2], [0.9, 0.8]).problem
    'There are 2 dots; a correlation needs at least 3.'
    """
    wanted = kind_named(kind)
    statistic, accuracy = numbers(x, "The statistic"), numbers(y, "The accuracy")
    units = numbered(groups, len(statistic))
    if not len(statistic) == len(accuracy) == len(units):
        raise DataError(
            f"There are {len(statistic):,} statistics, {len(accuracy):,} accuracies and {len(units):,} groups; "
            "expected one of each a dot."
        )
    finite = np.isfinite(statistic) & np.isfinite(accuracy)
    dots = statistic[finite], accuracy[finite]
    _, units = np.unique(units[finite], return_inverse=True)
    n, independent, left_out = len(units), len(np.unique(units)), int(np.sum(~finite))

    def without(problem: str, value: float = math.nan) -> Correlation:
        return Correlation(wanted, value, math.nan, math.nan, n, independent, problem, left_out)

    if problem := reason(*dots):
        return without(problem)
    value = float(coefficients(*dots, np.ones((1, n), dtype=np.uint8), wanted)[0])
    if independent < FEWEST:
        these = "one group" if independent == 1 else f"{independent} groups"
        return without(f"The {n:,} dots are of {these}; an interval needs at least {FEWEST} groups.", value)
    found = replicated(units, replicates, seed, lambda weights: coefficients(*dots, weights, wanted))
    interval = percentiles(found)
    if interval is None:
        return without("Most resamples of these dots have a constant statistic or a constant accuracy.", value)
    if interval[0] == interval[1] and independent < FEW:
        return without("All resamples have the same correlation; too few dots or groups differ for an interval.", value)
    return Correlation(wanted, value, *interval, n, independent, "", left_out)


def all_kinds(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    groups: Groups | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """Every coefficient, from the same resamples.

    Parameters
    ----------
    x, y, groups, replicates, seed
        As of :func:`correlate`.

    Returns
    -------
    DataFrame
        One row a kind: ``kind``, ``value``, ``low``, ``high`` (95 % interval), ``n``, ``groups``, ``problem``,
        ``left_out``.

    Raises
    ------
    DataError
        As :func:`correlate`.

    Examples
    --------
    >>> all_kinds([1, 2, 3, 4], [0.9, 0.8, 0.85, 0.7])[["kind", "value"]].round(2)
           kind  value
    0  spearman  -0.80
    1   pearson  -0.83
    2   kendall  -0.67
    """
    return pd.DataFrame(
        [correlate(x, y, kind, groups=groups, replicates=replicates, seed=seed).__dict__ for kind in KINDS]
    )


def numbers(values: npt.ArrayLike, name: str) -> np.ndarray:
    """Numbers (n,) as float64; some may be missing.

    Raises
    ------
    DataError
        If they are not numbers, or have another shape.
    """
    try:
        found = np.asarray(values.to_numpy(np.float64, na_value=np.nan) if isinstance(values, pd.Series) else values)
        found = found.astype(np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} has values that are no numbers.") from None
    if found.ndim != 1:
        raise DataError(f"{name} has the shape {found.shape}; expected one number a dot, (n,).")
    return found


def numbered(groups: Groups | None, n: int) -> np.ndarray:
    """Number (n,) of every dot's group, in the order in which they come; every dot is its own if there are none.

    Raises
    ------
    DataError
        If a dot has no group.
    """
    if groups is None:
        return np.arange(n)
    codes, _ = pd.factorize(pd.Series(groups))
    if missing := int(np.sum(codes < 0)):
        raise DataError(f"{missing:,} of {len(codes):,} dots have no group.")
    return codes.astype(np.int64)


def reason(x: np.ndarray, y: np.ndarray) -> str:
    """Why finite dots have no correlation; "" if they may."""
    n = len(x)
    if n < FEWEST:
        return f"There {'is 1 dot' if n == 1 else f'are {n} dots'}; a correlation needs at least {FEWEST}."
    if np.ptp(x) == 0:
        return f"The statistic is the same for all {n:,} dots."
    if np.ptp(y) == 0:
        return f"The accuracy is the same for all {n:,} dots."
    return ""


def percentiles(found: np.ndarray) -> tuple[float, float] | None:
    """The 2.5th and 97.5th percentile of replicates; None if more than half of them are undefined."""
    defined = found[~np.isnan(found)]
    if 2 * len(defined) < len(found):
        return None
    low, high = np.quantile(defined, [0.025, 0.975])
    return float(low), float(high)
