"""How far a run's stored maps can be trusted; computed once and stored."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from latentviz.progress import Progress, silent
from latentviz.projection.graphs import shared_graph
from latentviz.projection.quality import NEIGHBOURS, Quality, lost, measure
from latentviz.projection.rows import Rows
from latentviz.projection.store import Layout
from latentviz.workspace import Run


def quality_of(run: Run, layout: Layout, progress: Progress = silent) -> Quality:
    """How far a map can be trusted, stored or computed and stored.

    It takes longer than the map itself where that is a PCA, so it is computed apart from it.

    Parameters
    ----------
    run : Run
    layout : Layout
        Of this run.
    progress : Progress, optional
        May raise ``Cancelled``; then nothing is stored.

    Returns
    -------
    Quality
        Under ``spec.quality_metric``, on the features normalised as the spec says.
    """
    rows = Rows.of(run, layout.spec.sets, layout.spec.normalise)
    key = _key("quality", rows, layout)
    if key not in run.derived:
        (found,) = measure(rows.chunks, [layout.coordinates], layout.spec.quality_metric, progress=progress)
        run.derived.save(key, {}, {**_described(layout), "quality": asdict(found)})
    return Quality(**run.derived.meta(key)["quality"])


def distortion(run: Run, layout: Layout, progress: Progress = silent) -> np.ndarray:
    """Where a map cannot be trusted: share of every sample's nearest that it lost; stored or computed and stored.

    Parameters
    ----------
    run : Run
    layout : Layout
        Of this run.
    progress : Progress, optional
        May raise ``Cancelled``; then nothing is stored, but neighbours that were finished are.

    Returns
    -------
    ndarray of shape (N,), float32
        Share of a sample's 15 nearest in feature space (fewer in sets below 31 samples), under
        ``spec.quality_metric``, that are not among its 15 nearest on the map: 0 faithful, 1 all lost. All samples are
        compared with all others, also where the map was fitted on some of them.
    """
    rows = Rows.of(run, layout.spec.sets, layout.spec.normalise)
    k = min(NEIGHBOURS, (len(rows) - 1) // 2)
    if k < 1:
        return np.zeros(len(rows), dtype=np.float32)
    key = _key("distortion", rows, layout)
    if key not in run.derived:
        nearest, _ = shared_graph(rows, k + 1, layout.spec.quality_metric, progress)
        run.derived.save(key, {"lost": lost(nearest[:, 1:], layout.coordinates)}, {**_described(layout), "k": k})
    return run.derived.array(key, "lost")


def _key(kind: str, rows: Rows, layout: Layout) -> str:
    # The coordinates stand for all that made them. The version is that of what is measured.
    parameters = {
        "version": 2,
        "layout": layout.fingerprint,
        "metric": layout.spec.quality_metric,
        "normalise": rows.normalise,
    }
    return rows.run.derived.key(kind, parameters, rows.inputs)


def _described(layout: Layout) -> dict[str, object]:
    spec = layout.spec
    return {**spec.model_dump(mode="json"), "metric": spec.quality_metric, "layout": layout.fingerprint}
