"""Figures of clusters: contingency, distances within and between classes, silhouettes, indicators against K."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from latentviz.figures.colouring import Colour
from latentviz.figures.style import (
    CATEGORY_COLOURS,
    GROUND_TO_BLUE,
    LEGEND,
    OTHER_COLOUR,
    ROLE_COLOURS,
    bars,
    empty,
    look,
    tidy,
    write_cells,
)
from latentviz.geometry.class_distances import ClassDistances

_HEIGHT = 400

#: Rows and columns that a heat map of clusters draws at most.
_CELLS = 40

#: Samples that a silhouette plot draws at most: more are thinner than a pixel.
_BARS = 2000

#: Clusters that it draws at most.
_CLUSTERS = 60

#: Indicators that a figure against the number of clusters shows unless the legend is clicked.
_SHOWN = ("accuracy", "nmi", "ari", "silhouette", "stability")


def name_of(cluster: int) -> str:
    """A cluster as people read it.

    Examples
    --------
    >>> name_of(0), name_of(-1)
    ('1', 'none')
    """
    return "none" if cluster < 0 else str(cluster + 1)


def palette(names: Mapping[int, str], classes: Mapping[int, str], of_classes: Colour) -> dict[int, str]:
    """Colour of every cluster: that of the class it is matched with, so that two maps can be compared at a glance.

    Parameters
    ----------
    names : dict of str
        Of the clusters.
    classes : dict of str
        The class that a cluster is matched with, where there is one.
    of_classes : Colour
        How samples are coloured by class.

    Returns
    -------
    dict of str
        "#rrggbb"; clusters without a class have what the classes leave over, then grey.
    """
    fills = dict(zip(of_classes.categories, of_classes.colours, strict=True))
    spare = iter([fill for fill in CATEGORY_COLOURS if fill not in set(fills.values())])
    found = {}
    for number in names:
        own = fills.get(classes.get(number, ""))
        found[number] = OTHER_COLOUR if number < 0 else own or next(spare, OTHER_COLOUR)
    return found


def colour(labels: np.ndarray, names: Mapping[int, str], fills: Mapping[int, str]) -> Colour:
    """Colour of every sample by its cluster.

    Parameters
    ----------
    labels : ndarray of shape (N,), int
        −1: in none.
    names, fills : dict of str
        Of the clusters; see :func:`palette`.
    """
    order = sorted(names, key=lambda number: (number < 0, number))
    position = {number: place for place, number in enumerate(order)}
    table = np.array([position.get(number, 0) for number in range(-1, max(order) + 1)], dtype=np.uint16)
    titles = tuple(names[number] for number in order)
    rare = frozenset(names[n] for n in order if n >= 0 and fills[n] == OTHER_COLOUR)
    return Colour("Cluster", table[labels + 1], titles, tuple(fills[n] for n in order), rare=rare)


def contingency(table: pd.DataFrame, across: str, dark: bool = False) -> go.Figure:
    """Samples of every class in every cluster, in the order in which both are given.

    Parameters
    ----------
    table : DataFrame of int
        One row a cluster, one column a class. Of more than 40 only the first are drawn.
    across : str
        What the columns are: "Class".
    dark : bool
    """
    if table.to_numpy().sum() == 0:
        return empty("No sample of this set has a class.", _HEIGHT)
    drawn = table.iloc[:_CELLS, :_CELLS]
    totals = np.maximum(table.sum(axis=1).to_numpy()[: len(drawn), None], 1)
    counts = drawn.to_numpy()
    shares = counts / totals
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=[str(c) for c in drawn.columns],
            y=[str(r) for r in drawn.index],
            customdata=np.stack([counts, shares], axis=2),
            colorscale=GROUND_TO_BLUE,
            zmin=0,
            zmax=1,
            xgap=1,
            ygap=1,
            colorbar={"title": "of cluster", "tickformat": ".0%", "thickness": 12},
            hovertemplate="cluster %{y}: %{customdata[0]:,} of %{x}<br>%{customdata[1]:.1%} of the cluster"
            "<extra></extra>",
        )
    )
    if drawn.shape[1] <= 20:
        texts = np.where(counts == 0, "", np.char.mod("%d", counts))
        write_cells(figure, drawn.columns, drawn.index, texts, shares, dark)
    figure.update_xaxes(title=_cut(across, table.shape[1]), type="category", showgrid=False)
    figure.update_yaxes(title=_cut("Cluster", len(table)), type="category", autorange="reversed", showgrid=False)
    return tidy(figure, 130 + max(24 * len(drawn), 130))


def _cut(title: str, there: int) -> str:
    return title if there <= _CELLS else f"{title} ({_CELLS} of {there:,})"


def distances(found: ClassDistances, space: str) -> go.Figure:
    """Densities of distances within and between classes, their overlap shaded.

    Parameters
    ----------
    found : ClassDistances
    space : str
        What the distance is between, for its axis.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=found.grid,
        y=np.minimum(found.within, found.between),
        mode="lines",
        line={"width": 0},
        fill="tozeroy",
        fillcolor="rgba(122,134,153,0.35)",
        name=f"overlap {found.values['overlap']:.3f}",
        hoverinfo="skip",
    )
    for name, values, fill in (
        ("within classes", found.within, ROLE_COLOURS["ind"]),
        ("between classes", found.between, ROLE_COLOURS["ood"]),
    ):
        figure.add_scatter(
            x=found.grid,
            y=values,
            mode="lines",
            name=name,
            line={"color": fill, "width": 2},
            hovertemplate=f"{name}: density %{{y:.3g}} at %{{x:.3g}}<extra></extra>",
        )
    figure.update_xaxes(title=f"Euclidean distance between {space}", rangemode="tozero")
    figure.update_yaxes(title="Density", rangemode="tozero")
    return tidy(figure, _HEIGHT).update_layout(legend=LEGEND)


