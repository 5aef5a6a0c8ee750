"""Figures of the checkpoints of trainings: learning curves, a map an epoch, detection over epochs and collapse."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from latentviz.figures.style import LEGEND, OTHER_COLOUR, Look, empty, look, tidy

#: What heads are called and coloured, everywhere.
HEADS = {"linear": "plain", "l2": "L2-normalised", "": "unknown head"}
HEAD_COLOURS = {"linear": look(1).colour, "l2": look(0).colour, "": OTHER_COLOUR}

_HEIGHT = 380
#: Trainings of one head are told apart by lines.
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def log_ticks(low: float, high: float) -> list[float]:
    """Numbers for a logarithmic axis: a few, whether it spans a factor of two or of a million.

    Examples
    --------
    >>> log_ticks(0.012, 0.4), log_ticks(0.3, 0.7), log_ticks(1e-4, 12)
    ([0.01, 0.03, 0.1, 0.3, 1.0], [0.2, 0.5, 1.0], [0.0001, 0.001, 0.01, 0.1, 1.0, 10.0, 100.0])
    """
    high = max(high, low)
    factors = (1,) if high / low > 300 else (1, 3) if high / low > 12 else (1, 2, 5)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = [float(f"{factor}e{power}") for power in powers for factor in factors]
    begin = max((tick for tick in every if tick <= low), default=every[0])
    end = min((tick for tick in every if tick >= high), default=every[-1])
    return [tick for tick in every if begin <= tick <= end]


def learning(histories: Mapping[str, pd.DataFrame]) -> go.Figure:
    """Loss and accuracy of every training, epoch by epoch.

    Parameters
    ----------
    histories : dict of DataFrame
        By the training's name: ``head``, ``seed``, ``epoch``, ``loss``, ``accuracy``, ``test_accuracy``.
    """
    from plotly.subplots import make_subplots

    if not histories:
        return empty("No epoch is finished yet.", _HEIGHT)
    figure = make_subplots(1, 2, subplot_titles=["Training loss", "Accuracy (faint: training)"])
    for name, table in histories.items():
        head, seed = str(table["head"].iloc[0]), int(table["seed"].iloc[0])
        line = {"color": HEAD_COLOURS[head], "dash": _DASHES[seed % len(_DASHES)], "width": 1.6}
        shared = {"x": table["epoch"], "mode": "lines", "legendgroup": name}
        figure.add_scatter(
            **shared,
            y=table["loss"],
            name=name,
            line=line,
            hovertemplate=f"{name}<br>%{{y:.4f}}<extra></extra>",
            row=1,
            col=1,
        )
        for column, opacity, what in (("test_accuracy", 1.0, "held out"), ("accuracy", 0.35, "training")):
            figure.add_scatter(
                **shared,
                y=table[column],
                opacity=opacity,
                line=line,
                showlegend=False,
                hovertemplate=f"{name}, {what}<br>epoch %{{x}}: %{{y:.2%}}<extra></extra>",
                row=1,
                col=2,
            )
    figure.update_xaxes(title="Epoch")
    losses = pd.concat([table["loss"] for table in histories.values()])
    ticks = log_ticks(float(losses.clip(lower=1e-9).min()), float(losses.max()))
    figure.update_yaxes(type="log", tickvals=ticks, tickformat=".3~g", row=1, col=1)
    figure.update_yaxes(tickformat=".0%", row=1, col=2)
    figure.update_annotations(font={"size": 13})
    return tidy(figure, 360).update_layout(legend=LEGEND | {"y": -0.25, "yanchor": "top"}, margin={"t": 30})


def cloud(
    points: pd.DataFrame, looks: Mapping[str, Look], span: tuple[tuple[float, float], tuple[float, float]]
) -> go.Figure:
    """A map of one epoch, on axes that stay when the epoch changes.

    Parameters
    ----------
    points : DataFrame
        ``x``, ``y``, ``group``.
    looks : dict of Look
        Of every group, in the order in which they are drawn.
    span : ((float, float), (float, float))
        Ends of the axes.
    """
    figure = go.Figure()
    for name, drawn in looks.items():
        rows = points[points["group"] == name]
        figure.add_scattergl(
            x=rows["x"],
            y=rows["y"],
            mode="markers",
            name=name,
            marker={"size": 4, "opacity": 0.7, "color": drawn.colour, "symbol": drawn.symbol},
            hovertemplate=f"{name}<extra></extra>",
        )
    for update, ends in ((figure.update_xaxes, span[0]), (figure.update_yaxes, span[1])):
        update(range=list(ends), showticklabels=False, showgrid=False, zeroline=False)
    return tidy(figure, _HEIGHT).update_layout(legend=LEGEND, showlegend=True)


def detection_over(table: pd.DataFrame, looks: Mapping[str, Look], marked: int | None = None) -> go.Figure:
    """AUROC of one training's checkpoints, a line a set with its interval.

    Parameters
    ----------
    table : DataFrame
        ``epoch``, ``set``, ``auroc``, ``low``, ``high``.
    looks : dict of Look
        Of every set.
    marked : int, optional
        The epoch that is shown elsewhere.
    """
    if table.empty:
        return empty("No set to tell apart, or the scorer cannot be used.", _HEIGHT)
    figure = go.Figure()
    for name, rows in table.groupby("set", sort=False):
        drawn = looks[str(name)]
        x = places(rows["epoch"])
        figure.add_scatter(
            x=[*x, *x[::-1]],
            y=[*rows["high"], *rows["low"][::-1]],
            fill="toself",
            fillcolor=drawn.colour,
            opacity=0.15,
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_scatter(
            x=x,
            y=rows["auroc"],
            mode="lines+markers",
            name=str(name),
            line={"color": drawn.colour, "dash": drawn.dash},
            customdata=rows[["low", "high", "epoch"]],
            hovertemplate=f"{name}, epoch %{{customdata[2]:.0f}}: %{{y:.3f}} (%{{customdata[0]:.3f}} – "
            "%{customdata[1]:.3f})<extra></extra>",
        )
    figure.add_hline(y=0.5, line={"color": OTHER_COLOUR, "width": 1, "dash": "dot"})
    if marked is not None:
        figure.add_vline(x=places([marked])[0], line={"color": OTHER_COLOUR, "width": 2})
    _epochs(figure, table["epoch"].unique())
    figure.update_yaxes(title="AUROC", range=[min(0.45, float(table["low"].min()) - 0.03), 1.03])
    return tidy(figure, _HEIGHT).update_layout(legend=LEGEND, showlegend=True)


def _epochs(figure: go.Figure, epochs: np.ndarray) -> None:
    """A logarithmic axis on which every checkpoint has its number, where there is room."""
    ticks = sorted(epochs)
    figure.update_xaxes(title="Epoch", type="log", tickvals=places(ticks), ticktext=[str(tick) for tick in ticks])


def places(epochs: Sequence[int] | pd.Series) -> np.ndarray:
    """Where epochs stand on a logarithmic axis: an untrained network, epoch 0, left of the first."""
    found: np.ndarray = np.maximum(np.asarray(epochs, dtype=float), 0.5)
    return found


def against(table: pd.DataFrame, title: str) -> go.Figure:
    """AUROC against a metric of neural collapse, one dot a checkpoint, coloured by epoch.

    Parameters
    ----------
    table : DataFrame
        ``collapse``, ``auroc``, ``head``, ``seed``, ``epoch``, ``run``.
    title : str
        Of the metric.
    """
    drawn = table[np.isfinite(table["collapse"])]
    if drawn.empty:
        return empty("No checkpoint has both numbers.", _HEIGHT)
    figure = go.Figure()
    ends = np.log(drawn["epoch"].clip(lower=1)).agg(["min", "max"])
    for number, (head, rows) in enumerate(drawn.groupby("head", sort=False)):
        figure.add_scatter(
            x=rows["collapse"],
            y=rows["auroc"],
            mode="markers",
            name=HEADS[str(head)],
            marker={
                "size": 9,
                "symbol": {"linear": "diamond", "l2": "circle"}.get(str(head), "square"),
                "color": np.log(rows["epoch"].clip(lower=1)),
                "cmin": ends["min"],
                "cmax": ends["max"],
                "colorscale": "Viridis",
                "showscale": number == 0,
                "colorbar": _epoch_bar(sorted(drawn["epoch"].unique())),
            },
            text=[f"{r.run}<br>epoch {r.epoch}" for r in rows.itertuples()],
            hovertemplate=f"%{{text}}<br>{title} %{{x:.3g}}, AUROC %{{y:.3f}}<extra></extra>",
        )
    positive = drawn.loc[drawn["collapse"] > 0, "collapse"]
    ticks = log_ticks(float(positive.min()), float(positive.max())) if len(positive) else None
    figure.update_xaxes(title=title, type="log", tickvals=ticks, tickformat=".3~g")
    figure.update_yaxes(title="AUROC")
    return tidy(figure, 420).update_layout(legend=LEGEND, showlegend=True)


def _epoch_bar(epochs: Sequence[int]) -> dict:
    few = [epochs[i] for i in np.unique(np.linspace(0, len(epochs) - 1, 5).round().astype(int))]
    return {"title": "Epoch", "tickvals": np.log(np.maximum(few, 1)).tolist(), "ticktext": [str(e) for e in few]}


def heads(values: pd.DataFrame, titles: Mapping[str, str]) -> go.Figure:
    """Every network with and without an L2 head: a dot a seed, lines between those of one seed, a bar at the mean.

    Parameters
    ----------
    values : DataFrame
        ``head``, ``seed``, ``row`` (what is compared), ``value``.
    titles : dict of str
        The rows that are drawn, from above, and what they are called.
    """
    drawn = values[values["row"].isin(list(titles))]
    if drawn.empty:
        return empty("Nothing to compare.", _HEIGHT)
    figure, names = go.Figure(), list(titles)
    offsets = {"linear": 0.16, "l2": -0.16, "": 0.0}
    for _, pair in drawn.groupby(["row", "seed"], sort=False):
        if len(pair) > 1:
            figure.add_scatter(
                x=pair["value"],
                y=[names.index(r) + offsets[h] for r, h in zip(pair["row"], pair["head"], strict=True)],
                mode="lines",
                line={"color": OTHER_COLOUR, "width": 1},
                opacity=0.5,
                hoverinfo="skip",
                showlegend=False,
            )
    for head, rows in drawn.groupby("head", sort=False):
        places = [names.index(r) + offsets[str(head)] for r in rows["row"]]
        figure.add_scatter(
            x=rows["value"],
            y=places,
            mode="markers",
            name=HEADS[str(head)],
            marker={"size": 8, "color": HEAD_COLOURS[str(head)], "opacity": 0.75},
            text=[f"{titles[str(r.row)]}<br>{HEADS[str(head)]}, seed {r.seed}" for r in rows.itertuples()],
            hovertemplate="%{text}: %{x:.3f}<extra></extra>",
        )
        means = rows.groupby("row")["value"].mean()
        figure.add_scatter(
            x=means,
            y=[names.index(str(r)) + offsets[str(head)] for r in means.index],
            mode="markers",
            marker={"symbol": "line-ns", "size": 18, "line": {"width": 3, "color": HEAD_COLOURS[str(head)]}},
            hovertemplate="mean %{x:.3f}<extra></extra>",
            showlegend=False,
        )
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=list(titles.values()),
        range=[len(names) - 0.5, -0.5],
        automargin=True,
    )
    figure.update_xaxes(title="Accuracy or AUROC")
    return tidy(figure, 90 + 52 * len(names)).update_layout(legend=LEGEND, showlegend=True)
