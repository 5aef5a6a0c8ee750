"""Maps that were computed before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from latentviz.projection import imported
from latentviz.projection.rows import Rows
from latentviz.projection.selection import fingerprint
from latentviz.projection.spec import LayoutSpec
from latentviz.workspace import Run


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
    started_from : str or None
        Fingerprint of the layout that this one was started from; None if it was started from principal components.
    """

    spec: LayoutSpec
    coordinates: np.ndarray
    explained: tuple[float, ...] | None = None
    started_from: str | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Short name of the coordinates; see :func:`latentviz.projection.selection.fingerprint`."""
        return fingerprint(self.coordinates)


def origin(spec: LayoutSpec, start: Layout | None) -> Layout | None:
    """The layout to go on from, if there is one.

    Only a UMAP is: a UMAP starts from principal components anyway, and a PCA starts from nothing.
    """
    return start if start is not None and spec.method == start.spec.method == "umap" else None


def stored(run: Run, spec: LayoutSpec, start: Layout | None = None) -> Layout | None:
    """The map if it was computed before; reads only what is stored about it.

    Parameters
    ----------
    run : Run
    spec : LayoutSpec
    start : Layout, optional
        What the map was started from, as given to :func:`latentviz.projection.compute`.

    Raises
    ------
    DataError
        If no set is chosen, one is chosen twice, or none holds a sample; if imported coordinates have fewer
        dimensions.
    WorkspaceError
        If the run has no set of a name, or the stored result is damaged.
    """
    rows = Rows.of(run, spec.sets, spec.normalise)
    if spec.method == "imported":
        found = imported.find(rows, spec)
        return None if found is None else Layout(spec, found)
    key = _key(rows, spec, start)
    if key not in run.derived:
        return None
    meta = run.derived.meta(key)
    explained = meta["explained"]
    return Layout(
        spec=spec,
        coordinates=run.derived.array(key, "coordinates")[:, : spec.dimensions],
        explained=None if explained is None else tuple(explained[: spec.dimensions]),
        started_from=meta["started_from"],
    )


def moved_here(run: Run, spec: LayoutSpec) -> Layout | None:
    """The newest stored UMAP of a spec that was started from another map; None if there is none."""
    rows = Rows.of(run, spec.sets, spec.normalise)
    for key, meta in run.derived.list("umap").items():
        same = meta.get("inputs") == rows.inputs and meta["sets"] == list(spec.sets) and meta["started_from"]
        if same and all(meta[name] == value for name, value in spec.parameters.items()):
            return Layout(spec, run.derived.array(key, "coordinates"), started_from=meta["started_from"])
    return None


def named(run: Run, sets: Sequence[str], name: str) -> np.ndarray | None:
    """Coordinates (N, d), float32, of the stored map of these sets that has a fingerprint; None if there is none."""
    inputs = Rows.of(run, sets).inputs
    for kind in ("umap", "pca", "imported"):
        for key, meta in run.derived.list(kind).items():
            if list(meta["sets"]) != list(sets) or meta.get("inputs") != inputs:
                continue
            coordinates = run.derived.array(key, "coordinates")
            for dimensions in {2, coordinates.shape[1]}:
                seen = coordinates[:, :dimensions]
                if fingerprint(seen) == name:
                    return seen
    return None


def save(
    rows: Rows, spec: LayoutSpec, start: Layout | None, coordinates: np.ndarray, more: Mapping[str, Any]
) -> Layout:
    """Store a map with what describes it, and give it as :func:`stored` does."""
    started_from = origin(spec, start)
    meta = {
        "method": spec.method,
        **spec.parameters,
        "sets": list(spec.sets),
        "inputs": rows.inputs,
        "explained": None,
        "started_from": None if started_from is None else started_from.fingerprint,
        **more,
    }
    rows.run.derived.save(_key(rows, spec, start), {"coordinates": coordinates}, meta)
    found = stored(rows.run, spec, start)
    assert found is not None
    return found


def _key(rows: Rows, spec: LayoutSpec, start: Layout | None) -> str:
    started_from = origin(spec, start)
    # Where a layout came from shows in it: it must not pass for the one that the same seed gives from the features.
    more = {} if started_from is None else {"started_from": started_from.fingerprint}
    return rows.run.derived.key(spec.method, {**spec.parameters, **more}, rows.inputs)
