"""The one look of all figures: colours of roles and categories, lines, margins, empty states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from latentviz.workspace import ImageSet

#: Colours that stay apart on light and dark ground and for colour-blind readers.
ROLE_COLOURS = {"fit": "#8a94a6", "ind": "#3b7dd8", "shifted": "#e08a00", "ood": "#c9425f"}

#: For categories without a meaning of their own, most distinct first.
CATEGORY_COLOURS = (
    "#3b7dd8",
    "#e08a00",
    "#2a9d78",
    "#c9425f",
    "#8a63c9",
    "#c8b431",
    "#4ab6cf",
    "#9a5b34",
    "#e48bb5",
    "#6b7f2a",
    "#7fa6e8",
    "#f2be74",
    "#7fccb2",
    "#e59aa9",
    "#bfa6e6",
    "#857613",
    "#1f7f95",
    "#cf9d7b",
    "#a04a78",
    "#a9bb6a",
)
OTHER_COLOUR = "#7a8699"
CORRECT_COLOURS = {"correct": "#2a9d78", "wrong": "#c9425f", "no label": OTHER_COLOUR}

#: So that sets can be told apart without colours, at least those of different roles.
_ROLE_DASHES = {"fit": "dot", "ind": "solid", "shifted": "dashdot", "ood": "dash"}
_ROLE_SYMBOLS = {"fit": "square", "ind": "circle", "shifted": "diamond", "ood": "x"}
#: Lines of categories, where there are more of them than colours.
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")

#: A legend that takes no width from the plot, which would be too narrow on a small screen.
LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}

#: From the page's own ground, so that zero is quiet in light and dark.
GROUND_TO_BLUE = ((0.0, "rgba(59,125,216,0.04)"), (1.0, "rgba(59,125,216,1)"))

#: Text on light and on dark or strong colours.
_INK, _WHITE = "#1c2430", "#ffffff"

#: Perceptually uniform, readable for colour-blind readers.
RAMP = "Viridis"


@dataclass(frozen=True)
class Look:
    """How a line or its points are drawn.

    Attributes
    ----------
    colour, dash, symbol : str
        As plotly calls them.
    samples : int
        How many it stands for; 0 if that is not said.
    """

    colour: str
    dash: str = "solid"
    symbol: str = "circle"
    samples: int = 0

    def named(self, name: str) -> str:
        """A name for the legend, with the number of samples."""
        return f"{name} (n = {self.samples:,})" if self.samples else name


def look(number: int, samples: int = 0) -> Look:
    """Look of the category of a number: the colours in their order, then again with other lines."""
    again, position = divmod(number, len(CATEGORY_COLOURS))
    return Look(CATEGORY_COLOURS[position], _DASHES[again % len(_DASHES)], samples=samples)


def looks_of_sets(sets: Mapping[str, ImageSet]) -> dict[str, Look]:
    """Look of every image set of a run: the same in all figures, whichever of them are drawn.

    Corrupted versions come last, so that the other sets keep their looks when these are made.
    """
    ordered = sorted(sets.items(), key=lambda item: item[1].entry.corruption is not None)
    return {
        name: Look(look(number).colour, _ROLE_DASHES[s.role], _ROLE_SYMBOLS[s.role], len(s))
        for number, (name, s) in enumerate(ordered)
    }


def bars(values: pd.Series, low: pd.Series, high: pd.Series) -> dict[str, Any]:
    """Error bars from one end of an interval to the other, as plotly has them."""
    apart = {"array": high - values, "arrayminus": values - low}
    return {"type": "data", "symmetric": False, **apart, "thickness": 1, "width": 3}


def tidy(figure: go.Figure, height: int) -> go.Figure:
    """Common margins, fonts and hover of every figure."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        hoverlabel={"align": "left"},
        legend={"title": None, "itemsizing": "constant"},
        modebar={"orientation": "h"},
    )
    return figure


def empty(reason: str, height: int = 240) -> go.Figure:
    """A figure that says why there is nothing to see."""
    figure = go.Figure()
    figure.add_annotation(text=reason, showarrow=False, font={"size": 14}, xref="paper", yref="paper", x=0.5, y=0.5)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return tidy(figure, height)


def write_cells(
    figure: go.Figure,
    across: Iterable[object],
    down: Iterable[object],
    texts: np.ndarray,
    strength: np.ndarray,
    dark: bool,
) -> None:
    """Write into the cells of a heat map, readable on all of them.

    plotly's own choice takes every cell for opaque, and is black on what is nearly a dark page's ground.

    Parameters
    ----------
    figure : Figure
    across, down : iterable
        Names of the C columns and R rows.
    texts : ndarray of shape (R, C), str
        "" where nothing is written.
    strength : ndarray of shape (R, C)
        From 0, the page's ground, to 1, the cells' full colour.
    dark : bool
        Whether the page is dark.
    """
    columns, rows = [str(name) for name in across], [str(name) for name in down]
    cells = [(r, c) for r, c in np.ndindex(texts.shape) if texts[r, c]]
    figure.add_scatter(
        x=[columns[c] for _, c in cells],
        y=[rows[r] for r, _ in cells],
        mode="text",
        text=[texts[cell] for cell in cells],
        textfont={"color": [_WHITE if dark or strength[cell] > 0.85 else _INK for cell in cells], "size": 12},
        hoverinfo="skip",
        showlegend=False,
    )
