"""Figures of neuron coverage: one neuron's states, all neurons' bins, sizes of the profile, layers, one sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from latentviz.figures.checkpoints import HEAD_COLOURS, HEADS
from latentviz.figures.style import (
    CATEGORY_COLOURS,
    LEGEND,
    OTHER_COLOUR,
    RAMP,
    ROLE_COLOURS,
    Look,
    bars,
    empty,
    tidy,
)

_HEIGHT = 380
_PROFILE = Look(ROLE_COLOURS["fit"], "dot")
_PHI_COLOUR = CATEGORY_COLOURS[2]
#: Of a neuron's lost coverage: only the first are drawn.
_BARS = 20


def states(
    counts: Mapping[str, np.ndarray],
    looks: Mapping[str, Look],
    edges: np.ndarray,
    phi: np.ndarray,
    enough: float,
    marked: float | None = None,
) -> go.Figure:
    """How often one neuron is in each state, by set, with Φ as a step curve and the O line.

    Parameters
    ----------
    counts : dict of ndarray of shape (M,)
        By set: of 1,000 samples, how many have the state in each bin. "profile" is the profile's.
    looks : dict of Look
        Of every set but the profile.
    edges : ndarray of shape (M,)
        Lower ends of the bins.
    phi : ndarray of shape (M,)
    enough : float
        O, for 1,000 samples.
    marked : float, optional
        State of a sample.
    """
    x, figure = np.append(edges[edges <= 1], 1.0), go.Figure()
    inside = len(x) - 1
    for name, values in counts.items():
        drawn = _PROFILE if name == "profile" else looks[name]
        figure.add_scatter(
            x=x,
            y=[*values[:inside], values[inside - 1]],
            name=name,
            mode="lines",
            line={"shape": "hv", "color": drawn.colour, "dash": drawn.dash, "width": 2 if name == "profile" else 1.5},
            hovertemplate=f"{name}: %{{y:.0f}} of 1,000 from ẑ = %{{x:.3f}}<extra></extra>",
        )
    figure.add_scatter(
        x=x,
        y=[*phi[:inside], phi[inside - 1]],
        name="coverage Φ",
        mode="lines",
        yaxis="y2",
        fill="tozeroy",
        fillcolor="rgba(42,157,120,0.12)",
        line={"shape": "hv", "color": _PHI_COLOUR, "width": 1},
        hovertemplate="Φ = %{y:.2f} from ẑ = %{x:.3f}<extra></extra>",
    )
    figure.add_hline(
        y=enough,
        line={"color": OTHER_COLOUR, "dash": "dash", "width": 1.5},
        annotation={"text": f"O = {enough:g}", "font": {"color": OTHER_COLOUR}},
        annotation_position="top left",
    )
    if marked is not None:
        figure.add_vline(x=marked, line={"color": OTHER_COLOUR, "width": 2}, annotation={"text": "this sample"})
    figure.update_xaxes(title="State ẑ", range=[0, 1])
    figure.update_yaxes(title="Samples of 1,000 a bin", rangemode="tozero")
    figure.update_layout(
        yaxis2={
            "overlaying": "y",
            "side": "right",
            "range": [0, 1.05],
            "tickmode": "array",
            "tickvals": [0, 0.5, 1],
            "title": "Φ",
            "showgrid": False,
        },
        legend=LEGEND,
    )
    return tidy(figure, _HEIGHT)


def heat_map(phi: np.ndarray, order: np.ndarray, edges: np.ndarray, marked: int | None = None) -> go.Figure:
    """Coverage Φ of every neuron's bins.

    Parameters
    ----------
    phi : ndarray of shape (M, K)
    order : ndarray of int
        Neurons from left to right.
    edges : ndarray of shape (M,)
    marked : int, optional
        A neuron that is shown elsewhere.
    """
    if not len(order):
        return empty("No neurons.", _HEIGHT)
    bins = int((edges < 1).sum())
    low, high = edges[:bins], np.minimum(edges[1 : bins + 1], 1)
    said = [[f"{a:.3f} to {b:.3f}"] * len(order) for a, b in zip(low, high, strict=True)]
    figure = go.Figure(
        go.Heatmap(
            z=np.round(phi[:bins][:, order], 3),
            x=np.arange(len(order)),
            y=np.arange(bins),
            text=said,
            customdata=np.tile(order, (bins, 1)),
            colorscale=RAMP,
            zmin=0,
            zmax=1,
            colorbar={"title": "Φ", "thickness": 12, "len": 0.9},
            hovertemplate="neuron %{customdata}<br>ẑ %{text}<br>Φ = %{z:.2f}<extra></extra>",
        )
    )
    if marked is not None and len(at := np.flatnonzero(order == marked)):
        place = int(at[0])
        figure.add_vrect(x0=place - 0.5, x1=place + 0.5, line={"color": ROLE_COLOURS["ood"], "width": 2})
    places = np.unique(np.linspace(0, bins - 1, 7).astype(int))
    figure.update_yaxes(title="ẑ", tickvals=places, ticktext=[f"{low[place]:.2f}" for place in places])
    names = np.unique(np.linspace(0, len(order) - 1, min(len(order), 12)).astype(int))
    figure.update_xaxes(title="Neuron", tickvals=names, ticktext=[str(order[name]) for name in names], showgrid=False)
    return tidy(figure, _HEIGHT)


def sizes(table: pd.DataFrame, looks: Mapping[str, Look], chosen: int) -> go.Figure:
    """AUROC against the number of profile images, with intervals; the memorisation check in grey.

    Parameters
    ----------
    table : DataFrame
        ``samples``, ``set`` ("" for the check), ``auroc``, ``low``, ``high``.
    looks : dict of Look
    chosen : int
        The size in use.
    """
    if table.empty:
        return empty("No profile can be drawn.", _HEIGHT)
    figure = go.Figure()
    for name, rows in table.groupby("set", sort=False):
        drawn = looks[str(name)] if name else Look(OTHER_COLOUR, "dot")
        figure.add_scatter(
            x=[*rows["samples"], *rows["samples"][::-1]],
            y=[*rows["high"], *rows["low"][::-1]],
            mode="lines",
            fill="toself",
            fillcolor=drawn.colour,
            opacity=0.12,
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_scatter(
            x=rows["samples"],
            y=rows["auroc"],
            mode="lines+markers",
            name=str(name) or "memorisation check",
            line={"color": drawn.colour, "dash": drawn.dash},
            customdata=rows[["low", "high"]],
            hovertemplate="%{x:,} images: %{y:.3f} (%{customdata[0]:.3f} – %{customdata[1]:.3f})<extra></extra>",
        )
    figure.add_vline(x=chosen, line={"color": OTHER_COLOUR, "dash": "dot", "width": 1})
    ticks = sorted(set(table["samples"]))
    figure.update_xaxes(title="Images of the profile", type="log", tickvals=ticks, ticktext=[f"{n:,}" for n in ticks])
    figure.update_yaxes(title="AUROC")
    return tidy(figure, _HEIGHT).update_layout(legend=LEGEND)


def layers(table: pd.DataFrame, looks: Mapping[str, Look]) -> go.Figure:
    """AUROC of layers and their combinations, a row each, with intervals.

    Parameters
    ----------
    table : DataFrame
        ``layers``, ``set`` ("" for the memorisation check), ``auroc``, ``low``, ``high``.
    looks : dict of Look
    """
    if table.empty:
        return empty("No layers.", _HEIGHT)
    figure, names = go.Figure(), list(table["layers"].unique())
    for name, rows in table.groupby("set", sort=False):
        drawn = looks[str(name)] if name else Look(OTHER_COLOUR, symbol="line-ns-open")
        figure.add_scatter(
            x=rows["auroc"],
            y=rows["layers"].str.replace("+", " + "),
            mode="markers",
            name=str(name) or "memorisation check",
            marker={"color": drawn.colour, "symbol": drawn.symbol, "size": 9},
            error_x=bars(rows["auroc"], rows["low"], rows["high"]),
            customdata=rows[["low", "high"]],
            hovertemplate="%{y}: %{x:.3f} (%{customdata[0]:.3f} – %{customdata[1]:.3f})<extra></extra>",
        )
    figure.update_xaxes(title="AUROC")
    figure.update_yaxes(autorange="reversed", automargin=True)
    return tidy(figure, 120 + 26 * len(names)).update_layout(legend=LEGEND)


def lost(table: pd.DataFrame) -> go.Figure:
    """Which neurons make one sample less covered than in-distribution ones are, the most first.

    Parameters
    ----------
    table : DataFrame
        ``neuron``, ``state``, ``coverage``, ``usual``, ``lost``; of the layer.
    """
    rows = table.sort_values("lost", ascending=False).head(_BARS)
    figure = go.Figure()
    for column, name, colour in (
        ("usual", "usual, in-distribution", ROLE_COLOURS["ind"]),
        ("coverage", "this sample", ROLE_COLOURS["ood"]),
    ):
        figure.add_bar(
            x=[f"{n}" for n in rows["neuron"]],
            y=rows[column],
            name=name,
            marker={"color": colour},
            customdata=rows[["state", "lost"]],
            hovertemplate="neuron %{x}: Φ = %{y:.2f}, ẑ = %{customdata[0]:.3f}<br>takes %{customdata[1]:.4f} of the "
            "coverage<extra></extra>",
        )
    figure.update_xaxes(title="Neuron", type="category")
    figure.update_yaxes(title="Coverage Φ", range=[0, 1.02])
    return tidy(figure, _HEIGHT).update_layout(legend=LEGEND, barmode="group")


def criterion(table: pd.DataFrame, column: str, title: str, chosen: str, shifted: str) -> go.Figure:
    """What networks are chosen by against their accuracy under shift, one dot a network, the chosen one marked.

    Parameters
    ----------
    table : DataFrame
        ``run``, ``head``, ``seed``, ``epoch``, ``shifted``, the column, and for NAC-ME ``low`` and ``high``.
    column, title : str
    chosen : str
        The run that it chooses.
    shifted : str
        Of what ``shifted`` is the accuracy.
    """
    if table.empty:
        return empty("No network has all that is needed.", _HEIGHT)
    figure = go.Figure()
    intervals = {"low", "high"} <= set(table.columns) and column == "nac_me"
    for head, rows in table.groupby("head", sort=False):
        about = rows["run"] + rows["epoch"].map(lambda epoch: f", epoch {epoch}" if epoch else "")
        figure.add_scatter(
            x=rows[column],
            y=rows["shifted"],
            mode="markers",
            name=HEADS.get(str(head), str(head)),
            text=about,
            marker={"color": HEAD_COLOURS.get(str(head), OTHER_COLOUR), "size": 9, "opacity": 0.75},
            error_x=bars(rows[column], rows["low"], rows["high"]) | {"thickness": 0.8, "width": 0}
            if intervals
            else None,
            hovertemplate=f"%{{text}}<br>{title} %{{x:.4f}}<br>accuracy %{{y:.1%}}<extra></extra>",
        )
    marked = table[table["run"] == chosen].iloc[0]
    figure.add_scatter(
        x=[marked[column]],
        y=[marked["shifted"]],
        mode="markers",
        name=f"chosen: {chosen}",
        marker={"symbol": "circle-open", "size": 17, "color": ROLE_COLOURS["ood"], "line": {"width": 2.5}},
        hoverinfo="skip",
    )
    figure.update_xaxes(title=title, tickformat=".0%" if column == "validation" else None)
    figure.update_yaxes(title=f"Accuracy on {shifted}", tickformat=".0%")
    return tidy(figure, _HEIGHT).update_layout(legend=LEGEND)


def a_thousand(values: Mapping[str, np.ndarray], edges: Sequence[float] | np.ndarray) -> dict[str, np.ndarray]:
    """Of 1,000 samples of every set, how many have their state in each bin: what :func:`states` draws."""
    ends = np.append(np.asarray(edges), np.inf)
    return {name: 1000 * np.histogram(v, ends)[0] / max(1, len(v)) for name, v in values.items()}
