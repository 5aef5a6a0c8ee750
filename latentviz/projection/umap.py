"""UMAP layouts with umap-learn, from our exact neighbours and our start."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from latentviz.errors import DataError
from latentviz.progress import Progress, silent

COMPILING = "Compiling UMAP (once per process)"

# One layout at a time in a process: numba's fallback threading layer aborts the process when two threads
# enter it, and the epochs are counted through a name inside umap-learn.
_one_at_a_time = threading.Lock()
_compiled = False


def start_from(principal: np.ndarray, seed: int) -> np.ndarray:
    """Where the points start: principal components scaled to ±10 with a little noise, as umap-learn does it.

    Parameters
    ----------
    principal : ndarray of shape (N, d)
    seed : int
        Of the noise, which separates points that coincide.

    Returns
    -------
    ndarray of shape (N, d), float32
    """
    largest = float(np.abs(principal).max()) or 1.0
    noise = np.random.default_rng(seed).normal(scale=1e-4, size=principal.shape)
    return (principal * (10 / largest) + noise).astype(np.float32)


def check_size(samples: int, n_neighbors: int, dimensions: int) -> None:
    """Refuse what UMAP cannot lay out, before anything is computed.

    Raises
    ------
    DataError
        Says what to lower or add.
    """
    if samples <= dimensions + 1:
        raise DataError(
            f"UMAP in {dimensions} dimensions needs more than {dimensions + 1} samples; there are {samples}. "
            "Choose more image sets, or PCA."
        )
    if samples <= n_neighbors:
        raise DataError(
            f"UMAP with {n_neighbors} neighbours needs more than {n_neighbors} samples; there are {samples}. "
            f"Lower the number of neighbours to {samples - 1} or less, or choose more image sets."
        )


def layout(
    indices: np.ndarray,
    distances: np.ndarray,
    start: np.ndarray,
    *,
    min_dist: float = 0.1,
    epochs: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> np.ndarray:
    """Lay out a neighbour graph (McInnes, Healy, Melville 2018, arXiv 1802.03426).

    Equal to ``umap.UMAP(precomputed_knn=(indices, distances), init=start, …)``, whose two steps are called
    directly: the estimator would want the features too, and copy them several times.

    Parameters
    ----------
    indices : ndarray of shape (N, k), int32
        Neighbours under any metric, the row itself first; k is UMAP's ``n_neighbors``.
    distances : ndarray of shape (N, k), float32
    start : ndarray of shape (N, d), float32
    min_dist : float
        From 0 to 0.99; how close points may come on the map.
    epochs : int, optional
        By default umap-learn's: 500 up to 10,000 samples, then 200.
    seed : int
    progress : Progress, optional
        May raise ``Cancelled`` between epochs.

    Returns
    -------
    ndarray of shape (N, d), float32

    Raises
    ------
    DataError
        If there are too few samples, or the layout diverges.
    """
    global _compiled
    check_size(len(start), indices.shape[1], start.shape[1])
    with _one_at_a_time:
        if not _compiled:
            progress(COMPILING, 0, 0)
        from umap.umap_ import find_ab_params, fuzzy_simplicial_set, simplicial_set_embedding

        random = np.random.RandomState(seed)  # the kind of generator that umap-learn takes
        a, b = find_ab_params(1.0, min_dist)
        weights, _, _ = fuzzy_simplicial_set(
            start,  # only its length is used
            indices.shape[1],
            random,
            "euclidean",  # not used: the neighbours are given
            knn_indices=np.ascontiguousarray(indices, dtype=np.int32),
            knn_dists=np.ascontiguousarray(distances, dtype=np.float32),
        )
        with _epochs_reported(progress):
            coordinates, _ = simplicial_set_embedding(
                data=start,
                graph=weights,
                n_components=start.shape[1],
                initial_alpha=1.0,
                a=a,
                b=b,
                gamma=1.0,
                negative_sample_rate=5,
                n_epochs=epochs,
                init=start,
                random_state=random,
                metric="euclidean",
                metric_kwds={},
                densmap=False,
                densmap_kwds={},
                output_dens=False,
            )
        _compiled = True
    if not np.isfinite(coordinates).all():
        raise DataError("UMAP diverged: some points have no position. Try more neighbours or another metric.")
    return np.ascontiguousarray(coordinates, dtype=np.float32)


@contextmanager
def _epochs_reported(progress: Progress) -> Iterator[None]:
    """Count umap-learn's epochs, and let ``Cancelled`` out of its loop.

    Its ``tqdm_kwds`` cannot do that: tqdm keeps its process-wide lock when writing the bar raises, so that
    the next bar in another thread waits for ever, and in a notebook the bar is a widget that writes nowhere.
    """
    from umap import layouts

    def epochs(steps: range, **_: Any) -> Iterator[int]:
        for step in steps:
            yield step
            progress("UMAP layout", step + 1, len(steps), "epochs")

    original = layouts.tqdm
    layouts.tqdm = epochs
    try:
        yield
    finally:
        layouts.tqdm = original
