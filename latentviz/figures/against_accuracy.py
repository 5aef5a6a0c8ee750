"""Figures of statistics against accuracy: one dot a set, lines from severity to severity, grids, curves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from latentviz.figures.style import GROUND_TO_BLUE, LEGEND, OTHER_COLOUR, empty, look, tidy, write_cells

#: By what dots are coloured, in words.
COLOURED_BY = {
    "corruption": "Corruption", "family": "Family", "severity": "Severity", "run": "Model", "set": "Set"
}  # fmt: skip

_HEIGHT = 480
#: Diameter of a dot in pixels: more at every severity, so that the direction of a line is seen.
_SMALLEST, _MORE = 6, 1.6
#: And of all, where there are no severities.
_ALL = 9
#: Points of a curve; more are not seen.
_POINTS = 500
#: Columns of a grid whose cells have room for a number.
_WRITTEN = 16
#: What sets are called that are no corrupted version of another.
_OTHER = "other sets"


def words(name: str) -> str:
    """A corruption's name as people read it.

    Examples
    --------
    >>> words("gaussian_noise"), words("")
    ('gaussian noise', 'other sets')
    """
    return name.replace("_", " ") or _OTHER


def dots(
    table: pd.DataFrame,
    title: str,
    by: str = "corruption",
    lines: bool = True,
    clean: pd.DataFrame | None = None,
) -> go.Figure:
    """A statistic against accuracy, one dot a model and set.

    Parameters
    ----------
    table : DataFrame
        ``run``, ``set``, ``of``, ``corruption``, ``version``, ``family``, ``severity``, ``accuracy``, ``low``,
        ``high``, ``labelled``, ``value``, ``value_low``, ``value_high``.
    title : str
        Of the statistic.
    by : {"corruption", "family", "severity", "run", "set"}
    lines : bool
        Join the severities of a corruption.
    clean : DataFrame, optional
        The same columns for the in-distribution set of every model, drawn as stars.
    """
    drawn = table[np.isfinite(table["value"]) & np.isfinite(table["accuracy"])]
    if drawn.empty:
        return empty("There is no set with labels to hold the statistic against.", _HEIGHT)
    figure = go.Figure()
    least = _SMALLEST if drawn["severity"].any() else _ALL
    for number, (name, rows) in enumerate(drawn.groupby(by, sort=False)):
        made = look(number)
        ordered = pd.concat(list(_paths(rows)), ignore_index=True)
        figure.add_scatter(
            x=ordered["value"],
            y=ordered["accuracy"],
            mode="lines+markers" if lines else "markers",
            name=_severity(name) if by == "severity" else str(name) if by in ("run", "set") else words(str(name)),
            line={"color": made.colour, "dash": made.dash, "width": 1.2},
            marker={
                "color": made.colour,
                "size": least + _MORE * ordered["severity"].fillna(0),
                "opacity": 0.85,
            },
            text=[_said(row) for row in ordered.itertuples()],
            hovertemplate="%{text}<extra></extra>",
        )
    if clean is not None and len(clean):
        figure.add_scatter(
            x=clean["value"],
            y=clean["accuracy"],
            mode="markers",
            name="clean",
            marker={"symbol": "star", "size": 14, "color": OTHER_COLOUR},
            text=[_said(row) for row in clean.itertuples()],
            hovertemplate="%{text}<extra></extra>",
        )
    figure.update_xaxes(title=title)
    low, high = drawn["accuracy"].min(), drawn["accuracy"].max()
    figure.update_yaxes(title="Accuracy", tickformat=".0%")
    if low == high:  # plotly's own range would reach beyond 0 or 1
        figure.update_yaxes(range=[max(-0.02, low - 0.1), min(1.02, high + 0.1)])
    return tidy(figure, _HEIGHT).update_layout(legend=LEGEND)


def _severity(number: object) -> str:
    return f"severity {number}" if number else _OTHER


def _paths(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The severities of every corruption of every model in their order, with a gap behind each."""
    gap = pd.DataFrame([{}], columns=rows.columns, dtype=float)
    for (_, _, version), path in rows.groupby(["run", "of", "version"], sort=False):
        if version:
            yield path.sort_values("severity")
            yield gap
        else:  # other sets have no order
            for n in range(len(path)):
                yield path.iloc[[n]]
                yield gap


