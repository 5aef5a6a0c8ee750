"""Where new samples lie on a map that stays as it is: among their neighbours on it, as UMAP's ``transform`` begins."""

from __future__ import annotations

import numpy as np

# As in umap-learn: how exactly the memberships add up, how often the scale is halved, and its least share of the
# mean distance.
_TOLERANCE, _STEPS, _LEAST = 1e-5, 64, 1e-3


def memberships(distances: np.ndarray) -> np.ndarray:
    r"""How much new samples belong to their neighbours on the map (McInnes, Healy, Melville 2018, arXiv 1802.03426).

    As umap-learn's ``transform``: ``smooth_knn_dist`` with local connectivity 0, then
    ``compute_membership_strengths``.

    .. math:: w_{ij} = \exp(-d_{ij} / σ_i), \qquad \textstyle\sum_{j ≥ 2} w_{ij} = \log_2 k

    Parameters
    ----------
    distances : ndarray of shape (M, k), float32
        To the neighbours, the nearest first.

    Returns
    -------
    ndarray of shape (M, k), float32
        From 0 to 1; 1 at distance 0.
    """
    wide = distances.astype(np.float64)
    scale = np.maximum(_scales(wide[:, 1:], np.log2(wide.shape[1])), _LEAST * wide.mean())
    weights = np.ones(distances.shape)
    np.divide(-wide, scale[:, None], out=weights, where=(wide > 0) & (scale[:, None] > 0))
    np.exp(weights, out=weights, where=(wide > 0) & (scale[:, None] > 0))
    return weights.astype(np.float32)


def _scales(distances: np.ndarray, target: float) -> np.ndarray:
    """σ (M,) for which the memberships at these distances (M, k − 1) add up to the target, by bisection."""
    low, high = np.zeros(len(distances)), np.full(len(distances), np.inf)
    scale, open_rows = np.ones(len(distances)), np.arange(len(distances))
    for _ in range(_STEPS):
        total = np.exp(-distances[open_rows] / scale[open_rows, None]).sum(axis=1)
        unsettled = np.abs(total - target) >= _TOLERANCE
        open_rows, total = open_rows[unsettled], total[unsettled]
        if not len(open_rows):
            break
        over, under = open_rows[total > target], open_rows[total <= target]
        high[over], low[under] = scale[over], scale[under]
        bounded = np.isfinite(high[open_rows])
        scale[open_rows] = np.where(bounded, (low[open_rows] + high[open_rows]) / 2, 2 * scale[open_rows])
    return scale


def means(coordinates: np.ndarray, indices: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The mean of each new sample's neighbours on the map, weighted by memberships.

    Parameters
    ----------
    coordinates : ndarray of shape (N, d), float32
        Of the map.
    indices : ndarray of shape (M, k), int
        Neighbours on the map of the new samples.
    weights : ndarray of shape (M, k), float32
        :func:`memberships`.

    Returns
    -------
    ndarray of shape (M, d), float32
        A sample that is one of the map's, by its features, lies where that one does.
    """
    placed = np.zeros((len(indices), coordinates.shape[1]))
    for neighbours, weight in zip(indices.T, weights.T, strict=True):
        placed += weight[:, None] * coordinates[neighbours]
    placed /= weights.sum(axis=1, dtype=np.float64)[:, None]
    same = (weights == 1).any(axis=1)
    placed[same] = coordinates[indices[same, (weights[same] == 1).argmax(axis=1)]]
    return placed.astype(np.float32)
