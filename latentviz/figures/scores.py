"""Figures of OOD scores and other numbers of image sets: distributions, curves, agreement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from latentviz.evaluation.distributions import cumulative, density, histogram, span
from latentviz.figures.style import (
    CATEGORY_COLOURS,
    GROUND_TO_BLUE,
    LEGEND,
    OTHER_COLOUR,
    Look,
    empty,
    look,
    tidy,
    write_cells,
)
from latentviz.scorers import scorers

#: Kinds of distributions, in words.
KINDS = {"histogram": "Histogram", "density": "Density", "cumulative": "Cumulative"}

#: Scorers that are shown at first: the most widely used one of each kind, with the most distinct colours.
USUAL = ("msp", "energy", "knn", "mahalanobis", "vim")

#: Beside the plot of a distribution, in pixels: what stands below it can begin and end with its axis.
LEFT, RIGHT = 64, 16

#: An axis reaches this many widths of the in-distribution samples beyond them, if it has to end somewhere.
_WIDTHS = 3.0
#: Share of a set that may lie beyond an end without a word.
_UNSAID = 0.002

_HEIGHT = 380


def scorer_title(label: str) -> str:
    """What people call a scorer: its title, with the parameters that were changed.

    ``label`` is that of :class:`~latentviz.evaluation.scores.Asked`.

    Examples
    --------
    >>> scorer_title("knn(k=10)")
    'k-NN (k=10)'
    """
    name, bracket, rest = label.partition("(")
    return scorers()[name].info.title + (f" ({rest}" if bracket else "")


def score_title(label: str) -> str:
    """What the scores of a scorer are called, on axes and in lists."""
    return f"OOD score: {scorer_title(label)}"


@dataclass(frozen=True)
class Axis:
    """From where to where numbers are drawn.

    Attributes
    ----------
    low, high : float
    open_low, open_high : bool
        Whether so many samples lie beyond an end that the axis does not reach that they must not go unsaid.
    """

    low: float
    high: float
    open_low: bool = False
    open_high: bool = False

    @classmethod
    def of(cls, values: Mapping[str, np.ndarray], ind: str | None = None) -> Axis:
        """An axis on which the in-distribution samples are not squeezed by sets that are very far from them.

        Parameters
        ----------
        values : dict of ndarray of shape (N,)
            By set.
        ind : str, optional
            The in-distribution one; without it the axis reaches as far as the samples.
        """
        low, high = span(values)
        if ind is not None and len(values[ind]):
            begin, end = span({ind: values[ind]})
            reach = _WIDTHS * (end - begin)
            if low < begin - reach or high > end + reach:
                near = {name: v[(v >= begin - reach) & (v <= end + reach)] for name, v in values.items()}
                low_near, high_near = span(near)
                open_low, open_high = low < begin - reach, high > end + reach
                return cls._wider(low_near if open_low else low, high_near if open_high else high, open_low, open_high)
        return cls._wider(low, high)

    def over(self, values: Mapping[str, np.ndarray]) -> Axis:
        """The same range for some of the sets: open where some of their samples lie beyond it."""
        return replace(
            self,
            open_low=self.open_low and any((v < self.low).mean() > _UNSAID for v in values.values()),
            open_high=self.open_high and any((v > self.high).mean() > _UNSAID for v in values.values()),
        )

    @classmethod
    def _wider(cls, low: float, high: float, open_low: bool = False, open_high: bool = False) -> Axis:
        margin = 0.03 * (high - low)
        return cls(low - margin, high + margin, open_low, open_high)


def distribution(values: Mapping[str, np.ndarray], kind: str, axis: Axis) -> pd.DataFrame:
    """The table that :func:`distributions` draws.

    Parameters
    ----------
    values : dict of ndarray of shape (N,)
        By set.
    kind : {"histogram", "density", "cumulative"}
    axis : Axis
        What lies beyond an open end counts in the outermost bin of a histogram, and is left out of a density.
    """
    if kind == "cumulative":
        return cumulative(values)
    low = axis.low if axis.open_low else -np.inf
    high = axis.high if axis.open_high else np.inf
    if kind == "histogram":
        return histogram({name: np.clip(v, low, high) for name, v in values.items()})
    inside = {name: v[(v >= low) & (v <= high)] for name, v in values.items()}
    table = density(inside)
    # Its area is the share of the set that is drawn.
    shares = {name: len(inside[name]) / max(len(v), 1) for name, v in values.items()}
    return table.assign(density=table["density"] * table["set"].map(shares).astype(float))


def distributions(
    table: pd.DataFrame,
    kind: str,
    looks: Mapping[str, Look],
    title: str,
    threshold: float | None = None,
    axis: Axis | None = None,
) -> go.Figure:
    """Distributions of one number, one curve an image set.

    Parameters
    ----------
    table : DataFrame
        Of :func:`distribution`: ``set``, ``value`` and ``share`` or ``density``.
    kind : {"histogram", "density", "cumulative"}
    looks : dict of Look
        Of every set.
    title : str
        Of the number, with its unit.
    threshold : float, optional
        Drawn as a line.
    axis : Axis, optional
        As for the table; by default as far as the table reaches.
    """
    if table.empty:
        return empty("No samples to draw.", _HEIGHT)
    column = "density" if kind == "density" else "share"
    figure = go.Figure()
    for name, rows in table.groupby("set", sort=False):
        drawn = looks[str(name)]
        x, y, said = _steps(rows) if kind == "histogram" else _points(rows, column)
        figure.add_scatter(
            x=x,
            y=y,
            text=said,
            mode="lines",
            name=drawn.named(str(name)),
            meta=str(name),
            line={
                "color": drawn.colour,
                "dash": drawn.dash,
                "width": 1.5 if kind == "histogram" else 2,
                "shape": "linear" if kind == "density" else "hv",
            },
            fill=None if kind == "cumulative" else "tozeroy",
            fillcolor=_faint(drawn.colour),
            hovertemplate=f"{drawn.named(str(name))}<br>%{{text}}<extra></extra>",
        )
    if threshold is not None:
        far = axis is not None and threshold > (axis.low + axis.high) / 2
        figure.add_vline(
            x=threshold,
            annotation_position="top left" if far else "top right",  # towards the middle: there is room on any screen
            line={"color": OTHER_COLOUR, "width": 2, "dash": "dash"},
            annotation={"text": f"threshold {threshold:.4g}", "yanchor": "top", "font": {"color": OTHER_COLOUR}},
        )
    figure.update_xaxes(title=title)
    if axis is not None:
        figure.update_xaxes(range=[axis.low, axis.high])
        _mark_open_ends(figure, axis, kind)
    up = {"histogram": "Share of the set a bin", "density": "Density", "cumulative": "Share of the set up to here"}
    figure.update_yaxes(title=up[kind], rangemode="tozero", tickformat=".0%" if column == "share" else None)
    figure.update_layout(legend=LEGEND, showlegend=True)
    tidy(figure, _HEIGHT)
    figure.update_yaxes(automargin=False)
    return figure.update_layout(margin={"l": LEFT, "r": RIGHT})


def _steps(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Outline of a histogram from the middles of its bins: every bin from edge to edge."""
    middles, shares = rows["value"].to_numpy(), rows["share"].to_numpy()
    half = (middles[1] - middles[0]) / 2 if len(middles) > 1 else 0.5
    edges = np.append(middles - half, middles[-1] + half)
    ranges = [f"{low:.4g} – {high:.4g}" for low, high in pairwise(edges)]
    ranges[0], ranges[-1] = f"up to {edges[1]:.4g}", f"from {edges[-2]:.4g} on"  # with all that lie beyond
    said = [f"{r}: {s:.1%}, {n:,} samples" for r, s, n in zip(ranges, shares, rows["samples"], strict=True)]
    return np.append(edges[0], edges), np.concatenate([[0], shares, [0]]), [said[0], *said, said[-1]]


