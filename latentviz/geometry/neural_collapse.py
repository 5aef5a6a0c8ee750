"""Neural collapse: how near the features of a trained classifier have come to a simplex (Papyan, Han, Donoho 2020).

All in float64. Features that an L2 head sees are normalised before; see :func:`latentviz.latents.directions`.

References
----------
V. Papyan, X. Y. Han, D. L. Donoho, Prevalence of neural collapse during the terminal phase of deep learning training,
PNAS 117 (2020), arXiv 2008.08186.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from latentviz.errors import DataError
from latentviz.geometry.class_moments import ClassMoments


@dataclass(frozen=True, eq=False)
class ClassMeans:
    """Class means about their mean, and the space they span.

    Attributes
    ----------
    classes : ndarray of shape (C,), int64
        Those that have samples.
    centre : ndarray of shape (D,)
        The mean of the class means, ``μ_G``.
    away : ndarray of shape (C, D)
        ``μ_c − μ_G``.
    basis : ndarray of shape (r, D)
        An orthonormal basis of the space that they span; r is C − 1, or fewer.
    spread : ndarray of shape (r,)
        Singular values of ``away``, largest first.
    """

    classes: np.ndarray
    centre: np.ndarray
    away: np.ndarray
    basis: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, means: np.ndarray, classes: np.ndarray | None = None) -> ClassMeans:
        """Of class means (C, D)."""
        centre = means.mean(axis=0)
        away = means - centre
        _, values, basis = np.linalg.svd(away, full_matrices=False)
        # The last is what rounding leaves: the means have C − 1 degrees of freedom.
        scale = np.abs(means).max(initial=0) * math.sqrt(means.size)
        kept = values > max(values.max(initial=0) * max(away.shape), scale) * np.finfo(np.float64).eps
        kept[len(means) - 1 :] = False
        numbers = np.arange(len(means)) if classes is None else classes
        return cls(numbers, centre, away, basis[kept], values[kept])

    @property
    def cosines(self) -> np.ndarray:
        """``cos(μ_c − μ_G, μ_c′ − μ_G)`` (C, C); NaN for a class whose mean is the centre."""
        return _cosines(self.away)


def simplex_cosine(classes: int) -> float:
    """The cosine between any two corners of the simplex, −1/(C − 1)."""
    return -1 / (classes - 1)


def within_class_variation(means: ClassMeans, within: np.ndarray, samples: int) -> float:
    """NC1, ``Tr(Σ_W Σ_B⁺) / C``: the spread within classes against that between them.

    Parameters
    ----------
    means : ClassMeans
    within : ndarray of shape (D, D)
        Scatter within classes, ``Σ_i (z_i − μ_c)(z_i − μ_c)ᵀ``; ``Σ_W`` is it divided by the number of samples.
    samples : int

    Returns
    -------
    float
        0 if every sample lies on its class mean; NaN if all means are equal.
    """
    if not len(means.spread):
        return math.nan
    # Σ_B⁺ = C Vᵀ S⁻² V with the singular values S of the means about their mean.
    along = np.einsum("rd,de,re->r", means.basis, within, means.basis, optimize=True)
    return float(np.sum(along / means.spread**2)) / samples


def equinorm(vectors: np.ndarray) -> float:
    """NC2, ``std ‖v‖ / mean ‖v‖`` over rows (C, D): 0 if all have one length."""
    lengths = np.linalg.norm(vectors, axis=1)
    mean = float(lengths.mean())
    return float(lengths.std()) / mean if mean > 0 else math.nan


def equiangularity(vectors: np.ndarray) -> float:
    """NC2, mean over c ≠ c′ of ``|cos(v_c, v_c′) + 1/(C − 1)|``: 0 on a simplex."""
    cosines, classes = _cosines(vectors), len(vectors)
    apart = np.abs(cosines - simplex_cosine(classes))
    return float(apart[~np.eye(classes, dtype=bool)].mean())


def self_duality(means: np.ndarray, weight: np.ndarray) -> float:
    """NC3, ``‖Wᵀ/‖W‖_F − M/‖M‖_F‖²_F`` of means about their mean (C, D) and weights (C, D): from 0 to 4."""
    sizes = np.linalg.norm(means), np.linalg.norm(weight)
    if min(sizes) == 0:
        return math.nan
    return float(np.sum((means / sizes[0] - weight / sizes[1]) ** 2))


def alignment(means: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """``cos(w_c, μ_c − μ_G)`` (C,): 1 where a class's weights point to its mean."""
    return np.einsum("cd,cd->c", _directions(means), _directions(weight))


def nearest_mean(features: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Index (N,) of the nearest of class means (C, D) for features (N, D)."""
    # ‖z − μ‖² without ‖z‖², about the centre, so that what is subtracted is no larger than it has to be.
    centre = means.mean(axis=0)
    away = means - centre
    distances = np.sum(away**2, axis=1) - 2 * (features.astype(np.float64) - centre) @ away.T
    nearest: np.ndarray = distances.argmin(axis=1)
    return nearest


def angle_to_means(features: np.ndarray, means: ClassMeans) -> np.ndarray:
    """Angle in degrees (N,) between features about the centre and the space that the class means span.

    0 lies in the space, 90 is orthogonal to it: what the classifier has collapsed cannot see.
    """
    away = features.astype(np.float64) - means.centre
    inside = np.linalg.norm(away @ means.basis.T, axis=1)
    outside = np.linalg.norm(away - (away @ means.basis.T) @ means.basis, axis=1)
    found: np.ndarray = np.degrees(np.arctan2(outside, inside))
    return found


@dataclass(frozen=True)
class NeuralCollapse:
    """The metrics of one set of features.

    Attributes
    ----------
    nc1 : float
    nc2_equinorm_means, nc2_equinorm_weights : float
    nc2_equiangular_means, nc2_equiangular_weights : float
    nc3 : float
    """

    nc1: float
    nc2_equinorm_means: float
    nc2_equinorm_weights: float
    nc2_equiangular_means: float
    nc2_equiangular_weights: float
    nc3: float


def neural_collapse(moments: ClassMoments, weight: np.ndarray | None = None) -> NeuralCollapse:
    """NC1 to NC3.

    Parameters
    ----------
    moments : ClassMoments
        Of at least two classes. Classes without samples are left out, of the weights too.
    weight : ndarray of shape (C, D), optional
        Of the last layer. Metrics of the weights are NaN without it.

    Raises
    ------
    DataError
        If fewer than two classes have samples, or the weights have another shape.
    """
    present = moments.present
    if len(present) < 2:
        raise DataError(f"{len(present)} classes have samples; neural collapse is between two at least.")
    if weight is not None and weight.shape != moments.means.shape:
        raise DataError(f"The weights have the shape {weight.shape}; expected {moments.means.shape}.")
    means = ClassMeans.of(moments.means[present], present)
    w = None if weight is None else weight[present].astype(np.float64)
    return NeuralCollapse(
        nc1=within_class_variation(means, moments.within, moments.samples),
        nc2_equinorm_means=equinorm(means.away),
        nc2_equinorm_weights=math.nan if w is None else equinorm(w),
        nc2_equiangular_means=equiangularity(means.away),
        nc2_equiangular_weights=math.nan if w is None else equiangularity(w),
        nc3=math.nan if w is None else self_duality(means.away, w),
    )


def _directions(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: np.ndarray = np.full(vectors.shape, np.nan)
    np.divide(vectors, lengths, out=found, where=lengths > 0)
    return found


def _cosines(vectors: np.ndarray) -> np.ndarray:
    unit = _directions(vectors)
    return np.clip(unit @ unit.T, -1, 1)
