"""What computes a layout: UMAP by either engine, fitted on all samples or on some with the rest placed, and PCA."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from latentviz.errors import MissingDependencyError
from latentviz.progress import Progress, silent
from latentviz.projection import fast, umap
from latentviz.projection.fast import Frame
from latentviz.projection.fitting import Split
from latentviz.projection.graphs import shared_graph, shared_nearest
from latentviz.projection.pca import PrincipalComponents, pca
from latentviz.projection.placing import means, memberships
from latentviz.projection.rows import Rows
from latentviz.projection.spec import LayoutSpec
from latentviz.projection.store import stored

#: Receives every frame of a layout on its way.
OnFrame = Callable[[Frame], None]

# Indices and distances of neighbours, of shape (n, k).
Graph = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Start:
    """Where a layout starts and how it goes on.

    Attributes
    ----------
    coordinates : ndarray of shape (N, d), float32
        Of all samples; heeded are those that the map is fitted on.
    epochs : int
        Where the spec says nothing.
    rate : float
        Learning rate at the start.
    """

    coordinates: np.ndarray
    epochs: int
    rate: float


def lay_out(
    split: Split,
    spec: LayoutSpec,
    start: Start | None = None,
    progress: Progress = silent,
    on_frame: OnFrame | None = None,
) -> np.ndarray:
    """A UMAP of all samples, fitted on some or all of them; nothing but the neighbours is stored.

    Parameters
    ----------
    split : Split
    spec : LayoutSpec
    start : Start, optional
        Heeded by the fast engine; by default principal components.
    progress : Progress, optional
    on_frame : callable, optional

    Returns
    -------
    ndarray of shape (N, d), float32

    Raises
    ------
    DataError
        If there are too few samples for the parameters, or the layout diverges.
    MissingDependencyError
        If the fast engine is asked for where it is not installed.
    """
    if spec.engine == "fast" and not fast.available():
        raise MissingDependencyError(
            'The fast engine needs the package "scranpy": pip install scranpy, or choose the engine umap-learn.'
        )
    fitted = split.fitted
    umap.check_size(len(fitted), spec.n_neighbors, spec.dimensions)
    if spec.engine == "fast":
        fast.load_beside()
    if start is None:
        start = Start(_principal_start(split, spec, progress), fast.cold_epochs(len(fitted)), fast.COLD_RATE)
    begin = start.coordinates[split.is_fitted]
    graph = shared_graph(fitted, spec.n_neighbors, spec.metric, progress)
    among = None
    if split.placed is not None:
        among = shared_nearest(fitted, split.placed, spec.n_neighbors, spec.metric, progress)
    if spec.engine == "umap-learn":
        return _by_umap_learn(split, spec, graph, among, begin, progress)
    frames = fast.frames(
        *graph,
        begin,
        min_dist=spec.min_dist,
        spread=spec.spread,
        epochs=spec.epochs or start.epochs,
        rate=start.rate,
        seed=spec.seed,
        progress=progress,
    )
    weights = np.empty(0) if among is None else memberships(among[1])
    coordinates = begin
    for frame in frames:
        coordinates = frame.coordinates
        if among is not None:
            coordinates = split.merged(coordinates, means(coordinates, among[0], weights))
        if on_frame is not None:
            on_frame(replace(frame, coordinates=coordinates))
    return coordinates


def _by_umap_learn(
    split: Split, spec: LayoutSpec, graph: Graph, among: Graph | None, begin: np.ndarray, progress: Progress
) -> np.ndarray:
    lay_out, transform = (
        partial(
            function,
            min_dist=spec.min_dist,
            spread=spec.spread,
            epochs=spec.epochs,
            seed=spec.seed,
            progress=progress,
        )
        for function in (umap.layout, umap.transform)
    )
    fitted = lay_out(*graph, begin)
    return fitted if among is None else split.merged(fitted, transform(fitted, *among))


def _principal_start(split: Split, spec: LayoutSpec, progress: Progress) -> np.ndarray:
    """Coordinates (N, d) of which those of the fitted samples are their principal components, stored or computed."""
    rows = split.fitted
    at_hand = stored(rows.run, LayoutSpec(method="pca", dimensions=3, normalise=spec.normalise, sets=rows.sets))
    found = at_hand.coordinates if at_hand is not None else principal(rows, rows, progress).coordinates
    begin = np.zeros((len(split.rows), spec.dimensions), dtype=np.float32)
    begin[split.is_fitted] = umap.start_from(found[:, : spec.dimensions], spec.seed)
    return begin


def principal(rows: Rows, fitted: Rows, progress: Progress) -> PrincipalComponents:
    """Principal components of the fitted rows, and where all rows lie along them."""
    # The rows are normalised as they are read.
    return pca(rows.chunks, fit=fitted.chunks, rows=len(rows), fit_rows=len(fitted), progress=progress)
