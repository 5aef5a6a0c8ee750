"""Estimates of the accuracy on sets without labels, from how scores and errors go together in distribution.

They are guesses, not measurements: each assumes that a score means the same in the new set as in the InD one. Their
intervals hold the noise of the samples only, not the error of that assumption, which only sets with labels show
(:func:`estimate_table`).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from latentviz.errors import DataError
from latentviz.evaluation.accuracy import wilson_interval
from latentviz.evaluation.coefficients import replicated
from latentviz.evaluation.correlation import FEWEST, numbered
from latentviz.evaluation.intervals import FEW, REPLICATES, Estimate, Resamples
from latentviz.evaluation.ranking import checked
from latentviz.evaluation.selective import quantile_bins, samples

#: What the estimates are called; the last assumes nothing of the set.
METHODS = {
    "atc": "Average thresholded confidence",
    "bins": "Accuracy in score bins",
    "ind": "As on InD",
}


def average_thresholded_confidence(
    ind_score: npt.ArrayLike,
    ind_correct: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
    name: str = "",
) -> Estimate:
    """Estimate accuracy as the share of samples up to the score above which lies the InD share of errors.

    The samples at the threshold itself are kept in part, as many of the InD ones as the InD accuracy asks for, and
    the same part of the new set's. Hence the estimate for the InD set is its accuracy, also with equal scores, and
    with a constant score every set's is.

    The authors' code counts the threshold's sample among the kept ones, which is one InD sample more than their
    definition.

    Parameters
    ----------
    ind_score : array_like of shape (n,)
        Larger is farther out.
    ind_correct : array_like of shape (n,), bool
    score : array_like of shape (m,)
        Of the set without labels.
    replicates, seed : int
        Of the bootstrap, which draws InD samples and new ones.
    name : str, optional
        Of the set, so that each has draws of its own.

    Returns
    -------
    Estimate
        The interval is for the samples' noise; it does not hold the truth if the score changes its meaning.

    Raises
    ------
    DataError
        If a side is empty, has scores that are not finite, or it is not said of each InD sample whether it is right.

    References
    ----------
    S. Garg, S. Balakrishnan, Z. Lipton, B. Neyshabur, H. Sedghi, Leveraging unlabeled data to predict
    out-of-distribution performance, ICLR 2022, arXiv:2201.04234.

    Examples
    --------
    >>> average_thresholded_confidence(range(10), [True] * 8 + [False] * 2, [3, 5, 8, 12]).value
    0.5
    """
    return _Threshold(*samples(ind_score, ind_correct, "ind_score"), replicates, seed).estimate(score, name)


def score_bins(
    ind_score: npt.ArrayLike,
    ind_correct: npt.ArrayLike,
    score: npt.ArrayLike,
    bins: int = 10,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
    name: str = "",
) -> Estimate:
    """Estimate accuracy as the InD accuracy in bins of the score, averaged with the new set's shares of the bins.

    Bins hold about equally many InD samples and never split equal scores. A score between two bins or beyond the
    outermost counts in the nearest. Replicates keep the bins; one that is empty in a replicate has the accuracy of
    the nearest bin that is not.

    Parameters
    ----------
    ind_score : array_like of shape (n,)
        Larger is farther out.
    ind_correct : array_like of shape (n,), bool
    score : array_like of shape (m,)
        Of the set without labels.
    bins : int, default 10
    replicates, seed, name
        As of :func:`average_thresholded_confidence`.

    Returns
    -------
    Estimate
        Never below the lowest accuracy of a bin: far-out samples are taken for the farthest InD ones.

    Raises
    ------
    DataError
        As :func:`average_thresholded_confidence`, or if there are no bins.

    Examples
    --------
    >>> score_bins(range(10), [True] * 8 + [False] * 2, [3, 5, 8, 12], bins=5).value
    0.5
    """
    return _Bins(*samples(ind_score, ind_correct, "ind_score"), bins, replicates, seed).estimate(score, name)


def estimate_table(
    ind_score: npt.ArrayLike,
    ind_correct: npt.ArrayLike,
    sets: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike | None]],
    bins: int = 10,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """Every estimate of every set, beside the truth where it is known.

    Parameters
    ----------
    ind_score, ind_correct : array_like of shape (n,)
    sets : dict of (array_like of shape (m,), array_like of shape (m,) or None)
        Scores, and whether each prediction is right, by set; None without labels.
    bins : int, default 10
    replicates, seed : int

    Returns
    -------
    DataFrame
        A row a set and method: ``set``, ``n``, ``method`` (of :data:`METHODS`), ``estimate``, ``low``, ``high``,
        ``truth``, ``truth_low``, ``truth_high`` (Wilson's interval; missing without labels), ``error`` (estimate −
        truth).

    Raises
    ------
    DataError
        As :func:`score_bins`; names the set.
    """
    ind_score, ind_correct = samples(ind_score, ind_correct, "ind_score")
    n, right = len(ind_score), int(ind_correct.sum())
    as_on_ind = Estimate(right / n, *wilson_interval(right, n))
    threshold = _Threshold(ind_score, ind_correct, replicates, seed)
    in_bins = _Bins(ind_score, ind_correct, bins, replicates, seed)
    rows = []
    for name, (score, correct) in sets.items():
        try:
            truth = _truth(score, correct)
            found = {
                "atc": threshold.estimate(score, name),
                "bins": in_bins.estimate(score, name),
                "ind": as_on_ind,
            }
        except DataError as error:
            raise DataError(f'The set "{name}": {error}') from None
        size = np.size(score)
        rows += [(name, size, method, *found[method], *truth, found[method].value - truth.value) for method in METHODS]
    columns = ["set", "n", "method", "estimate", "low", "high", "truth", "truth_low", "truth_high", "error"]
    return pd.DataFrame(rows, columns=columns)


def mean_absolute_error(
    table: pd.DataFrame, groups: Mapping[str, str] | None = None, *, replicates: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """How far estimates are from the truth over sets, and whether that is nearer than "as on InD".

    Parameters
    ----------
    table : DataFrame
        Of :func:`estimate_table`; sets without a truth are left out.
    groups : dict of str, optional
        By set, what sets depend on, such as their corruption: whole groups are resampled.
    replicates, seed : int

    Returns
    -------
    DataFrame
        A row a method: ``method``, ``sets``, ``error`` (mean absolute), ``gain`` (how much less than that of "as on
        InD"; negative if more), ``low``, ``high`` (95 % interval of the gain; missing with fewer than three sets or
        groups).

    Raises
    ------
    DataError
        If a set has no group.
    """
    known = table.dropna(subset="error")
    wide = known.pivot_table(index="set", columns="method", values="error", sort=False).reindex(columns=list(METHODS))
    wide = wide.abs()
    units = numbered(None if groups is None else pd.Series([groups.get(str(name)) for name in wide.index]), len(wide))
    rows = []
    for method in METHODS:
        error = float(wide[method].mean()) if len(wide) else np.nan
        gains = (wide["ind"] - wide[method]).to_numpy()
        low = high = np.nan
        if len(np.unique(units)) >= FEWEST:
            found = replicated(units, replicates, seed, _weighted_mean(gains))
            low, high = np.quantile(found, [0.025, 0.975])
        rows.append((method, len(wide), error, float(gains.mean()) if len(wide) else np.nan, low, high))
    return pd.DataFrame(rows, columns=["method", "sets", "error", "gain", "low", "high"])


class _Threshold:
    """The score up to which lie as many InD samples as are right; the first of all samples, then one a replicate.

    Attributes
    ----------
    level : ndarray of shape (1 + R,)
    part : ndarray of shape (1 + R,)
        How much of the samples at this very level is kept.
    """

    def __init__(self, score: np.ndarray, correct: np.ndarray, replicates: int, seed: int) -> None:
        self.size, self.seed = len(score), seed
        order = np.argsort(score)
        score, correct = score[order], correct[order].astype(np.float64)
        levels, starts = np.unique(score, return_index=True)
        drawn = (counts[:, order] for counts, _ in Resamples(len(score), 1, replicates, seed))
        found = [_level(counts, correct, levels, starts) for counts in (np.ones((1, len(score))), *drawn)]
        self.level, self.part = (np.concatenate(both) for both in zip(*found, strict=True))

    def estimate(self, score: npt.ArrayLike, name: str) -> Estimate:
        score = np.sort(checked(score, "score"))
        below, through = (np.searchsorted(score, self.level, side) for side in ("left", "right"))
        value = (below[0] + self.part[0] * (through - below)[0]) / len(score)
        # A resample of the new samples matters only by how many of them lie below, at and above the level.
        shares = np.stack([below, through - below, len(score) - through], axis=1)[1:] / len(score)
        drawn = _generator(self.seed, name).multinomial(len(score), shares)
        found = (drawn[:, 0] + self.part[1:] * drawn[:, 1]) / len(score)
        return _estimate(float(value), found, min(self.size, len(score)))


def _level(
    counts: np.ndarray, correct: np.ndarray, levels: np.ndarray, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Level (r,) and part (r,) of replicates (r, n) of samples that are ordered by their score."""
    up_to = np.cumsum(np.add.reduceat(counts, starts, axis=1, dtype=np.float64), axis=1)
    right = counts @ correct
    at, rows = np.argmax(up_to >= right[:, None], axis=1), np.arange(len(counts))
    before = np.where(at > 0, up_to[rows, at - 1], 0.0)
    part = (right - before) / np.maximum(up_to[rows, at] - before, 1)
    return np.where(right > 0, levels[at], -np.inf), part


