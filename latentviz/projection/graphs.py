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
    derived = rows.run.derived
    for size in _sizes(rows, k):
        key = _key(rows, size, metric)
        if key in derived:
            return derived.array(key, "indices")[:, :k], derived.array(key, "distances")[:, :k]
    return None


def shared_graph(rows: Rows, k: int, metric: Metric, progress: Progress = silent) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`stored_graph`, computing and storing the graph if need be.

    Raises
    ------
    DataError
        If k is more than there are samples, or more than are stored.
    """
    found = stored_graph(rows, k, metric)
    if found is not None:
        return found
    sizes = _sizes(rows, k)
    if not sizes:
        most = min(len(rows), _STORED[-1])
        raise DataError(f"{k} neighbours are too many for {len(rows):,} samples; ask for up to {most}.")
    indices, distances = neighbours.graph(rows.features(progress), sizes[0], metric, progress)
    rows.run.derived.save(
        _key(rows, sizes[0], metric),
        {"indices": indices, "distances": distances},
        {"sets": list(rows.sets), "metric": metric, "normalise": rows.normalise, "k": sizes[0]},
    )
    return indices[:, :k], distances[:, :k]


def _sizes(rows: Rows, k: int) -> list[int]:
    """Sizes of the stored graphs that hold k neighbours, the smallest first."""
    return sorted({size for size in (min(s, len(rows)) for s in _STORED) if size >= k})


def _key(rows: Rows, size: int, metric: Metric) -> str:
    parameters = {"metric": metric, "normalise": rows.normalise, "k": size}
    return rows.run.derived.key("neighbours", parameters, rows.inputs)
