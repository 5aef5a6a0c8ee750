"""How the features of one domain lie beside those of another: class by class, pair by pair, neighbour by neighbour.

A domain is a set of images taken in one way: simulated chips are one, measured chips another. As two samples they are
compared in :mod:`latentviz.geometry.two_sample`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentviz.errors import DataError
from latentviz.geometry.two_sample import checked


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
    a, b = checked(one, other, fewest=1)
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
    a, b = checked(one, other, fewest=0)
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

    a, b = checked(one, other, fewest=folds)
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


def _classes(classes: np.ndarray, count: int) -> np.ndarray:
    found = np.asarray(classes)
    if found.shape != (count,):
        raise DataError(f"There are {count:,} samples and classes of shape {found.shape}; expected one each.")
    return found