def silhouettes(
    values: np.ndarray, labels: np.ndarray, names: Mapping[int, str], fills: Mapping[int, str]
) -> go.Figure:
    """Silhouette of every sample, cluster by cluster, the largest first; a line at the mean.

    Parameters
    ----------
    values : ndarray of shape (N,)
        NaN where it was not computed.
    labels : ndarray of shape (N,), int
    names, fills : dict of str
        Of the clusters; see :func:`palette`.
    """
    known = np.flatnonzero(np.isfinite(values) & (labels >= 0))
    there, sizes = np.unique(labels[known], return_counts=True)
    if len(there) > _CLUSTERS:
        there = np.sort(there[np.argsort(-sizes, kind="stable")[:_CLUSTERS]])
        known = known[np.isin(labels[known], there)]
    if not len(known):
        return empty("Silhouettes need two clusters, one of which has two samples.", _HEIGHT)
    mean, step = float(values[known].mean()), max(1, -(-len(known) // _BARS))
    figure, below, places, texts = go.Figure(), 0, list[float](), list[str]()
    for number in there:
        all_of = np.sort(values[known[labels[known] == number]])[::-1]
        ordered = all_of[::step]
        at = np.arange(below, below + len(ordered))
        figure.add_scatter(
            x=[0, *ordered, 0],
            y=[at[0], *at, at[-1]],
            mode="lines",
            fill="toself",
            line={"width": 0.5, "color": fills[int(number)]},
            fillcolor=fills[int(number)],
            name=names[int(number)],
            text=f"cluster {names[int(number)]}<br>{len(all_of):,} samples, mean {all_of.mean():.3f}",
            hoverinfo="text",
            hoveron="fills",
            showlegend=False,
        )
        places.append(float(at.mean()))
        texts.append(names[int(number)])
        below += len(ordered) + max(2, _BARS // 200 if len(known) > 400 else 2)
    figure.add_vline(x=mean, line={"color": OTHER_COLOUR, "dash": "dash"}, annotation={"text": f"mean {mean:.3f}"})
    few = max(1, len(places) // 25)
    figure.update_yaxes(
        title="Cluster" if len(sizes) == len(there) else f"Cluster ({len(there)} of {len(sizes):,}, the largest)",
        tickvals=places[::few],
        ticktext=texts[::few],
        autorange="reversed",
        showgrid=False,
    )
    figure.update_xaxes(title="Silhouette")
    return tidy(figure, max(_HEIGHT, min(700, 18 * len(places))))


def over(
    table: pd.DataFrame, titles: Mapping[str, str], varied: str, chosen: int, classes: int | None = None
) -> go.Figure:
    """Indicators against the number of clusters, or what stands for it, with their intervals.

    Parameters
    ----------
    table : DataFrame
        ``value``, ``found``, ``indicator``, ``result``, ``low``, ``high``.
    titles : dict of str
        Of the indicators, in their order.
    varied : str
        What ``value`` is.
    chosen : int
        The value in use.
    classes : int, optional
        Number of classes, if that can be read off the axis.
    """
    if table.empty:
        return empty("There is nothing to vary.", _HEIGHT)
    figure = go.Figure()
    for number, (name, title) in enumerate(titles.items()):
        rows = table[(table["indicator"] == name) & table["result"].notna()]
        if rows.empty:
            continue
        drawn = look(number)
        figure.add_scatter(
            x=rows["value"],
            y=rows["result"],
            mode="lines+markers",
            name=title,
            visible=True if name in _SHOWN else "legendonly",
            line={"color": drawn.colour, "dash": "dot" if name == "stability" else "solid", "width": 2},
            error_y=bars(rows["result"], rows["low"], rows["high"]),
            customdata=np.stack([rows["low"], rows["high"], rows["found"]], axis=1),
            hovertemplate=f"{title} %{{y:.3f}} (%{{customdata[0]:.3f}} – %{{customdata[1]:.3f}})<br>"
            f"{varied.lower()} %{{x}}, %{{customdata[2]}} clusters<extra></extra>",
        )
    figure.add_vline(x=chosen, line={"color": OTHER_COLOUR, "dash": "dot"}, annotation={"text": "in use"})
    if classes is not None and classes != chosen:
        figure.add_vline(x=classes, line={"color": OTHER_COLOUR, "width": 1}, annotation={"text": "classes"})
    ticks = sorted(set(table["value"]))
    figure.update_xaxes(title=varied, tickvals=ticks, ticktext=[str(t) for t in ticks])
    figure.update_yaxes(title="Indicator")
    return tidy(figure, _HEIGHT).update_layout(legend=LEGEND)


def falls(table: pd.DataFrame, names: Mapping[int, str], sets: Sequence[str], dark: bool = False) -> go.Figure:
    """Share of every set that falls into each cluster.

    Parameters
    ----------
    table : DataFrame
        ``set``, ``cluster``, ``samples``, ``share``, ``low``, ``high``.
    names : dict of str
        Of the clusters, in their order. Of more than 40 those are drawn that most samples fall into.
    sets : sequence of str
        From top to bottom.
    dark : bool
    """
    if table.empty:
        return empty("There is no other set.", 240)
    order = list(names)
    if len(order) > _CELLS:
        most = table.groupby("cluster")["share"].sum().nlargest(_CELLS).index
        order = [number for number in order if number in set(most)]
    grid = {
        column: table.pivot_table(index="set", columns="cluster", values=column).reindex(
            index=list(sets), columns=order
        ).to_numpy()
        for column in ("share", "low", "high", "samples")
    }  # fmt: skip
    shares, across = np.nan_to_num(grid["share"]), [names[number] for number in order]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=across,
            y=list(sets),
            customdata=np.stack([np.nan_to_num(grid[c]) for c in ("samples", "low", "high")], axis=2),
            colorscale=GROUND_TO_BLUE,
            zmin=0,
            xgap=1,
            ygap=1,
            colorbar={"title": "of set", "tickformat": ".0%", "thickness": 12},
            hovertemplate="%{y} in cluster %{x}<br>%{customdata[0]:,} samples, %{z:.1%} (%{customdata[1]:.1%} – "
            "%{customdata[2]:.1%})<extra></extra>",
        )
    )
    if len(order) <= 20:
        texts = np.where(shares == 0, "", np.char.mod("%.0f%%", 100 * shares))
        write_cells(figure, across, sets, texts, shares / max(shares.max(), 1e-9), dark)
    figure.update_xaxes(title=_cut("Cluster", len(names)), type="category", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return tidy(figure, 140 + 30 * len(sets))
