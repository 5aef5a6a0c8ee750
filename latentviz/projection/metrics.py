"""The distances that neighbours, layouts and their quality are measured with."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from latentviz.errors import DataError

Metric = Literal["euclidean", "cosine", "correlation", "manhattan"]

#: Names of the metrics, the default first.
METRICS: tuple[Metric, ...] = get_args(Metric)

# A row whose spread is rounding noise has no direction; keeping the noise would invent one.
_NOISE = 1e-6


def check_metric(metric: str) -> None:
    """Refuse an unknown metric.

    Raises
    ------
    DataError
    """
    if metric not in METRICS:
        raise DataError(f'Unknown metric "{metric}"; choose {", ".join(METRICS)}.')


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows divided by their Euclidean length; a row of zeros stays.

    Parameters
    ----------
    rows : ndarray of shape (N, D)

    Returns
    -------
    ndarray of shape (N, D), of the same dtype

    Examples
    --------
    >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1)


def prepared(rows: np.ndarray, metric: Metric, centre: np.ndarray) -> np.ndarray:
    """Rows on which the metric is a plain difference or an inner product.

    Parameters
    ----------
    rows : ndarray of shape (N, D), float32 or float64
    metric : {"euclidean", "cosine", "correlation", "manhattan"}
    centre : ndarray of shape (D,)
        Subtracted for ``"euclidean"``: the distances stay, and ``‖a‖² + ‖b‖² − 2ab`` keeps its digits.

    Returns
    -------
    ndarray of shape (N, D), of the same dtype
    """
    if metric == "euclidean":
        return rows - centre.astype(rows.dtype)
    if metric == "cosine":
        return unit_rows(rows)
    if metric == "correlation":
        spread = (rows - rows.mean(axis=1, keepdims=True, dtype=np.float64)).astype(rows.dtype)
        flat = np.linalg.norm(spread, axis=1) <= _NOISE * np.linalg.norm(rows, axis=1)
        spread[flat] = 0
        return unit_rows(spread)
    return rows


def dissimilarities(queries: np.ndarray, database: np.ndarray, metric: Metric) -> np.ndarray:
    """All pairs of prepared rows, in the order of the metric (squared for ``"euclidean"``).

    Parameters
    ----------
    queries : ndarray of shape (M, D)
    database : ndarray of shape (N, D)
    metric : {"euclidean", "cosine", "correlation", "manhattan"}

    Returns
    -------
    ndarray of shape (M, N)
    """
    if metric == "manhattan":
        import faiss

        return faiss.pairwise_distances(queries, database, metric=faiss.METRIC_L1)
    products = queries @ database.T
    if metric == "euclidean":
        products *= -2
        products += np.einsum("ij,ij->i", queries, queries)[:, None]
        products += np.einsum("ij,ij->i", database, database)
        return products
    return 1 - products
