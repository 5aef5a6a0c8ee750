"""Errors of a reference network on corrupted images, and mCE, which divides by them.

mCE is the mean over corruptions of the sum of errors over severities, divided by the reference's (Hendrycks,
Dietterich, Benchmarking neural network robustness to common corruptions and perturbations, ICLR 2019; there the
reference is AlexNet).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from latentviz.errors import DataError

#: Errors by corruption, by severity.
Reference = Mapping[str, Mapping[int, float]]


def read_reference(path: Path) -> dict[str, dict[int, float]]:
    """Errors of a reference network from a table with the columns corruption, severity and error.

    Parameters
    ----------
    path : Path
        .csv or .parquet; errors from 0 to 1.

    Returns
    -------
    dict
        By corruption and severity.

    Raises
    ------
    DataError
        If it is missing or no such table; names the file and the column.
    """
    ending = path.suffix.lower()
    if ending not in (".csv", ".parquet"):
        raise DataError(f"{path} is no table of errors; expected .csv or .parquet.")
    try:
        table = pd.read_csv(path) if ending == ".csv" else pd.read_parquet(path)
    except FileNotFoundError:
        raise DataError(f"The file {path} does not exist.") from None
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise DataError(f"{path} cannot be read as a table: {error}") from None
    for column in ("corruption", "severity", "error"):
        if column not in table:
            raise DataError(f'{path} has no column "{column}"; expected corruption, severity and error.')
    rates = pd.to_numeric(table["error"], errors="coerce")
    severity = pd.to_numeric(table["severity"], errors="coerce")
    wrong = ~rates.between(0, 1) | ~severity.isin(range(1, 6)) | table["corruption"].isna()
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"{path}, row {row + 1}: expected a corruption, a severity from 1 to 5 and an error from 0 to 1; found "
            f"{table['corruption'].iloc[row]}, {table['severity'].iloc[row]}, {table['error'].iloc[row]}."
        )
    names = table["corruption"].astype(str)
    if (twice := pd.DataFrame({"name": names, "severity": severity}).duplicated()).any():
        row = int(np.flatnonzero(twice)[0])
        raise DataError(
            f"{path}, row {row + 1}: {names.iloc[row]}, severity {int(severity.iloc[row])} is there twice; a reference "
            "is one network."
        )
    found: dict[str, dict[int, float]] = {}
    for name, level, value in zip(names, severity.astype(int), rates, strict=True):
        found.setdefault(name, {})[int(level)] = float(value)
    return found


def reference_of(table: pd.DataFrame, run: str) -> dict[str, dict[int, float]]:
    """Errors of one of the networks of a table of versions, as a reference for the others."""
    rows = table[table["run"] == run]
    return {
        str(name): {int(s): 1 - float(a) for s, a in zip(part["severity"], part["accuracy"], strict=True)}
        for name, part in rows.groupby("version", sort=False)
    }


def reference_weights(sets: pd.DataFrame, reference: Reference) -> pd.Series:
    """What an error on each set adds to mCE, which is a weighted sum of error rates.

    Parameters
    ----------
    sets : DataFrame
        ``set``, ``corruption``, ``version``, ``severity``.
    reference : dict

    Returns
    -------
    Series
        By set.

    Raises
    ------
    DataError
        If the reference lacks a version, or makes no error on a corruption.
    """
    weights, names = dict[str, float](), sets["version"].nunique()
    for version, part in sets.groupby("version", sort=False):
        known = reference.get(str(version), reference.get(str(part["corruption"].iloc[0]), {}))
        if lacking := [int(s) for s in part["severity"] if s not in known]:
            raise DataError(
                f"The reference has no error on {version}, severity {lacking[0]}; mCE needs all versions that are "
                "compared. Add it, or leave the version out."
            )
        total = sum(known[int(s)] for s in part["severity"])
        if total <= 0:
            raise DataError(f"The reference makes no error on {version}; nothing can be divided by that.")
        weights |= {str(name): 1 / (names * total) for name in part["set"]}
    return pd.Series(weights)
