"""Exact nearest neighbours; every search of the project goes through here."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from latentviz.errors import DataError
from latentviz.interrupts import deferred
from latentviz.progress import Progress, silent
from latentviz.projection.metrics import Metric, check_metric, prepared

#: Queries that one core searches at a time: few enough to cancel soon, enough for matrix products (with half as many
#: the search takes twice as long).
_BLOCK = 2048

# Neighbours gathered at a time when their distances are refined: N·k·D would not fit in memory.
_GATHERED = 2**22


def nearest(
    database: np.ndarray,
    queries: np.ndarray,
    k: int,
    metric: Metric = "euclidean",
    progress: Progress = silent,
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest rows of a database for every query, exactly, with faiss.

    Parameters
    ----------
    database : ndarray of shape (N, D)
    queries : ndarray of shape (M, D)
    k : int
        At most N.
    metric : {"euclidean", "cosine", "correlation", "manhattan"}
        A row of zeros (for ``"correlation"``: of equal values) is at distance 1 from every other.
    progress : Progress, optional
        May raise ``Cancelled``.

    Returns
    -------
    indices : ndarray of shape (M, k), int32
        Rows of the database, the nearest first.
    distances : ndarray of shape (M, k), float32

    Raises
    ------
    DataError
        If k is out of range, the metric is unknown, or the arrays do not fit or are not finite.

    Examples
    --------
    >>> rows = np.array([[0.0, 0.0], [0.0, 3.0], [4.0, 0.0]])
    >>> [found.tolist() for found in nearest(rows, rows[:1], k=2)]
    [[[0, 1]], [[0.0, 3.0]]]
    """
    database, queries = _checked(database, queries, k, metric)
    import faiss  # takes a moment, and on macOS must not be loaded before torch without need

    kind = {"euclidean": faiss.METRIC_L2, "manhattan": faiss.METRIC_L1}.get(metric, faiss.METRIC_INNER_PRODUCT)
    centre = database.mean(axis=0, dtype=np.float64)
    searched = np.ascontiguousarray(prepared(database, metric, centre))
    indices = np.empty((len(queries), k), dtype=np.int32)
    distances = np.empty((len(queries), k), dtype=np.float32)

    def search(start: int) -> int:
        # Each block on one core, in this thread only: were every product divided among the cores, as faiss does, these
        # would mostly wait for each other. And so the result is the same on any number of cores.
        faiss.omp_set_num_threads(1)
        rows = slice(start, start + _BLOCK)
        asked = prepared(queries[rows], metric, centre)
        values, found = faiss.knn(asked, searched, k, metric=kind)
        if metric == "euclidean":
            found, values = _refined(searched, asked, found)
        elif kind == faiss.METRIC_INNER_PRODUCT:
            values = np.maximum(1 - values, 0)
        indices[rows], distances[rows] = found, values
        return len(asked)

    done = 0
    progress("Nearest neighbours", done, len(queries), "samples")
    with deferred() as stop_if_asked, ThreadPoolExecutor(faiss.omp_get_max_threads()) as threads:
        try:
            for searched_rows in threads.map(search, range(0, len(queries), _BLOCK)):
                done += searched_rows
                progress("Nearest neighbours", done, len(queries), "samples")
                stop_if_asked()
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise
    return indices, distances


