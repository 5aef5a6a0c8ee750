"""Figures of the Overview page."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from latentviz.figures.style import (
    CATEGORY_COLOURS,
    GROUND_TO_BLUE,
    OTHER_COLOUR,
    ROLE_COLOURS,
    empty,
    tidy,
    write_cells,
)

#: More classes than this do not fit into a readable matrix.
MATRIX_LIMIT = 30
#: Numbers are written into the cells up to this many columns.
TEXT_LIMIT = 12


def accuracy(sets: pd.DataFrame) -> go.Figure:
    """Accuracy of every labelled set as a dot with its 95 % interval.

    ``sets`` has columns ``set``, ``role``, ``accuracy``, ``low``, ``high``, ``labelled``.
    """
    known = sets.dropna(subset=["accuracy"]).iloc[::-1]
    if known.empty:
        return empty("No set has labels of the model's classes,<br>so there is no accuracy.")
    figure = go.Figure()
    for role, rows in known.groupby("role", sort=False):
        figure.add_scatter(
            x=rows["accuracy"],
            y=rows["set"],
            mode="markers",
            name=str(role),
            marker={"color": ROLE_COLOURS[str(role)], "size": 11},
            error_x={
                "array": rows["high"] - rows["accuracy"],
                "arrayminus": rows["accuracy"] - rows["low"],
                "thickness": 2,
                "width": 5,
            },
            customdata=np.stack([rows["low"], rows["high"], rows["labelled"]], axis=1),
            hovertemplate="%{y}<br>%{x:.1%} (%{customdata[0]:.1%} – %{customdata[1]:.1%})"
            "<br>n = %{customdata[2]:,}<extra></extra>",
        )
    figure.update_xaxes(title="Accuracy, with 95 % interval", tickformat=".0%", range=[-0.02, 1.04])
    figure.update_yaxes(categoryorder="array", categoryarray=known["set"].tolist())
    figure.update_layout(showlegend=False)
    return tidy(figure, 90 + 34 * len(known))


def class_balance(balance: pd.DataFrame) -> go.Figure:
    """Share of every class in every set as one stacked bar a set.

    ``balance`` has columns ``set``, ``class_name``, ``samples``, ``share``. Beyond 20 classes, the most frequent
    ones are drawn, and the others together.
    """
    if balance.empty:
        return empty("No set has classes.")
    figure = go.Figure()
    sets = balance["set"].unique()[::-1].tolist()
    balance, colours = _folded(balance)
    for name, fill in colours.items():
        rows = balance[balance["class_name"] == name]
        figure.add_bar(
            x=rows["share"],
            y=rows["set"],
            orientation="h",
            name=name or "no class",
            marker={"color": fill, "line": {"width": 0}},
            customdata=rows["samples"],
            hovertemplate=f"%{{y}}<br>{name or 'no class'}: %{{customdata:,}} samples (%{{x:.1%}})<extra></extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.3, legend_traceorder="normal", showlegend=True)
    figure.update_xaxes(title="Share of the set", tickformat=".0%", range=[0, 1])
    figure.update_yaxes(categoryorder="array", categoryarray=sets)
    return tidy(figure, 110 + 34 * len(sets))


def _folded(balance: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """The table with rare classes as one, and a colour for every class that is left."""
    names = balance["class_name"].unique()
    if len(names) <= len(CATEGORY_COLOURS):
        return balance, dict(zip(names, CATEGORY_COLOURS, strict=False))
    frequent = set(balance.groupby("class_name")["samples"].sum().nlargest(len(CATEGORY_COLOURS)).index)
    kept = balance["class_name"].isin(frequent)
    rest = f"{len(names) - len(frequent)} others"
    others = balance[~kept].groupby("set", sort=False, as_index=False)[["samples", "share"]].sum()
    colours = dict(zip([name for name in names if name in frequent], CATEGORY_COLOURS, strict=True))
    return pd.concat([balance[kept], others.assign(class_name=rest)]), {**colours, rest: OTHER_COLOUR}


def confusion(matrix: pd.DataFrame, shares: bool, dark: bool = False) -> go.Figure:
    """What the classifier calls each class: rows true, columns predicted.

    Parameters
    ----------
    matrix : DataFrame of int
        Rows are the set's classes, columns the model's.
    shares : bool
        Colour and text are shares of a row instead of counts.
    dark : bool
        Whether the page is dark.

    Notes
    -----
    Of more than 30 classes only those with most mistakes are drawn, and the predictions that are most frequent
    among them; shares are still those of whole rows.
    """
    if matrix.to_numpy().sum() == 0:
        return empty("This set has no samples.")
    rows, columns = _most_mistaken(matrix)
    totals, (classes, predictions) = matrix.sum(axis=1).to_numpy()[rows, None], matrix.shape
    matrix = matrix.iloc[rows, columns]
    counts = matrix.to_numpy()
    fraction = counts / np.maximum(totals, 1)
    figure = go.Figure(
        go.Heatmap(
            z=fraction if shares else counts,
            x=[str(c) for c in matrix.columns],
            y=[str(c) for c in matrix.index],
            colorscale=GROUND_TO_BLUE,
            zmin=0,
            zmax=1 if shares else None,
            colorbar={"title": "Share" if shares else "Samples", "tickformat": ".0%" if shares else ",d"},
            customdata=np.stack([counts, fraction], axis=2),
            hovertemplate="%{y} called %{x}<br>%{customdata[0]:,} samples"
            "<br>%{customdata[1]:.1%} of the row<extra></extra>",
            xgap=1,
            ygap=1,
        )
    )
    if matrix.shape[1] <= TEXT_LIMIT:
        texts = np.vectorize(lambda count, share: f"{share:.0%}" if shares else f"{count:,}")(counts, fraction)
        strength = fraction if shares else counts / counts.max()
        write_cells(figure, matrix.columns, matrix.index, np.where(counts == 0, "", texts), strength, dark)
    across = _cut("Predicted class", len(columns), predictions, "most frequent")
    down = _cut("Class of the sample", len(rows), classes, "most mistakes")
    figure.update_xaxes(title=across, type="category", side="bottom", showgrid=False)
    figure.update_yaxes(title=down, type="category", autorange="reversed", showgrid=False)
    return tidy(figure, 150 + max(26 * len(matrix), 130))


def _cut(title: str, shown: int, total: int, which: str) -> str:
    return title if shown == total else f"{title} ({shown} of {total}, {which})"


def _most_mistaken(matrix: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the rows and columns that are drawn."""
    counts = matrix.to_numpy()
    right = np.array([row.get(name, 0) for name, row in matrix.iterrows()])
    rows = _largest(counts.sum(axis=1) - right)
    return rows, _largest(counts[rows].sum(axis=0))


def _largest(values: np.ndarray) -> np.ndarray:
    """Positions of the largest values, as many as a matrix holds, in order."""
    return np.sort(np.argsort(-values, kind="stable")[:MATRIX_LIMIT])
