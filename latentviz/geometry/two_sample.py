"""Are two samples of features of one distribution? Statistics with permutation tests, also of pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from latentviz.errors import DataError

#: Permutations behind a p-value.
PERMUTATIONS = 999

#: Samples that are compared all with all at most; of more some are drawn, half of each domain if it has as many.
PAIRED = 4000

#: Halves of the samples behind an interval.
HALVES = 100

#: Samples of the larger domain in such a half at most: of more, the parts are smaller, and vary accordingly more.
LARGEST_HALF = 300

_Z95 = 1.959963984540054

#: Random directions of :func:`sliced_wasserstein`.
DIRECTIONS = 500


@dataclass(frozen=True)
class TwoSample:
    """A statistic of two samples with the p-value of its permutation test.

    Attributes
    ----------
    value : float
    p : float
        Share of permutations with at least this value, the data themselves among them; small: the domains differ.
    samples : (int, int)
        Of each domain that were compared.
    low, high : float
        95 % interval; NaN if none was asked for.
    """

    value: float
    p: float
    samples: tuple[int, int]
    low: float = np.nan
    high: float = np.nan


def mmd(
    one: np.ndarray,
    other: np.ndarray,
    *,
    bandwidth: float | None = None,
    permutations: int = PERMUTATIONS,
    paired: bool = False,
    halves: int = 0,
    seed: int = 0,
) -> TwoSample:
    r"""Squared maximum mean discrepancy with a Gaussian kernel, unbiased.

    .. math:: k(x, y) = \exp\left(-\lVert x - y \rVert^2 / (2 h^2)\right)

    Parameters
    ----------
    one, other : ndarray of shape (N, D) and (M, D)
    bandwidth : float, optional
        h; by default the median distance of two different samples.
    permutations : int
    paired : bool
        Row n of both is a pair: a permutation exchanges the two of a pair, instead of all samples.
    halves : int
        Random halves of both domains (of large ones smaller parts) behind the interval; 0: none is given. Drawn
        without replacement, half of the samples vary about the whole as the whole varies about the truth; with
        replacement, as in the bootstrap, copies of one sample would lie at a distance of 0.
    seed : int
        Of permutations and halves, and of the draw if there are more than :data:`PAIRED` samples.

    Returns
    -------
    TwoSample
        The value may be negative.

    Raises
    ------
    DataError
        If a domain has fewer than two samples, pairs do not fit, or all samples are equal.

    References
    ----------
    A. Gretton et al., A kernel two-sample test, Journal of Machine Learning Research 13 (2012), equations 3 and 4.
    """
    a, b = _drawn(one, other, paired, seed)
    values, n = np.concatenate([a, b]), len(a)
    squared = _squared_distances(values)
    width = _median_distance(squared) if bandwidth is None else bandwidth
    if not width > 0:
        raise DataError("All samples are equal, or the bandwidth is not positive; there is nothing to compare.")
    kernel = np.exp(squared / (-2 * width**2))
    np.fill_diagonal(kernel, 0)
    rows = _domains(n, len(b), permutations, paired, seed)

    def of_half(first: np.ndarray, second: np.ndarray) -> float:
        both = np.concatenate([first, n + second])
        inside = np.arange(len(both)) < len(first)
        return float(_mmd_of(kernel[np.ix_(both, both)], inside[None], paired)[0])

    spread = _spread(of_half, n, len(b), halves, paired, seed)
    return _tested(_mmd_of(kernel, rows, paired), (n, len(b)), spread)


def _mmd_of(kernel: np.ndarray, first: np.ndarray, paired: bool) -> np.ndarray:
    """Of every row of ``first`` (R, N + M), which says which samples are of the first domain.

    The two of a pair depend on each other, so that they are not compared (equation 4).
    """
    inside = first.astype(np.float64)
    n, m = inside.sum(axis=1), (1 - inside).sum(axis=1)
    towards = inside @ kernel
    of_first = np.einsum("rn,rn->r", towards, inside)
    between = towards.sum(axis=1) - of_first
    of_second = kernel.sum() - of_first - 2 * between
    if paired:
        half = len(kernel) // 2
        between, pairs = between - kernel[np.arange(half), half + np.arange(half)].sum(), n * (n - 1)
    else:
        pairs = n * m
    return of_first / (n * (n - 1)) + of_second / (m * (m - 1)) - 2 * between / pairs


def henze_penrose(
    one: np.ndarray,
    other: np.ndarray,
    *,
    permutations: int = PERMUTATIONS,
    paired: bool = False,
    halves: int = 0,
    seed: int = 0,
) -> TwoSample:
    r"""Henze–Penrose divergence from the edges of the minimum spanning tree that join the domains (Friedman–Rafsky).

    .. math:: D = 1 - R \frac{N + M}{2 N M}

    Parameters
    ----------
    one, other, permutations, paired, halves, seed
        As of :func:`mmd`.

    Returns
    -------
    TwoSample
        0: as many edges join them as by chance; it may be negative. A single one, the fewest, gives
        ``1 − (N + M) / (2 N M)``, which few samples keep below 1. Without an interval where all halves agree.

    References
    ----------
    J. H. Friedman, L. C. Rafsky, Multivariate generalizations of the Wald–Wolfowitz and Smirnov two-sample tests,
    Annals of Statistics 7 (1979). N. Henze, M. D. Penrose, On the multivariate runs test, Annals of Statistics 27
    (1999).
    """
    from latentviz.geometry._spanning_tree import spanning_tree

    a, b = _drawn(one, other, paired, seed)
    n, m = len(a), len(b)
    random = np.random.default_rng([seed, 2])

    def divergence(first: np.ndarray, second: np.ndarray, rows: np.ndarray) -> np.ndarray:
        # Of equal distances the tree takes the first: in an order that knows the domains it would depend on them.
        order = random.permutation(len(first) + len(second))
        edges = order[spanning_tree(np.concatenate([a[first], b[second]])[order])]
        joins = (rows[:, edges[:, 0]] != rows[:, edges[:, 1]]).sum(axis=1)
        return 1 - joins * len(order) / (2 * len(first) * len(second))

    def of_half(first: np.ndarray, second: np.ndarray) -> float:
        inside = np.arange(len(first) + len(second)) < len(first)
        return float(divergence(first, second, inside[None])[0])

    found = divergence(np.arange(n), np.arange(m), _domains(n, m, permutations, paired, seed))
    return _tested(found, (n, m), _spread(of_half, n, m, halves, paired, seed))


def sliced_wasserstein(
    one: np.ndarray, other: np.ndarray, *, order: int = 2, directions: int = DIRECTIONS, seed: int = 0
) -> float:
    """Sliced Wasserstein distance: root of the mean of ``W_p^p`` over random directions.

    Parameters
    ----------
    one, other : ndarray of shape (N, D) and (M, D)
    order : {1, 2}
        p.
    directions : int
    seed : int

    References
    ----------
    N. Bonneel, J. Rabin, G. Peyré, H. Pfister, Sliced and Radon Wasserstein barycenters of measures, Journal of
    Mathematical Imaging and Vision 51 (2015).
    """
    if order not in (1, 2):
        raise DataError(f"The order is {order}; expected 1 or 2.")
    if directions < 1:
        raise DataError(f"There are {directions} directions; expected at least 1.")
    a, b = checked(one, other, fewest=1)
    axes = np.random.default_rng(seed).normal(size=(a.shape[1], directions))
    axes /= np.linalg.norm(axes, axis=0)
    shares = np.unique(np.concatenate([np.arange(len(a) + 1) / len(a), np.arange(len(b) + 1) / len(b)]))
    # Between two of these shares both quantile functions are constant.
    middle, weight = (shares[1:] + shares[:-1]) / 2, np.diff(shares)
    places = [np.minimum((middle * len(z)).astype(np.int64), len(z) - 1) for z in (a, b)]
    total = 0.0
    for axis in axes.T:
        first, second = (np.sort(z @ axis)[place] for z, place in zip((a, b), places, strict=True))
        total += float(weight @ np.abs(first - second) ** order)
    return float((total / directions) ** (1 / order))


def checked(one: np.ndarray, other: np.ndarray, fewest: int) -> tuple[np.ndarray, np.ndarray]:
    """Both domains' features (N, D) and (M, D) as float64.

    Raises
    ------
    DataError
        If the shapes do not fit, one has fewer samples, or a feature is not finite.
    """
    found = []
    for values in (one, other):
        z = np.asarray(values, dtype=np.float64)
        if z.ndim != 2:
            raise DataError(f"The features have the shape {z.shape}; expected (N, D).")
        if len(z) < fewest:
            raise DataError(f"A domain has {len(z):,} samples; at least {fewest} are needed.")
        if not np.isfinite(z).all():
            raise DataError(f"{int((~np.isfinite(z).all(axis=1)).sum()):,} samples have features that are not finite.")
        found.append(z)
    if found[0].shape[1] != found[1].shape[1]:
        raise DataError(f"The domains have {found[0].shape[1]:,} and {found[1].shape[1]:,} features; they must agree.")
    return found[0], found[1]


def _drawn(one: np.ndarray, other: np.ndarray, paired: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    a, b = checked(one, other, fewest=2)
    if paired and len(a) != len(b):
        raise DataError(f"Pairs need as many samples on both sides; there are {len(a):,} and {len(b):,}.")
    random, most = np.random.default_rng([seed, 1]), PAIRED // 2
    if len(a) + len(b) <= PAIRED:
        return a, b
    if paired:
        rows = np.sort(random.choice(len(a), most, replace=False))
        return a[rows], b[rows]
    n = min(len(a), max(most, PAIRED - len(b)))
    drawn = [np.sort(random.choice(len(z), k, replace=False)) for z, k in ((a, n), (b, min(len(b), PAIRED - n)))]
    return a[drawn[0]], b[drawn[1]]


def _domains(n: int, m: int, permutations: int, paired: bool, seed: int) -> np.ndarray:
    """Which samples (R + 1, n + m) are of the first domain: as they are, then permuted."""
    if permutations < 1:
        raise DataError(f"There are {permutations} permutations; expected at least 1.")
    random = np.random.default_rng(seed)
    first = np.arange(n + m) < n
    if not paired:
        return np.stack([first, *(random.permutation(first) for _ in range(permutations))])
    turned = random.random((permutations, n)) < 0.5
    return np.concatenate([first[None], np.concatenate([~turned, turned], axis=1)])


def _spread(
    of_half: Callable[[np.ndarray, np.ndarray], float], n: int, m: int, halves: int, paired: bool, seed: int
) -> float:
    """Standard error of a statistic of n and m samples, from halves or smaller parts of both; NaN if none.

    It needs four samples of each at least. J. Shao, C. F. J. Wu, A general theory for jackknife variance estimation,
    Annals of Statistics 17 (1989).
    """
    if halves < 2 or min(n, m) < 4:
        return np.nan
    random, found = np.random.default_rng([seed, 3]), []
    share = min(0.5, LARGEST_HALF / max(n, m))
    k, j = (max(2, int(share * size)) for size in (n, m))
    for _ in range(halves):
        first = random.permutation(n)[:k]
        found.append(of_half(first, first if paired else random.permutation(m)[:j]))
    # Of a share f, the variance about the whole is (1 − f) / f of the whole's own.
    drawn = (k + j) / (n + m)
    return float(np.std(found, ddof=1) * np.sqrt(drawn / (1 - drawn)))


def _tested(values: np.ndarray, samples: tuple[int, int], spread: float) -> TwoSample:
    """The first is of the data."""
    value = float(values[0])
    least = value - 1e-12 * max(1.0, abs(value))  # equal but for rounding
    ends = () if not spread > 1e-9 * max(1.0, abs(value)) else (value - _Z95 * spread, value + _Z95 * spread)
    return TwoSample(value, float((values >= least).mean()), samples, *ends)


def _squared_distances(values: np.ndarray) -> np.ndarray:
    from scipy.spatial.distance import pdist, squareform

    return squareform(pdist(values, "sqeuclidean"))


def _median_distance(squared: np.ndarray) -> float:
    above = squared[np.triu_indices(len(squared), 1)]
    return float(np.sqrt(np.median(above)))