class _Bins:
    """Accuracy in bins of the score that hold about equally many InD samples; of all samples, and of replicates.

    Attributes
    ----------
    between : ndarray of shape (B − 1,)
        Up to where a score is in a bin.
    accuracy : ndarray of shape (1 + R, B)
    """

    def __init__(self, score: np.ndarray, correct: np.ndarray, bins: int, replicates: int, seed: int) -> None:
        self.size, self.seed = len(score), seed
        number = quantile_bins(score, bins)
        ends = np.array([(v.min(), v.max()) for b in range(number.max() + 1) for v in [score[number == b]]])
        # Halves before the sum: large scores do not overflow.
        between = ends[:-1, 1] / 2 + ends[1:, 0] / 2
        # A middle that rounds to the upper bin's own lowest score would take that score into the lower bin.
        self.between = np.where(between < ends[1:, 0], between, ends[:-1, 1])
        # A resample of the InD samples matters only by how many right and wrong ones are in every bin.
        cells = np.bincount(2 * number + correct, minlength=2 * len(ends))
        drawn = np.random.default_rng([seed, 0]).multinomial(len(score), cells / len(score), size=replicates)
        every = np.concatenate([cells[None], drawn]).reshape(-1, len(ends), 2)
        self.accuracy = _filled(every[:, :, 1], every.sum(axis=2))

    def estimate(self, score: npt.ArrayLike, name: str) -> Estimate:
        score = checked(score, "score")
        counts = np.bincount(np.searchsorted(self.between, score, side="left"), minlength=len(self.between) + 1)
        shares = counts / len(score)
        drawn = _generator(self.seed, name).multinomial(len(score), shares, size=len(self.accuracy) - 1) / len(score)
        found = np.einsum("rb,rb->r", drawn, self.accuracy[1:])
        return _estimate(float(shares @ self.accuracy[0]), found, min(self.size, len(score)))


