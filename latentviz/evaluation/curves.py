"""Curves of a detector over all thresholds, with few enough points for a figure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentviz.evaluation.ranking import Ranking

#: Points of a curve at most.
POINTS = 512


def roc(ind: npt.ArrayLike, ood: npt.ArrayLike) -> pd.DataFrame:
    """Receiver operating characteristic, from (0, 0) to (1, 1).

    Parameters
    ----------
    ind, ood : array_like of shape (n,) and (m,)

    Returns
    -------
    DataFrame
        ``fpr``, ``tpr``, ``threshold``. Every row is what :func:`~latentviz.evaluation.rates.rates_at`
        says of its threshold, the last of which is −∞. At most 512 rows: points on straight lines are left
        out, and in long curves also those that lie within 0.004 of a point that is kept.

    Raises
    ------
    DataError
        If a side is empty or has scores that are not finite.

    Examples
    --------
    >>> roc([0, 1], [1, 2]).to_numpy().tolist()
    [[0.0, 0.0, 2.0], [0.0, 0.5, 1.0], [0.5, 1.0, 0.0], [1.0, 1.0, -inf]]
    """
    fpr, tpr, threshold = _flagged(ind, ood)
    kept = _outline(fpr, tpr)
    return pd.DataFrame({"fpr": fpr[kept], "tpr": tpr[kept], "threshold": threshold[kept]})


def precision_recall(ind: npt.ArrayLike, ood: npt.ArrayLike) -> pd.DataFrame:
    """Precision and recall of finding OOD samples; for InD samples call it with ``-ood, -ind``.

    Parameters
    ----------
    ind, ood : array_like of shape (n,) and (m,)

    Returns
    -------
    DataFrame
        ``recall`` (ascending), ``precision``, ``threshold``. Samples with score > threshold are called OOD;
        where there are none, precision is 1. At most 512 rows, like :func:`roc`.

    Raises
    ------
    DataError
        As :func:`roc`.

    Examples
    --------
    >>> precision_recall([0, 1], [1, 2]).round(2).to_numpy().tolist()
    [[0.0, 1.0, 2.0], [0.5, 1.0, 1.0], [1.0, 0.67, 0.0], [1.0, 0.5, -inf]]
    """
    fpr, recall, threshold = _flagged(ind, ood)
    false, true = fpr * np.size(ind), recall * np.size(ood)
    precision = np.ones(len(recall))
    np.divide(true, true + false, out=precision, where=true + false > 0)
    kept = _outline(recall, precision)
    return pd.DataFrame({"recall": recall[kept], "precision": precision[kept], "threshold": threshold[kept]})


def _flagged(ind: npt.ArrayLike, ood: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of InD and of OOD above every threshold, and the thresholds, from the largest score to −∞."""
    ranking = Ranking.of(ind, ood)
    n, m = len(ranking.ind_order), len(ranking.ood_order)
    fpr, tpr = (n - ranking.ind_below) / n, (m - ranking.ood_below) / m
    return fpr[::-1], tpr[::-1], np.append(ranking.values[::-1], -np.inf)


def _outline(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Indices of at most 512 points that draw the same curve.

    First the corners; if they are still too many, those at equal steps along the curve, so that no point is
    farther than one step, 1/511 of the curve's length |Δx| + |Δy|, from a point that is kept.
    """
    straight = np.zeros(len(x), dtype=bool)
    for values in (x, y):
        still = np.diff(values) == 0
        straight[1:-1] |= still[1:] & still[:-1]
    corners = np.flatnonzero(~straight)
    if len(corners) <= POINTS:
        return corners
    steps = np.abs(np.diff(x[corners])) + np.abs(np.diff(y[corners]))
    length = np.concatenate([[0], np.cumsum(steps)])
    return corners[np.unique(np.searchsorted(length, np.linspace(0, length[-1], POINTS)))]
