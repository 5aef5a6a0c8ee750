"""How far the features of one set lie from those of another: their means, and Gaussians fitted to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from latentviz.errors import DataError

# Rows that are turned into float64 at a time.
_ROWS = 4096


class Moments:
    """Number, mean and covariance of features that come in blocks; the same whatever the blocks, but for rounding.

    (The scorers have moments of their own, by class and of samples that are all at hand.)

    Parameters
    ----------
    width : int
        Features D.

    Attributes
    ----------
    count : int
    mean : ndarray of shape (D,), float64
    scatter : ndarray of shape (D, D), float64
        ``Σ_i (z_i − μ)(z_i − μ)ᵀ``.

    References
    ----------
    T. F. Chan, G. H. Golub, R. J. LeVeque, Algorithms for computing the sample variance: analysis and
    recommendations, The American Statistician 37 (1983).

    Examples
    --------
    >>> found = Moments(2).update(np.array([[0.0, 0], [2, 0]])).update(np.array([[1.0, 3]]))
    >>> found.count, found.mean.tolist(), found.covariance.tolist()
    (3, [1.0, 1.0], [[1.0, 0.0], [0.0, 3.0]])
    """

    def __init__(self, width: int) -> None:
        self.count = 0
        self.mean = np.zeros(width)
        self.scatter = np.zeros((width, width))
        self._root: np.ndarray | None = None

    @classmethod
    def of(cls, features: np.ndarray | Iterable[np.ndarray]) -> Moments:
        """Of features (N, D), or of blocks of them.

        Raises
        ------
        DataError
            If there are no blocks, or as :meth:`update`.
        """
        found: Moments | None = None
        for block in [features] if isinstance(features, np.ndarray) else features:
            if block.ndim != 2:
                raise DataError(f"The features have the shape {block.shape}; expected (N, D).")
            found = (found or cls(block.shape[1])).update(block)
        if found is None:
            raise DataError("There are no features.")
        return found

    def update(self, block: np.ndarray) -> Moments:
        """Add features.

        Parameters
        ----------
        block : ndarray of shape (n, D)

        Returns
        -------
        Moments
            Itself.

        Raises
        ------
        DataError
            If the shape does not fit, or a feature is not finite; nothing is added then.
        """
        if block.ndim != 2 or block.shape[1] != len(self.mean):
            raise DataError(f"The features have the shape {block.shape}; expected (N, {len(self.mean)}).")
        if not np.isfinite(block).all():
            wrong = int(np.sum(~np.isfinite(block).all(axis=1)))
            raise DataError(f"{wrong:,} of {len(block):,} samples have features that are NaN or infinite.")
        self._root = None
        for part in _parts(block):
            n, mean = len(part), part.mean(axis=0)
            part -= mean
            away, total = mean - self.mean, self.count + n
            self.scatter += part.T @ part + np.outer(away, away) * (self.count * n / total)
            self.mean = self.mean + away * (n / total)
            self.count = total
        return self

    @property
    def covariance(self) -> np.ndarray:
        """``scatter / (N − 1)`` (D, D); zeros of a single sample."""
        return self.scatter / max(self.count - 1, 1)

    @property
    def root(self) -> np.ndarray:
        """``F`` (D, r) with ``F Fᵀ = Σ`` on the r directions in which the samples vary; kept until the next update."""
        if self._root is None:
            values, vectors = np.linalg.eigh(self.covariance)
            kept = values > values.max(initial=0) * len(values) * np.finfo(np.float64).eps
            self._root = vectors[:, kept] * np.sqrt(values[kept])
        return self._root


def mean_distance(one: np.ndarray | Moments, other: np.ndarray | Moments) -> float:
    """Distance between the means, ``‖μ_1 − μ_2‖₂``.

    Parameters
    ----------
    one, other : ndarray of shape (N, D) and (M, D), or Moments

    Returns
    -------
    float

    Raises
    ------
    DataError
        If one has no samples, features that are not finite, or another width.

    Examples
    --------
    >>> mean_distance(np.array([[0.0, 0], [2, 0]]), np.array([[1.0, 3]]))
    3.0
    """
    a, b = _both(one, other)
    return float(np.linalg.norm(a.mean - b.mean))


def frechet(one: np.ndarray | Moments, other: np.ndarray | Moments) -> float:
    """Squared Fréchet distance between Gaussians fitted to two feature sets, as FID is.

    ``‖μ_1 − μ_2‖² + tr(A) + tr(B) − 2 tr((√A B √A)^½)``, where A and B are the covariances with N − 1. In float64 and
    by eigenvectors of symmetric matrices, so that it also holds for fewer samples than features.

    With few samples it is too large, the more so the smaller the set: compare sets of equal size.

    Parameters
    ----------
    one, other : ndarray of shape (N, D) and (M, D), or Moments

    Returns
    -------
    float
        At least 0.

    Raises
    ------
    DataError
        As :func:`mean_distance`, or if a set has a single sample.

    References
    ----------
    D. C. Dowson, B. V. Landau, The Fréchet distance between multivariate normal distributions, Journal of
    Multivariate Analysis 12 (1982).
    M. Heusel et al., GANs trained by a two time-scale update rule converge to a local Nash equilibrium, NIPS 2017.

    Examples
    --------
    >>> z = np.array([[-1.0, 0], [1, 0], [0, 1], [0, -1]])
    >>> round(frechet(z, z + [3, 4]), 6), round(frechet(z, 2 * z), 6)
    (25.0, 1.333333)
    """
    a, b = _both(one, other)
    for found in (a, b):
        if found.count < 2:
            raise DataError("A set has a single sample, which has no covariance; two are needed at least.")
    # The eigenvalues of √A B √A are the squared singular values of √A √B. Their roots are what is added up: taken
    # from the product they would have half the digits, and rounding in the many empty directions would add to them.
    common = np.linalg.svd(a.root.T @ b.root, compute_uv=False).sum()
    traces = np.trace(a.covariance) + np.trace(b.covariance)
    return max(0.0, float(np.sum((a.mean - b.mean) ** 2) + traces - 2 * common))


def _both(one: np.ndarray | Moments, other: np.ndarray | Moments) -> tuple[Moments, Moments]:
    a, b = (found if isinstance(found, Moments) else Moments.of(found) for found in (one, other))
    if not a.count or not b.count:
        raise DataError("A set has no samples.")
    if len(a.mean) != len(b.mean):
        raise DataError(f"The sets have {len(a.mean):,} and {len(b.mean):,} features; they must be of one model.")
    return a, b


def _parts(block: np.ndarray) -> Iterator[np.ndarray]:
    """Copies in float64, a few rows at a time."""
    for start in range(0, len(block), _ROWS):
        yield block[start : start + _ROWS].astype(np.float64)
