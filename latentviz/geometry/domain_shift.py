"""How far the features of one domain lie from those of another: of each class, of each pair, and as two samples.

A domain is a set of images taken in one way: simulated chips are one, measured chips another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentviz.errors import DataError

#: Permutations behind a p-value.
PERMUTATIONS = 999

#: Samples that are compared all with all at most; of more some are drawn, half of each domain if it has as many.
PAIRED = 4000

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
    """

    value: float
    p: float
    samples: tuple[int, int]


@dataclass(frozen=True, eq=False)
class ShiftVectors:
    """Where the classes move from one domain to the other.

    Attributes
    ----------
    classes : ndarray of shape (C,), int64
        Those that both domains have.
    vectors : ndarray of shape (C, D), float64
        Mean of the other domain minus that of the one.
    norms : ndarray of shape (C,)
    cosines : ndarray of shape (C, C)
        Of the vectors; NaN where one has no length.
    common : float
        ``‖mean vector‖² / mean ‖vector‖²`` (ours): 1 if all classes move alike, near ``1/C`` if each moves in a
        direction of its own, 0 if the movements cancel out. NaN if nothing moves.
    counts : ndarray of shape (C, 2), int64
        Samples of each class in both domains.
    """

    classes: np.ndarray
    vectors: np.ndarray
    norms: np.ndarray
    cosines: np.ndarray
    common: float
    counts: np.ndarray


def shift_vectors(one: np.ndarray, classes: np.ndarray, other: np.ndarray, other_classes: np.ndarray) -> ShiftVectors:
    """How the mean of every class differs between two domains.

    Parameters
    ----------
    one, other : ndarray of shape (N, D) and (M, D)
    classes, other_classes : ndarray of shape (N,) and (M,), int
        −1: left out.

    Returns
    -------
    ShiftVectors

    Raises
    ------
    DataError
        If the shapes do not fit, or no class is in both domains.

    Examples
    --------
    >>> found = shift_vectors(np.eye(2), np.array([0, 1]), np.eye(2) + [1, 0], np.array([0, 1]))
    >>> found.vectors.tolist(), found.common
    ([[1.0, 0.0], [1.0, 0.0]], 1.0)
    """
    a, b = _checked(one, other, fewest=1)
    names, others = (_classes(c, len(z)) for c, z in ((classes, a), (other_classes, b)))
    both = np.intersect1d(names[names >= 0], others[others >= 0])
    if not len(both):
        raise DataError("No class is in both domains.")
    vectors = np.stack([b[others == c].mean(axis=0) - a[names == c].mean(axis=0) for c in both])
    norms = np.linalg.norm(vectors, axis=1)
    unit = np.divide(vectors, norms[:, None], out=np.full_like(vectors, np.nan), where=norms[:, None] > 0)
    total = float((norms**2).mean())
    common = float((vectors.mean(axis=0) ** 2).sum() / total) if total > 0 else np.nan
    counts = np.array([[(names == c).sum(), (others == c).sum()] for c in both])
    return ShiftVectors(both, vectors, norms, np.clip(unit @ unit.T, -1, 1), common, counts)


def pair_distances(one: np.ndarray, other: np.ndarray, metric: str = "euclidean") -> np.ndarray:
    """Distance of the two features of every pair.

    Parameters
    ----------
    one, other : ndarray of shape (N, D)
        Row n of both is a pair.
    metric : {"euclidean", "cosine"}
        Cosine: ``1 − cos``; 1 if one has no length.

    Returns
    -------
    ndarray of shape (N,), float64
    """
    if one.shape != other.shape:
        raise DataError(f"Pairs need as many features on both sides; there are {one.shape} and {other.shape}.")
    a, b = _checked(one, other, fewest=0)
    if metric == "euclidean":
        return np.linalg.norm(a - b, axis=1)
    if metric != "cosine":
        raise DataError(f'There is no distance "{metric}" of pairs; choose euclidean or cosine.')
    product = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    both = np.einsum("nd,nd->n", a, b)
    return 1 - np.clip(np.divide(both, product, out=np.zeros(len(a)), where=product > 0), -1, 1)


