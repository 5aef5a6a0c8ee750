"""UMAP layouts in seconds, with frames on the way: umappp's C++ through scranpy, which compiles nothing.

The objective and the fuzzy graph are umap-learn's; the order of the updates and the random numbers are not. Real
features are laid out as well in 100 epochs as by umap-learn in 500 (benchmarks/projection.py).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from latentviz.progress import Progress, silent
from latentviz.projection.umap import check_size, checked

#: Epochs from principal components (see :func:`cold_epochs`), and from the layout of other parameters.
COLD, WARM = 100, 30

# Above so many samples fewer epochs from principal components do; umap-learn goes down from 500 to 200.
_LARGE, _COLD_LARGE = 20_000, 40

#: Learning rate at the start of the first slice, from principal components and from another layout.
COLD_RATE, WARM_RATE = 1.0, 0.5

# Parts of the epochs that are computed at a time. The first are small, so that there is soon something to see; the
# last is large, because an edge takes part only if its weight is at least 1 / epochs of the slice.
_SLICES = (0.05, 0.1, 0.15, 0.2, 0.5)


@dataclass(frozen=True)
class Frame:
    """A layout on its way.

    Attributes
    ----------
    coordinates : ndarray of shape (N, d), float32
    epoch : int
        How many epochs it took.
    epochs : int
        How many the last frame takes.
    """

    coordinates: np.ndarray
    epoch: int
    epochs: int

    @property
    def is_last(self) -> bool:
        """Whether this is the finished layout."""
        return self.epoch == self.epochs


def available() -> bool:
    """Whether scranpy is installed; there are no wheels of it for Windows."""
    return find_spec("scranpy") is not None


def load() -> None:
    """Import the library ahead of time."""
    import knncolle  # noqa: F401
    import scranpy  # noqa: F401


def load_beside() -> None:
    """Import the library in another thread, while the neighbours are searched."""
    threading.Thread(target=load, name="latentviz-load").start()


def cold_epochs(samples: int) -> int:
    """Epochs from principal components.

    50,000 samples are as trustworthy after 40 epochs as by umap-learn (200 epochs) within 0.004.
    """
    return COLD if samples <= _LARGE else _COLD_LARGE


def slices(epochs: int) -> list[int]:
    """Epochs of each slice; their sum is ``epochs``.

    Examples
    --------
    >>> slices(100)
    [5, 10, 15, 20, 50]
    >>> slices(3)
    [1, 1, 1]
    """
    ends = np.unique(np.round(epochs * np.cumsum(_SLICES)).astype(int))
    return [int(size) for size in np.diff(ends, prepend=0) if size]


def frames(
    indices: np.ndarray,
    distances: np.ndarray,
    start: np.ndarray,
    *,
    min_dist: float = 0.1,
    spread: float = 1.0,
    epochs: int | None = None,
    rate: float = COLD_RATE,
    seed: int = 0,
    progress: Progress = silent,
) -> Iterator[Frame]:
    """Lay out a neighbour graph (McInnes, Healy, Melville 2018, arXiv 1802.03426), frame by frame.

    The next slice is computed when its frame is asked for; whoever stops asking keeps the last one. The same
    arguments give the same bits, on any number of cores.

    Parameters
    ----------
    indices : ndarray of shape (N, k), int32
        Neighbours under any metric, the row itself first; k is UMAP's ``n_neighbors``.
    distances : ndarray of shape (N, k), float32
    start : ndarray of shape (N, d), float32
    min_dist : float
        From 0 to 0.99; how close points may come on the map.
    spread : float
        Above 0; the scale of what is on the map.
    epochs : int, optional
        By default :func:`cold_epochs`.
    rate : float
        Learning rate at the start.
    seed : int
    progress : Progress, optional
        May raise ``Cancelled`` between slices.

    Yields
    ------
    Frame
        One a slice; the last is the layout.

    Raises
    ------
    DataError
        If there are too few samples, or the layout diverges.
    """
    check_size(len(start), indices.shape[1], start.shape[1])
    epochs = cold_epochs(len(start)) if epochs is None else epochs
    import knncolle
    import scranpy

    # Without the row itself, which umap-learn counts among its neighbours and then leaves out.
    neighbours = knncolle.FindKnnResults(
        np.ascontiguousarray(indices[:, 1:], dtype=np.uint32), np.ascontiguousarray(distances[:, 1:], dtype=np.float64)
    )
    seeds = np.random.SeedSequence(seed).generate_state(len(_SLICES))  # else every slice had the same negative samples
    coordinates, done = np.ascontiguousarray(start, dtype=np.float64), 0
    progress("UMAP layout", 0, epochs, "epochs")
    for size, slice_seed in zip(slices(epochs), seeds, strict=False):
        coordinates = scranpy.run_umap(
            neighbours,
            num_dim=start.shape[1],
            spread=spread,
            min_dist=min_dist,
            initialize_method="none",
            initial_coordinates=coordinates,
            num_epochs=size,
            learning_rate=rate * (1 - done / epochs),
            optimize_seed=int(slice_seed),
        )
        shown = checked(coordinates)
        done += size
        progress("UMAP layout", done, epochs, "epochs")
        yield Frame(shown, done, epochs)
