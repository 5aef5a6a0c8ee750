"""95 % intervals of detection measures, and of their differences between two scorers of the same samples."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from latentviz.errors import DataError
from latentviz.evaluation.accuracy import Z95, wilson_interval
from latentviz.evaluation.detection import METRICS, metric_named
from latentviz.evaluation.ranking import Ranking

#: Bootstrap replicates behind an interval.
REPLICATES = 1000

# Counts of a block of replicates: its cumulative sums stay in the processor's cache, which makes it twice as fast.
_BLOCK = 50_000

# Counts, a byte each, that are kept for the next scorer; if there are more, every scorer draws them again.
_KEPT = 50_000_000

# Fewer samples of a kind, and resamples of them, say too little of what other samples would have shown.
FEW = 10

# Replicates that must lie beyond each end of an interval for the end to be read off them.
_TAIL = 10


class Estimate(NamedTuple):
    """A number and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def delong(ind: npt.ArrayLike, ood: npt.ArrayLike) -> Estimate:
    """AUROC with DeLong's interval, in O(N log N).

    The interval is symmetric on the scale of the log odds, so that it stays within 0 and 1. Where the samples
    show no variance (perfect separation, constant scores), DeLong's has no width, and fewer than ten samples of a
    kind say too little of theirs; then it is Wilson's for min(n, m) independent comparisons, the fewest that n and m
    samples can stand for.

    Parameters
    ----------
    ind, ood : array_like of shape (n,) and (m,)
        OOD scores, larger is farther out.

    Returns
    -------
    Estimate

    Raises
    ------
    DataError
        If a side is empty or has scores that are not finite.

    References
    ----------
    E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Comparing the areas under two or more correlated receiver
    operating characteristic curves: a nonparametric approach, Biometrics 44 (1988).
    X. Sun, W. Xu, Fast implementation of DeLong's algorithm for comparing the areas under correlated receiver
    operating characteristic curves, IEEE Signal Processing Letters 21 (2014).

    Examples
    --------
    >>> [round(x, 3) for x in delong(range(20), range(10, 30))]
    [0.875, 0.733, 0.947]
    """
    return _delong(Ranking.of(ind, ood))


def _delong(ranking: Ranking) -> Estimate:
    ind_wins, ood_wins = _wins(ranking)
    n, m = len(ind_wins), len(ood_wins)
    value = float(ood_wins.sum() / (2 * n * m))
    error = 0.0
    if min(n, m) >= FEW:
        error = math.sqrt(ind_wins.var(ddof=1) / (4 * m**2 * n) + ood_wins.var(ddof=1) / (4 * n**2 * m))
    if error == 0:
        return Estimate(value, *wilson_interval(value * min(n, m), min(n, m)))
    centre, half = math.log(value / (1 - value)), Z95 * error / (value * (1 - value))
    return Estimate(value, _logistic(centre - half), _logistic(centre + half))