def domain_scores(
    one: np.ndarray, other: np.ndarray, *, groups: np.ndarray | None = None, folds: int = 5, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Can a linear classifier tell the domains apart? Its scores of samples it was not fitted on.

    Logistic regression on standardised features, cross-validated; the AUROC of these scores is the domain AUC.

    Parameters
    ----------
    one, other : ndarray of shape (N, D) and (M, D)
    groups : ndarray of shape (N + M,), optional
        Samples of one group stay in one fold: the two chips of a pair show the same target.
    folds : int
    seed : int

    Returns
    -------
    (scores of one, scores of other) : ndarray of shape (N,) and (M,), float64
        Larger: more like the other domain.

    Raises
    ------
    DataError
        If there are fewer samples (or groups) than folds in a domain, or features are not finite.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    a, b = _checked(one, other, fewest=folds)
    values, domain = np.concatenate([a, b]), np.repeat([0, 1], [len(a), len(b)])
    if groups is not None:
        if len(groups) != len(domain):
            raise DataError(f"There are {len(domain):,} samples and {len(groups):,} groups; expected one each.")
        fewest = min(len(np.unique(np.asarray(groups)[domain == d])) for d in (0, 1))
        if fewest < folds:
            raise DataError(f"A domain has {fewest:,} groups for {folds} folds; choose fewer folds.")
    split = StratifiedKFold if groups is None else StratifiedGroupKFold
    found = cross_val_predict(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        values,
        domain,
        groups=groups,
        cv=split(folds, shuffle=True, random_state=seed),
        method="decision_function",
    )
    return found[: len(a)], found[len(a) :]


def mmd(
    one: np.ndarray,
    other: np.ndarray,
    *,
    bandwidth: float | None = None,
    permutations: int = PERMUTATIONS,
    paired: bool = False,
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
    seed : int
        Of the permutations, and of the draw if there are more than :data:`PAIRED` samples.

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
    return _tested(_mmd_of(kernel, rows, paired), (n, len(b)))


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
    one: np.ndarray, other: np.ndarray, *, permutations: int = PERMUTATIONS, paired: bool = False, seed: int = 0
) -> TwoSample:
    r"""Henze–Penrose divergence from the edges of the minimum spanning tree that join the domains (Friedman–Rafsky).

    .. math:: D = 1 - R \frac{N + M}{2 N M}

    Parameters
    ----------
    one, other, permutations, paired, seed
        As of :func:`mmd`.

    Returns
    -------
    TwoSample
        Near 1: a single edge joins them; 0: as many as by chance. It may be negative.

    References
    ----------
    J. H. Friedman, L. C. Rafsky, Multivariate generalizations of the Wald–Wolfowitz and Smirnov two-sample tests,
    Annals of Statistics 7 (1979). N. Henze, M. D. Penrose, On the multivariate runs test, Annals of Statistics 27
    (1999).
    """
    from latentviz.geometry._spanning_tree import spanning_tree

    a, b = _drawn(one, other, paired, seed)
    n, m = len(a), len(b)
    # Of equal distances the tree takes the first: in an order that knows the domains it would depend on them.
    order = np.random.default_rng([seed, 2]).permutation(n + m)
    edges = order[spanning_tree(np.concatenate([a, b])[order])]
    rows = _domains(n, m, permutations, paired, seed)
    joins = (rows[:, edges[:, 0]] != rows[:, edges[:, 1]]).sum(axis=1)
    return _tested(1 - joins * (n + m) / (2 * n * m), (n, m))


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
    a, b = _checked(one, other, fewest=1)
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


def mixing(neighbours: np.ndarray, domain: np.ndarray) -> float:
    """How often the nearest neighbours of a sample are of the other domain, compared with chance.

    Parameters
    ----------
    neighbours : ndarray of shape (N, k), int
        Of every sample among all, itself left out.
    domain : ndarray of shape (N,), bool

    Returns
    -------
    float
        1: as often as if they were mixed at random; 0: never.
    """
    domain = np.asarray(domain, dtype=bool)
    n, first = len(domain), int(domain.sum())
    if not 0 < first < n:
        raise DataError("All samples are of one domain.")
    chance = 2 * first * (n - first) / (n * (n - 1))
    return float((domain[neighbours] != domain[:, None]).mean() / chance)


def _checked(one: np.ndarray, other: np.ndarray, fewest: int) -> tuple[np.ndarray, np.ndarray]:
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


def _classes(classes: np.ndarray, count: int) -> np.ndarray:
    found = np.asarray(classes)
    if found.shape != (count,):
        raise DataError(f"There are {count:,} samples and classes of shape {found.shape}; expected one each.")
    return found


def _drawn(one: np.ndarray, other: np.ndarray, paired: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    a, b = _checked(one, other, fewest=2)
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


def _tested(values: np.ndarray, samples: tuple[int, int]) -> TwoSample:
    """The first is of the data."""
    least = values[0] - 1e-12 * max(1.0, abs(float(values[0])))  # equal but for rounding
    return TwoSample(float(values[0]), float((values >= least).mean()), samples)


def _squared_distances(values: np.ndarray) -> np.ndarray:
    from scipy.spatial.distance import pdist, squareform

    return squareform(pdist(values, "sqeuclidean"))


def _median_distance(squared: np.ndarray) -> float:
    above = squared[np.triu_indices(len(squared), 1)]
    return float(np.sqrt(np.median(above)))