def _generator(seed: int, name: str) -> np.random.Generator:
    """From the name, not the position, so that a set keeps its interval when another is added before it."""
    return np.random.default_rng([seed, 1, zlib.crc32(name.encode())])


def _filled(right: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Accuracy (R, B) of the bins; of an empty one that of the nearest with samples, the lower of two."""
    accuracy: np.ndarray = right / np.maximum(count, 1)
    for row in np.flatnonzero((count == 0).any(axis=1)):
        there = np.flatnonzero(count[row])
        nearest = np.abs(there - np.arange(count.shape[1])[:, None]).argmin(axis=1)
        accuracy[row] = accuracy[row, there[nearest]]
    return accuracy


def _estimate(value: float, found: np.ndarray, smallest: int) -> Estimate:
    """With percentiles; as wide at least as Wilson's where replicates say nothing, as for measures of detection."""
    low, high = np.quantile(found, [0.025, 0.975])
    if low == high or smallest < FEW:
        ends = wilson_interval(value * smallest, smallest)
        low, high = min(low, ends[0]), max(high, ends[1])
    return Estimate(value, float(low), float(high))


def _truth(score: npt.ArrayLike, correct: npt.ArrayLike | None) -> Estimate:
    if correct is None:
        return Estimate(np.nan, np.nan, np.nan)
    _, right = samples(score, correct)
    return Estimate(float(right.mean()), *wilson_interval(int(right.sum()), len(right)))


def _weighted_mean(values: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda weights: weights @ values / weights.sum(axis=1)
