"""95 % intervals of detection measures, and of their differences between two scorers of the same samples."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from latentviz.errors import DataError
from latentviz.evaluation.accuracy import wilson_interval
from latentviz.evaluation.detection import METRICS
from latentviz.evaluation.ranking import Ranking, checked

#: Half width of a 95 % interval of the normal distribution.
_Z95 = 1.959963984540054

# Counts of a block of replicates: its cumulative sums stay in the processor's cache, which makes it twice as fast.
_BLOCK = 50_000

# Counts, a byte each, that are kept for the next scorer; if there are more, every scorer draws them again.
_KEPT = 50_000_000


class Estimate(NamedTuple):
    """A number and the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, replicates: np.ndarray) -> Estimate:
        """With the 2.5th and 97.5th percentile of bootstrap replicates (R,)."""
        low, high = np.quantile(replicates, [0.025, 0.975])
        return cls(float(value), float(low), float(high))


def delong(ind: npt.ArrayLike, ood: npt.ArrayLike) -> Estimate:
    """AUROC with DeLong's interval, in O(N log N).

    The interval is symmetric on the scale of the log odds, so that it stays within 0 and 1. Where the samples
    show no variance (perfect separation, constant scores, a single sample on a side), DeLong's has no width;
    then it is Wilson's for min(n, m) independent comparisons, the fewest that n and m samples can stand for.

    Parameters
    ----------
    ind, ood : array_like of shape (n,) and (m,)
        OOD scores, larger is farther out.

    References
    ----------
    E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Comparing the areas under two or more correlated receiver
    operating characteristic curves: a nonparametric approach, Biometrics 44 (1988).
    X. Sun, W. Xu, Fast implementation of DeLong's algorithm for comparing the areas under correlated receiver
    operating characteristic curves, IEEE Signal Processing Letters 21 (2014).

    Examples
    --------
    >>> [round(x, 3) for x in delong([0, 1, 2, 3, 4], [3, 4, 5, 6])]
    [0.9, 0.496, 0.988]
    """
    ind_wins, ood_wins = _wins(ind, ood)
    n, m = len(ind_wins), len(ood_wins)
    value = float(ood_wins.sum() / (2 * n * m))
    error = _standard_error(ind_wins, ood_wins)
    if error == 0:
        pairs = min(n, m)
        return Estimate(value, *wilson_interval(round(value * pairs), pairs))
    centre, half = math.log(value / (1 - value)), _Z95 * error / (value * (1 - value))
    return Estimate(value, _logistic(centre - half), _logistic(centre + half))


def delong_difference(
    ind_a: npt.ArrayLike, ood_a: npt.ArrayLike, ind_b: npt.ArrayLike, ood_b: npt.ArrayLike
) -> Estimate:
    """AUROC of scorer a minus AUROC of scorer b on the same samples, with DeLong's interval.

    Parameters
    ----------
    ind_a, ind_b : array_like of shape (n,)
        Scores of the same InD samples.
    ood_a, ood_b : array_like of shape (m,)
        Scores of the same OOD samples.

    Returns
    -------
    Estimate
        Exactly 0, 0, 0 if every sample fares the same with both. Where the samples show no other variance, as
        in :func:`delong`, the interval is Hoeffding's for min(n, m) independent comparisons.

    Examples
    --------
    >>> [round(x, 3) for x in delong_difference([0, 1, 2, 3], [2, 4, 5], [0, 4, 2, 3], [2, 4, 5])]
    [0.125, -0.158, 0.408]
    """
    a, b = _wins(ind_a, ood_a), _wins(ind_b, ood_b)
    _check_same_samples(a, b)
    ind, ood = a[0] - b[0], a[1] - b[1]
    value = float(ood.sum() / (2 * len(ind) * len(ood)))
    if not (ind.any() or ood.any()):
        return Estimate(0.0, 0.0, 0.0)
    half = _Z95 * _standard_error(ind, ood) or math.sqrt(2 * math.log(2 / 0.05) / min(len(ind), len(ood)))
    return Estimate(value, max(-1.0, value - half), min(1.0, value + half))


