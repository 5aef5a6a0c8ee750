"""Means and scatter matrices of training features, in one pass and float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.shared import Space, in_space, once


@dataclass(frozen=True)
class Moments:
    """First and second moments of N samples in C classes.

    Attributes
    ----------
    counts : ndarray of shape (C,), int64
        All in one class if the samples have no labels.
    means : ndarray of shape (C, D), float64
        Zero for a class without samples.
    second : ndarray of shape (D, D), float64
        ``Σ_i z_i z_iᵀ``.
    """

    counts: np.ndarray
    means: np.ndarray
    second: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """Indices of the classes that have samples."""
        return np.flatnonzero(self.counts)

    @property
    def mean(self) -> np.ndarray:
        """Mean of all samples (D,)."""
        return self.counts @ self.means / self.counts.sum()

    @property
    def within(self) -> np.ndarray:
        """``Σ_i (z_i − μ_{y_i})(z_i − μ_{y_i})ᵀ`` (D, D)."""
        return self.second - (self.means.T * self.counts) @ self.means

    @property
    def total(self) -> np.ndarray:
        """``Σ_i (z_i − μ)(z_i − μ)ᵀ`` (D, D)."""
        return self.about(self.mean)

    def about(self, origin: np.ndarray) -> np.ndarray:
        """``Σ_i (z_i − o)(z_i − o)ᵀ`` (D, D) about any origin (D,)."""
        n, mean = self.counts.sum(), self.mean
        cross = np.outer(mean, origin)
        return self.second - n * (cross + cross.T - np.outer(origin, origin))


@once
def moments(latents: Latents, space: Space = "raw") -> Moments:
    """Moments of features.

    Parameters
    ----------
    latents : Latents
    space : {"head", "raw", "unit"}
        Which features.
    """
    classes = 1 if latents.labels is None else latents.classes
    sums = np.zeros((classes, latents.width))
    second = np.zeros((latents.width, latents.width))
    counts = np.zeros(classes, dtype=np.int64)
    for block in latents.blocks():
        features = in_space(block, space).astype(np.float64)
        labels = np.zeros(len(block), dtype=np.int64) if block.labels is None else block.labels
        belongs = np.zeros((classes, len(block)))
        belongs[labels, np.arange(len(block))] = 1
        sums += belongs @ features
        second += features.T @ features
        counts += np.bincount(labels, minlength=classes)
    return Moments(counts, sums / np.maximum(counts, 1)[:, None], second)


def whitening(covariance: np.ndarray) -> np.ndarray:
    """``U`` (D, r) with ``UᵀΣU = 1`` on the r directions in which the covariance is not zero.

    ``‖Uᵀx‖²`` is then ``xᵀΣ⁺x``, also for a singular covariance (fewer samples than features).
    """
    values, vectors = np.linalg.eigh(covariance)
    kept = values > values.max(initial=0) * len(values) * np.finfo(np.float64).eps
    return vectors[:, kept] / np.sqrt(values[kept])


def nearest_squared(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared distance (n,) of every point (n, r) to the nearest of the centres (c, r)."""
    nearest = np.full(len(points), np.inf)
    for centre in centres:  # differences, because ‖a‖² + ‖b‖² − 2ab loses digits
        np.minimum(nearest, ((points - centre) ** 2).sum(axis=1), out=nearest)
    return nearest
