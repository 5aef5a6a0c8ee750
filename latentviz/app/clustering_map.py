"""The latent map of one set twice: coloured by cluster, and by class or prediction."""

from __future__ import annotations

import numpy as np
import streamlit as st

from latentviz.app import cached, map_samples, pickers, show
from latentviz.app.clustering import Shown
from latentviz.app.clustering_views import spread
from latentviz.app.map_layout import plain, selected, two_dimensional
from latentviz.app.map_selection import samples_of
from latentviz.app.scatter import component, served
from latentviz.figures import clustering, colouring
from latentviz.figures.colouring import Colour
from latentviz.projection import Layout
from latentviz.projection.selection import Selection

#: Key of the maps' element.
_ELEMENT = "clustering-map"
#: Selected images that are shown.
_IMAGES = 24


def view(of: Shown) -> None:
    """Both maps, and what is selected on them."""
    with pickers.row():
        beside = _beside(of)
        method = st.segmented_control(
            "Projection", ["UMAP", "PCA"], default="UMAP", required=True, key="clustering-projection",
            persist_state="session",
        )  # fmt: skip
    layout = two_dimensional(of.run, (of.name,), method, of.is_unit)
    points = cached.points(of.run, (of.name,))
    colours = [clustering.colour(of.found.labels, of.names(), of.fills()), colouring.colour(points, beside)]
    said = component.said(_ELEMENT)
    samples = samples_of(of.run, (of.name,))
    if not said.webgl or not st.session_state.get("webgl", True):
        _plain(of, layout, colours)
        return
    hidden = said.hidden[2] if said.hidden is not None and said.hidden[1] == samples else {}
    panels = [
        component.Panel(
            layout.coordinates,
            colour,
            alt=f"Map of {of.name}, coloured by {colour.title}.",
            title=colour.title,
            hidden=tuple(hidden.get(colour.title, ())),
            sample=served.samples(samples, map_samples.describer(of.run, points)),
        )
        for colour in colours
    ]
    mine = said.selected is not None and said.selected[1] == samples
    turn, _, selection = said.selected if said.selected is not None and mine else (("", 0), "", Selection())
    component.scatter(
        panels,
        key=_ELEMENT,
        samples=samples,
        groups=np.zeros(len(points), dtype=np.uint16),
        selection=selection,
        turn=turn,
        name=f"{of.run.name}-{of.name}-clusters",
        height=480,
    )
    st.caption(
        f"{layout.spec.method.upper()} of {of.seen}. Select samples with lasso, box or click to see their images."
    )
    _selected(of, selection, layout)


def _beside(of: Shown) -> str:
    titles = {"label": "Class", "prediction": "Predicted class", "correct": "Correctness"}
    options = list(titles) if of.image_set.labelled else ["prediction", "label"]
    return st.segmented_control(
        "Beside", options, format_func=titles.__getitem__, default=options[0], required=True,
        key=f"clustering-beside-{of.image_set.labelled}", persist_state="session",
    )  # fmt: skip


def _selected(of: Shown, selection: Selection, layout: Layout) -> None:
    rows = selected(layout, selection)
    if not len(rows):
        return
    inside = of.found.labels[rows]
    names = of.names()
    counts = sorted(((int((inside == n).sum()), name) for n, name in names.items()), reverse=True)
    said = ", ".join(f"{count:,} in cluster {name}" for count, name in counts[:6] if count)
    st.markdown(f"**{len(rows):,} selected**: {said}")
    shown = spread(rows, _IMAGES)
    show.thumbnails(cached.thumbnails(of.image_set, shown), cached.captions(cached.set_table(of.image_set).iloc[shown]))


def _plain(of: Shown, layout: Layout, colours: list[Colour]) -> None:
    """Without WebGL: two plotly figures."""
    points = cached.points(of.run, (of.name,))
    for place, colour in zip(st.columns(2), colours, strict=True):
        with place:
            st.markdown(f"**{colour.title}**")
            plain(layout, points, colour, f"clustering-plain-{colour.title}")
