"""Figures of the Feature magnitude page."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from latentviz.figures.style import CATEGORY_COLOURS, empty, tidy


def against(table: pd.DataFrame, column: str, colours: Mapping[str, str], titles: tuple[str, str]) -> go.Figure:
    """Confidence or accuracy of samples from the shortest features to the longest, one line a set.

    Parameters
    ----------
    table : DataFrame
        Of :func:`latentviz.evaluation.magnitude.by_length` with a column ``set``.
    column : {"confidence", "accuracy"}
    colours : dict of str
        Of every set.
    titles : tuple of str
        Of the axes.
    """
    known = table.dropna(subset=[column])
    if known.empty:
        return empty("None of these sets has labels of the model's classes,<br>so there is no accuracy.", 320)
    figure = go.Figure()
    for name, rows in known.groupby("set", sort=False):
        bars = {}
        if column == "accuracy":
            high, low = rows["accuracy_high"] - rows["accuracy"], rows["accuracy"] - rows["accuracy_low"]
            bars = {"error_y": {"array": high, "arrayminus": low, "thickness": 1.5, "width": 3}}
        figure.add_scatter(
            x=rows["length"],
            y=rows[column],
            mode="lines+markers",
            name=str(name),
            line={"color": colours[str(name)], "width": 2},
            marker={"size": 7},
            customdata=rows[["low", "high", "samples"]],
            hovertemplate=f"{name}<br>%{{y:.1%}} of %{{customdata[2]:,}} samples"
            "<br>length %{customdata[0]:.3g} – %{customdata[1]:.3g}<extra></extra>",
            **bars,
        )
    figure.update_xaxes(title=titles[0])
    figure.update_yaxes(title=titles[1], tickformat=".0%", range=[-0.02, 1.04])
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    return tidy(figure, 320)


def classes(table: pd.DataFrame, title: str) -> go.Figure:
    """Quartiles and range of the lengths of every class, the shortest class first.

    Parameters
    ----------
    table : DataFrame
        ``class`` and ``length``, one row a sample.
    title : str
        Of the axis.
    """
    if table.empty:
        return empty("This set has no samples.", 320)
    lengths = table.groupby("class")["length"]
    quantiles = pd.DataFrame({f"{q}": lengths.quantile(q / 100) for q in (5, 25, 50, 75, 95)}).sort_values("50")
    names = [str(name) for name in quantiles.index]
    figure = go.Figure(
        go.Box(
            y=names,
            q1=quantiles["25"],
            median=quantiles["50"],
            q3=quantiles["75"],
            lowerfence=quantiles["5"],
            upperfence=quantiles["95"],
            orientation="h",
            marker={"color": CATEGORY_COLOURS[0]},
            hoverinfo="x",
        )
    )
    figure.update_xaxes(title=f"{title}: median, quartiles, 5–95 %")
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=names)
    return tidy(figure, 120 + 26 * len(names))