def _wins(ind: npt.ArrayLike, ood: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Twice the number of samples of the other side that every sample is ranked rightly against; a tie is half.

    These are DeLong's structural components times 2m (InD) and 2n (OOD). As whole numbers they are exact, and a
    variance of 0 is told from a small one.
    """
    ind, ood = checked(ind, "ind"), checked(ood, "ood")
    ind_sorted, ood_sorted = np.sort(ind), np.sort(ood)
    ood_wins = np.searchsorted(ind_sorted, ood, side="left") + np.searchsorted(ind_sorted, ood, side="right")
    ind_loses = np.searchsorted(ood_sorted, ind, side="left") + np.searchsorted(ood_sorted, ind, side="right")
    return 2 * len(ood) - ind_loses, ood_wins


def _standard_error(ind_wins: np.ndarray, ood_wins: np.ndarray) -> float:
    """Of AUROC or of a difference; 0 also where one sample cannot tell."""
    n, m = len(ind_wins), len(ood_wins)
    if min(n, m) == 1:
        return 0.0
    return math.sqrt(ind_wins.var(ddof=1) / (4 * m**2 * n) + ood_wins.var(ddof=1) / (4 * n**2 * m))


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _check_same_samples(a: Sequence[npt.ArrayLike], b: Sequence[npt.ArrayLike]) -> None:
    sizes_a, sizes_b = ([np.size(scores) for scores in pair] for pair in (a, b))
    if sizes_a != sizes_b:
        raise DataError(
            f"The scorers saw {sizes_a[0]:,} and {sizes_b[0]:,} InD, {sizes_a[1]:,} and {sizes_b[1]:,} OOD samples; "
            "a paired difference needs scores of the same samples."
        )


class Resamples:
    """Stratified bootstrap: how often every sample occurs in every replicate.

    InD and OOD samples are drawn separately, with replacement, as many as there are. The InD replicates depend
    on ``n`` and ``seed`` only: they are the same for all OOD sets, of which each has draws of its own.

    Iterating gives blocks of replicates: ``ind_counts`` (r, n) and ``ood_counts`` (r, m), uint8.

    Parameters
    ----------
    n, m : int
        Samples of the two sides.
    replicates : int, default 1000
    seed : int, default 0
    name : str, default ""
        Of the OOD set.

    Examples
    --------
    >>> [(ind.shape, ood.sum(axis=1).tolist()) for ind, ood in Resamples(5, 7, replicates=3)]
    [((3, 5), [7, 7, 7])]
    """

    def __init__(self, n: int, m: int, replicates: int = 1000, seed: int = 0, name: str = "") -> None:
        if replicates < 1:
            raise DataError(f"{replicates} bootstrap replicates were asked for; ask for at least one.")
        self.n, self.m, self.replicates, self.seed, self.name = n, m, replicates, seed, name
        self._kept: list[tuple[np.ndarray, np.ndarray]] | None = None

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        if self.replicates * (self.n + self.m) > _KEPT:
            return self._blocks()
        if self._kept is None:
            self._kept = list(self._blocks())
        return iter(self._kept)

    def _blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        # From the name, not the position, so that a set keeps its interval when another is added before it.
        ind = np.random.default_rng([self.seed, 0])
        ood = np.random.default_rng([self.seed, 1, zlib.crc32(self.name.encode())])
        rows = max(1, _BLOCK // (self.n + self.m))
        for start in range(0, self.replicates, rows):
            size = min(rows, self.replicates - start)
            yield _counts(ind, size, self.n), _counts(ood, size, self.m)


def _counts(rng: np.random.Generator, rows: int, size: int) -> np.ndarray:
    """Multinomial counts (rows, size). That one of them passes 255 has a probability below 1e-490."""
    drawn = rng.integers(size, size=(rows, size))
    counts = np.empty((rows, size), dtype=np.uint8)
    for row, samples in zip(counts, drawn, strict=True):
        row[:] = np.bincount(samples, minlength=size)
    return counts


def replicate(
    ind: npt.ArrayLike, ood: npt.ArrayLike, resamples: Resamples, metrics: Sequence[str] = tuple(METRICS)
) -> dict[str, np.ndarray]:
    """Measures of every bootstrap replicate, exact as if it were a sample of its own.

    Parameters
    ----------
    ind, ood : array_like of shape (n,) and (m,)
    resamples : Resamples
        The same for several scorers makes their replicates comparable one by one.
    metrics : sequence of str
        Names of :data:`~latentviz.evaluation.detection.METRICS`; all by default.

    Returns
    -------
    dict of ndarray of shape (replicates,), float64
    """
    if (np.size(ind), np.size(ood)) != (resamples.n, resamples.m):
        raise DataError(
            f"There are {np.size(ind):,} InD and {np.size(ood):,} OOD scores, but the bootstrap draws from "
            f"{resamples.n:,} and {resamples.m:,} samples."
        )
    ranking = Ranking.of(ind, ood)
    found: dict[str, list[np.ndarray]] = {name: [] for name in metrics}
    for counts in resamples:
        tally = ranking.resampled(*counts)
        for name, blocks in found.items():
            blocks.append(METRICS[name].of(tally))
    return {name: np.concatenate(blocks) for name, blocks in found.items()}


def bootstrap(ind: npt.ArrayLike, ood: npt.ArrayLike, replicates: int = 1000, seed: int = 0) -> dict[str, Estimate]:
    """Every measure with its percentile interval from a stratified bootstrap over samples.

    Like any bootstrap it cannot go beyond what the samples show: at perfect separation the intervals have no
    width. :func:`delong` says more there.

    Parameters
    ----------
    ind, ood : array_like of shape (n,) and (m,)
        OOD scores, larger is farther out.
    replicates : int, default 1000
    seed : int, default 0

    Returns
    -------
    dict of Estimate
        By the name of the measure.

    References
    ----------
    B. Efron, R. J. Tibshirani, An introduction to the bootstrap, Chapman & Hall (1993), chapter 13.

    Examples
    --------
    >>> ind, ood = np.arange(100), np.arange(60, 160)
    >>> [round(x, 2) for x in bootstrap(ind, ood)["auroc"]]
    [0.92, 0.88, 0.95]
    """
    ranking, resamples = Ranking.of(ind, ood), Resamples(np.size(ind), np.size(ood), replicates, seed)
    found = replicate(ind, ood, resamples)
    return {name: Estimate.of(METRICS[name].of(ranking.tally())[0], values) for name, values in found.items()}


def bootstrap_difference(
    a: tuple[npt.ArrayLike, npt.ArrayLike],
    b: tuple[npt.ArrayLike, npt.ArrayLike],
    metric: str = "auroc",
    *,
    replicates: int = 1000,
    seed: int = 0,
    resamples: Resamples | None = None,
) -> Estimate:
    """A measure of scorer a minus that of scorer b, both on the same resamples of the same samples.

    Parameters
    ----------
    a, b : tuple of array_like of shape (n,) and (m,)
        InD and OOD scores.
    metric : str
        A name of :data:`~latentviz.evaluation.detection.METRICS`.
    replicates : int, default 1000
    seed : int, default 0
    resamples : Resamples, optional
        To be used instead of those of ``replicates`` and ``seed``.

    Examples
    --------
    >>> ind, ood = np.arange(100), np.arange(60, 160)
    >>> bootstrap_difference((ind, ood), (ind**3, ood**3))
    Estimate(value=0.0, low=0.0, high=0.0)
    """
    _check_same_samples(a, b)
    resamples = resamples or Resamples(np.size(a[0]), np.size(a[1]), replicates, seed)
    values = [METRICS[metric].of(Ranking.of(*pair).tally())[0] for pair in (a, b)]
    of_a, of_b = (replicate(*pair, resamples, [metric])[metric] for pair in (a, b))
    return Estimate.of(values[0] - values[1], of_a - of_b)
