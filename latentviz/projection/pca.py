"""Exact principal components of features that are streamed, never held in memory as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from latentviz.errors import DataError
from latentviz.progress import Progress, silent
from latentviz.projection.metrics import unit_rows

#: Gives the features piece by piece, from the start at every call.
Chunks = Callable[[], Iterable[np.ndarray]]

#: Components that are computed and stored.
COMPONENTS = 3

_PASSES = 3


@dataclass(frozen=True)
class PrincipalComponents:
    """Where the features lie along the directions in which they vary most.

    Attributes
    ----------
    coordinates : ndarray of shape (N, 3), float32
        Zeros beyond the width of the features.
    explained : ndarray of shape (3,), float64
        Share of the variance along each component; zeros if nothing varies.
    """

    coordinates: np.ndarray
    explained: np.ndarray


def pca(
    chunks: Chunks,
    *,
    fit: Chunks | None = None,
    normalise: bool = False,
    rows: int = 0,
    fit_rows: int = 0,
    progress: Progress = silent,
) -> PrincipalComponents:
    """The first three principal components, in three passes over the features.

    Memory holds one chunk and a (D, D) matrix. The mean is known before the covariance is added up, and both
    are added up in float64, so features with a large common offset lose nothing.

    Parameters
    ----------
    chunks : callable
        Returns an iterable of ndarrays of shape (n, D); called three times.
    fit : callable, optional
        The same of the rows whose components are taken, if these are not all; then it is called twice, ``chunks``
        once.
    normalise : bool
        Divide every row by its Euclidean length first.
    rows, fit_rows : int
        How many rows ``chunks`` and ``fit`` give, for the progress; 0 if unknown, or if they are the same.
    progress : Progress, optional
        May raise ``Cancelled``.

    Returns
    -------
    PrincipalComponents
        The variance is that of the rows whose components are taken. Signs are such that the largest loading of a
        component is positive.

    Raises
    ------
    DataError
        If there are no rows.

    Examples
    --------
    >>> line = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    >>> pca(lambda: [line[:2], line[2:]]).explained.round(6).tolist()
    [1.0, 0.0, 0.0]
    """
    done, total_rows = 0, rows + (_PASSES - 1) * (fit_rows or rows)

    def passed(over: Chunks = fit or chunks) -> Iterator[np.ndarray]:
        nonlocal done
        for chunk in over():
            if len(chunk):
                wide = np.asarray(chunk, dtype=np.float64)
                yield unit_rows(wide) if normalise else wide
                done += len(chunk)
                progress("PCA", done, total_rows, "samples")

    count, total = 0, np.zeros(0)
    for block in passed():
        count, total = count + len(block), block.sum(axis=0) + (total if count else 0)
    if count == 0:
        raise DataError("There are no samples to compute principal components of.")
    mean = total / count
    scatter = np.zeros((len(mean), len(mean)))
    for block in passed():
        block = block - mean
        scatter += block.T @ block
    values, vectors = np.linalg.eigh(scatter)
    kept = min(COMPONENTS, len(mean))
    loadings = vectors[:, ::-1][:, :kept]
    loadings = loadings * np.sign(loadings[np.abs(loadings).argmax(axis=0), np.arange(kept)])

    projected = [(block - mean) @ loadings for block in passed(chunks)]
    coordinates = np.zeros((sum(map(len, projected)), COMPONENTS), dtype=np.float32)
    if projected:
        coordinates[:, :kept] = np.concatenate(projected)
    explained = np.zeros(COMPONENTS)
    if np.trace(scatter) > 0:
        explained[:kept] = np.maximum(values[::-1][:kept], 0) / np.trace(scatter)
    return PrincipalComponents(coordinates, explained)
