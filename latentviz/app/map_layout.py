"""Two-dimensional maps of some sets on pages beside the latent map: places, what is selected, and without WebGL."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from latentviz import figures, projection
from latentviz.app import show
from latentviz.app.scatter import component
from latentviz.figures.colouring import Colour
from latentviz.figures.latent_map import POINT_LIMIT
from latentviz.projection import Layout, LayoutSpec
from latentviz.projection.selection import Selection
from latentviz.workspace import Run

#: Above this many samples a UMAP takes long: the page Latent map computes it in the background.
_UNASKED = 20_000
#: UMAP needs more than a handful of samples.
_FEWEST = 5


def two_dimensional(run: Run, sets: tuple[str, ...], method: str, unit: bool) -> Layout:
    """UMAP or PCA of sets, stored or computed now; PCA, with a sentence, where UMAP would take long.

    Parameters
    ----------
    run : Run
    sets : tuple of str
    method : {"UMAP", "PCA"}
    unit : bool
        Features divided by their length.
    """
    samples = sum(len(run[name]) for name in sets)
    spec = LayoutSpec(sets=sets, normalise=unit, method="umap")
    if method == "PCA" or samples < _FEWEST:
        spec = spec.model_copy(update={"method": "pca"})
    found = projection.stored(run, spec)
    if found is not None:
        return found
    if spec.method == "umap" and samples > _UNASKED:
        st.caption(
            f"A UMAP of {samples:,} samples has not been computed yet; this is PCA. The page **Latent map** "
            f"computes it: choose {', '.join(sets)} alone there."
        )
        spec = spec.model_copy(update={"method": "pca"})
    with show.progress() as progress:
        return projection.compute(run, spec, progress)


def selected(layout: Layout, selection: Selection) -> np.ndarray:
    """Rows that are selected on a map; shapes that were drawn on another are left out."""
    name = component.Panel(layout.coordinates, Colour("", np.zeros(0)), alt="").layout
    drawn = [shape for shape in selection.shapes if shape.polygon is None or shape.on == name]
    places = {name: layout.coordinates}
    return np.flatnonzero(Selection(shapes=tuple(drawn)).resolve(places, len(layout.coordinates)))


def plain(layout: Layout, points: pd.DataFrame, colour: Colour, key: str) -> None:
    """A map without WebGL: a plotly figure, of at most so many points as that bears."""
    rows = np.arange(len(points))[:: max(1, -(-len(points) // POINT_LIMIT))]
    axes = dict(zip("xy", layout.coordinates[rows].T, strict=False))
    figure = figures.latent_map.scatter(points.iloc[rows].assign(**axes), colour.at(rows))
    st.plotly_chart(figure, key=key, alt=f"Map coloured by {colour.title}")
