"""The map in a browser without WebGL: plotly up to 20,000 points, above it a picture of their density."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from latentviz import figures
from latentviz.app import map_pickers, show
from latentviz.app.map_selection import State
from latentviz.app.scatter.component import Panel
from latentviz.figures import density
from latentviz.figures.latent_map import POINT_LIMIT
from latentviz.projection.selection import Selection, Shape

#: What plotly had selected when the page last looked: it goes on saying it.
_DRAWN = "map-plain-shape"


def draw(points: pd.DataFrame, panel: Panel, kept: np.ndarray | None, selected: np.ndarray, state: State) -> None:
    """Draw it, and take over what is selected.

    Parameters
    ----------
    points : DataFrame
        All N samples.
    panel : Panel
    kept : ndarray of shape (N,), bool, or None
        Samples that are shown; None for all.
    selected : ndarray of shape (N,), bool
    state : State
    """
    rows = np.arange(len(points)) if kept is None else np.flatnonzero(kept)
    axes = dict(zip("xyz", panel.coordinates[rows].T, strict=False))
    table, colour = points.iloc[rows].assign(**axes), panel.colour.at(rows)
    if len(rows) > POINT_LIMIT:
        st.caption("This browser has no WebGL2, so the map is a picture: samples cannot be pointed at or selected.")
        st.plotly_chart(density.density(table, colour, show.is_dark()), key="map-density", alt=panel.alt)
        return
    st.caption("This browser has no WebGL2, so the map is a simpler one: colours and filters reset its zoom.")
    flat = panel.coordinates.shape[1] == 2
    mouse = map_pickers.mouse() if flat else "Point"
    figure = figures.latent_map.scatter(table, colour, np.flatnonzero(selected[rows]), map_pickers.MOUSE[mouse])
    if not flat:
        st.plotly_chart(figure, key="map-3d", config={"displaylogo": False}, alt=panel.alt)
        return
    event = st.plotly_chart(
        figure,
        key="map-plain",
        on_select="rerun",
        selection_mode=("points", "box", "lasso"),
        config={"scrollZoom": True, "displaylogo": False, "displayModeBar": True},
        alt=panel.alt,
    )
    shape = _shape(event.selection, panel.layout, rows)
    if shape is None:
        st.session_state.pop(_DRAWN, None)
    elif shape != st.session_state.get(_DRAWN):
        st.session_state[_DRAWN] = shape
        state.choose(Selection(shapes=(shape,)))
        st.rerun()
    if selected.any() and st.button("Clear the selection", icon=":material/deselect:", key="clear-selection"):
        state.choose(Selection())
        st.rerun()


def _shape(drawn: Any, layout: str, rows: np.ndarray) -> Shape | None:
    for outline in [*drawn.get("lasso", []), *drawn.get("box", [])]:
        x, y = outline["x"], outline["y"]
        if len(x) == 2:  # a box is told by two corners
            x, y = [x[0], x[1], x[1], x[0]], [y[0], y[0], y[1], y[1]]
        return Shape(on=layout, polygon=tuple(zip(x, y, strict=True)))
    for point in drawn.get("points", []):
        if "customdata" in point:
            position = point["customdata"]
            position = position[0] if isinstance(position, list) else position
            return Shape(rows=(int(rows[int(position)]),))
    return None
