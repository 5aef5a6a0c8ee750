"""The one look of all figures: colours of roles and categories, margins, empty states."""

from __future__ import annotations

from collections.abc import Iterable

import plotly.graph_objects as go

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

#: From the page's own ground, so that zero is quiet in light and dark.
GROUND_TO_BLUE = ((0.0, "rgba(59,125,216,0.04)"), (1.0, "rgba(59,125,216,1)"))

#: Perceptually uniform, readable for colour-blind readers.
RAMP = "Viridis"


def colours_of_sets(names: Iterable[str]) -> dict[str, str]:
    """A colour for every image set, the same in all figures of a run."""
    return {name: CATEGORY_COLOURS[number % len(CATEGORY_COLOURS)] for number, name in enumerate(names)}


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
