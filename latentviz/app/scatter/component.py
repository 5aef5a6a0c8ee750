"""The map as a Streamlit element: what it is shown, and what the user did on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import streamlit as st
from pydantic import ValidationError

from latentviz.app.scatter import served
from latentviz.app.scatter.payload import encode
from latentviz.errors import DataError
from latentviz.figures.colouring import Colour, ramp
from latentviz.projection.selection import Selection, fingerprint

#: Height of the map itself in pixels.
HEIGHT = 560


@dataclass(frozen=True)
class Panel:
    """One of at most two maps of the same samples.

    Attributes
    ----------
    coordinates : ndarray of shape (N, 2) or (N, 3), float32
        A sample with NaN is not drawn.
    colour : Colour
        Of the N samples.
    alt : str
        What it shows, for who cannot see it.
    title : str
    hidden : tuple of str
        Categories that the user has hidden.
    sample : str or None
        Where the browser asks about samples; see :func:`served.samples`.
    towards : ndarray of shape (N, d), float32, or None
        Another layout: the user moves a slider between the two.
    ends : (str, str)
        Names of the two.
    """

    coordinates: np.ndarray
    colour: Colour
    alt: str
    title: str = ""
    hidden: tuple[str, ...] = ()
    sample: str | None = None
    towards: np.ndarray | None = None
    ends: tuple[str, str] = ("", "")

    @cached_property
    def layout(self) -> str:
        """The name that shapes drawn on it carry."""
        ends = (self.coordinates,) if self.towards is None else (self.coordinates, self.towards)
        return "-".join(map(fingerprint, ends))


@dataclass(frozen=True)
class Path:
    """A line from sample to sample.

    Attributes
    ----------
    rows : tuple of int
        In their order; those that are not shown are left out.
    colour : str
        As ``"#rrggbb"``.
    thin : bool
        Of many: a thin line without a point at its end.
    """

    rows: tuple[int, ...]
    colour: str
    thin: bool = False


#: Which browser element says something, and how often it has: the map keeps what is newer.
Turn = tuple[str, int]


@dataclass(frozen=True)
class Said:
    """What the user did last on a map.

    Attributes
    ----------
    selected : (Turn, str, Selection) or None
        With the name of the samples, as given to :func:`scatter`; None: nothing was selected or deselected yet.
    hidden : (Turn, str, dict of list of str) or None
        Hidden categories by the title of the colour.
    webgl : bool
        Whether the browser can draw it.
    """

    selected: tuple[Turn, str, Selection] | None
    hidden: tuple[Turn, str, dict[str, list[str]]] | None
    webgl: bool


def said(key: str) -> Said:
    """What the user did on the map of a key; can be asked before the map is drawn.

    Raises
    ------
    DataError
        If the browser sent what is no selection.
    """
    state = st.session_state.get(key) or {}
    selected = hidden = None
    try:
        if found := state.get("selection"):
            selected = (*_turn(found), Selection(shapes=found["shapes"]))
        if found := state.get("hidden"):
            names = {str(title): [str(name) for name in names] for title, names in found["names"].items()}
            hidden = (*_turn(found), names)
    except (ValidationError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError("The browser sent what cannot be read; reload the page.") from error
    return Said(selected, hidden, state.get("webgl") is not False)


def _turn(found: Mapping[str, Any]) -> tuple[Turn, str]:
    return (str(found["by"]), int(found["serial"])), str(found["samples"])


def scatter(
    panels: Sequence[Panel],
    *,
    key: str,
    samples: str,
    groups: np.ndarray,
    shown: np.ndarray | None = None,
    selection: Selection | None = None,
    selected: np.ndarray | None = None,
    turn: Turn = ("", 0),
    marked: Sequence[int] = (),
    paths: Sequence[Path] = (),
    name: str = "map",
    height: int = HEIGHT,
) -> None:
    """Draw one or two maps; :func:`said` tells what the user does on them.

    Parameters
    ----------
    panels : sequence of Panel
    key : str
        Of the element.
    samples : str
        Which samples these are; points of the same samples move to their new places.
    groups : ndarray of shape (N,), int
        None of them is drawn over another.
    shown : ndarray of shape (N,), bool, optional
    selection : Selection, optional
    selected : ndarray of shape (N,), bool, optional
        What it selects, if a shape was drawn on a map that is not shown now.
    turn : Turn
        Of the selection, as :class:`Said` has it.
    marked : sequence of int
        Samples with a ring.
    paths : sequence of Path
        Lines from sample to sample.
    name : str
        Of files that are saved.
    height : int
        In pixels.

    Raises
    ------
    DataError
        If arrays do not fit together.
    """
    arrays: dict[str, np.ndarray] = {}
    state = described(panels, groups, lambda values: served.reference(values, arrays), shown) | {
        "samples": samples,
        "height": height,
        "name": name,
        "marked": [int(row) for row in marked],
        "paths": [
            {"rows": [int(row) for row in path.rows], "colour": path.colour, "thin": path.thin} for path in paths
        ],
        "selection": _selection(selection or Selection(), selected, turn, arrays),
    }
    _component()(
        data=encode({"state": as_bytes(state), **arrays}),
        key=key,
        width="stretch",
        height="content",
        on_selection_change=_nothing,
        on_hidden_change=_nothing,
        on_webgl_change=_nothing,
    )


#: How the browser finds an array; see :func:`served.reference`.
Refer = Callable[[np.ndarray], dict[str, Any]]


def described(
    panels: Sequence[Panel], groups: np.ndarray, refer: Refer, shown: np.ndarray | None = None
) -> dict[str, Any]:
    """The part of the browser's state that says what is drawn.

    Raises
    ------
    DataError
        If arrays do not fit together.
    """
    _check(panels, groups, shown)
    return {
        "count": len(groups),
        "groups": refer(groups.astype(np.uint16, copy=False)),
        "shown": None if shown is None else refer(_bits(shown)),
        "panels": [_panel(panel, refer) for panel in panels],
    }


def as_bytes(state: dict[str, Any]) -> np.ndarray:
    """A state as a section of a payload."""
    return np.frombuffer(json.dumps(state, allow_nan=False).encode(), dtype=np.uint8)


def _selection(
    selection: Selection, selected: np.ndarray | None, turn: Turn, arrays: dict[str, np.ndarray]
) -> dict[str, Any]:
    return {
        "shapes": selection.model_dump(mode="json", exclude_none=True)["shapes"],
        "rows": None if selected is None else served.reference(_bits(selected), arrays),
        "by": turn[0],
        "serial": turn[1],
    }


def _panel(panel: Panel, refer: Refer) -> dict[str, Any]:
    first, second = panel.coordinates, panel.towards
    said: dict[str, Any] = {
        "layout": panel.layout,
        "title": panel.title,
        "alt": panel.alt,
        "sample": panel.sample,
        "xy": refer(_floats(first if second is None else second)),
        "from": None,
        "colour": _colour(panel, refer),
    }
    if second is not None:
        said |= {"from": refer(_floats(first)), "share": 0.0, "ends": list(panel.ends)}
    return said


def _colour(panel: Panel, refer: Refer) -> dict[str, Any]:
    colour = panel.colour
    if colour.categories:
        return {
            "kind": "category",
            "title": colour.title,
            "values": refer(colour.values.astype(np.uint16, copy=False)),
            "names": list(colour.categories),
            "colours": list(colour.colours),
            "listed": [
                {"name": e.name, "colour": e.colour, "names": e.categories, "count": e.points} for e in colour.legend()
            ],
            "hidden": [name for name in panel.hidden if name in colour.categories],
        }
    finite = colour.values[np.isfinite(colour.values)]
    return {
        "kind": "number",
        "title": colour.title,
        "values": refer(_floats(colour.values)),
        "range": list(colour.limits),
        "full": [float(finite.min()), float(finite.max())] if len(finite) else list(colour.limits),
        "missing": len(colour.values) - len(finite),
        "ramp": ramp(),
    }


def _floats(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.float32)


def _bits(flags: np.ndarray) -> np.ndarray:
    return np.packbits(flags, bitorder="little")


def _check(panels: Sequence[Panel], groups: np.ndarray, shown: np.ndarray | None) -> None:
    count = len(groups)
    if not 1 <= len(panels) <= 2:
        raise DataError(f"{len(panels)} maps side by side; one or two can be drawn.")
    for panel in panels:
        sizes: Mapping[str, np.ndarray | None] = {
            "positions": panel.coordinates,
            "positions on the second layout": panel.towards,
            f'values of "{panel.colour.title}"': panel.colour.values,
            "marks of what is shown": shown,
        }
        for what, values in sizes.items():
            if values is not None and len(values) != count:
                raise DataError(f"The map has {len(values):,} {what}, but {count:,} samples.")
        if panel.coordinates.ndim != 2 or panel.coordinates.shape[1] not in (2, 3):
            raise DataError(f"A map has 2 or 3 coordinates a sample; these are of shape {panel.coordinates.shape}.")


def _nothing() -> None:
    """Streamlit keeps what the browser sets only for what has a callback."""


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    # Not at import: Streamlit looks for packaged components when its server starts.
    return st.components.v2.component(
        "latentviz.map", html='<div class="latentviz-map"></div>', js="map.js", css="map.css"
    )