def _said(row: object) -> str:
    """What is told about a dot."""
    if isinstance(getattr(row, "set", math.nan), float):
        return ""
    name, severity = str(getattr(row, "version", "")), getattr(row, "severity", 0)
    title = f"{words(name)}, severity {severity:.0f}" if name else str(getattr(row, "set", ""))
    accuracy, value = (
        _with_ends(row, *of) for of in (("accuracy", "low", "high"), ("value", "value_low", "value_high"))
    )
    name = str(getattr(row, "set", ""))
    samples = f"n = {getattr(row, 'labelled', 0):,.0f}"
    return "<br>".join(
        [f"<b>{title}</b>", f"{getattr(row, 'run', '')}, {name}", f"accuracy {accuracy}", value, samples]
    )


def _with_ends(row: object, value: str, low: str, high: str) -> str:
    numbers = [float(getattr(row, name, math.nan)) for name in (value, low, high)]
    text = f"{numbers[0]:.3g}"
    return text if any(map(math.isnan, numbers[1:])) else f"{text} [{numbers[1]:.3g}, {numbers[2]:.3g}]"


def grid(
    values: pd.DataFrame, title: str, dark: bool = False, percent: bool = True, across: str = "Severity"
) -> go.Figure:
    """A number of every corruption and severity, or what else is across, as a heat map with the numbers in it.

    Parameters
    ----------
    values : DataFrame
        One row a corruption, one column a severity.
    title : str
    dark : bool
        Whether the page is dark.
    percent : bool
        Whether the numbers are shares.
    across : str
        What the columns are. Of many the numbers are not written into the cells.
    """
    if not np.isfinite(values.to_numpy(dtype=float)).any():
        return empty(f"{title} is not defined for any of these sets.", 200)
    numbers = values.to_numpy(dtype=float)
    low, high = np.nanmin(numbers), np.nanmax(numbers)
    down, columns = [words(str(name)) for name in values.index], [str(column) for column in values.columns]
    form = ".1%" if percent else ".3g"
    figure = go.Figure(
        go.Heatmap(
            z=numbers,
            x=columns,
            y=down,
            colorscale=[list(step) for step in GROUND_TO_BLUE],
            zmin=low,
            zmax=high,
            colorbar={"title": title, "tickformat": ".0%" if percent else None},
            hovertemplate=f"%{{y}}, {across.lower()} %{{x}}<br>{title}: %{{z:{form}}}<extra></extra>",
            xgap=1,
            ygap=1,
        )
    )
    if len(columns) <= _WRITTEN:
        texts = np.vectorize(lambda v: "" if np.isnan(v) else format(v, ".0%" if percent else ".3g"))(numbers)
        strength = (np.nan_to_num(numbers, nan=low) - low) / max(high - low, 1e-12)
        write_cells(figure, columns, down, texts, strength, dark)
    figure.update_xaxes(title=across, type="category", showgrid=False, automargin=True)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return tidy(figure, 110 + 24 * len(down))


def ranges(table: pd.DataFrame, column: str, title: str) -> go.Figure:
    """Correlations with their intervals, one below the other.

    Parameters
    ----------
    table : DataFrame
        ``value``, ``low``, ``high``, ``n``, ``problem`` and a column of names.
    column : str
        The names.
    title : str
        Of the coefficient.
    """
    drawn = table[np.isfinite(table["value"])].sort_values("value", ascending=False)
    if drawn.empty:
        reasons = table["problem"].unique()
        return empty(str(reasons[0]) if len(reasons) == 1 else "Too few sets for correlations inside groups.", 200)
    figure = go.Figure(
        go.Scatter(
            x=drawn["value"],
            y=[_row_name(str(name), column) for name in drawn[column]],
            mode="markers",
            marker={"size": 9, "color": look(0).colour},
            error_x={
                "type": "data",
                "array": drawn["high"] - drawn["value"],
                "arrayminus": drawn["value"] - drawn["low"],
                "thickness": 1.2,
                "width": 3,
            },
            customdata=drawn["n"],
            hovertemplate="%{y}: %{x:.2f}, n = %{customdata}<extra></extra>",
        )
    )
    figure.add_vline(x=0, line={"color": OTHER_COLOUR, "width": 1, "dash": "dot"})
    figure.update_xaxes(title=title, range=[-1.05, 1.05])
    figure.update_yaxes(type="category", automargin=True)
    return tidy(figure, 90 + 22 * len(drawn))


def _row_name(name: str, column: str) -> str:
    """As people read it; only what follows the last comma is a corruption, not the names of runs and sets."""
    head, comma, last = name.rpartition(", ")
    return name if column == "run" else f"{head}{comma}{words(last)}"


