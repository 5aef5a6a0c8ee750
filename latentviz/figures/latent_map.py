"""The latent map in plotly: one trace of numbers, at most 20,000 points."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.colors import get_colorscale

from latentviz.figures.style import (
    CATEGORY_COLOURS,
    CORRECT_COLOURS,
    OTHER_COLOUR,
    RAMP,
    ROLE_COLOURS,
    empty,
    look,
    tidy,
)

#: plotly stays responsive, and its selections below the message limit, up to this many points.
POINT_LIMIT = 20_000

#: Further categories are drawn as "other".
CATEGORY_LIMIT = 20

#: Part of a ramp that is grey, if points have no value.
_GREY = 0.04

_HEIGHT = 580


@dataclass(frozen=True)
class Colour:
    """What the colour of a point says.

    Attributes
    ----------
    title : str
    values : ndarray of shape (N,)
        Numbers, or the position of each point's category.
    categories : tuple of str
        Empty for numbers.
    colours : tuple of str
        One a category.
    limits : (low, high)
        Numbers at the ends of the ramp.
    """

    title: str
    values: np.ndarray
    categories: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    limits: tuple[float, float] = (0.0, 1.0)

    def at(self, rows: np.ndarray) -> Colour:
        """The colour of some of the points: theirs do not change when others are hidden."""
        return replace(self, values=self.values[rows])


def colour(points: pd.DataFrame, by: str, sets: Iterable[str] = ()) -> Colour:
    """How to colour points by a column.

    Parameters
    ----------
    points : DataFrame
        Of :meth:`latentviz.Run.table`; all of them, so that a filter does not change the colours.
    by : str
        ``set``, ``role``, ``label``, ``prediction``, ``correct``, or a numeric column; where a number is missing,
        the point is grey.
    sets : iterable of str, optional
        All of the run's, so that a set has the same colour here as in every other figure, and in every layout;
        by default those of the points.
    """
    values = points[by]
    if by == "correct":
        names = values.map({True: "correct", False: "wrong"}).astype(object).where(values.notna(), "no label")
        return _categories("Prediction", pd.Series(names), list(CORRECT_COLOURS), CORRECT_COLOURS)
    if by == "role":
        return _categories("Role", values, list(ROLE_COLOURS), ROLE_COLOURS)
    if values.dtype.kind in "fiu":
        numbers = values.to_numpy(dtype=np.float32)
        return Colour(TITLES.get(by, by), numbers, limits=_limits(numbers))
    if by == "set":
        palette = {name: look(number).colour for number, name in enumerate(dict.fromkeys([*sets, *values]))}
        return _categories(TITLES[by], values, list(palette), palette)
    order = sorted(set(values))
    frequent = values.value_counts().index[:CATEGORY_LIMIT]
    kept = [name for name in order if name in set(frequent)]
    palette = dict(zip(kept, CATEGORY_COLOURS, strict=False))
    return _categories(TITLES.get(by, by), values, kept, palette)


TITLES = {
    "set": "Set",
    "role": "Role",
    "label": "Class",
    "prediction": "Predicted class",
    "correct": "Correctness",
    "confidence": "Confidence (largest softmax probability)",
    "feature_norm": "Feature norm ‖z‖₂",
}


def _categories(title: str, values: pd.Series, names: list[str], palette: dict[str, str]) -> Colour:
    present = set(values)
    kept = [name for name in names if name in present]
    position = {name: number for number, name in enumerate(kept)}
    codes = values.map(lambda name: position.get(name, len(kept))).to_numpy(dtype=np.int16)
    colours = [palette[name] for name in kept]
    if (codes == len(kept)).any():
        kept, colours = [*kept, "other"], [*colours, OTHER_COLOUR]
    return Colour(title, codes, tuple(str(name) for name in kept), tuple(colours))


def _limits(numbers: np.ndarray) -> tuple[float, float]:
    """Ends of a ramp, so that a few outliers do not take all of its colours."""
    finite = numbers[np.isfinite(numbers)]
    low, high = np.percentile(finite, [1, 99]) if len(finite) else (0, 1)
    return float(low), max(float(high), float(low) + 1e-9)


def thin_out(points: pd.DataFrame, limit: int = POINT_LIMIT, seed: int = 0) -> np.ndarray:
    """Positions of at most ``limit`` points, the same share of every set, in order.

    Every set keeps at least one point, so that a small set does not vanish.
    """
    if len(points) <= limit:
        return np.arange(len(points))
    random, kept = np.random.default_rng(seed), []
    groups = [np.flatnonzero(points["set"] == name) for name in points["set"].unique()]
    for rows in groups:
        share = max(1, int(limit * len(rows) / len(points)))
        kept.append(random.choice(rows, share, replace=False))
    return np.sort(np.concatenate(kept))[:limit]


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
        return empty("No sample matches the filter.", _HEIGHT)
    order = _minority_last(points["set"])
    rows = points.iloc[order]
    deep = "z" in points
    marker = {"size": 3 if deep else _size(len(points)), "opacity": 0.8, "line": {"width": 0}, **_ramp(coloured, order)}
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
    for number, (name, fill) in enumerate(zip(coloured.categories, coloured.colours, strict=True)):
        if (coloured.values == number).any():
            figure.add_trace(_legend_entry(name, fill, deep))
    if not coloured.categories and np.isnan(coloured.values).any():
        figure.add_trace(_legend_entry("no value", OTHER_COLOUR, deep))
    # The legend explains colours; hiding a set is the filter's work, so a click on it does nothing.
    figure.update_layout(
        legend={"orientation": "h", "y": 0, "yanchor": "top", "x": 0, "itemclick": False, "itemdoubleclick": False},
        dragmode="orbit" if deep else drag,
        uirevision="map",
        scene={name: {"title": "", "showticklabels": False} for name in ("xaxis", "yaxis", "zaxis")},
    )
    # Distances on a UMAP have no unit, so ticks would only pretend one.
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return tidy(figure, _HEIGHT)


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


def _ramp(coloured: Colour, order: np.ndarray) -> dict:
    values = coloured.values[order]
    if not coloured.categories:
        low, high = coloured.limits
        bar = {"title": {"text": coloured.title, "side": "right"}, "thickness": 12, "outlinewidth": 0}
        marker = {"color": values, "colorscale": RAMP, "cmin": low, "cmax": high, "colorbar": bar}
        return marker | _with_grey(values, low, high) if np.isnan(values).any() else marker
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
