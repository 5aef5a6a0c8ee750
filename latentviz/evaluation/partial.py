"""Does a statistic go with accuracy among models that are equal in something else? The partial correlation."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentviz.errors import DataError
from latentviz.evaluation.coefficients import Kind, coefficients, kind_named, replicated
from latentviz.evaluation.correlation import (
    FEW,
    FEWEST,
    REPLICATES,
    Correlation,
    Groups,
    numbered,
    numbers,
    percentiles,
    reason,
)

#: Of three dots the residuals of two regressions are always on a line.
_FEWEST_DOTS = 4


def partial_correlation(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    given: npt.ArrayLike,
    kind: str = "spearman",
    *,
    groups: Groups | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Correlation:
    r"""Correlation of a statistic with accuracy, another number held fixed.

    .. math:: r_{xy \cdot z} = \frac{r_{xy} - r_{xz} r_{yz}}{\sqrt{(1 - r_{xz}^2)(1 - r_{yz}^2)}}

    Pearson's is the correlation of what linear regressions on the third number leave over, Spearman's the same of
    ranks. For Kendall's τ the formula is his own, without such a meaning.

    Parameters
    ----------
    x, y, given : array_like of shape (n,)
        The statistic, the accuracy, and what is held fixed. Dots of which one is not finite are left out, and counted.
    kind, groups, replicates, seed
        As of :func:`latentviz.evaluation.correlation.correlate`.

    Returns
    -------
    Correlation
        Without numbers, but with a problem, if there are fewer than four dots, one of the three is constant, or what
        is held fixed says all of another.

    Raises
    ------
    DataError
        As :func:`latentviz.evaluation.correlation.correlate`.

    References
    ----------
    G. U. Yule, On the theory of correlation for any number of variables, Proceedings of the Royal Society A 79 (1907).
    M. G. Kendall, Partial rank correlation, Biometrika 32 (1942).

    Examples
    --------
    >>> found = partial_correlation([1, 2, 3, 4, 5], [2, 1, 4, 3, 5], [1, 2, 3, 5, 4])
    >>> round(found.value, 3), found.n
    (0.746, 5)
    """
    wanted = kind_named(kind)
    values = [numbers(v, n) for v, n in ((x, "The statistic"), (y, "The accuracy"), (given, "What is held fixed"))]
    units = numbered(groups, len(values[0]))
    if len({len(units), *map(len, values)}) > 1:
        raise DataError(
            f"There are {', '.join(f'{len(v):,}' for v in values)} numbers and {len(units):,} groups; expected one of "
            "each a dot."
        )
    finite = np.isfinite(values).all(axis=0)
    of_x, of_y, of_z = (v[finite] for v in values)
    _, units = np.unique(units[finite], return_inverse=True)
    n, independent, left_out = len(units), len(np.unique(units)), int(np.sum(~finite))

    def without(problem: str, value: float = math.nan) -> Correlation:
        return Correlation(wanted, value, math.nan, math.nan, n, independent, problem, left_out)

    if n < _FEWEST_DOTS:
        dots = "There is 1 dot" if n == 1 else f"There are {n} dots"
        return without(f"{dots}; a partial correlation needs at least {_FEWEST_DOTS}.")
    if problem := reason(of_x, of_y):
        return without(problem)
    if np.ptp(of_z) == 0:
        return without(f"What is held fixed is the same for all {n:,} dots.")
    value = float(_partial(of_x, of_y, of_z, np.ones((1, n), dtype=np.uint8), wanted)[0])
    if math.isnan(value):
        return without("What is held fixed says all of the statistic or of the accuracy; nothing is left to compare.")
    if independent < FEWEST:
        these = "one group" if independent == 1 else f"{independent} groups"
        return without(f"The {n:,} dots are of {these}; an interval needs at least {FEWEST} groups.", value)
    interval = percentiles(
        replicated(units, replicates, seed, lambda weights: _partial(of_x, of_y, of_z, weights, wanted))
    )
    if interval is None:
        return without("Most resamples of these dots have no partial correlation.", value)
    if interval[0] == interval[1] and independent < FEW:
        return without("All resamples have the same correlation; too few dots or groups differ for an interval.", value)
    return Correlation(wanted, value, *interval, n, independent, "", left_out)


def _partial(x: np.ndarray, y: np.ndarray, z: np.ndarray, weights: np.ndarray, kind: Kind) -> np.ndarray:
    """Of every resample (R,); NaN where it is not defined."""
    xy, xz, yz = (coefficients(*pair, weights, kind) for pair in ((x, y), (x, z), (y, z)))
    rest = np.maximum(1 - xz**2, 0) * np.maximum(1 - yz**2, 0)
    found: np.ndarray = np.full(len(weights), np.nan)
    # Of what is left of 1e-12 of the variance nothing but rounding can be said.
    np.divide(xy - xz * yz, np.sqrt(rest), out=found, where=rest > 1e-12)
    return np.clip(found, -1, 1)


def residuals(x: npt.ArrayLike, y: npt.ArrayLike, given: npt.ArrayLike, kind: str = "spearman") -> np.ndarray:
    """What linear regressions on the third number leave over: the dots that a partial correlation is of.

    Parameters
    ----------
    x, y, given : array_like of shape (n,)
        Finite.
    kind : {"spearman", "pearson", "kendall"}
        Ranks are regressed unless it is Pearson's.

    Returns
    -------
    ndarray of shape (2, n)
        Of x and of y.

    Examples
    --------
    >>> residuals([1, 2, 3], [2, 4, 7], [1, 2, 3], "pearson").round(2) + 0.0
    array([[ 0.  ,  0.  ,  0.  ],
           [ 0.17, -0.33,  0.17]])
    """
    table = pd.DataFrame({"x": np.asarray(x), "y": np.asarray(y), "given": np.asarray(given)}, dtype=np.float64)
    if kind_named(kind) != "pearson":
        table = table.rank()
    base = np.stack([np.ones(len(table)), table["given"]], axis=1)
    both = table[["x", "y"]].to_numpy()
    return (both - base @ np.linalg.lstsq(base, both, rcond=None)[0]).T
