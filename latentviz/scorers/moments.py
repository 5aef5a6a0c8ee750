"""Means and scatter matrices of training features, in float64 and about the means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from latentviz.latents import Latents
from latentviz.scorers.shared import Space, class_sums, in_space, once, resolved


@dataclass(frozen=True)
class ClassMeans:
    """Means of N samples in C classes.

    Attributes
    ----------
    counts : ndarray of shape (C,), int64
        All in one class if the samples have no labels.
    means : ndarray of shape (C, D), float64
        Zero for a class without samples.
    """

    counts: np.ndarray
    means: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """Indices of the classes that have samples."""
        return np.flatnonzero(self.counts)

    @property
    def samples(self) -> int:
        """N."""
        return int(self.counts.sum())

    @property
    def mean(self) -> np.ndarray:
        """Mean of all samples (D,)."""
        return self.counts @ self.means / self.samples


@dataclass(frozen=True)
class Moments(ClassMeans):
    """Their scatter as well.

    Attributes
    ----------
    within : ndarray of shape (D, D), float64
        ``Σ_i (z_i − μ_{y_i})(z_i − μ_{y_i})ᵀ``.
    precision : float
        Relative rounding error of the features and of their means.
    """

    within: np.ndarray
    precision: float

    @property
    def total(self) -> np.ndarray:
        """``Σ_i (z_i − μ)(z_i − μ)ᵀ`` (D, D)."""
        return self.about(self.mean)

    def about(self, origin: np.ndarray | float) -> np.ndarray:
        """``Σ_i (z_i − o)(z_i − o)ᵀ`` (D, D) about any origin (D,)."""
        away = self.means - origin
        return self.within + (away.T * self.counts) @ away

    @property
    def rounding(self) -> np.ndarray:
        """Variance (D,) that rounding alone can give each feature."""
        mean_square = np.diagonal(self.within) / self.samples + self.counts @ self.means**2 / self.samples
        return self.precision**2 * mean_square


def class_means(latents: Latents, space: Space = "raw") -> ClassMeans:
    """Means of features; much cheaper than :func:`moments`.

    Parameters
    ----------
    latents : Latents
    space : {"head", "raw", "unit"}
        Which features.
    """
    return _class_means(latents, resolved(latents, space))


def moments(latents: Latents, space: Space = "raw") -> Moments:
    """Means and scatter of features.

    Parameters
    ----------
    latents : Latents
    space : {"head", "raw", "unit"}
        Which features.
    """
    return _moments(latents, resolved(latents, space))


@once
def _class_means(latents: Latents, space: Literal["raw", "unit"]) -> ClassMeans:
    classes = 1 if latents.labels is None else latents.classes
    sums = np.zeros((classes, latents.width))
    counts = np.zeros(classes, dtype=np.int64)
    for block in latents.blocks():
        labels = _labels(block)
        sums += class_sums(in_space(block, space), labels, classes)
        counts += np.bincount(labels, minlength=classes)
    return ClassMeans(counts, sums / np.maximum(counts, 1)[:, None])


@once
def _moments(latents: Latents, space: Literal["raw", "unit"]) -> Moments:
    found = _class_means(latents, space)
    within = np.zeros((latents.width, latents.width))
    for block in latents.blocks():
        # About the means from the start: Σ z zᵀ − n μ μᵀ has no digits left where the spread is small beside μ.
        centred = in_space(block, space).astype(np.float64)
        centred -= found.means[_labels(block)]
        within += centred.T @ centred
    precision = max(np.finfo(latents.features.dtype).eps / 2, found.samples * np.finfo(np.float64).eps)
    return Moments(found.counts, found.means, within, float(precision))


def _labels(block: Latents) -> np.ndarray:
    return np.zeros(len(block), dtype=np.int64) if block.labels is None else block.labels


def whitening(covariance: np.ndarray, rounding: np.ndarray) -> np.ndarray:
    """``U`` (D, r) with ``UᵀΣU = 1`` on the r directions in which the samples vary.

    ``‖Uᵀx‖²`` is then ``xᵀΣ⁺x``, also for a singular covariance (fewer samples than features).

    Parameters
    ----------
    covariance : ndarray of shape (D, D), float64
    rounding : ndarray of shape (D,)
        :attr:`Moments.rounding`: directions that vary no more than this are left out.
    """
    values, vectors = np.linalg.eigh(covariance)
    solver = values.max(initial=0) * len(values) * np.finfo(np.float64).eps
    kept = values > np.maximum(solver, rounding @ vectors**2)
    return vectors[:, kept] / np.sqrt(values[kept])


def nearest_squared(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared distance (n,) of every point (n, r) to the nearest of the centres (c, r), in float64."""
    # ‖p − c‖² without ‖p‖² says which is nearest, but has few digits where the distance is small beside both.
    nearest = ((centres**2).sum(axis=1) - 2 * (points @ centres.T)).argmin(axis=1)
    away = points - centres[nearest]
    return np.einsum("nr,nr->n", away, away)
