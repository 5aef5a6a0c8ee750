"""Figures of neural collapse: metrics over epochs, the cosine matrix, alignment, the means in three dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from latentviz.figures.checkpoints import HEAD_COLOURS, HEADS, log_ticks, places
from latentviz.figures.overview import MATRIX_LIMIT, TEXT_LIMIT
from latentviz.figures.style import LEGEND, OTHER_COLOUR, empty, look, tidy, write_cells

_HEIGHT = 280
#: Epochs with a number on a logarithmic axis.
_TICKS = [1, 2, 5, 10, 20, 50, 100, 200, 500]
#: How far below the least other value zeros are drawn, as a factor.
_BELOW = 3


def over_epochs(table: pd.DataFrame, title: str, marked: int | None = None) -> go.Figure:
    """A metric against the epoch, both axes logarithmic: the mean over seeds, and from the least to the largest.

    Zeros are drawn below everything else.

    Parameters
    ----------
    table : DataFrame
        ``head``, ``seed``, ``epoch``, ``value``, of one metric.
    title : str
    marked : int, optional
        An epoch that gets a line.
    """
    drawn = table[np.isfinite(table["value"].astype(float))]
    if drawn.empty:
        return empty("Not defined for these checkpoints.", _HEIGHT)
    figure, positive = go.Figure(), drawn.loc[drawn["value"] > 0, "value"]
    floor = float(positive.min()) / _BELOW if len(positive) else 1.0
    for head, of_head in drawn.groupby("head", sort=False):
        summary = of_head.groupby("epoch")["value"].agg(["mean", "min", "max", "count"])
        heights = summary[["mean", "min", "max"]].clip(lower=floor)
        colour, name, x = HEAD_COLOURS[str(head)], HEADS[str(head)], places(summary.index.to_series())
        if summary["count"].max() > 1:
            figure.add_scatter(
                x=[*x, *x[::-1]],
                y=[*heights["max"], *heights["min"][::-1]],
                fill="toself",
                fillcolor=colour,
                opacity=0.18,
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
                legendgroup=name,
            )
        figure.add_scatter(
            x=x,
            y=heights["mean"],
            mode="lines+markers",
            name=name,
            legendgroup=name,
            line={"color": colour},
            customdata=summary.reset_index()[["mean", "min", "max", "count", "epoch"]].to_numpy(),
            hovertemplate=f"{name}, epoch %{{customdata[4]:.0f}}<br>%{{customdata[0]:.3g}} (%{{customdata[1]:.3g}} to "
            "%{customdata[2]:.3g}, n = %{customdata[3]:.0f})<extra></extra>",
        )
    if marked is not None:
        figure.add_vline(x=places([marked])[0], line={"color": OTHER_COLOUR, "dash": "dot", "width": 1})
    figure.update_xaxes(title="Epoch", type="log", tickvals=[0.5, *_TICKS], ticktext=["0", *map(str, _TICKS)])
    figure.update_yaxes(type="log", tickvals=log_ticks(floor, float(drawn["value"].max())), tickformat=".3~g")
    figure.update_layout(title={"text": title, "font": {"size": 14}, "x": 0, "y": 0.98, "yanchor": "top"})
    return tidy(figure, _HEIGHT).update_layout(legend=LEGEND, showlegend=True, margin={"t": 56})


def cosines(matrix: np.ndarray, classes: Sequence[str], ideal: float, dark: bool = False) -> go.Figure:
    """Cosines between class means (C, C), from blue through the ideal, which is the page's ground, to orange."""
    if len(classes) > MATRIX_LIMIT:
        classes, labelled = [str(n) for n in range(len(classes))], False
    else:
        labelled = len(classes) <= TEXT_LIMIT
    shown = np.where(np.eye(len(classes), dtype=bool), np.nan, matrix)
    reach = max(float(np.nanmax(np.abs(shown - ideal), initial=0)), 1e-3)
    figure = go.Figure(
        go.Heatmap(
            z=shown,
            x=list(classes),
            y=list(classes),
            zmin=ideal - reach,
            zmax=ideal + reach,
            colorscale=[[0, "#3b7dd8"], [0.5, "rgba(122,134,153,0.06)"], [1, "#e08a00"]],
            colorbar={
                "title": "Cosine",
                "tickvals": [ideal - reach, ideal, ideal + reach],
                "ticktext": [_number(ideal - reach), f"ideal {_number(ideal)}", _number(ideal + reach)],
            },
            hovertemplate="%{y} and %{x}: %{z:.3f}<extra></extra>",
            xgap=1,
            ygap=1,
        )
    )
    if labelled:
        texts = np.vectorize(lambda v: "" if np.isnan(v) else _number(v))(shown)
        write_cells(figure, classes, classes, texts, np.abs(np.nan_to_num(shown, nan=ideal) - ideal) / reach, dark)
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    figure.update_xaxes(type="category", showgrid=False)
    return tidy(figure, 420)


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def bars(values: np.ndarray, names: Sequence[str], title: str, level: float, meaning: str) -> go.Figure:
    """A number a class, or a singular value, with a level and what it means."""
    figure = go.Figure(go.Bar(x=list(names), y=values, marker={"color": look(0).colour}))
    figure.update_traces(hovertemplate="%{x}: %{y:.4g}<extra></extra>")
    figure.add_hline(
        y=level,
        line={"color": OTHER_COLOUR, "dash": "dash"},
        annotation={"text": meaning, "font": {"color": OTHER_COLOUR}},
        annotation_position="top right",
    )
    figure.update_xaxes(type="category")
    figure.update_yaxes(title=title)
    return tidy(figure, 300)


