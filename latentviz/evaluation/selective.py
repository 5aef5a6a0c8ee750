"""Does a score tell right predictions from wrong ones, sample by sample?

A score is larger for samples that are farther out. A selective classifier answers for the samples with the lowest
scores only; how much that helps is a question to the samples, and another one than whether a set's mean score goes
with its accuracy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentviz.errors import DataError
from latentviz.evaluation.accuracy import wilson_interval
from latentviz.evaluation.coefficients import drawn
from latentviz.evaluation.intervals import FEW, REPLICATES, Estimate, delong
from latentviz.evaluation.ranking import checked


@dataclass(frozen=True)
class ErrorAuroc:
    """How well a score finds errors, with DeLong's 95 % interval.

    Attributes
    ----------
    value, low, high : float
        Probability that a wrongly predicted sample has a larger score than a rightly predicted one; equal scores
        count half. NaN if there is a problem.
    n, errors : int
        Samples, and wrong ones among them.
    problem : str
        A sentence; "" if there is none.
    """

    value: float
    low: float
    high: float
    n: int
    errors: int
    problem: str = ""


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """Share of errors among the samples with the lowest scores.

    Attributes
    ----------
    coverage : ndarray of shape (N,), float64
        ``k / N``: the share of samples that are kept.
    risk : ndarray of shape (N,), float64
        Share of errors among them.
    oracle : ndarray of shape (N,), float64
        The same if all errors had larger scores than all other samples.
    aurc, optimal : float
        Means of ``risk`` and ``oracle``. Of a score without any skill it is about ``error``.
    error : float
        Share of errors among all.
    """

    coverage: np.ndarray
    risk: np.ndarray
    oracle: np.ndarray
    aurc: float
    optimal: float
    error: float

    @property
    def excess(self) -> float:
        """E-AURC: what the score loses to the best order of the same predictions."""
        return self.aurc - self.optimal


def error_auroc(score: npt.ArrayLike, correct: npt.ArrayLike) -> ErrorAuroc:
    """AUROC of the score for errors.

    Parameters
    ----------
    score : array_like of shape (N,)
        Larger is farther out.
    correct : array_like of shape (N,), bool

    Returns
    -------
    ErrorAuroc
        Without numbers, but with a problem, if all are right or all are wrong.

    Raises
    ------
    DataError
        If there are no samples, scores that are not finite, or ``correct`` does not say right or wrong of each.

    Examples
    --------
    >>> error_auroc([1, 2, 3, 4], [True, True, False, True]).value
    0.6666666666666666
    >>> error_auroc([1, 2], [True, True]).problem
    'All 2 predictions are right; there are no errors to find.'
    """
    score, correct = samples(score, correct)
    n, errors = len(score), int(np.sum(~correct))
    if errors in (0, n):
        rest = "wrong; there are none to tell them from" if errors else "right; there are no errors to find"
        return ErrorAuroc(math.nan, math.nan, math.nan, n, errors, f"All {n:,} predictions are {rest}.")
    return ErrorAuroc(*delong(score[correct], score[~correct]), n, errors)


def error_table(sets: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]]) -> pd.DataFrame:
    """AUROC of a score for errors on every set, with the area under the risk–coverage curve.

    Parameters
    ----------
    sets : dict of (array_like of shape (n,), array_like of shape (n,), bool)
        Scores, larger is farther out, and whether each prediction is right, by set.

    Returns
    -------
    DataFrame
        ``set``, ``n``, ``errors``, ``auroc``, ``low``, ``high`` (NaN where all predictions are right, or all wrong),
        ``aurc``.

    Raises
    ------
    DataError
        As :func:`error_auroc`.

    Examples
    --------
    >>> error_table({"test": ([1, 2, 3, 4], [True, True, False, True])})[["set", "errors", "auroc"]].round(2)
        set  errors  auroc
    0  test       1   0.67
    """
    rows = []
    for name, (score, correct) in sets.items():
        found = error_auroc(score, correct)
        rows.append(
            (name, found.n, found.errors, found.value, found.low, found.high, risk_coverage(score, correct).aurc)
        )
    return pd.DataFrame(rows, columns=["set", "n", "errors", "auroc", "low", "high", "aurc"])


def risk_coverage(score: npt.ArrayLike, correct: npt.ArrayLike) -> RiskCoverage:
    """Risk at every coverage, keeping samples from the lowest score on.

    Where scores are equal, the risk is the mean over all orders of these samples: their errors are spread evenly.

    Parameters
    ----------
    score : array_like of shape (N,)
        Larger is farther out.
    correct : array_like of shape (N,), bool

    Returns
    -------
    RiskCoverage

    Raises
    ------
    DataError
        As :func:`error_auroc`.

    References
    ----------
    Y. Geifman, R. El-Yaniv, Selective classification for deep neural networks, NeurIPS 2017.
    Y. Geifman, G. Uziel, R. El-Yaniv, Bias-reduced uncertainty estimation for deep neural classifiers, ICLR 2019,
    arXiv:1805.08206 (E-AURC).

    Examples
    --------
    >>> found = risk_coverage([1, 2, 3, 4], [True, False, True, True])
    >>> found.risk.round(2).tolist(), round(found.aurc, 3), found.optimal
    ([0.0, 0.5, 0.33, 0.25], 0.271, 0.0625)
    """
    score, correct = samples(score, correct)
    n, errors = len(score), int(np.sum(~correct))
    _, number, sizes = np.unique(score, return_inverse=True, return_counts=True)
    wrong = np.bincount(number, weights=~correct)
    kept = np.arange(1, n + 1)
    # Straight lines between the counts at the ends of ties are the means over the orders inside them.
    expected = np.interp(kept, np.cumsum([0, *sizes]), np.cumsum([0, *wrong]))
    risk, oracle = expected / kept, np.maximum(kept - (n - errors), 0) / kept
    return RiskCoverage(kept / n, risk, oracle, float(risk.mean()), float(oracle.mean()), errors / n)


def aurc_interval(
    score: npt.ArrayLike,
    correct: npt.ArrayLike,
    replicates: int = REPLICATES,
    seed: int = 0,
    *,
    excess: bool = False,
) -> Estimate:
    """AURC with the interval of a percentile bootstrap over samples.

    Where all replicates are equal (no errors, or nothing but errors), and with fewer than ten samples, it is as wide
    at least as Wilson's of a share of N samples.

    Parameters
    ----------
    score : array_like of shape (N,)
        Larger is farther out.
    correct : array_like of shape (N,), bool
    replicates : int, default 1000
    seed : int, default 0
    excess : bool
        E-AURC instead: each replicate beside its own best order.

    Returns
    -------
    Estimate

    Raises
    ------
    DataError
        As :func:`error_auroc`, or if there are no replicates.

    Examples
    --------
    >>> aurc_interval([1, 2], [True, True])
    Estimate(value=0.0, low=0.0, high=0.657...)
    """
    score, correct = samples(score, correct)
    n, order = len(score), np.argsort(score, kind="stable")
    wrong = (~correct[order]).astype(np.int64)
    ends = np.flatnonzero(np.diff(score[order], append=np.inf))
    harmonic = np.concatenate([[0], np.cumsum(1 / np.arange(1, n + 1))])
    found = np.concatenate(
        [
            _aurc(counts.take(order, axis=1).astype(np.int64), wrong, ends, harmonic, excess)
            for counts in drawn(n, replicates, seed)
        ]
    )
    curve = risk_coverage(score, correct)
    value = curve.excess if excess else curve.aurc
    low, high = np.quantile(found, [0.025, 0.975])
    if low == high or n < FEW:
        ends_of_share = wilson_interval(value * n, n)
        low, high = min(low, ends_of_share[0]), max(high, ends_of_share[1])
    return Estimate(value, float(low), float(high))


def _aurc(counts: np.ndarray, wrong: np.ndarray, ends: np.ndarray, harmonic: np.ndarray, excess: bool) -> np.ndarray:
    """AURC (R,) of resamples (R, N) of the samples by ascending score.

    In a tie of ``m`` samples with ``e`` errors, after ``M`` samples with ``E`` errors, the risks add up to
    Σ_j (E + e j / m) / (M + j) = E h + e (1 − M h / m), where h = 1 / (M + 1) + … + 1 / (M + m).
    """
    n = counts.shape[1]
    upto, errors = np.cumsum(counts, axis=1).take(ends, axis=1), np.cumsum(counts * wrong, axis=1).take(ends, axis=1)
    size, more = np.diff(upto, prepend=0, axis=1), np.diff(errors, prepend=0, axis=1)
    before = upto - size
    h = harmonic.take(upto) - harmonic.take(before)
    parts = (errors - more) * h + more * (1 - before * h / np.maximum(size, 1))
    area: np.ndarray = parts.sum(axis=1)
    area /= n
    if not excess:
        return area
    right = n - errors[:, -1]
    area -= (errors[:, -1] - right * (harmonic[n] - harmonic.take(right))) / n
    return area


def accuracy_in_bins(score: npt.ArrayLike, correct: npt.ArrayLike, bins: int = 10) -> pd.DataFrame:
    """Accuracy of a set's samples from the lowest scores to the highest.

    Parameters
    ----------
    score : array_like of shape (N,)
        Larger is farther out.
    correct : array_like of shape (N,), bool
    bins : int, default 10
        With about as many samples each; equal scores are in one bin, so that there may be fewer.

    Returns
    -------
    DataFrame
        ``low``, ``high`` (the bin's least and largest score), ``score`` (mean), ``n``, ``accuracy``, ``low95``,
        ``high95`` (Wilson's interval).

    Raises
    ------
    DataError
        As :func:`error_auroc`, or if there are no bins.

    Examples
    --------
    >>> accuracy_in_bins([1, 2, 2, 2, 3, 4], [True, True, True, False, False, True], bins=3).round(2)
       low  high  score  n  accuracy  low95  high95
    0  1.0   1.0    1.0  1      1.00   0.21    1.00
    1  2.0   2.0    2.0  3      0.67   0.21    0.94
    2  3.0   4.0    3.5  2      0.50   0.09    0.91
    """
    score, correct = samples(score, correct)
    number = quantile_bins(score, bins)
    rows = []
    for b in range(number.max() + 1):
        inside, right = score[number == b], int(correct[number == b].sum())
        n = len(inside)
        rows.append((inside.min(), inside.max(), inside.mean(), n, right / n, *wilson_interval(right, n)))
    return pd.DataFrame(rows, columns=["low", "high", "score", "n", "accuracy", "low95", "high95"])


def quantile_bins(score: np.ndarray, bins: int) -> np.ndarray:
    """Bin (N,) of every sample, from 0 without gaps; a tie is where its middle would be.

    Raises
    ------
    DataError
        If there are no bins.
    """
    if bins < 1:
        raise DataError(f"{bins} bins were asked for; ask for at least one.")
    _, number, sizes = np.unique(score, return_inverse=True, return_counts=True)
    twice_middle = 2 * np.cumsum(sizes) - sizes
    found: np.ndarray = np.unique((twice_middle * bins) // (2 * len(score)), return_inverse=True)[1]
    return found[number]


def samples(score: npt.ArrayLike, correct: npt.ArrayLike, name: str = "score") -> tuple[np.ndarray, np.ndarray]:
    """Scores (N,) float64 and whether each prediction is right (N,) bool.

    Raises
    ------
    DataError
        If there are no samples, scores that are not finite, or ``correct`` does not say right or wrong of each.
    """
    scores, right = checked(score, name), np.asarray(correct)
    if right.shape != scores.shape:
        raise DataError(f"There are {len(scores):,} scores, but {right.size:,} predictions that are right or wrong.")
    if right.dtype != bool:
        if not np.isin(right, [0, 1]).all():
            raise DataError("Every prediction is right (True) or wrong (False); leave out samples without a label.")
        right = right.astype(bool)
    return scores, right
