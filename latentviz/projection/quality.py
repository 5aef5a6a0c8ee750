"""How far a map can be trusted: whether neighbours on it are neighbours in feature space, and the other way round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from latentviz.errors import DataError
from latentviz.progress import Progress, silent
from latentviz.projection.metrics import Metric, check_metric, dissimilarities, prepared
from latentviz.projection.pca import Chunks

#: Neighbours that are compared.
NEIGHBOURS = 15

#: Points that are measured, each against all points; up to this many points the measures are exact.
SAMPLE = 2000

_BLOCK = 4096

# Two ways to compute one distance differ by less than this share of it.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Quality:
    """How well a map keeps the neighbourhoods of feature space.

    Attributes
    ----------
    trustworthiness : float
        1 if every point's neighbours on the map are neighbours in feature space; false neighbours cost by
        how far they are in rank (Venna, Kaski, "Neighborhood Preservation in Nonlinear Projection Methods",
        ICANN 2001).
    continuity : float
        1 if every point's neighbours in feature space are neighbours on the map; lost neighbours cost by how far
        they are in rank on the map (same source).
    neighbour_preservation : float
        Mean share of a point's k nearest in feature space that are among its k nearest on the map.
    k : int
        Neighbours that were compared; fewer than asked for in small sets, 0 below three points.
    sample : int
        Points that were measured against all points.
    seed : int
        Of the sample.
    """

    trustworthiness: float
    continuity: float
    neighbour_preservation: float
    k: int
    sample: int
    seed: int


def quality(
    features: np.ndarray,
    coordinates: np.ndarray,
    metric: Metric = "euclidean",
    *,
    k: int = NEIGHBOURS,
    sample: int = SAMPLE,
    seed: int = 0,
) -> Quality:
    """:func:`measure` of one map of features in memory.

    Parameters
    ----------
    features : ndarray of shape (N, D)
    coordinates : ndarray of shape (N, d)
    metric : {"euclidean", "cosine", "correlation", "manhattan"}
        Of the feature space.
    k, sample, seed : int

    Examples
    --------
    >>> z = np.random.default_rng(0).normal(size=(50, 2))
    >>> quality(z, 3 * z)
    Quality(trustworthiness=1.0, continuity=1.0, neighbour_preservation=1.0, k=15, sample=50, seed=0)
    """

    def chunks() -> Iterator[np.ndarray]:
        for start in range(0, len(features), _BLOCK):
            yield features[start : start + _BLOCK]

    return measure(chunks, [coordinates], metric, k=k, sample=sample, seed=seed)[0]


def measure(
    chunks: Chunks,
    maps: Sequence[np.ndarray],
    metric: Metric = "euclidean",
    *,
    k: int = NEIGHBOURS,
    sample: int = SAMPLE,
    seed: int = 0,
    progress: Progress = silent,
) -> list[Quality]:
    """Quality of several maps of the same features, on a sample of points measured against all points.

    The features are streamed; memory holds the sample's distances to one chunk.

    Parameters
    ----------
    chunks : callable
        Returns an iterable of ndarrays of shape (n, D), N rows in all; called three times.
    maps : sequence of ndarray of shape (N, d)
    metric : {"euclidean", "cosine", "correlation", "manhattan"}
        Of the feature space.
    k : int
        Lowered to below N/2, where trustworthiness is defined.
    sample : int
    seed : int
    progress : Progress, optional
        May raise ``Cancelled``.

    Returns
    -------
    list of Quality
        One a map. Equal to :func:`sklearn.manifold.trustworthiness` up to ties if ``sample >= N``; continuity is that
        of features and map in each other's place.

    Raises
    ------
    DataError
        If a map has not one point a sample, or the metric is unknown.
    """
    check_metric(metric)
    count = len(maps[0])
    if any(len(coordinates) != count for coordinates in maps):
        raise DataError(f"The maps have {', '.join(f'{len(m):,}' for m in maps)} points; expected equally many.")
    k = min(k, (count - 1) // 2)
    if k < 1:
        return [Quality(1.0, 1.0, 1.0, 0, count, seed) for _ in maps]
    exact = count <= sample
    points = np.arange(count)
    if not exact:
        points = np.sort(np.random.default_rng(seed).choice(count, sample, replace=False))
    near = [_map_neighbours(coordinates, points, k) for coordinates in maps]
    origin = _rows(chunks, points, count).astype(np.float64 if exact else np.float32)
    ranks, there = _ranks(chunks, origin, points, np.hstack(near), k, count, metric, progress)
    worst = len(points) * k * (2 * count - 3 * k - 1) / 2
    return [
        Quality(
            trustworthiness=float(1 - np.maximum(r - k, 0).sum() / worst),
            continuity=float(1 - np.maximum(_map_ranks(coordinates, points, there) - k, 0).sum() / worst),
            neighbour_preservation=float((r <= k).mean()),
            k=k,
            sample=len(points),
            seed=seed,
        )
        for coordinates, r in zip(maps, np.split(ranks, len(maps), axis=1), strict=True)
    ]


def lost(nearest: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
    """Share of each point's neighbours in feature space that are not its neighbours on a map.

    Parameters
    ----------
    nearest : ndarray of shape (N, k), int
        Each point's k nearest in feature space, without itself; k below N.
    coordinates : ndarray of shape (N, d)

    Returns
    -------
    ndarray of shape (N,), float32
        0 if all are among the point's k nearest on the map, 1 if none is. Whoever is as far as the k-th nearest is
        among them.

    Examples
    --------
    >>> line = np.array([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0]])
    >>> lost(np.array([[1], [2], [1]]), line).tolist()
    [0.0, 1.0, 0.0]
    """
    from scipy.spatial import cKDTree

    points = coordinates.astype(np.float64)
    k = nearest.shape[1]
    # On the map a point is at distance 0 from itself, so that its k-th nearest is the k+1-th that is found.
    reach = cKDTree(points).query(points, [k + 1], workers=-1)[0][:, 0] * (1 + _ROUNDING)
    share = np.zeros(len(points), dtype=np.float32)
    for column in nearest.T:
        share += np.linalg.norm(points - points[column], axis=1) > reach
    return share / np.float32(k)


def _map_neighbours(coordinates: np.ndarray, points: np.ndarray, k: int) -> np.ndarray:
    """The k nearest points on a map of some of its points, without themselves: (S, k)."""
    from sklearn.neighbors import NearestNeighbors

    tree = NearestNeighbors(n_neighbors=k + 1, algorithm="kd_tree").fit(coordinates)
    found = tree.kneighbors(coordinates[points], return_distance=False)
    own = found == points[:, None]
    own[~own.any(axis=1), -1] = True  # hidden among duplicates
    return found[~own].reshape(len(points), k)


def _ranks(
    chunks: Chunks,
    origin: np.ndarray,
    points: np.ndarray,
    others: np.ndarray,
    k: int,
    count: int,
    metric: Metric,
    progress: Progress,
) -> tuple[np.ndarray, np.ndarray]:
    """What feature space says about the neighbours of ``points``.

    Returns
    -------
    ranks : ndarray of shape (S, K), int64
        Rank of ``others[i]`` among the neighbours of ``points[i]``, 1 the nearest.
    nearest : ndarray of shape (S, k), int64
        The k nearest of ``points[i]``, in no order.
    """
    centre = origin.mean(axis=0, dtype=np.float64)
    asked = prepared(origin, metric, centre)

    def distances(before: int) -> Iterator[tuple[int, np.ndarray]]:
        start = 0
        for chunk in chunks():
            values = dissimilarities(asked, prepared(chunk.astype(origin.dtype), metric, centre), metric)
            own = np.flatnonzero((points >= start) & (points < start + len(chunk)))
            values[own, points[own] - start] = np.inf  # a point is not its own neighbour
            yield start, values
            start += len(chunk)
            progress("Map quality", before + start, 2 * count, "samples")

    near = np.empty(others.shape, dtype=origin.dtype)
    best, nearest = np.empty((len(points), 0), dtype=origin.dtype), np.empty((len(points), 0), dtype=np.int64)
    for start, values in distances(0):
        row, column = np.nonzero((others >= start) & (others < start + values.shape[1]))
        near[row, column] = values[row, others[row, column] - start]
        found = _smallest(values, k)
        nearest = np.hstack([nearest, start + found])
        best = np.hstack([best, np.take_along_axis(values, found, axis=1)])
        kept = _smallest(best, k)
        nearest, best = (np.take_along_axis(both, kept, axis=1) for both in (nearest, best))
    ranks = np.ones(others.shape, dtype=np.int64)
    for _, values in distances(count):
        # Row by row, because a row of distances and its comparisons stay in the processor's cache.
        for rank, limits, line in zip(ranks, near, values, strict=True):
            rank += _below(line, limits)
    return ranks, nearest


def _map_ranks(coordinates: np.ndarray, points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Rank of ``others[i]`` (S, K) among the neighbours of ``points[i]`` on a map, 1 the nearest."""
    axes = coordinates.T.astype(np.float64)
    ranks = np.ones(others.shape, dtype=np.int64)
    for rank, point, other in zip(ranks, points, others, strict=True):
        line = np.zeros(len(coordinates))
        for axis in axes:
            line += (axis - axis[point]) ** 2
        line[point] = np.inf
        rank += _below(line, line[other])
    return ranks


def _smallest(values: np.ndarray, k: int) -> np.ndarray:
    """Columns (S, up to k) of the smallest values in every row, in no order."""
    kept = min(k, values.shape[1])
    return np.argpartition(values, kept - 1, axis=1)[:, :kept]


def _below(line: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """How many values (N,) are below each limit (K,)."""
    line = line[line < limits.max()]
    return np.count_nonzero(line < limits[:, None], axis=1)


def _rows(chunks: Chunks, points: np.ndarray, count: int) -> np.ndarray:
    """Some rows of streamed features, in ascending order."""
    found, start = [], 0
    for chunk in chunks():
        found.append(chunk[points[(points >= start) & (points < start + len(chunk))] - start])
        start += len(chunk)
    if start != count:
        raise DataError(f"The map has {count:,} points, but there are {start:,} samples.")
    return np.concatenate(found)
