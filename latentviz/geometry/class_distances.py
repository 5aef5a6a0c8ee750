"""Distances within classes beside those between classes: how far their densities overlap.

The definitions are this project's own, after the idea of Ho, Pfreundt, Keuper, Keuper (arXiv 2106.12303).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentviz.errors import DataError

#: Pairs that are drawn at most, half of them within classes.
PAIRS = 2_000_000

#: Points at which the densities are computed.
_GRID = 512
#: Bootstrap replicates behind an interval.
_REPLICATES = 100


@dataclass(frozen=True, eq=False)
class ClassDistances:
    """Distances of pairs of samples, and what they come to.

    Attributes
    ----------
    grid : ndarray of shape (G,)
        Distances.
    within, between : ndarray of shape (G,)
        Their densities there; each integrates to 1.
    values : dict of float
        ``overlap``: ∫ min of the two densities, 1 if they are equal. ``auroc``: how well a small distance tells that
        two samples are of one class. ``ratio``: mean distance between, over mean distance within classes.
    intervals : dict of (float, float)
        95 % percentile intervals over samples, not over pairs; NaN if most resamples have no pair of one kind.
    pairs : int
    """

    grid: np.ndarray
    within: np.ndarray
    between: np.ndarray
    values: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    pairs: int


def class_distances(
    features: np.ndarray, classes: np.ndarray, *, pairs: int = PAIRS, replicates: int = _REPLICATES, seed: int = 0
) -> ClassDistances:
    """Distances within and between classes.

    Pairs are drawn so that half are of one class, and every class has as many of these; of the others both classes are
    drawn alike.

    Parameters
    ----------
    features : ndarray of shape (N, D)
    classes : ndarray of shape (N,), int
        −1: left out.
    pairs : int
        At most so many.
    replicates : int
        Behind the intervals; 0 for none.
    seed : int

    Returns
    -------
    ClassDistances

    Raises
    ------
    DataError
        If there are not two classes with two samples each.
    """
    from latentviz.geometry._pair_lengths import pair_lengths

    random = np.random.default_rng(seed)
    features, classes = np.ascontiguousarray(features), np.asarray(classes)
    members = [np.flatnonzero(classes == c) for c in np.unique(classes[classes >= 0])]
    members = [rows for rows in members if len(rows) > 1]
    if len(members) < 2:
        raise DataError("Distances within and between classes need two classes with two samples each.")
    each = max(1, min(pairs, len(classes) * 200) // 2)
    same = _same(members, each, random)
    other = _other(members, each, random)
    near, far = (pair_lengths(features, *both) for both in (same, other))
    top = float(max(near.max(), far.max()))
    if top <= 0:
        raise DataError("All features are equal; there are no distances to compare.")
    grid = np.linspace(0, top, _GRID)
    places = [np.minimum((d * (_GRID / top)).astype(np.int64), _GRID - 1) for d in (near, far)]
    widths = [_bandwidth(d) * _GRID / top for d in (near, far)]
    ones = np.ones(len(near)), np.ones(len(far))
    values, within, between = _compared(places, ones, widths, top)
    drawn = []
    for _ in range(replicates):
        counts = np.bincount(random.integers(0, len(classes), len(classes)), minlength=len(classes)).astype(float)
        weights = tuple(counts[both[0]] * counts[both[1]] for both in (same, other))
        drawn.append(_compared(places, weights, widths, top)[0])
    intervals = {}
    for name in values if replicates else ():
        of = np.array([one[name] for one in drawn])
        defined = of[np.isfinite(of)]  # a resample of a handful may hold no pair of one kind
        ends = np.quantile(defined, [0.025, 0.975]) if 2 * len(defined) > len(of) else (np.nan, np.nan)
        intervals[name] = float(ends[0]), float(ends[1])
    return ClassDistances(grid, within, between, values, intervals, len(near) + len(far))


def _same(members: list[np.ndarray], count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of two different samples of one class."""
    each = -(-count // len(members))
    ends = []
    for rows in members:
        a = random.integers(0, len(rows), each)
        b = (a + random.integers(1, len(rows), each)) % len(rows)
        ends.append((rows[a], rows[b]))
    a, b = (np.concatenate(part) for part in zip(*ends, strict=True))
    return a[:count], b[:count]


def _other(members: list[np.ndarray], count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of samples of two classes."""
    one = random.integers(0, len(members), count)
    two = (one + random.integers(1, len(members), count)) % len(members)
    sizes = np.array([len(rows) for rows in members])
    starts, every = np.concatenate([[0], np.cumsum(sizes)[:-1]]), np.concatenate(members)
    a, b = (every[starts[c] + (random.random(count) * sizes[c]).astype(np.int64)] for c in (one, two))
    return a, b


def _bandwidth(values: np.ndarray) -> float:
    """Silverman's rule of thumb."""
    low, high = np.quantile(values, [0.25, 0.75])
    spread = min(float(values.std()), float(high - low) / 1.349) or float(values.std())
    return 0.9 * spread * len(values) ** -0.2


def _compared(
    places: list[np.ndarray], weights: tuple[np.ndarray, np.ndarray], widths: list[float], top: float
) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    from scipy.ndimage import gaussian_filter1d

    shares, densities = [], []
    for place, weight, width in zip(places, weights, widths, strict=True):
        share = np.bincount(place, weights=weight, minlength=_GRID)
        share = share / (share.sum() or np.nan)
        shares.append(share)
        # Mirrored at 0, below which there are no distances.
        densities.append(gaussian_filter1d(share, max(width, 1e-3), mode="reflect") * (_GRID / top))
    near, far = shares
    middle = (np.arange(_GRID) + 0.5) * (top / _GRID)
    smaller = np.cumsum(near) - near / 2  # ties count half
    values = {
        "overlap": float(np.minimum(*densities).sum() * top / _GRID),
        "auroc": float((far * smaller).sum()),
        "ratio": float((far @ middle) / (near @ middle)),
    }
    return values, densities[0], densities[1]


def same_class_costs(distances: np.ndarray, same: np.ndarray) -> tuple[float, float]:
    """How the cost of an edge follows from its length: ``log(p/(1 − p)) = a − b · d`` (ours).

    Parameters
    ----------
    distances : ndarray of shape (n,)
        Of pairs of training features.
    same : ndarray of shape (n,), bool
        Whether both are of one class.

    Returns
    -------
    a, b : float
        Of a logistic regression of ``same`` on the distance, hardly regularised.

    Raises
    ------
    DataError
        If all pairs, or none, are of one class.
    """
    from sklearn.linear_model import LogisticRegression

    same = np.asarray(same, dtype=bool)
    if same.all() or not same.any():
        raise DataError("Edge costs are learnt from pairs of one class and pairs of two; there is only one kind.")
    scale = float(np.std(distances)) or 1.0
    fitted = LogisticRegression(C=1e4).fit((np.asarray(distances, dtype=np.float64) / scale)[:, None], same)
    return float(fitted.intercept_[0]), -float(fitted.coef_[0, 0]) / scale