def _points(rows: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    values, up = rows["value"].to_numpy(), rows[column].to_numpy()
    form = "{:.4g}: density {:.3g}" if column == "density" else "{1:.1%} up to {0:.4g}"
    return values, up, [form.format(v, u) for v, u in zip(values, up, strict=True)]


def _mark_open_ends(figure: go.Figure, axis: Axis, kind: str) -> None:
    """Say where samples lie beyond the axis, and of which sets."""
    for there, x, anchor, which in ((axis.open_low, 0, "left", 1), (axis.open_high, 1, "right", -2)):
        if not there:
            continue
        text = "more beyond"
        if kind == "histogram":
            beyond = [f"{trace.meta} {trace.y[which]:.0%}" for trace in figure.data if trace.y[which] >= 0.01]
            text = "<br>".join(["here and beyond", *beyond])
        figure.add_annotation(
            text=f"◂ {text}" if x == 0 else f"{text} ▸",
            x=x,
            xref="paper",
            xanchor=anchor,
            align=anchor,
            xshift=16 if x == 0 else -16,  # beside the outermost bin
            y=0.97 if kind == "histogram" else 0.5,
            yref="paper",
            yanchor="top",
            showarrow=False,
            font={"color": OTHER_COLOUR},
        )
    if kind == "histogram" and (axis.open_low or axis.open_high):
        # The bins with all that lies beyond must not squeeze the others; how high they are is written there.
        inner = slice(1 + axis.open_low, -1 - axis.open_high)
        highest = max(trace.y[inner].max() for trace in figure.data)
        figure.update_yaxes(range=[0, 1.3 * highest or 1])


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
    # By its place among all scorers, so that it keeps its look when others are chosen.
    looks = {name: look(number) for number, name in enumerate(dict.fromkeys([*USUAL, *scorers()]))}
    figure = go.Figure()
    for name, rows in table.groupby("scorer", sort=False):
        drawn = looks[str(name).partition("(")[0]]
        figure.add_scatter(
            x=rows[across],
            y=rows[up],
            mode="lines",
            name=titled[str(name)],
            line={"color": drawn.colour, "dash": drawn.dash, "width": 2},
            hovertemplate=f"{titled[str(name)]}<br>{titles[0]} %{{x:.1%}}<br>{titles[1]} %{{y:.1%}}<extra></extra>",
        )
    if across == "fpr":
        line = {"color": OTHER_COLOUR, "width": 1, "dash": "dot"}
        figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=line, hoverinfo="skip", showlegend=False)
    figure.update_xaxes(title=titles[0], range=[-0.01, 1.01], tickformat=".0%")
    figure.update_yaxes(title=titles[1], range=[-0.01, 1.01], tickformat=".0%")
    figure.update_layout(legend=LEGEND, showlegend=True)
    return tidy(figure, _HEIGHT + 8 * len(titled))


