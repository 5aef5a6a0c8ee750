"""Figures of the Feature magnitude page."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from latentviz.figures.style import CATEGORY_COLOURS, LEGEND, OTHER_COLOUR, Look, empty, tidy

#: Of more classes, so many are drawn at each end.
ENDS = 20

#: Where the longest features are so many times the shortest, only a logarithmic axis shows both.
_FAR = 30

_HEIGHT = 320


def against(table: pd.DataFrame, column: str, looks: Mapping[str, Look], titles: tuple[str, str]) -> go.Figure:
    """Confidence or accuracy of samples from the shortest features to the longest, one line a set.

    Parameters
    ----------
    table : DataFrame
        Of :func:`latentviz.evaluation.magnitude.by_length` with a column ``set``.
    column : {"confidence", "accuracy"}
    looks : dict of Look
        Of every set.
    titles : tuple of str
        Of the axes.
    """
    known = table.dropna(subset=[column])
    if known.empty:
        return empty("None of these sets has labels of the model's classes,<br>so there is no accuracy.", _HEIGHT)
    figure = go.Figure()
    count, says = ("labelled", "%{y:.1%} of") if column == "accuracy" else ("samples", "%{y:.1%} on average over")
    for name, rows in known.groupby("set", sort=False):
        drawn, bars = looks[str(name)], {}
        if column == "accuracy":
            high, low = rows["accuracy_high"] - rows["accuracy"], rows["accuracy"] - rows["accuracy_low"]
            bars = {"error_y": {"array": high, "arrayminus": low, "thickness": 1.5, "width": 3}}
        figure.add_scatter(
            x=rows["length"],
            y=rows[column],
            mode="lines+markers",
            name=f"{name} (n = {rows[count].sum():,})",
            line={"color": drawn.colour, "dash": drawn.dash, "width": 2},
            marker={"size": 8, "symbol": drawn.symbol},
            customdata=rows[["low", "high", count]],
            hovertemplate=f"{name}<br>{says} %{{customdata[2]:,}} samples"
            "<br>length %{customdata[0]:.3g} – %{customdata[1]:.3g}<extra></extra>",
            **bars,
        )
    figure.update_xaxes(title=titles[0])
    if known["length"].max() > _FAR * known["length"].min() > 0:
        figure.update_xaxes(type="log", title=f"{titles[0]}, logarithmic")
    figure.update_yaxes(title=titles[1], tickformat=".0%", range=[-0.02, 1.04])
    figure.update_layout(legend=LEGEND, showlegend=True)
    return tidy(figure, _HEIGHT)


def classes(table: pd.DataFrame, title: str) -> go.Figure:
    """Quartiles and range of the lengths of every class, the shortest class first.

    Parameters
    ----------
    table : DataFrame
        ``class`` and ``length``, one row a sample.
    title : str
        Of the axis.

    Notes
    -----
    Of more than 40 classes only the 20 shortest and the 20 longest are drawn, and the axis says so.
    """
    if table.empty:
        return empty("This set has no samples.", _HEIGHT)
    found, total = _quantiles(table)
    names = [str(name) for name in found.index]
    figure = go.Figure(
        go.Box(
            y=names,
            q1=found["25"],
            median=found["50"],
            q3=found["75"],
            lowerfence=found["5"],
            upperfence=found["95"],
            orientation="h",
            marker={"color": CATEGORY_COLOURS[0]},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    # Plotly's own hover of a box does not say whose it is.
    figure.add_scatter(
        x=found["50"],
        y=names,
        mode="markers",
        marker={"color": CATEGORY_COLOURS[0], "size": 6},
        customdata=found[["n", "5", "25", "75", "95"]],
        hovertemplate="%{y} (n = %{customdata[0]:,})<br>median %{x:.4g}"
        "<br>quartiles %{customdata[2]:.4g} – %{customdata[3]:.4g}"
        "<br>5–95 %: %{customdata[1]:.4g} – %{customdata[4]:.4g}<extra></extra>",
        showlegend=False,
    )
    said = f"{title}: median, quartiles, 5–95 %"
    if total > len(names):
        said += f"<br>The {ENDS} shortest and the {ENDS} longest of {total:,} classes"
        figure.add_hline(y=ENDS - 0.5, line={"color": OTHER_COLOUR, "width": 1, "dash": "dot"})
    figure.update_xaxes(title=said)
    figure.update_yaxes(
        type="category",
        categoryorder="array",
        categoryarray=names,
        tickvals=names,
        ticktext=[f"{name} (n = {n:,})" for name, n in zip(names, found["n"], strict=True)],
    )
    figure.update_layout(hovermode="y")  # anywhere in the row of a class
    return tidy(figure, 120 + 26 * len(names))


def _quantiles(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Quantiles of the classes that are drawn, by ascending median, and how many classes there are."""
    lengths = table.groupby("class")["length"]
    medians = lengths.median().sort_values(kind="stable")
    total = len(medians)
    drawn = medians.index if total <= 2 * ENDS else medians.index[np.r_[:ENDS, total - ENDS : total]]
    kept = table[table["class"].isin(drawn)].groupby("class")["length"]
    found = pd.DataFrame({f"{q}": kept.quantile(q / 100) for q in (5, 25, 50, 75, 95)}).assign(n=kept.size())
    return found.loc[drawn], total
