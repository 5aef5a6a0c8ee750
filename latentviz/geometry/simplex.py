"""Class means in three dimensions, beside the simplex that they would form in complete collapse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentviz.geometry.neural_collapse import ClassMeans


@dataclass(frozen=True, eq=False)
class View:
    """Three directions in feature space.

    Attributes
    ----------
    origin : ndarray of shape (D,)
    axes : ndarray of shape (3, D)
        Orthonormal; of fewer than four means the last ones are zero.
    corners : ndarray of shape (K, 3)
        The chosen means in these directions.
    ideal : ndarray of shape (K, 3) or (0, 3)
        The nearest regular simplex about the same centre; none of more than four means, which needs more dimensions.
    """

    origin: np.ndarray
    axes: np.ndarray
    corners: np.ndarray
    ideal: np.ndarray

    def seen(self, features: np.ndarray) -> np.ndarray:
        """Features (N, D) in these directions (N, 3)."""
        found: np.ndarray = (features.astype(np.float64) - self.origin) @ self.axes.T
        return found


def view(means: ClassMeans, chosen: np.ndarray | None = None) -> View:
    """The directions in which class means differ most.

    Parameters
    ----------
    means : ClassMeans
    chosen : ndarray of shape (K,), int, optional
        Rows of the means, up to four of which span the three dimensions exactly; all by default, of which the three
        directions of largest spread are taken.
    """
    away = means.away if chosen is None else means.away[chosen]
    centre = away.mean(axis=0)
    _, _, basis = np.linalg.svd(away - centre, full_matrices=False)
    axes = np.zeros((3, away.shape[1]))
    rank = min(3, len(away) - 1, len(basis))
    axes[:rank] = basis[:rank]
    corners = (away - centre) @ axes.T
    ideal = nearest_simplex(corners) if 2 <= len(corners) <= 4 else np.zeros((0, 3))
    return View(means.centre + centre, axes, corners, ideal)


def nearest_simplex(corners: np.ndarray) -> np.ndarray:
    """The regular simplex about the origin that lies nearest to corners (K, 3): turned and scaled (Procrustes).

    Examples
    --------
    >>> nearest_simplex(np.array([[2.0, 0, 0], [-2, 0, 0]])).round(6).tolist()
    [[2.0, 0.0, 0.0], [-2.0, 0.0, 0.0]]
    """
    count = len(corners)
    regular = np.zeros((count, 3))
    _, values, basis = np.linalg.svd(np.eye(count) - 1 / count)
    regular[:, : count - 1] = (np.eye(count) - 1 / count) @ basis[: count - 1].T
    left, values, right = np.linalg.svd(regular.T @ corners)
    size = values.sum() / np.sum(regular**2)
    turned: np.ndarray = size * regular @ (left @ right)
    return turned
