"""Figures of OOD scores: distributions, curves, agreement."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from latentviz.figures.style import CATEGORY_COLOURS, GROUND_TO_BLUE, OTHER_COLOUR, empty, tidy

#: Kinds of distributions, in words.
KINDS = {"histogram": "Histogram", "density": "Density", "cumulative": "Cumulative"}

_HEIGHT = 380


def distributions(
    table: pd.DataFrame, kind: str, colours: Mapping[str, str], title: str, threshold: float | None = None
) -> go.Figure:
    """Distributions of one number, one curve an image set.

    Parameters
    ----------
    table : DataFrame
        Of :mod:`latentviz.evaluation.distributions`: ``set``, ``value`` and ``share`` or ``density``.
    kind : {"histogram", "density", "cumulative"}
    colours : dict of str
        Of every set.
    title : str
        Of the number, with its unit.
    threshold : float, optional
        Drawn as a line.
    """
    if table.empty:
        return empty("No samples to draw.", _HEIGHT)
    column = "density" if kind == "density" else "share"
    figure = go.Figure()
    for name, rows in table.groupby("set", sort=False):
        colour = colours[str(name)]
        style: dict = {"line": {"color": colour, "width": 2}, "name": str(name)}
        if kind == "histogram":
            style |= {"line": {"color": colour, "width": 1.5, "shape": "hvh"}, "fill": "tozeroy"}
        elif kind == "density":
            style |= {"fill": "tozeroy"}
        else:
            style |= {"line": {"color": colour, "width": 2, "shape": "hv"}}
        if "fill" in style:
            style["fillcolor"] = _faint(colour)
        shown = "%{y:.1%}" if column == "share" else "%{y:.3g}"
        figure.add_scatter(
            x=rows["value"],
            y=rows[column],
            mode="lines",
            hovertemplate=f"{name}<br>%{{x:.4g}}: {shown}<extra></extra>",
            **style,
        )
    if threshold is not None:
        figure.add_vline(x=threshold, line={"color": OTHER_COLOUR, "width": 2, "dash": "dash"})
    figure.update_xaxes(title=title)
    said = {"histogram": "Share of the set a bin", "density": "Density", "cumulative": "Share of the set up to here"}
    figure.update_yaxes(title=said[kind], rangemode="tozero", tickformat=".0%" if column == "share" else None)
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    return tidy(figure, _HEIGHT)


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"


def curves(table: pd.DataFrame, across: str, up: str, titles: tuple[str, str], titled: Mapping[str, str]) -> go.Figure:
    """One curve a scorer: ROC or precision–recall.

    Parameters
    ----------
    table : DataFrame
        ``scorer`` and the two columns.
    across, up : str
        Columns for the axes.
    titles : tuple of str
        Of the axes.
    titled : dict of str
        What the legend calls each scorer.
    """
    if table.empty:
        return empty("Choose a scorer.", _HEIGHT)
    figure = go.Figure()
    for number, (name, rows) in enumerate(table.groupby("scorer", sort=False)):
        figure.add_scatter(
            x=rows[across],
            y=rows[up],
            mode="lines",
            name=titled[str(name)],
            line={"color": CATEGORY_COLOURS[number % len(CATEGORY_COLOURS)], "width": 2},
            hovertemplate=f"{titled[str(name)]}<br>{titles[0]} %{{x:.1%}}<br>{titles[1]} %{{y:.1%}}<extra></extra>",
        )
    if across == "fpr":
        line = {"color": OTHER_COLOUR, "width": 1, "dash": "dot"}
        figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=line, hoverinfo="skip", showlegend=False)
    figure.update_xaxes(title=titles[0], range=[-0.01, 1.01], tickformat=".0%")
    figure.update_yaxes(title=titles[1], range=[-0.01, 1.01], tickformat=".0%")
    return tidy(figure, _HEIGHT)


def agreement(matrix: pd.DataFrame) -> go.Figure:
    """Rank correlation between scorers as a heat map with numbers.

    ``matrix`` is symmetric, with a row and a column a scorer.
    """
    if len(matrix) < 2:
        return empty("Choose at least two scorers to compare.", _HEIGHT)
    values = matrix.to_numpy(dtype=float)
    # Below zero is the news here, so it gets a colour of its own.
    scale = [(0.0, CATEGORY_COLOURS[1]), (0.5, "rgba(128,128,128,0.06)"), (1.0, GROUND_TO_BLUE[1][1])]
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=list(matrix.columns),
            y=list(matrix.index),
            colorscale=scale,
            zmin=-1,
            zmax=1,
            text=np.vectorize(lambda v: "" if np.isnan(v) else f"{v:.2f}")(values) if len(matrix) <= 16 else None,
            texttemplate="%{text}" if len(matrix) <= 16 else None,
            colorbar={"title": "Spearman's ρ"},
            hovertemplate="%{y} and %{x}<br>ρ = %{z:.3f}<extra></extra>",
            xgap=1,
            ygap=1,
        )
    )
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return tidy(figure, 160 + 30 * len(matrix))
