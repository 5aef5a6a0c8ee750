"""Figures of networks side by side: indicators against accuracy under corruption, correlations, heat maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from latentviz.figures.style import (
    CATEGORY_COLOURS,
    LEGEND,
    OTHER_COLOUR,
    ROLE_COLOURS,
    bars,
    empty,
    look,
    tidy,
)

_HEIGHT = 380

_THIN = {"thickness": 0.8, "width": 0, "color": OTHER_COLOUR}

#: Dots that are named beside themselves; more would hide one another.
_NAMED = 20


def networks(models: pd.DataFrame, column: str, titles: Mapping[str, str], target: str) -> go.Figure:
    """An indicator against what networks are judged by, one dot a network, with both intervals.

    Parameters
    ----------
    models : DataFrame
        ``run``, ``training`` (dots of one have one colour), and the columns with ``_low`` and ``_high``.
    column, target : str
    titles : dict of str
        Of both.
    """
    drawn = models[np.isfinite(models[column]) & np.isfinite(models[target])]
    if drawn.empty:
        return empty(f"No network has {titles[column]}.", _HEIGHT)
    figure, shares = go.Figure(), target == "corrupted"
    for number, (training, rows) in enumerate(drawn.groupby("training", sort=False)):
        figure.add_scatter(
            x=rows[column],
            y=rows[target],
            mode="markers+text" if len(drawn) <= _NAMED else "markers",
            text=rows["run"],
            textposition="top center",
            textfont={"size": 10},
            cliponaxis=False,
            name=str(training),
            marker={"size": 10, "color": look(number).colour},
            error_x=bars(rows[column], rows[f"{column}_low"], rows[f"{column}_high"]) | _THIN,
            error_y=bars(rows[target], rows[f"{target}_low"], rows[f"{target}_high"]) | _THIN,
            hovertemplate=f"%{{text}}<br>{titles[column]} %{{x:.3g}}<br>{titles[target]} "
            f"%{{y:{'.1%' if shares else '.3f'}}}<extra></extra>",
            showlegend=False,
        )
    figure.update_xaxes(title=titles[column], tickformat=".0%" if column == "clean" else None)
    figure.update_yaxes(title=titles[target], tickformat=".0%" if shares else None)
    return tidy(figure, _HEIGHT)


def left_over(names: Sequence[str], residuals: np.ndarray, title: str, target: str, ranks: bool) -> go.Figure:
    """What clean accuracy does not say of an indicator, and of what networks are judged by.

    Parameters
    ----------
    names : sequence of str
        Of the n networks.
    residuals : ndarray of shape (2, n)
    title, target : str
    ranks : bool
        Whether they are of ranks.
    """
    if not residuals.size:
        return empty("Too few networks.", _HEIGHT)
    figure = go.Figure(
        go.Scatter(
            x=residuals[0],
            y=residuals[1],
            mode="markers+text" if len(names) <= _NAMED else "markers",
            text=list(names),
            textposition="top center",
            textfont={"size": 10},
            cliponaxis=False,
            marker={"size": 9, "color": CATEGORY_COLOURS[2]},
            hovertemplate="%{text}<br>%{x:.3g}, %{y:.3g}<extra></extra>",
        )
    )
    figure.add_hline(y=0, line={"color": OTHER_COLOUR, "width": 1, "dash": "dot"})
    figure.add_vline(x=0, line={"color": OTHER_COLOUR, "width": 1, "dash": "dot"})
    of = "rank, " if ranks else ""
    figure.update_xaxes(title=f"{title}: {of}left over", zeroline=False)
    figure.update_yaxes(title=f"{target}: {of}left over", zeroline=False)
    return tidy(figure, _HEIGHT)


def without(table: pd.DataFrame, whole: tuple[float, float, float], title: str) -> go.Figure:
    """The correlation without each network in turn, with intervals; the band is that of all networks.

    Parameters
    ----------
    table : DataFrame
        ``training``, ``value``, ``low``, ``high``.
    whole : (float, float, float)
        Value and interval over all networks.
    title : str
        Of the coefficient.
    """
    rows = table.dropna(subset=["value"]).sort_values("value")
    if rows.empty:
        return empty("Without one of them there are too few networks.", _HEIGHT)
    figure = go.Figure(
        go.Scatter(
            x=rows["value"],
            y=rows["training"],
            mode="markers",
            marker={"size": 8, "color": CATEGORY_COLOURS[0]},
            error_x=bars(rows["value"], rows["low"], rows["high"]),
            customdata=rows[["low", "high"]],
            hovertemplate="without %{y}: %{x:.2f} (%{customdata[0]:.2f} – %{customdata[1]:.2f})<extra></extra>",
        )
    )
    value, low, high = whole
    if np.isfinite(low):
        figure.add_vrect(x0=low, x1=high, fillcolor=OTHER_COLOUR, opacity=0.12, line={"width": 0})
    figure.add_vline(x=value, line={"color": OTHER_COLOUR, "dash": "dash"})
    figure.add_vline(x=0, line={"color": OTHER_COLOUR, "width": 1})
    figure.update_xaxes(title=f"{title} without the network", range=[-1.05, 1.05])
    figure.update_yaxes(automargin=True, type="category")
    return tidy(figure, max(_HEIGHT, 90 + 20 * len(rows)))


def correlations(table: pd.DataFrame, kind: str, title: str) -> go.Figure:
    """Every indicator's correlation, plain and given clean accuracy, with intervals; clean accuracy first.

    Parameters
    ----------
    table : DataFrame
        Of :func:`latentviz.evaluation.robustness_relations.table`.
    kind : str
        Of the coefficient.
    title : str
    """
    if table.empty:
        return empty("There is no indicator.", _HEIGHT)
    figure = go.Figure()
    for column, name, fill, symbol, beside in (
        (kind, "over networks", ROLE_COLOURS["ind"], "circle", -0.16),
        (f"partial_{kind}", "given clean accuracy", ROLE_COLOURS["shifted"], "diamond", 0.16),
    ):
        rows = table[table[column].notna()]
        figure.add_scatter(
            x=rows[column],
            y=np.flatnonzero(table[column].notna()) + beside,
            mode="markers",
            name=name,
            marker={"size": 9, "color": fill, "symbol": symbol},
            error_x=bars(rows[column], rows[f"{column}_low"], rows[f"{column}_high"]),
            text=rows["title"],
            customdata=rows[[f"{column}_low", f"{column}_high", "n"]],
            hovertemplate=f"%{{text}}, {name}<br>{title} %{{x:.2f}} (%{{customdata[0]:.2f}} – %{{customdata[1]:.2f}})"
            "<br>%{customdata[2]} networks<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": OTHER_COLOUR, "width": 1.5})
    figure.update_xaxes(title=title, range=[-1.05, 1.05], zeroline=False)
    figure.update_yaxes(
        range=[len(table) - 0.4, -0.6],
        automargin=True,
        tickvals=np.arange(len(table)),
        ticktext=list(table["title"]),
        zeroline=False,
    )
    return tidy(figure, 110 + 28 * len(table)).update_layout(legend=LEGEND)


def by_severity(table: pd.DataFrame) -> go.Figure:
    """Mean accuracy over corruptions against severity, a line a network; severity 0 is clean.

    Parameters
    ----------
    table : DataFrame
        ``run``, ``severity``, ``accuracy``.
    """
    if table.empty:
        return empty("There are no corrupted versions that all networks have.", _HEIGHT)
    figure = go.Figure()
    for number, (name, rows) in enumerate(table.groupby("run", sort=False)):
        drawn = look(number)
        figure.add_scatter(
            x=rows["severity"],
            y=rows["accuracy"],
            mode="lines+markers",
            name=str(name),
            line={"color": drawn.colour, "dash": drawn.dash},
            hovertemplate=f"{name}, severity %{{x}}: %{{y:.1%}}<extra></extra>",
        )
    levels = sorted(set(table["severity"]))
    figure.update_xaxes(
        title="Severity", tickvals=levels, ticktext=["clean" if level == 0 else str(level) for level in levels]
    )
    figure.update_yaxes(title="Mean accuracy", tickformat=".0%")
    height = min(700, _HEIGHT + 9 * table["run"].nunique())  # a legend of many takes room from a narrow figure
    return tidy(figure, height).update_layout(legend={**LEGEND, "font": {"size": 11}})