def agreement(matrix: pd.DataFrame, dark: bool = False) -> go.Figure:
    """Rank correlation between scorers as a heat map with numbers.

    Parameters
    ----------
    matrix : DataFrame
        Symmetric, with a row and a column a scorer.
    dark : bool
        Whether the page is dark.
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
            colorbar={"title": "Spearman's ρ"},
            hovertemplate="%{y} and %{x}<br>ρ = %{z:.3f}<extra></extra>",
            xgap=1,
            ygap=1,
        )
    )
    texts = np.vectorize(lambda v: "" if np.isnan(v) else f"{v:.2f}")(values)
    write_cells(figure, matrix.columns, matrix.index, texts, np.abs(values), dark)
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return tidy(figure, 160 + 30 * len(matrix))


def shades(values: pd.DataFrame, larger_is_better: bool) -> pd.DataFrame:
    """Grounds for the cells of a table, as CSS: blue where a value is good, from the page's own ground.

    By value as well as by rank within the column, so that scorers that hardly differ hardly differ in colour.
    """
    goodness = values.rank(pct=True, ascending=larger_is_better)
    numbers = values.to_numpy(dtype=float)
    low, high = (np.nanmin(numbers), np.nanmax(numbers)) if np.isfinite(numbers).any() else (0.0, 1.0)
    strength = (values - low) / max(high - low, 1e-9)
    strength = strength if larger_is_better else 1 - strength
    opacity = (0.04 + 0.5 * strength * goodness.clip(0.3, 1)).fillna(0.0)
    ground = GROUND_TO_BLUE[1][1].removeprefix("rgba(").removesuffix(",1)")
    return opacity.map(lambda a: f"background-color: rgba({ground},{a:.2f})")