def models(means: pd.DataFrame, title: str) -> go.Figure:
    """Means of models over the same sets: the statistic against accuracy, one dot a model.

    Parameters
    ----------
    means : DataFrame
        ``run``, ``value``, ``accuracy``.
    title : str
        Of the statistic, inside a sentence.
    """
    figure = go.Figure()
    for number, row in enumerate(means.itertuples()):
        made = look(number)
        figure.add_scatter(
            x=[row.value],
            y=[row.accuracy],
            mode="markers",
            name=str(row.run),
            marker={"size": 11, "color": made.colour},
            hovertemplate=f"{row.run}<br>%{{x:.3g}}, accuracy %{{y:.1%}}<extra></extra>",
        )
    figure.update_xaxes(title=f"Mean over sets: {title}")
    figure.update_yaxes(title="Mean accuracy", tickformat=".0%")
    return tidy(figure, 360).update_layout(legend=LEGEND, showlegend=True)


def curves(found: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> go.Figure:
    """Risk–coverage curves: share kept (K,), and share of errors among the kept (K,), by name."""
    figure = go.Figure()
    for number, (name, (coverage, risk)) in enumerate(found.items()):
        shown = np.unique(np.linspace(0, len(coverage) - 1, _POINTS).astype(int))
        figure.add_scatter(
            x=coverage[shown],
            y=risk[shown],
            mode="lines",
            name=name,
            line={"color": look(number).colour if number == 0 else OTHER_COLOUR, "dash": "dash" if number else "solid"},
            hovertemplate=f"{name}<br>%{{x:.0%}} kept: %{{y:.1%}} wrong<extra></extra>",
        )
    figure.update_xaxes(title="Coverage: share of samples kept", tickformat=".0%", range=[0, 1])
    figure.update_yaxes(title="Risk: errors among them", tickformat=".1%", rangemode="tozero")
    return tidy(figure, 360).update_layout(legend=LEGEND)


def bins(table: pd.DataFrame, title: str) -> go.Figure:
    """Accuracy in bins of a score, with intervals.

    Parameters
    ----------
    table : DataFrame
        Of :func:`latentviz.evaluation.selective.accuracy_in_bins`.
    title : str
        Of the score.
    """
    figure = go.Figure(
        go.Scatter(
            x=table["score"],
            y=table["accuracy"],
            mode="lines+markers",
            marker={"size": 9, "color": look(0).colour},
            line={"color": look(0).colour, "width": 1.2},
            error_y={
                "type": "data",
                "array": table["high95"] - table["accuracy"],
                "arrayminus": table["accuracy"] - table["low95"],
                "thickness": 1.2,
                "width": 4,
            },
            customdata=table["n"],
            hovertemplate="%{x:.3g}: %{y:.1%} correct, n = %{customdata:,}<extra></extra>",
        )
    )
    figure.update_xaxes(title=title)
    figure.update_yaxes(title="Accuracy", tickformat=".0%", range=[0, 1.03])
    return tidy(figure, 360)


def estimates(table: pd.DataFrame, columns: Sequence[str], titles: Mapping[str, str]) -> go.Figure:
    """Estimated against true accuracy, one dot a set; on the dashed line the two are equal.

    Parameters
    ----------
    table : DataFrame
        ``set``, ``truth`` and the estimates.
    columns : sequence of str
        Names of the estimates' columns.
    titles : dict of str
        What they are called.
    """
    if table.empty:
        return empty("There is no labelled set to compare the estimates with.", _HEIGHT)
    both = table[["truth", *columns]].to_numpy(dtype=float)
    low, high = np.nanmin(both), np.nanmax(both)
    figure = go.Figure()
    figure.add_scatter(
        x=[low, high], y=[low, high], mode="lines", line={"dash": "dash", "color": OTHER_COLOUR}, name="equal"
    )
    for number, column in enumerate(columns):
        figure.add_scatter(
            x=table["truth"],
            y=table[column],
            mode="markers",
            name=titles[column],
            marker={"color": look(number).colour, "size": 8, "symbol": ("circle", "diamond", "x")[number % 3]},
            text=table["set"],
            hovertemplate="%{text}<br>true %{x:.1%}, estimated %{y:.1%}<extra></extra>",
        )
    figure.update_xaxes(title="True accuracy", tickformat=".0%")
    figure.update_yaxes(title="Estimated accuracy", tickformat=".0%")
    return tidy(figure, _HEIGHT).update_layout(legend=LEGEND)
