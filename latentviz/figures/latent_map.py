"""The latent map in plotly: one trace of numbers, at most 20,000 points."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.colors import get_colorscale

from latentviz.figures.colouring import Colour
from latentviz.figures.style import OTHER_COLOUR, RAMP, empty, tidy

#: plotly stays responsive, and its selections below the message limit, up to this many points.
POINT_LIMIT = 20_000

#: Part of a ramp that is grey, if points have no value.
_GREY = 0.04

#: Of the figure, in pixels.
HEIGHT = 580


def scatter(points: pd.DataFrame, coloured: Colour, selected: np.ndarray | None = None, drag: str = "pan") -> go.Figure:
    """The map.

    Parameters
    ----------
    points : DataFrame
        ``x``, ``y`` (and ``z``), ``id``, ``set``, ``label``, ``prediction``; at most 20,000 rows.
    coloured : Colour
        Of the same rows.
    selected : ndarray of int, optional
        Positions to emphasise.
    drag : {"pan", "lasso", "select"}
        What dragging the mouse does.
    """
    if points.empty:
        return empty("No sample matches the filter.", HEIGHT)
    coloured = coloured.folded()
    order = _minority_last(points["set"])
    rows = points.iloc[order]
    deep = "z" in points
    marker = {
        "size": 3 if deep else _size(len(points)),
        "opacity": 0.8,
        "line": {"width": 0},
        **_fills(coloured, order),
    }
    described = rows["set"] + " · " + rows["id"] + "<br>" + rows["label"] + " → " + rows["prediction"]
    shared = {
        "mode": "markers",
        "marker": marker,
        "text": described.to_numpy(),
        "customdata": order,
        "hovertemplate": "%{text}<extra></extra>",
        "showlegend": False,
    }
    axes = {name: rows[name].to_numpy(dtype=np.float32) for name in ("x", "y", "z") if name in rows}
    figure = go.Figure(go.Scatter3d(**axes, **shared) if deep else go.Scattergl(**axes, **shared))
    if selected is not None and len(selected) and not deep:
        figure.data[0].selectedpoints = np.flatnonzero(np.isin(order, selected))
        figure.data[0].unselected = {"marker": {"opacity": 0.12}}
    explain(figure, coloured, deep)
    figure.update_layout(
        dragmode="orbit" if deep else drag,
        uirevision="map",
        scene={name: {"title": "", "showticklabels": False} for name in ("xaxis", "yaxis", "zaxis")},
    )
    # Distances on a UMAP have no unit, so ticks would only pretend one.
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return tidy(figure, HEIGHT)


def explain(figure: go.Figure, coloured: Colour, deep: bool = False) -> None:
    """Add a legend of the colours that are drawn; the bar of numbers belongs to :func:`numbers`.

    Parameters
    ----------
    figure : Figure
    coloured : Colour
        Of the points that are drawn.
    deep : bool
        Whether the figure has three dimensions.
    """
    for number, (name, fill) in enumerate(zip(coloured.categories, coloured.colours, strict=True)):
        if (coloured.values == number).any():
            figure.add_trace(_legend_entry(name, fill, deep))
    if not coloured.categories and np.isnan(coloured.values).any():
        figure.add_trace(_legend_entry("no value", OTHER_COLOUR, deep))
    # The legend explains colours; hiding a set is the filter's work, so a click on it does nothing.
    figure.update_layout(
        legend={"orientation": "h", "y": 0, "yanchor": "top", "x": 0, "itemclick": False, "itemdoubleclick": False}
    )


def numbers(coloured: Colour) -> dict:
    """The ramp of numbers and the bar that explains it, as a marker of plotly has them."""
    low, high = coloured.limits
    bar = {"title": {"text": coloured.title, "side": "right"}, "thickness": 12, "outlinewidth": 0}
    return {"colorscale": RAMP, "cmin": low, "cmax": high, "colorbar": bar}


def _legend_entry(name: str, fill: str, deep: bool) -> go.Scatter | go.Scatter3d:
    """A trace without points, which explains a colour."""
    nowhere = {"x": [None], "y": [None], "mode": "markers", "name": name, "marker": {"color": fill, "size": 9}}
    return go.Scatter3d(z=[None], **nowhere) if deep else go.Scatter(**nowhere)


def _minority_last(sets: pd.Series) -> np.ndarray:
    """Drawing order: larger sets first, so that they do not cover the small ones."""
    sizes = sets.map(sets.value_counts()).to_numpy()
    return np.argsort(-sizes, kind="stable")


def _size(count: int) -> float:
    return float(np.clip(9 - np.log10(max(count, 10)) * 1.35, 3, 8))


def _fills(coloured: Colour, order: np.ndarray) -> dict:
    values = coloured.values[order]
    if not coloured.categories:
        marker = {"color": values, **numbers(coloured)}
        return marker | _with_grey(values, *coloured.limits) if np.isnan(values).any() else marker
    count = len(coloured.categories)
    steps = [(edge / count, fill) for n, fill in enumerate(coloured.colours) for edge in (n, n + 1)]
    return {"color": values, "colorscale": steps, "cmin": -0.5, "cmax": count - 0.5, "showscale": False}


def _with_grey(values: np.ndarray, low: float, high: float) -> dict:
    """A ramp that begins with grey for points without a value; plotly would leave them out."""
    below = low - _GREY * (high - low)
    end = (low - below) / (high - below)
    ramp = [(end + position * (1 - end), fill) for position, fill in get_colorscale(RAMP)]
    known = np.maximum(values, low)  # what is below the ramp is not unknown
    return {
        "color": np.where(np.isnan(values), below, known),
        "colorscale": [(0, OTHER_COLOUR), (end, OTHER_COLOUR), *ramp],
        "cmin": below,
    }
