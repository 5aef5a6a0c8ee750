"""Layouts of a run's samples, computed and stored."""

from __future__ import annotations

from importlib.metadata import version

from latentviz.errors import DataError
from latentviz.progress import Progress, silent
from latentviz.projection import engines, fast
from latentviz.projection.engines import OnFrame
from latentviz.projection.fitting import Split
from latentviz.projection.imported import imported_names
from latentviz.projection.rows import Rows
from latentviz.projection.spec import LayoutSpec
from latentviz.projection.store import Layout, origin, save, stored
from latentviz.workspace import Run

_LIBRARIES = {"fast": "scranpy", "umap-learn": "umap-learn"}


def compute(
    run: Run,
    spec: LayoutSpec,
    progress: Progress = silent,
    start: Layout | None = None,
    on_frame: OnFrame | None = None,
) -> Layout:
    """The map, stored or computed and stored.

    PCA streams the features; UMAP needs them in memory only to find neighbours that are not stored yet.

    Parameters
    ----------
    run : Run
    spec : LayoutSpec
    progress : Progress, optional
        May raise ``Cancelled``; then no map is stored, but neighbours that were finished are.
    start : Layout, optional
        A UMAP of the same samples to go on from, in fewer epochs and with a lower learning rate; only the fast engine
        can. The result depends on it and is stored as another map than the one that the same spec gives without.
        A PCA is ignored: that is where a UMAP starts anyway.
    on_frame : callable, optional
        Gets every :class:`~latentviz.projection.fast.Frame` of the fast engine, the last one too. Maps that are
        stored, PCA and umap-learn have none.

    Returns
    -------
    Layout

    Raises
    ------
    DataError
        If there are too few samples for the parameters, the start is of other samples, there is nothing to fit on or
        nothing to place (``fit="ind"``), or no imported coordinates have that name; also as :func:`stored`.
    MissingDependencyError
        If the fast engine is asked for where it is not installed.
    WorkspaceError
        As :func:`stored`, or if the disk is full.

    Examples
    --------
    >>> import numpy as np
    >>> from latentviz.latents import Head
    >>> z = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    >>> run = Run.from_arrays({"test": z}, head=Head(np.eye(4), np.zeros(4)))
    >>> compute(run, LayoutSpec(method="pca", sets=("test",))).coordinates.shape
    (30, 2)
    """
    split = Split.of(run, spec)
    start = origin(spec, start)
    if start is not None:
        _check_start(split.rows, spec, start)
    found = stored(run, spec, start)
    if found is not None:
        return found
    if spec.method == "imported":
        sets, names = ", ".join(spec.sets), ", ".join(imported_names(run, spec.sets)) or "none"
        raise DataError(f'There are no imported coordinates "{spec.name}" of {sets}; of these sets there are {names}.')
    if spec.method == "pca":
        principal = engines.principal(split.rows, split.fitted, progress)
        more = {"explained": principal.explained.tolist(), "library": _library("numpy")}
        return save(split.rows, spec, None, principal.coordinates, more)
    warm = None if start is None else engines.Start(start.coordinates, fast.WARM, fast.WARM_RATE)
    coordinates = engines.lay_out(split, spec, warm, progress, on_frame)
    return save(split.rows, spec, start, coordinates, {"library": _library(_LIBRARIES[spec.engine])})


def _check_start(rows: Rows, spec: LayoutSpec, start: Layout) -> None:
    if spec.engine != "fast":
        raise DataError("Only the fast engine goes on from a layout; choose it, or start anew.")
    if start.spec.sets != spec.sets or start.coordinates.shape != (len(rows), spec.dimensions):
        raise DataError(
            f"The layout to start from has {len(start.coordinates):,} samples of {', '.join(start.spec.sets)} in "
            f"{start.coordinates.shape[1]} dimensions, the new one has {len(rows):,} of {', '.join(spec.sets)} in "
            f"{spec.dimensions}. Start anew."
        )


def _library(name: str) -> str:
    return f"{name} {version(name)}"
