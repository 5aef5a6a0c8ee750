"""Figures of two domains: shift of the classes, numbers by pose, distance of pairs, read-outs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from latentviz.figures.style import (
    CORRECT_COLOURS,
    LEGEND,
    OTHER_COLOUR,
    RAMP,
    ROLE_COLOURS,
    bars,
    empty,
    look,
    tidy,
    write_cells,
)
from latentviz.geometry.common_shift import REMOVED
from latentviz.geometry.domain_shift import ShiftVectors

_HEIGHT = 380

#: Classes whose numbers are written into a heat map.
_WRITTEN = 12
#: And for whose leading zeros there is room on a small screen.
_ROOMY = 6

#: Blue where two classes move alike, red where they move against each other.
_DIVERGING = ((0.0, "rgba(201,66,95,1)"), (0.5, "rgba(122,134,153,0.06)"), (1.0, "rgba(59,125,216,1)"))


def arrows(table: pd.DataFrame, explained: float, names: tuple[str, str]) -> go.Figure:
    """Where the mean of every class moves, in a plane.

    Parameters
    ----------
    table : DataFrame
        ``class``, ``x_one``, ``y_one``, ``x_other``, ``y_other``.
    explained : float
        Share of the variance of the means that the plane shows.
    names : (str, str)
        Of the domains.
    """
    if table.empty:
        return empty("No class is in both domains.", _HEIGHT)
    figure = go.Figure()
    for number, row in enumerate(table.itertuples(index=False)):
        fill, title = look(number).colour, str(row[0])
        figure.add_scatter(
            x=[row.x_one, row.x_other],
            y=[row.y_one, row.y_other],
            mode="lines+markers",
            marker={"symbol": ["circle", "arrow"], "size": [7, 13], "angleref": "previous", "color": fill},
            line={"color": fill, "width": 2},
            name=title,
            hovertemplate=f"{title}: {names[0]} → {names[1]}<extra></extra>",
        )
    shown = f"class means, {explained:.0%} of their variance"
    figure.update_xaxes(title=shown, zeroline=False)
    figure.update_yaxes(scaleanchor="x", zeroline=False)
    return tidy(figure, _HEIGHT + 40).update_layout(legend=LEGEND)


def norms(shift: ShiftVectors, classes: Sequence[str]) -> go.Figure:
    """Length of every class's shift."""
    names = [classes[c] for c in shift.classes]
    figure = go.Figure(
        go.Bar(
            x=shift.norms,
            y=names,
            orientation="h",
            marker={"color": [look(n).colour for n in range(len(names))]},
            customdata=shift.counts,
            hovertemplate="%{y}: %{x:.3g} (n = %{customdata[0]:,} and %{customdata[1]:,})<extra></extra>",
        )
    )
    figure.update_xaxes(title="Length of the shift of the class mean", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", type="category")
    return tidy(figure, max(220, 60 + 26 * len(names)))


def cosines(shift: ShiftVectors, classes: Sequence[str], dark: bool = False) -> go.Figure:
    """How alike the directions are in which the classes move."""
    names = [classes[c] for c in shift.classes]
    if len(names) < 2:
        return empty("Directions of two classes are needed to compare them.", 220)
    figure = go.Figure(
        go.Heatmap(
            z=shift.cosines,
            x=names,
            y=names,
            zmin=-1,
            zmax=1,
            colorscale=_DIVERGING,
            xgap=1,
            ygap=1,
            colorbar={"title": "cosine", "thickness": 12},
            hovertemplate="%{y} and %{x}: %{z:.2f}<extra></extra>",
        )
    )
    if len(names) <= _WRITTEN:
        texts = np.where(np.isnan(shift.cosines), "", np.char.mod("%.2f", shift.cosines))
        if len(names) > _ROOMY:
            texts = np.char.replace(np.char.replace(texts, "0.", "."), "1.00", "1")
        write_cells(figure, names, names, texts, np.abs(np.nan_to_num(shift.cosines)), dark)
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return tidy(figure, max(260, 90 + 30 * len(names)))


def by_pose(
    table: pd.DataFrame, title: str, step: float, share: bool = False, limits: tuple[float, float] | None = None
) -> go.Figure:
    """A number over azimuth and elevation.

    Parameters
    ----------
    table : DataFrame
        ``azimuth``, ``elevation``, ``n``, ``mean``, of :func:`latentviz.evaluation.pose.by_pose`.
    title : str
        What is averaged.
    step : float
        Width of the cells of azimuth in degrees; cells without samples stay empty.
    share : bool
        Whether it is a share, from 0 to 1.
    limits : (float, float), optional
        Ends of the colours.
    """
    if table.empty:
        return empty("No sample has an azimuth.", 220)
    rows = ["unknown" if np.isnan(e) else f"{e:g}°" for e in table["elevation"]]
    wide = table.assign(row=rows)
    cells = wide.pivot_table(index="row", columns="azimuth", values="mean", sort=False)
    counts = wide.pivot_table(index="row", columns="azimuth", values="n", sort=False).reindex_like(cells)
    there = table["azimuth"].to_numpy(np.float64)
    every = np.arange((np.floor(there.min() / step) + 0.5) * step, there.max(), step)
    columns = sorted({*there, *(c for c in every if np.abs(there - c).min() > step / 4)})
    cells, counts = cells.reindex(columns=columns), counts.reindex(columns=columns)
    low, high = limits or ((0.0, 1.0) if share else (float(table["mean"].min()), float(table["mean"].max())))
    figure = go.Figure(
        go.Heatmap(
            z=cells[columns],
            x=columns,
            y=list(cells.index),
            customdata=counts[columns],
            zmin=low,
            zmax=high if high > low else low + 1,
            colorscale=RAMP,
            xgap=1,
            ygap=1,
            colorbar={"title": "", "thickness": 10, "tickformat": ".0%" if share else ".3g"},
            hovertemplate=f"azimuth %{{x:g}}°, elevation %{{y}}<br>{title} %{{z:{'.1%' if share else '.3g'}}}"
            ", n = %{customdata:,.0f}<extra></extra>",
        )
    )
    figure.update_xaxes(title="Azimuth in degrees", showgrid=False)
    figure.update_yaxes(title="Elevation", type="category", showgrid=False)
    return tidy(figure, 130 + 30 * len(cells))


def distances(table: pd.DataFrame, title: str) -> go.Figure:
    """Distances of pairs, of rightly and wrongly classified samples apart.

    Parameters
    ----------
    table : DataFrame
        ``distance`` and ``verdict`` ("correct", "wrong", "no label").
    title : str
        Of the distance.
    """
    if table.empty:
        return empty("There are no pairs.", _HEIGHT)
    low, high = float(table["distance"].min()), float(table["distance"].max())
    size = (high - low) / 30 or 1.0
    figure = go.Figure()
    for verdict, fill in CORRECT_COLOURS.items():
        rows = table.loc[table["verdict"] == verdict, "distance"]
        if len(rows):
            figure.add_histogram(
                x=rows,
                xbins={"start": low, "end": high + size, "size": size},
                name=f"{verdict} (n = {len(rows):,})",
                marker={"color": fill},
                opacity=0.65,
            )
    figure.update_xaxes(title=title)
    figure.update_yaxes(title="Pairs")
    return tidy(figure, _HEIGHT).update_layout(barmode="overlay", legend=LEGEND)


def by_class(table: pd.DataFrame, title: str) -> go.Figure:
    """Mean distance of the pairs of every class with its interval: ``class``, ``mean``, ``low``, ``high``, ``n``."""
    figure = go.Figure(
        go.Scatter(
            x=table["mean"],
            y=table["class"],
            mode="markers",
            marker={"color": ROLE_COLOURS["ind"], "size": 9},
            error_x=bars(table["mean"], table["low"], table["high"]),
            customdata=table["n"],
            hovertemplate="%{y}: %{x:.3g}, %{customdata:,} pairs<extra></extra>",
        )
    )
    figure.update_xaxes(title=title, rangemode="tozero")
    figure.update_yaxes(type="category", autorange="reversed")
    return tidy(figure, max(220, 70 + 26 * len(table)))


def read_outs(table: pd.DataFrame, titles: Mapping[str, str]) -> go.Figure:
    """Accuracy of every read-out with the common shift, and without.

    Parameters
    ----------
    table : DataFrame
        Of :func:`latentviz.evaluation.read_outs.read_outs`.
    titles : dict of str
        Of the read-outs.
    """
    figure = go.Figure()
    for number, (kind, rows) in enumerate(table.groupby("without", sort=False)):
        figure.add_bar(
            x=[titles[name] for name in rows["read_out"]],
            y=rows["accuracy"],
            name=f"{REMOVED[kind]} removed",  # type: ignore[index]
            marker={"color": look(number).colour},
            error_y=bars(rows["accuracy"], rows["accuracy_low"], rows["accuracy_high"]) | {"color": OTHER_COLOUR},
            hovertemplate="%{x}: %{y:.1%}<extra></extra>",
        )
    figure.update_yaxes(title="Accuracy", tickformat=".0%", range=[0, 1])
    return tidy(figure, _HEIGHT).update_layout(barmode="group", legend=LEGEND)
