"""Bootstrap intervals of neural-collapse metrics from sums over groups of samples: bounded memory, two passes.

A replicate of all samples would need them in memory, or a pass of its own. The samples of every class are therefore
put into groups at random, and whole groups are drawn: what is kept is a sum a class and group.
"""

from __future__ import annotations

import numpy as np

from latentviz.geometry.neural_collapse import ClassMeans, NeuralCollapse, equiangularity, equinorm, self_duality

#: Replicates behind an interval.
REPLICATES = 200
#: Groups of a class, and numbers that all sums together may take; of many wide classes there are fewer groups.
_GROUPS, _NUMBERS = 40, 2**25
_FEWEST = 8


def groups_of(samples: int, classes: int, width: int, seed: int = 0) -> np.ndarray:
    """Group (N,) of every sample, uint8, at random: up to 40, and at least 8."""
    count = min(_GROUPS, max(_FEWEST, _NUMBERS // (classes * width)))
    return np.random.default_rng(seed).integers(count, size=samples, dtype=np.uint8)


class GroupSums:
    """What is kept of every class's groups.

    Parameters
    ----------
    classes, width : int
        C and D.
    groups : int
        G.

    Attributes
    ----------
    counts : ndarray of shape (C, G), int64
    sums : ndarray of shape (C, G, D)
        Of the features.
    spread : ndarray of shape (C, G)
        Of ``(z − μ_c)ᵀ Σ_B⁺ (z − μ_c)``, once :meth:`measure` was told of all samples.
    """

    def __init__(self, classes: int, width: int, groups: int) -> None:
        self.counts = np.zeros((classes, groups), dtype=np.int64)
        self.sums = np.zeros((classes, groups, width))
        self.spread = np.zeros((classes, groups))

    def update(self, features: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> GroupSums:
        """Add features (n, D) of labels (n,) and groups (n,); samples with the label −1 are left out."""
        known = labels >= 0
        place = labels[known] * self.counts.shape[1] + groups[known]
        self.counts += np.bincount(place, minlength=self.counts.size).reshape(self.counts.shape)
        flat = self.sums.reshape(-1, self.sums.shape[2])
        order = np.argsort(place, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(place[order]) > 0])[: len(order)]
        if len(order):
            rows = features[known][order].astype(np.float64, copy=False)
            flat[place[order][starts]] += np.add.reduceat(rows, starts, axis=0)
        return self

    def measure(
        self, features: np.ndarray, labels: np.ndarray, groups: np.ndarray, means: ClassMeans, centres: np.ndarray
    ) -> None:
        """The second pass: the spread of features about their class means (C, D), as far as NC1 sees it."""
        known = labels >= 0
        apart = features[known].astype(np.float64) - centres[labels[known]]
        seen = (apart @ means.basis.T) / means.spread
        place = labels[known] * self.counts.shape[1] + groups[known]
        found = np.bincount(place, np.einsum("nr,nr->n", seen, seen), minlength=self.counts.size)
        self.spread += found.reshape(self.counts.shape)


def intervals(
    sums: GroupSums,
    within: np.ndarray,
    value: NeuralCollapse,
    weight: np.ndarray | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """95 % intervals of the metrics that depend on the samples.

    The groups of every class are drawn with replacement, as many as it has. The metrics of a replicate are larger
    than those of the samples, as its means are noisier; the interval is that of the replicates relative to their
    median, times the value.

    Parameters
    ----------
    sums : GroupSums
        After both passes.
    within : ndarray of shape (D, D)
        Scatter within classes.
    value : NeuralCollapse
        Of the samples.
    weight : ndarray of shape (C, D), optional
    replicates, seed : int

    Returns
    -------
    dict of (float, float)
        By the names of :class:`NeuralCollapse`; without those of the weights alone, and without those that have no
        value.
    """
    present = np.flatnonzero(sums.counts.sum(axis=1))
    counts, totals, spread = sums.counts[present], sums.sums[present], sums.spread[present]
    w = None if weight is None else weight[present].astype(np.float64)
    centres = totals.sum(axis=1) / counts.sum(axis=1)[:, None]
    covariance, random = within / counts.sum(), np.random.default_rng(seed)
    found: dict[str, list[float]] = {}
    for _ in range(replicates):
        drawn = _drawn(counts, random)
        size = np.sum(drawn * counts, axis=1)
        means = np.einsum("cg,cgd->cd", drawn, totals) / size[:, None]
        one = _of_means(means - means.mean(axis=0), w)
        if value.nc1 > 0:
            one["nc1"] = _nc1(means, centres, size, covariance, float(np.sum(drawn * spread)) / value.nc1)
        for name, number in one.items():
            found.setdefault(name, []).append(number)
    return {name: _about(getattr(value, name), np.array(of)) for name, of in found.items()}


def _drawn(counts: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """How often each group (C, G) is drawn: of every class as many as it has, without the empty ones."""
    filled = counts > 0
    return np.stack([random.multinomial(row.sum(), row / row.sum()) for row in filled])


def _of_means(away: np.ndarray, weight: np.ndarray | None) -> dict[str, float]:
    """The metrics of one draw's means about their mean."""
    found = {"nc2_equinorm_means": equinorm(away), "nc2_equiangular_means": equiangularity(away)}
    return found if weight is None else {**found, "nc3": self_duality(away, weight)}


def _nc1(means: np.ndarray, centres: np.ndarray, size: np.ndarray, covariance: np.ndarray, spread: float) -> float:
    """NC1 of one draw.

    How much the trace changes with Σ_B, times how much with Σ_W as the samples' Σ_B⁺ sees it: both changes are small,
    and what they change together is of second order. About means of its own the spread is less.
    """
    away = means - means.mean(axis=0)
    # By the eigenvectors of C × C products, not by those of D × C: a tenth of the time. Σ_B⁺ = C Aᵀ U Λ⁻² Uᵀ A.
    values, vectors = np.linalg.eigh(away @ away.T)
    kept = values > values[-1] * len(values) * 1e-15
    kept[0] = False  # the means have C − 1 degrees of freedom
    turned = vectors[:, kept] / values[kept]
    of_means = np.einsum("cr,cb,br->", turned, away @ covariance @ away.T, turned, optimize=True)
    nearer = np.einsum("c,cr->", size / size.sum(), ((means - centres) @ away.T @ turned) ** 2)
    return float(of_means * spread / size.sum() - nearer)


def _about(value: float, replicates: np.ndarray) -> tuple[float, float]:
    """The 2.5th and 97.5th percentile of the replicates over their median, times the value."""
    middle = float(np.median(replicates))
    if not (value > 0 and middle > 0):
        return (value, value)
    low, high = np.percentile(replicates, [2.5, 97.5])
    return (value * float(low) / middle, value * float(high) / middle)