def _wins(ranking: Ranking) -> tuple[np.ndarray, np.ndarray]:
    """Twice the number of samples of the other side that every sample is ranked rightly against; a tie is half.

    These are DeLong's structural components times 2m (InD) and 2n (OOD). As whole numbers they are exact, and a
    variance of 0 is told from a small one.
    """
    ind, ood = ranking.ind_below, ranking.ood_below
    ind_wins = np.repeat(2 * ood[-1] - ood[1:] - ood[:-1], np.diff(ind))
    return ind_wins, np.repeat(ind[1:] + ind[:-1], np.diff(ood))


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


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
        Of the OOD set, or of its content.

    Raises
    ------
    DataError
        If there are no replicates.

    Examples
    --------
    >>> [(ind.shape, ood.sum(axis=1).tolist()) for ind, ood in Resamples(5, 7, replicates=3)]
    [((3, 5), [7, 7, 7])]
    """

    def __init__(self, n: int, m: int, replicates: int = REPLICATES, seed: int = 0, name: str = "") -> None:
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


@dataclass(frozen=True, eq=False)
class Measured:
    """How well one scorer tells a set from the InD one, by every measure; or the average over several sets.

    Attributes
    ----------
    values : ndarray of shape (measures,), float64
        In the order of :data:`~latentviz.evaluation.detection.METRICS`.
    replicates : ndarray of shape (measures, R), float64
        Their bootstrap replicates. Those of two scorers on the same set can be compared one by one.
    ends : ndarray of shape (measures, 2), float64
        Intervals that hold where replicates say nothing: DeLong's of AUROC, else Wilson's.
    n_ind, n_ood : int
        Samples of the two kinds; of an average the sum over the sets.
    smallest : int
        The fewest samples of a kind, of any of the sets.
    """

    values: np.ndarray
    replicates: np.ndarray
    ends: np.ndarray
    n_ind: int
    n_ood: int
    smallest: int

    @classmethod
    def of(cls, ind: npt.ArrayLike, ood: npt.ArrayLike, resamples: Resamples) -> Self:
        """Rank the samples once, then measure them and every resample.

        Parameters
        ----------
        ind, ood : array_like of shape (n,) and (m,)
            OOD scores, larger is farther out.
        resamples : Resamples
            The same for several scorers makes their replicates comparable one by one.

        Returns
        -------
        Measured

        Raises
        ------
        DataError
            If a side is empty, has scores that are not finite, or is not what the bootstrap draws from.
        """
        ranking = Ranking.of(ind, ood)
        n, m = len(ranking.ind_order), len(ranking.ood_order)
        tally = ranking.tally()
        values = np.array([metric.of(tally)[0] for metric in METRICS.values()])
        found = _replicate(ranking, resamples, list(METRICS))
        counts = {"ind": n, "ood": m, "": min(n, m)}
        ends = [
            _delong(ranking)[1:] if name == "auroc" else wilson_interval(value * count, count)
            for (name, metric), value in zip(METRICS.items(), values, strict=True)
            for count in [counts[metric.share_of]]
        ]
        return cls(values, np.stack([found[name] for name in METRICS]), np.array(ends), n, m, min(n, m))

    @classmethod
    def mean(cls, parts: Sequence[Measured]) -> Self:
        """The plain average over sets, whatever their sizes, replicate by replicate.

        The intervals for where replicates say nothing are averaged too: as if the sets all erred alike.
        """
        return cls(
            np.mean([p.values for p in parts], axis=0),
            np.mean([p.replicates for p in parts], axis=0),
            np.mean([p.ends for p in parts], axis=0),
            parts[0].n_ind,
            sum(p.n_ood for p in parts),
            min(p.smallest for p in parts),
        )

    def estimate(self, metric: str) -> Estimate:
        """A measure with the 2.5th and 97.5th percentile of its replicates.

        A bootstrap cannot go beyond what the samples show. Where all replicates are equal, and with fewer than ten
        samples of a kind, the interval is as wide at least as DeLong's (AUROC) or Wilson's (the others, with as many
        samples as the measure is a share of, or of the rarer kind).

        Raises
        ------
        DataError
            If there is no such measure.
        """
        row = _row(metric)
        low, high = np.quantile(self.replicates[row], [0.025, 0.975])
        if low == high or self.smallest < FEW:
            low, high = min(low, self.ends[row, 0]), max(high, self.ends[row, 1])
        return Estimate(float(self.values[row]), float(low), float(high))

    def minus(self, other: Measured, metric: str, alpha: float = 0.05) -> Estimate:
        """The difference to another scorer on the same samples, with a paired interval.

        The interval is of the replicates' percentiles; where they are too few for percentiles that far out, it is
        the normal distribution's with the replicates' standard deviation. Where all replicates are equal, and with
        fewer than ten samples of a kind, it is as wide at least as Hoeffding's for as many independent comparisons
        as there are samples of the rarer kind.

        Parameters
        ----------
        other : Measured
        metric : str
        alpha : float, default 0.05
            How often the interval may miss the true difference.

        Returns
        -------
        Estimate
            Exactly 0, 0, 0 if every replicate fares the same with both.

        Raises
        ------
        DataError
            If there is no such measure, or the two are not of the same samples and replicates.

        References
        ----------
        W. Hoeffding, Probability inequalities for sums of bounded random variables, Journal of the American
        Statistical Association 58 (1963).
        """
        row = _row(metric)
        if (self.n_ind, self.n_ood, self.replicates.shape) != (other.n_ind, other.n_ood, other.replicates.shape):
            raise DataError(
                f"The scorers saw {self.n_ind:,} and {other.n_ind:,} InD, {self.n_ood:,} and {other.n_ood:,} OOD "
                f"samples in {self.replicates.shape[1]:,} and {other.replicates.shape[1]:,} replicates; a paired "
                "difference needs the same."
            )
        value = float(self.values[row] - other.values[row])
        drawn = self.replicates[row] - other.replicates[row]
        if value == 0 and not drawn.any():
            return Estimate(0.0, 0.0, 0.0)
        if alpha / 2 * len(drawn) >= _TAIL:
            low, high = np.quantile(drawn, [alpha / 2, 1 - alpha / 2])
        else:
            half = NormalDist().inv_cdf(1 - alpha / 2) * drawn.std()
            low, high = value - half, value + half
        if low == high or self.smallest < FEW:
            half = math.sqrt(2 * math.log(2 / alpha) / self.smallest)
            low, high = min(low, value - half), max(high, value + half)
        return Estimate(value, max(-1.0, float(low)), min(1.0, float(high)))


def _row(metric: str) -> int:
    """Where a measure stands in the arrays of :class:`Measured`."""
    return list(METRICS).index(metric_named(metric).name)


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

    Raises
    ------
    DataError
        If there is no such measure, a side is empty, has scores that are not finite, or is not what the bootstrap
        draws from.
    """
    return _replicate(Ranking.of(ind, ood), resamples, metrics)


def _replicate(ranking: Ranking, resamples: Resamples, metrics: Sequence[str]) -> dict[str, np.ndarray]:
    n, m = len(ranking.ind_order), len(ranking.ood_order)
    if (n, m) != (resamples.n, resamples.m):
        raise DataError(
            f"There are {n:,} InD and {m:,} OOD scores, but the bootstrap draws from "
            f"{resamples.n:,} and {resamples.m:,} samples."
        )
    measures = {name: metric_named(name).of for name in metrics}
    found: dict[str, list[np.ndarray]] = {name: [] for name in metrics}
    for counts in resamples:
        tally = ranking.resampled(*counts)
        for name, blocks in found.items():
            blocks.append(measures[name](tally))
    return {name: np.concatenate(blocks) for name, blocks in found.items()}


def bootstrap(
    ind: npt.ArrayLike, ood: npt.ArrayLike, replicates: int = REPLICATES, seed: int = 0
) -> dict[str, Estimate]:
    """Every measure with its interval from a stratified bootstrap over samples; see :meth:`Measured.estimate`.

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

    Raises
    ------
    DataError
        If a side is empty or has scores that are not finite, or there are no replicates.

    References
    ----------
    B. Efron, R. J. Tibshirani, An introduction to the bootstrap, Chapman & Hall (1993), chapter 13.

    Examples
    --------
    >>> ind, ood = np.arange(100), np.arange(60, 160)
    >>> [round(x, 2) for x in bootstrap(ind, ood)["auroc"]]
    [0.92, 0.88, 0.95]
    """
    measured = Measured.of(ind, ood, Resamples(np.size(ind), np.size(ood), replicates, seed))
    return {name: measured.estimate(name) for name in METRICS}