def simplex(
    corners: np.ndarray, ideal: np.ndarray, names: Sequence[str], clouds: Mapping[str, tuple[np.ndarray, str]]
) -> go.Figure:
    """Class means, the ideal simplex and features in three dimensions.

    Parameters
    ----------
    corners : ndarray of shape (K, 3)
        Class means about their mean.
    ideal : ndarray of shape (K, 3) or (0, 3)
        The corners of the simplex that they would form, where three dimensions hold it.
    names : sequence of K str
    clouds : dict of (ndarray of shape (n, 3), str)
        Features and colour, by what they are of.
    """
    figure = go.Figure()
    for name, (points, colour) in clouds.items():
        figure.add_scatter3d(
            x=points[:, 0],
            y=points[:, 1],
            z=points[:, 2],
            mode="markers",
            name=name,
            marker={"size": 2, "color": colour, "opacity": 0.5},
            hovertemplate=f"{name}<extra></extra>",
        )
    edges = [(a, b) for a in range(len(ideal)) for b in range(a)]
    if edges:
        line = np.array([part for a, b in edges for part in (ideal[a], ideal[b], np.full(3, np.nan))])
        figure.add_scatter3d(
            x=line[:, 0],
            y=line[:, 1],
            z=line[:, 2],
            mode="lines",
            name="ideal simplex",
            line={"color": OTHER_COLOUR, "width": 2, "dash": "dot"},
            hoverinfo="skip",
        )
    spokes = np.array([part for corner in corners for part in (np.zeros(3), corner, np.full(3, np.nan))]).reshape(-1, 3)
    figure.add_scatter3d(
        x=spokes[:, 0],
        y=spokes[:, 1],
        z=spokes[:, 2],
        mode="lines",
        name="class means",
        line={"color": look(0).colour, "width": 5},
        hoverinfo="skip",
        legendgroup="means",
    )
    figure.add_scatter3d(
        x=corners[:, 0],
        y=corners[:, 1],
        z=corners[:, 2],
        mode="markers+text",
        text=list(names),
        marker={"size": 6, "color": look(0).colour},
        hovertemplate="mean of %{text}<extra></extra>",
        showlegend=False,
        legendgroup="means",
    )
    axis = {"showticklabels": False, "title": "", "showspikes": False}
    figure.update_layout(scene={"xaxis": axis, "yaxis": axis, "zaxis": axis, "aspectmode": "data"})
    return tidy(figure, 560).update_layout(legend=LEGEND)
