"""Everything that determines a map."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from latentviz.projection import fast
from latentviz.projection.metrics import Metric

Engine = Literal["fast", "umap-learn"]


def default_engine() -> Engine:
    """The fast engine where it is installed, else umap-learn."""
    return "fast" if fast.available() else "umap-learn"


class LayoutSpec(BaseModel):
    """Everything that determines a map.

    Attributes
    ----------
    method : {"pca", "umap", "imported"}
        ``"pca"`` heeds only ``fit``, ``normalise`` and ``sets``; its dimensions are taken from three stored ones.
        ``"imported"`` heeds only ``name`` and ``sets``; see :func:`latentviz.projection.import_coordinates`.
    engine : {"fast", "umap-learn"}
        What computes a UMAP; by default :func:`default_engine`. Both minimise the same objective, see
        :mod:`latentviz.projection.fast`.
    dimensions : {2, 3}
    n_neighbors : int
        From 2 to 200; how many samples, itself included, make up a sample's neighbourhood.
    min_dist : float
        From 0 to 0.99 and at most ``spread``; how close points may come on the map.
    spread : float
        Above 0, up to 10; the scale of what is on the map.
    metric : {"euclidean", "cosine", "correlation", "manhattan"}
    normalise : bool
        Divide the features by their length first.
    sets : tuple of str
        The image sets, in the order of the map's rows.
    fit : {"all", "ind"}
        ``"ind"``: the map is fitted on the sets of role fit or ind; samples of the others are placed on it afterwards
        and move nothing. By PCA they are projected. By the fast engine each lies at the mean of its ``n_neighbors``
        nearest fitted samples, weighted by UMAP's memberships (:mod:`latentviz.projection.placing`); umap-learn's
        ``transform`` starts there and then moves them along UMAP's gradient.
    epochs : int or None
        None for the engine's default.
    seed : int
    name : str
        Of imported coordinates; else empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["pca", "umap", "imported"] = "umap"
    engine: Engine = Field(default_factory=default_engine)
    dimensions: Literal[2, 3] = 2
    n_neighbors: int = Field(default=15, ge=2, le=200)
    min_dist: float = Field(default=0.1, ge=0, le=0.99)
    spread: float = Field(default=1.0, gt=0, le=10)
    metric: Metric = "euclidean"
    normalise: bool = False
    sets: tuple[str, ...]
    fit: Literal["all", "ind"] = "all"
    epochs: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**32)
    name: str = ""

    @model_validator(mode="after")
    def _distances_fit(self) -> LayoutSpec:
        if self.min_dist > self.spread:
            raise ValueError(f"min_dist is {self.min_dist:g}; it can be at most spread, which is {self.spread:g}")
        return self

    @property
    def parameters(self) -> dict[str, Any]:
        """The fields that change the result: what a stored one is found by, beside the features."""
        if self.method == "pca":
            return {"normalise": self.normalise, "fit": self.fit}
        if self.method == "imported":
            return {"name": self.name}
        return self.model_dump(exclude={"sets", "method", "name"})

    @property
    def quality_metric(self) -> Metric:
        """Metric of the feature space that the map is to preserve."""
        return self.metric if self.method == "umap" else "euclidean"
