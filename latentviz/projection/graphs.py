"""The neighbour graph of a run's features: computed once, stored, shared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from latentviz.errors import DataError
from latentviz.progress import Progress, silent
from latentviz.projection import neighbours
from latentviz.projection.metrics import Metric, check_metric
from latentviz.projection.rows import Rows
from latentviz.workspace import Run

# How many neighbours are stored. Steps, so that moving a slider computes a graph at most three times.
_STORED = (50, 100, 200)


def neighbours_of(
    run: Run,
    sets: Sequence[str],
    set_name: str,
    row: int,
    k: int = 12,
    metric: Metric = "euclidean",
    normalise: bool = False,
) -> pd.DataFrame:
    """The nearest samples in feature space of one sample, itself left out.

    Looked up in a stored graph if there is one with enough neighbours, else found by streaming the features.

    Parameters
    ----------
    run : Run
    sets : sequence of str
        Where to look.
    set_name : str
        One of them.
    row : int
        Of the sample in its set.
    k : int
        All others are returned if there are fewer.
    metric : {"euclidean", "cosine", "correlation", "manhattan"}
    normalise : bool
        Divide the features by their length first.

    Returns
    -------
    DataFrame
        ``set``, ``row`` and ``distance``, the nearest first.

    Raises
    ------
    DataError
        If the sample does not exist, k is below 1, or the metric is unknown.
    WorkspaceError
        If the run has no set of a name.
    """
    check_metric(metric)
    if k < 1:
        raise DataError(f"{k} neighbours were asked for; ask for at least 1.")
    rows = Rows.of(run, sets, normalise)
    own = rows.position(set_name, row)
    wanted = min(k + 1, len(rows))
    found = stored_graph(rows, wanted, metric)
    if found is not None:
        indices, distances = found[0][own], found[1][own]
    else:
        indices, distances = neighbours.nearest_rows(rows.chunks(), rows.one(set_name, row), wanted, metric)
    # Among duplicates the sample may miss itself; then the farthest goes.
    others = np.flatnonzero(indices != own)[: wanted - 1]
    return rows.table(indices[others]).assign(distance=distances[others])


def stored_graph(rows: Rows, k: int, metric: Metric) -> tuple[np.ndarray, np.ndarray] | None:
    """A stored graph's first k columns, or None if there is none with that many.

    Returns
    -------
    indices : ndarray of shape (N, k), int32
        Each row's own index first.
    distances : ndarray of shape (N, k), float32
    """
    return _stored(rows, None, k, metric)


def shared_graph(rows: Rows, k: int, metric: Metric, progress: Progress = silent) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`stored_graph`, computing and storing the graph if need be.

    Raises
    ------
    DataError
        If k is more than there are samples, or more than are stored.
    """
    return _shared(rows, None, k, metric, progress)


def shared_nearest(
    rows: Rows, others: Rows, k: int, metric: Metric, progress: Progress = silent
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest rows of each of some other samples, stored or computed and stored.

    Returns
    -------
    indices : ndarray of shape (M, k), int32
        Into ``rows``, the nearest first.
    distances : ndarray of shape (M, k), float32

    Raises
    ------
    DataError
        As :func:`shared_graph`.
    """
    return _shared(rows, others, k, metric, progress)


def _stored(rows: Rows, others: Rows | None, k: int, metric: Metric) -> tuple[np.ndarray, np.ndarray] | None:
    derived = rows.run.derived
    for size in _sizes(rows, k):
        key = _key(rows, others, size, metric)
        if key in derived:
            return derived.array(key, "indices")[:, :k], derived.array(key, "distances")[:, :k]
    return None


def _shared(
    rows: Rows, others: Rows | None, k: int, metric: Metric, progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    found = _stored(rows, others, k, metric)
    if found is not None:
        return found
    sizes = _sizes(rows, k)
    if not sizes:
        most = min(len(rows), _STORED[-1])
        raise DataError(f"{k} neighbours are too many for {len(rows):,} samples; ask for up to {most}.")
    size, features = sizes[0], rows.features(progress)
    if others is None:
        indices, distances = neighbours.graph(features, size, metric, progress)
    else:
        indices, distances = neighbours.nearest(features, others.features(progress), size, metric, progress)
    meta = {"sets": list(rows.sets), "metric": metric, "normalise": rows.normalise, "k": size}
    rows.run.derived.save(
        _key(rows, others, size, metric),
        {"indices": indices, "distances": distances},
        meta if others is None else {**meta, "of": list(others.sets)},
    )
    return indices[:, :k], distances[:, :k]


def _sizes(rows: Rows, k: int) -> list[int]:
    """Sizes of the stored graphs that hold k neighbours, the smallest first."""
    return sorted({size for size in (min(s, len(rows)) for s in _STORED) if size >= k})


def _key(rows: Rows, others: Rows | None, size: int, metric: Metric) -> str:
    parameters = {"metric": metric, "normalise": rows.normalise, "k": size}
    if others is None:
        return rows.run.derived.key("neighbours", parameters, rows.inputs)
    return rows.run.derived.key("neighbours-among", {**parameters, "of": others.inputs}, rows.inputs)
