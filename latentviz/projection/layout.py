"""Layouts of a run's samples: what is asked for, what is stored, what is computed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from latentviz.progress import Progress, silent
from latentviz.projection.graphs import shared_graph
from latentviz.projection.metrics import Metric
from latentviz.projection.pca import PrincipalComponents, pca
from latentviz.projection.quality import Quality, measure
from latentviz.projection.rows import Rows
from latentviz.projection.umap import check_size, layout, start_from
from latentviz.workspace import Run


class LayoutSpec(BaseModel):
    """Everything that determines a map.

    Attributes
    ----------
    method : {"pca", "umap"}
        ``"pca"`` heeds only ``normalise`` and ``sets``; its dimensions are taken from three stored ones.
    dimensions : {2, 3}
    n_neighbors : int
        From 2 to 200; how many samples, itself included, make up a sample's neighbourhood.
    min_dist : float
        From 0 to 0.99; how close points may come on the map.
    metric : {"euclidean", "cosine", "correlation", "manhattan"}
    normalise : bool
        Divide the features by their length first.
    sets : tuple of str
        The image sets, in the order of the map's rows.
    epochs : int or None
        None for umap-learn's default.
    seed : int
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["pca", "umap"] = "umap"
    dimensions: Literal[2, 3] = 2
    n_neighbors: int = Field(default=15, ge=2, le=200)
    min_dist: float = Field(default=0.1, ge=0, le=0.99)
    metric: Metric = "euclidean"
    normalise: bool = False
    sets: tuple[str, ...]
    epochs: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**32)

    @property
    def parameters(self) -> dict[str, Any]:
        """The fields that change the result: what a stored one is found by, beside the features."""
        if self.method == "pca":
            return {"normalise": self.normalise}
        return self.model_dump(exclude={"sets", "method"})

    @property
    def quality_metric(self) -> Metric:
        """Metric of the feature space that the map is to preserve."""
        return self.metric if self.method == "umap" else "euclidean"


@dataclass(frozen=True)
class Layout:
    """A map of samples.

    Attributes
    ----------
    spec : LayoutSpec
    coordinates : ndarray of shape (N, dimensions), float32
        Rows in the order of ``spec.sets``, each set's rows in order.
    explained : tuple of float, or None
        PCA: share of the variance along each axis.
    """

    spec: LayoutSpec
    coordinates: np.ndarray
    explained: tuple[float, ...] | None


def stored(run: Run, spec: LayoutSpec) -> Layout | None:
    """The map if it was computed before; reads only what is stored about it.

    Raises
    ------
    DataError
        If no set is chosen, one is chosen twice, or none holds a sample.
    WorkspaceError
        If the run has no set of a name, or the stored result is damaged.
    """
    key = _key(Rows.of(run, spec.sets, spec.normalise), spec)
    if key not in run.derived:
        return None
    meta = run.derived.meta(key)
    explained = meta["explained"]
    return Layout(
        spec=spec,
        coordinates=run.derived.array(key, "coordinates")[:, : spec.dimensions],
        explained=None if explained is None else tuple(explained[: spec.dimensions]),
    )


def compute(run: Run, spec: LayoutSpec, progress: Progress = silent) -> Layout:
    """The map, stored or computed and stored.

    PCA streams the features; UMAP needs them in memory only to find neighbours that are not stored yet.

    Parameters
    ----------
    run : Run
    spec : LayoutSpec
    progress : Progress, optional
        May raise ``Cancelled``; then no map is stored, but neighbours that were finished are.

    Returns
    -------
    Layout

    Raises
    ------
    DataError
        If there are too few samples for the parameters; also as :func:`stored`.
    WorkspaceError
        As :func:`stored`, or if the disk is full.

    Examples
    --------
    >>> from latentviz.latents import Head
    >>> z = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    >>> run = Run.from_arrays({"test": z}, head=Head(np.eye(4), np.zeros(4)))
    >>> compute(run, LayoutSpec(method="pca", sets=("test",))).coordinates.shape
    (30, 2)
    """
    rows = Rows.of(run, spec.sets, spec.normalise)
    found = stored(run, spec)
    if found is not None:
        return found
    principal = None
    if spec.method == "pca":
        principal = _principal(rows, progress)
        coordinates, library = principal.coordinates, "numpy"
    else:
        coordinates, library = _umap(rows, spec, progress), "umap-learn"
    meta = {
        "method": spec.method,
        **spec.parameters,
        "sets": list(spec.sets),
        "explained": None if principal is None else principal.explained.tolist(),
        "library": f"{library} {version(library)}",
    }
    run.derived.save(_key(rows, spec), {"coordinates": coordinates}, meta)
    result = stored(run, spec)
    assert result is not None
    return result


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
    spec = layout.spec
    rows = Rows.of(run, spec.sets, spec.normalise)
    parameters = {**spec.parameters, "method": spec.method, "dimensions": spec.dimensions}
    key = run.derived.key("quality", parameters, rows.inputs)
    if key not in run.derived:
        (found,) = measure(rows.chunks, [layout.coordinates], spec.quality_metric, progress=progress)
        meta = {**parameters, "sets": list(spec.sets), "metric": spec.quality_metric, "quality": asdict(found)}
        run.derived.save(key, {}, meta)
    return Quality(**run.derived.meta(key)["quality"])


def _umap(rows: Rows, spec: LayoutSpec, progress: Progress) -> np.ndarray:
    check_size(len(rows), spec.n_neighbors, spec.dimensions)
    at_hand = stored(rows.run, LayoutSpec(method="pca", dimensions=3, normalise=spec.normalise, sets=spec.sets))
    principal = at_hand.coordinates if at_hand is not None else _principal(rows, progress).coordinates
    indices, distances = shared_graph(rows, spec.n_neighbors, spec.metric, progress)
    return layout(
        indices,
        distances,
        start_from(principal[:, : spec.dimensions], spec.seed),
        min_dist=spec.min_dist,
        epochs=spec.epochs,
        seed=spec.seed,
        progress=progress,
    )


def _principal(rows: Rows, progress: Progress) -> PrincipalComponents:
    return pca(rows.chunks, normalise=rows.normalise, rows=len(rows), progress=progress)


def _key(rows: Rows, spec: LayoutSpec) -> str:
    return rows.run.derived.key(spec.method, spec.parameters, rows.inputs)
