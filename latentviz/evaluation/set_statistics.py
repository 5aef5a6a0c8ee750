"""What can be said of a whole image set without its labels: the numbers that are held against its accuracy.

Those of a scorer's scores are here, those of the features in :mod:`latentviz.evaluation.feature_statistics`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from latentviz.evaluation.accuracy import Z95, sets_table, wilson_interval
from latentviz.evaluation.detection import LEVEL, threshold_at
from latentviz.evaluation.intervals import delong
from latentviz.workspace import Run

#: Statistics of a scorer's scores, and how people read them.
OF_SCORES = {"mean": "Mean score", "flagged": "Share flagged", "auroc": "AUROC against InD"}

#: Columns of a table of statistics.
COLUMNS = ["set", "statistic", "value", "value_low", "value_high"]


def shifted_sets(run: Run) -> pd.DataFrame:
    """The sets that a statistic can be held against: labelled, and neither training nor in-distribution data.

    What is not extracted to its end is left out: its first samples may all be of one class.

    Returns
    -------
    DataFrame
        ``run``, ``set``, ``of`` (the clean set), ``corruption``, ``version`` (the corruption, with the seed if it is
        not the usual one), ``family`` ("" where a set is no corrupted version), ``severity`` (0 there), ``accuracy``,
        ``low``, ``high``, ``labelled``.
    """
    names = [s.name for s in run if s.role == "shifted" and s.labelled and s.complete and len(s)]
    table = sets_table(run, names)[["set", "accuracy", "low", "high", "labelled"]]
    made = [run[name].entry.corruption for name in names]
    return table.assign(
        run=run.name,
        of=[c.of if c else "" for c in made],
        corruption=[c.name if c else "" for c in made],
        version=[c.label if c else "" for c in made],
        family=[c.family if c else "" for c in made],
        severity=np.array([c.severity if c else 0 for c in made], dtype=int),
    )


def of_scores(ind: np.ndarray, scores: Mapping[str, np.ndarray], level: float = LEVEL) -> pd.DataFrame:
    """What one scorer says of every set.

    Parameters
    ----------
    ind : ndarray of shape (n,)
        Scores of the in-distribution set; larger is farther out.
    scores : mapping of str to ndarray of shape (m,)
        Of the other sets.
    level : float
        Share of the in-distribution samples that the threshold keeps.

    Returns
    -------
    DataFrame
        One row a set and statistic of :data:`OF_SCORES`: ``set``, ``statistic``, ``value``, ``value_low``,
        ``value_high`` (95 % intervals: normal of the mean, Wilson's of the share, DeLong's of AUROC).

    Raises
    ------
    DataError
        If a set has no scores, or one is not finite.
    """
    threshold = threshold_at(ind, level)
    rows = []
    for name, values in scores.items():
        flagged, n = int((values > threshold).sum()), len(values)
        auroc = delong(ind, values)
        rows += [
            (name, "mean", *mean_interval(values)),
            (name, "flagged", flagged / n, *wilson_interval(flagged, n)),
            (name, "auroc", *auroc),
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean of values (N,) with its 95 % interval from the normal distribution; a single value has none."""
    mean = float(values.mean())
    half = Z95 * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return mean, mean - half, mean + half
