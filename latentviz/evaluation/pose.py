"""Means of a number over aspect: azimuth in steps, elevation by its degrees."""

from __future__ import annotations

import numpy as np
import pandas as pd

from latentviz.errors import DataError

#: Elevations that are told apart; if there are more, they are rounded to whole degrees.
_ELEVATIONS = 12


def by_pose(values: np.ndarray, azimuth: np.ndarray, elevation: np.ndarray, step: float = 10.0) -> pd.DataFrame:
    """Mean of a number in cells of azimuth and elevation.

    Parameters
    ----------
    values : ndarray of shape (N,)
        Numbers or flags; NaN: left out.
    azimuth, elevation : ndarray of shape (N,), float64
        In degrees; a sample without one is left out, unless none has an elevation.
    step : float
        Width of the cells of azimuth in degrees.

    Returns
    -------
    DataFrame
        One row a cell with samples: ``azimuth`` (its middle), ``elevation`` (NaN if unknown), ``n``, ``mean``.

    Raises
    ------
    DataError
        If the step is not above 0 and at most 360.

    Examples
    --------
    >>> by_pose(np.array([1.0, 0, 1]), np.array([11.0, 19, 359]), np.array([15.0, 15, 17])).to_numpy().tolist()
    [[15.0, 15.0, 2.0, 0.5], [355.0, 17.0, 1.0, 1.0]]
    """
    if not 0 < step <= 360:
        raise DataError(f"The step is {step:g} degrees; expected more than 0 and at most 360.")
    table = pd.DataFrame({"azimuth": azimuth, "elevation": elevation, "value": np.asarray(values, dtype=np.float64)})
    table = table.mask(~np.isfinite(table))
    table = table[table["azimuth"].notna() & table["value"].notna()]
    if table["elevation"].notna().any():
        table = table[table["elevation"].notna()]
    if table["elevation"].nunique() > _ELEVATIONS:
        table["elevation"] = table["elevation"].round()
    first = np.floor(table["azimuth"] % 360 / step) * step
    table["azimuth"] = (first + np.minimum(first + step, 360)) / 2  # the last cell may be narrower
    cells = table.groupby(["azimuth", "elevation"], dropna=False)["value"].agg(n="size", mean="mean")
    return cells.reset_index()[["azimuth", "elevation", "n", "mean"]].sort_values(
        ["elevation", "azimuth"], ignore_index=True
    )
