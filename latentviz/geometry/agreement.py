"""How far clusters and classes agree: from their contingency table alone, with bootstrap intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentviz.errors import DataError

#: What is measured, and what 1 means.
INDICATORS = {
    "accuracy": ("Cluster accuracy", "every class is one cluster of its own, matched one to one"),
    "purity": ("Purity", "no cluster holds two classes; also if every sample is a cluster"),
    "nmi": ("NMI", "clusters and classes tell the same; arithmetic mean, which is the V-measure"),
    "ari": ("ARI", "as NMI for pairs of samples; 0 by chance"),
    "homogeneity": ("Homogeneity", "no cluster holds two classes"),
    "completeness": ("Completeness", "no class is in two clusters"),
}

_OF_ENTROPIES = ("nmi", "homogeneity", "completeness")

#: Bootstrap replicates behind an interval.
REPLICATES = 200


@dataclass(frozen=True)
class Agreement:
    """Indicators of one clustering.

    Attributes
    ----------
    values : dict of float
        By name of :data:`INDICATORS`.
    intervals : dict of (float, float)
        95 % intervals of a bootstrap over samples; the clusters stay as they are. With few samples entropies make NMI,
        homogeneity and completeness too high, resamples more so: their intervals are the reflected ones (basic
        bootstrap), widened to hold the value, and lie mostly below it; the others are percentiles.
    samples : int
    """

    values: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    samples: int


def contingency(clusters: np.ndarray, classes: np.ndarray, count: int | None = None) -> np.ndarray:
    """How many samples of each class are in each cluster.

    Parameters
    ----------
    clusters, classes : ndarray of shape (N,), int
        Samples without a cluster (−1) count as one more; those without a class (−1) are left out.
    count : int, optional
        Classes C; as many as occur by default.

    Returns
    -------
    ndarray of shape (K, C), int64
        With one more row if there are samples without a cluster.

    Examples
    --------
    >>> contingency(np.array([0, 0, 1, -1]), np.array([0, 1, 1, 1])).tolist()
    [[1, 1], [0, 1], [0, 1]]
    """
    clusters, classes = np.asarray(clusters), np.asarray(classes)
    if clusters.shape != classes.shape or clusters.ndim != 1:
        raise DataError(f"There are clusters of shape {clusters.shape} and classes of shape {classes.shape}.")
    kept, rows = classes >= 0, int(clusters.max(initial=-1)) + 1
    clusters, classes = clusters[kept], classes[kept]
    if len(classes) == 0:
        raise DataError("None of the samples has a class to compare the clusters with.")
    alone = clusters < 0
    clusters = np.where(alone, rows, clusters)
    rows, columns = rows + bool(alone.any()), int(classes.max()) + 1 if count is None else count
    return np.bincount(clusters * columns + classes, minlength=rows * columns).reshape(rows, columns)


def matching(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which class each cluster is matched with, one to one, so that most samples agree (Hungarian method).

    Parameters
    ----------
    table : ndarray of shape (K, C)

    Returns
    -------
    clusters, classes : ndarray of int64
        As long as the smaller of K and C.
    """
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(table, maximize=True)


def agreement(clusters: np.ndarray, classes: np.ndarray, *, replicates: int = REPLICATES, seed: int = 0) -> Agreement:
    """All :data:`INDICATORS` of a clustering.

    Parameters
    ----------
    clusters, classes : ndarray of shape (N,), int
        See :func:`contingency`. Predictions in the place of classes need no labels.
    replicates : int
        0 for no intervals.
    seed : int

    Returns
    -------
    Agreement

    Raises
    ------
    DataError
        If no sample has a class.
    """
    table = contingency(clusters, classes)
    values, samples = _indicators(table), int(table.sum())
    random = np.random.default_rng(seed)
    drawn = random.multinomial(samples, table.reshape(-1) / samples, size=replicates).reshape(replicates, *table.shape)
    of = [_indicators(one) for one in drawn]
    intervals = {}
    for name in INDICATORS if replicates else ():
        low, high = np.quantile([one[name] for one in of], [0.025, 0.975])
        if name in _OF_ENTROPIES:
            low, high = max(0.0, 2 * values[name] - high), min(1.0, max(2 * values[name] - low, values[name]))
        intervals[name] = float(low), float(high)
    return Agreement(values, intervals, samples)


def _indicators(table: np.ndarray) -> dict[str, float]:
    samples = table.sum()
    shares = table / samples
    of_clusters, of_classes = shares.sum(axis=1), shares.sum(axis=0)
    mutual = _entropy(of_clusters) + _entropy(of_classes) - _entropy(shares)
    homogeneity = mutual / _entropy(of_classes) if _entropy(of_classes) > 0 else 1.0
    completeness = mutual / _entropy(of_clusters) if _entropy(of_clusters) > 0 else 1.0
    both = homogeneity + completeness
    return {
        "accuracy": float(table[matching(table)].sum() / samples),
        "purity": float(table.max(axis=1).sum() / samples),
        "nmi": float(2 * homogeneity * completeness / both) if both > 0 else 0.0,
        "ari": _adjusted_rand(table),
        "homogeneity": float(homogeneity),
        "completeness": float(completeness),
    }


def _entropy(shares: np.ndarray) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())


def _adjusted_rand(table: np.ndarray) -> float:
    """Hubert and Arabie, Comparing partitions, Journal of Classification 2 (1985)."""

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1.0)).sum() / 2)

    together, clusters, classes = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    every = pairs(np.array([float(table.sum())]))
    expected = clusters * classes / every if every else 0.0
    most = (clusters + classes) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)


def ordered(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order of clusters and classes that puts matched pairs on the diagonal.

    Parameters
    ----------
    table : ndarray of shape (K, C)
        See :func:`contingency`.

    Returns
    -------
    rows, columns : ndarray of int64
        Matched pairs first, in the order of the classes; then the other clusters, the largest first, and classes.

    Examples
    --------
    >>> rows, columns = ordered(np.array([[1, 9], [8, 2], [1, 1]]))
    >>> rows.tolist(), columns.tolist()
    ([1, 0, 2], [0, 1])
    """
    clusters, classes = matching(table)
    order = np.argsort(classes, kind="stable")
    clusters, classes = clusters[order], classes[order]
    rest = np.setdiff1d(np.arange(len(table)), clusters)
    rest = rest[np.argsort(-table[rest].sum(axis=1), kind="stable")]
    return np.concatenate([clusters, rest]), np.concatenate([classes, np.setdiff1d(np.arange(table.shape[1]), classes)])
