"""UMAP layouts with umap-learn, from our exact neighbours and our start."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from latentviz.errors import DataError
from latentviz.progress import Progress, silent
from latentviz.projection.placing import means, memberships

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
    spread: float = 1.0,
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
    spread : float
        Above 0 and at least ``min_dist``; the scale of what is on the map.
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
        from umap.umap_ import fuzzy_simplicial_set, simplicial_set_embedding

        random = np.random.RandomState(seed)  # the kind of generator that umap-learn takes
        a, b = _curve(min_dist, spread)
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
    return checked(coordinates)


def transform(
    fitted: np.ndarray,
    indices: np.ndarray,
    distances: np.ndarray,
    *,
    min_dist: float = 0.1,
    spread: float = 1.0,
    epochs: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> np.ndarray:
    """Place new samples on a layout that stays as it is.

    What ``umap.UMAP.transform`` does with exact neighbours: from the weighted mean of its neighbours
    (:func:`latentviz.projection.placing.means`) every sample is moved, by a quarter of the learning rate, towards its
    neighbours and away from random fitted samples; new samples do not see each other.

    Parameters
    ----------
    fitted : ndarray of shape (N, d), float32
    indices : ndarray of shape (M, k), int32
        The nearest fitted samples of each new one, the nearest first.
    distances : ndarray of shape (M, k), float32
    min_dist, spread : float
    epochs : int, optional
        Of the fitted layout; a third of them is done. By default umap-learn's: 100 up to 10,000 new samples, then 30.
    seed : int
    progress : Progress, optional
        May raise ``Cancelled`` between epochs.

    Returns
    -------
    ndarray of shape (M, d), float32

    Raises
    ------
    DataError
        If the layout diverges.
    """
    global _compiled
    weights = memberships(distances)
    rounds = (100 if len(indices) <= 10_000 else 30) if epochs is None else max(1, epochs // 3)
    # An edge that would not take part in a single epoch is left out.
    edges = weights >= weights.max() / rounds
    with _one_at_a_time:
        if not _compiled:
            progress(COMPILING, 0, 0)
        from umap.layouts import optimize_layout_euclidean
        from umap.umap_ import make_epochs_per_sample

        a, b = _curve(min_dist, spread)
        limits = np.iinfo(np.int32)
        random = np.random.RandomState(seed).randint(limits.min + 1, limits.max - 1, 3).astype(np.int64)
        with _epochs_reported(progress):
            coordinates = optimize_layout_euclidean(
                means(fitted, indices, weights),
                fitted.astype(np.float32, copy=True),
                np.nonzero(edges)[0].astype(np.int32),
                indices[edges].astype(np.int32),
                rounds,
                len(fitted),
                make_epochs_per_sample(weights[edges], rounds),
                a,
                b,
                random,
                gamma=1.0,
                initial_alpha=0.25,
                negative_sample_rate=5.0,
                move_other=False,
            )
        _compiled = True
    return checked(coordinates)


def checked(coordinates: np.ndarray) -> np.ndarray:
    """Finished coordinates (N, d), float32.

    Raises
    ------
    DataError
        If some are not finite.
    """
    if not np.isfinite(coordinates).all():
        raise DataError("UMAP diverged: some points have no position. Try more neighbours or another metric.")
    return np.ascontiguousarray(coordinates, dtype=np.float32)


def _curve(min_dist: float, spread: float) -> tuple[float, float]:
    """a and b of ``1 / (1 + a d^2b)``, by which two points at distance d belong together."""
    from umap.umap_ import find_ab_params

    # Fitted at spread 1 and rescaled: at a small spread umap-learn's fit runs away.
    a, b = find_ab_params(1.0, min_dist / spread)
    return a / spread ** (2 * b), b


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