def graph(
    features: np.ndarray, k: int, metric: Metric = "euclidean", progress: Progress = silent
) -> tuple[np.ndarray, np.ndarray]:
    """The neighbours of every row among all rows, itself first.

    Parameters
    ----------
    features : ndarray of shape (N, D)
    k : int
        Counts the row itself; at most N.
    metric : {"euclidean", "cosine", "correlation", "manhattan"}
    progress : Progress, optional

    Returns
    -------
    indices : ndarray of shape (N, k), int32
        ``indices[:, 0]`` is ``0 … N−1``, also where rows have duplicates.
    distances : ndarray of shape (N, k), float32
        ``distances[:, 0]`` is 0.

    Raises
    ------
    DataError
        As :func:`nearest`.
    """
    indices, distances = nearest(features, features, k, metric, progress)
    own = np.arange(len(indices), dtype=np.int32)[:, None]
    found = indices == own
    # Among k duplicates a row may miss itself: then the farthest makes room.
    place = np.where(found.any(axis=1), found.argmax(axis=1), k - 1)[:, None]
    columns = np.arange(k)[None]
    source = np.where(columns <= place, np.maximum(columns - 1, 0), columns)
    indices = np.take_along_axis(indices, source, axis=1)
    distances = np.take_along_axis(distances, source, axis=1)
    indices[:, :1], distances[:, 0] = own, 0
    return indices, distances


def nearest_rows(
    chunks: Iterable[np.ndarray], query: np.ndarray, k: int, metric: Metric = "euclidean"
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of streamed rows for one query, holding one chunk at a time.

    Parameters
    ----------
    chunks : iterable of ndarray of shape (n, D)
    query : ndarray of shape (D,)
    k : int
    metric : {"euclidean", "cosine", "correlation", "manhattan"}

    Returns
    -------
    indices : ndarray of shape (k,), int32
        Positions counted over all chunks, the nearest first.
    distances : ndarray of shape (k,), float32

    Raises
    ------
    DataError
        If k is below 1 or there are fewer rows, or the metric is unknown.
    """
    check_metric(metric)
    origin = np.asarray(query, dtype=np.float32)[None]
    asked = prepared(origin, metric, origin[0])
    indices, distances = np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32)
    seen = 0
    for chunk in chunks:
        rows = prepared(np.asarray(chunk, dtype=np.float32), metric, origin[0])
        if metric == "euclidean":
            values = np.linalg.norm(rows, axis=1)
        elif metric == "manhattan":
            values = np.abs(rows - asked).sum(axis=1)
        else:
            values = np.maximum(1 - rows @ asked[0], 0)
        indices = np.concatenate([indices, np.arange(seen, seen + len(rows), dtype=np.int32)])
        distances = np.concatenate([distances, values])
        best = np.argsort(distances, kind="stable")[: max(k, 0)]
        indices, distances, seen = indices[best], distances[best], seen + len(rows)
    _check_count(k, seen)
    return indices, distances


def _refined(database: np.ndarray, queries: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours with distances from differences: ``‖a‖² + ‖b‖² − 2ab`` gives duplicates a distance."""
    distances = np.empty(found.shape, dtype=np.float32)
    step = max(1, _GATHERED // (found.shape[1] * database.shape[1]))
    for start in range(0, len(queries), step):
        rows = slice(start, start + step)
        differences = database[found[rows]]
        differences -= queries[rows, None]
        distances[rows] = np.sqrt(np.einsum("mkd,mkd->mk", differences, differences))
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1), np.take_along_axis(distances, order, axis=1)


def _checked(database: np.ndarray, queries: np.ndarray, k: int, metric: str) -> tuple[np.ndarray, np.ndarray]:
    check_metric(metric)
    arrays = np.asarray(database, dtype=np.float32), np.asarray(queries, dtype=np.float32)
    if any(a.ndim != 2 for a in arrays) or arrays[0].shape[1] != arrays[1].shape[1]:
        raise DataError(
            f"Neighbours need rows of one width; the database has shape {arrays[0].shape}, "
            f"the queries {arrays[1].shape}."
        )
    _check_count(k, len(arrays[0]))
    if not all(np.isfinite(a).all() for a in arrays):
        raise DataError("Some features are NaN or infinite, so they have no neighbours. Check the network.")
    return arrays


def _check_count(k: int, rows: int) -> None:
    if not 1 <= k <= rows:
        raise DataError(f"{k:,} nearest neighbours were asked for among {rows:,} samples; ask for 1 to {rows:,}.")
