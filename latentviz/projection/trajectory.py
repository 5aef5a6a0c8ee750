"""One map a checkpoint, laid onto that of the last one, so that what moves on the maps has moved in the network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from latentviz.progress import Progress, silent
from latentviz.projection.alignment import aligned, fitted_onto, has_pair, matched
from latentviz.projection.layout import compute
from latentviz.projection.rows import Rows
from latentviz.projection.spec import LayoutSpec
from latentviz.projection.store import Layout, stored
from latentviz.workspace import Run, Workspace


def spec_of(sets: Sequence[str], normalise: bool, method: str = "umap") -> LayoutSpec:
    """The map of which :func:`trajectory` has one a checkpoint: the usual parameters."""
    if method == "pca":
        return LayoutSpec(method="pca", sets=tuple(sets), normalise=normalise)
    return LayoutSpec(method="umap", engine="fast", sets=tuple(sets), normalise=normalise)


def trajectory(runs: Sequence[Run], spec: LayoutSpec, progress: Progress = silent) -> list[pd.DataFrame]:
    """Maps of the same samples under every checkpoint, stored or computed and stored.

    UMAPs start from the last checkpoint's map (:func:`latentviz.projection.aligned`); principal components are turned,
    mirrored and scaled onto it.

    Parameters
    ----------
    runs : sequence of Run
        In the order of their epochs.
    spec : LayoutSpec
        By PCA, or a UMAP by the fast engine, in two dimensions.
    progress : Progress, optional
        May raise ``Cancelled``; the maps that were finished are kept.

    Returns
    -------
    list of DataFrame
        One a run: ``set``, ``row`` (of the sample in that run), ``x``, ``y``. Samples that a run does not share with
        the last one are left out.

    Raises
    ------
    DataError
        If a run shares no sample with the last one; also as :func:`latentviz.projection.compute`.
    """
    *earlier, last = runs
    layout, found = compute(last, spec, progress), []
    for number, run in enumerate(earlier):
        progress("Maps of checkpoints", number, len(runs), "maps")
        found.append(_onto(last, layout, run, spec))
    rows = Rows.of(last, spec.sets, spec.normalise)
    return [*found, _table(rows.table(np.arange(len(rows))), layout.coordinates)]


def is_there(runs: Sequence[Run], spec: LayoutSpec) -> bool:
    """Whether :func:`trajectory` has nothing to compute but principal components, which are quick."""
    if spec.method == "pca":
        return True
    layout = stored(runs[-1], spec)
    return layout is not None and all(has_pair(runs[-1], run, layout) for run in runs[:-1])


def _onto(last: Run, layout: Layout, run: Run, spec: LayoutSpec) -> pd.DataFrame:
    if spec.method == "umap":
        pair = aligned(last, run, spec, layout)
        rows = pair.matched.rename(columns={"row_b": "row"})
        return _table(rows, pair.coordinates_b)
    its = compute(run, spec.model_copy(update={"sets": tuple(s for s in spec.sets if s in run.sets and len(run[s]))}))
    of_last, of_run = (Rows.of(r, i.spec.sets, spec.normalise) for r, i in ((last, layout), (run, its)))
    at_last, at_run = matched(of_last, of_run)
    moved = fitted_onto(its.coordinates[at_run][:, :2], layout.coordinates[at_last][:, :2])
    return _table(of_run.table(at_run), moved)


def _table(rows: pd.DataFrame, coordinates: np.ndarray) -> pd.DataFrame:
    table = rows[["set", "row"]].reset_index(drop=True)
    return table.assign(x=coordinates[:, 0], y=coordinates[:, 1])


def request(runs: Sequence[Run], spec: LayoutSpec) -> dict[str, Any]:
    """Parameters of the job that computes a trajectory."""
    return {"run": runs[-1].name, "runs": [run.name for run in runs], "spec": spec.model_dump(mode="json")}


def run_job(workspace: Path, parameters: dict[str, Any], progress: Progress) -> str:
    """Background job ``trajectory``; returns how many maps there are."""
    opened = Workspace(workspace)
    runs = [opened[name] for name in parameters["runs"]]
    made = trajectory(runs, LayoutSpec.model_validate(parameters["spec"]), progress)
    return f"{len(made)} maps"
