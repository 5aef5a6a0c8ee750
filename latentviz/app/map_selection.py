"""What is selected on the map: kept with the session and in the address, resolved on the map it was drawn on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from latentviz import projection
from latentviz.app.scatter import component
from latentviz.errors import DataError
from latentviz.projection.selection import Between, Selection, Shape
from latentviz.workspace import Run
from latentviz.workspace.manifest import fingerprint

#: Key of the map's element, and of its part of the address.
ELEMENT, ADDRESS = "map", "selection"

#: Characters of an address that a selection may take; a longer one is in the session only.
_LONGEST = 3000
#: Maps that shapes may have been drawn on: those that were shown last.
_MAPS = 8


@dataclass
class State:
    """What is selected and hidden among the same samples.

    Attributes
    ----------
    samples : str
        See :func:`samples_of`.
    selection : Selection
    turn : Turn
        Of the browser, when it selected that.
    maps : dict of ndarray or Between
        The maps that were shown last, by the name that shapes carry.
    hidden : dict of list of str
        Hidden categories by the title of the colour.
    """

    samples: str
    selection: Selection = field(default_factory=Selection)
    turn: component.Turn = ("", 0)
    maps: dict[str, np.ndarray | Between] = field(default_factory=dict)
    hidden: dict[str, list[str]] = field(default_factory=dict)

    def shows(self, panel: component.Panel) -> None:
        """Remember a map, so that what is drawn on it can be resolved when another is shown."""
        second = panel.towards
        self.maps.pop(panel.layout, None)
        self.maps[panel.layout] = panel.coordinates if second is None else Between(panel.coordinates, second)
        needed = {shape.on for shape in self.selection.shapes} | {panel.layout}
        spare = [name for name in self.maps if name not in needed]
        for name in spare[: max(0, len(self.maps) - _MAPS)]:
            del self.maps[name]

    def resolve(self, run: Run, sets: tuple[str, ...], count: int) -> np.ndarray:
        """Which samples are selected (N,), bool; says so if a shape cannot be resolved, and forgets it."""
        for name in {shape.on for shape in self.selection.shapes if shape.polygon is not None} - set(self.maps):
            if (found := projection.named(run, sets, name)) is not None:  # drawn in another session
                self.maps[name] = found
        try:
            return self.selection.resolve(self.maps, count)
        except DataError as error:
            st.caption(f":material/info: {error}")
            self.choose(Selection())
            return np.zeros(count, dtype=bool)

    def choose(self, selection: Selection) -> None:
        """Select something else."""
        self.selection = selection
        self.write()

    def write(self) -> None:
        """Make the page's address say what is selected."""
        text = f"{self.samples}.{self.selection.to_text()}" if self.selection.shapes else ""
        if text and len(text) <= _LONGEST:
            if st.query_params.get(ADDRESS) != text:
                st.query_params[ADDRESS] = text
        else:
            st.query_params.pop(ADDRESS, None)


def samples_of(run: Run, sets: tuple[str, ...]) -> str:
    """Short name of some samples of a run, which says where they are, and in which order."""
    return fingerprint([run[name].fingerprint for name in sets], run.name, list(sets))[:16]


def state(run: Run, sets: tuple[str, ...]) -> State:
    """Of a run's content: positions among other samples would be other samples, or none."""
    key, samples = _key(run, sets), samples_of(run, sets)
    current: State | None = st.session_state.get(key)
    if current is None or current.samples != samples:
        current = st.session_state[key] = State(samples)
        # Of an address that somebody was sent.
        of, _, text = st.query_params.get(ADDRESS, "").partition(".")
        if text and of == samples:
            try:
                current.selection = Selection.from_text(text)
            except DataError as error:
                st.caption(f":material/info: {error}")
    current.write()
    return current


def choose(run: Run, sets: tuple[str, ...], position: int) -> None:
    """Select one sample among these, on whichever map of them is shown next."""
    st.session_state[_key(run, sets)] = State(samples_of(run, sets), Selection(shapes=(Shape(rows=(position,)),)))


def _key(run: Run, sets: tuple[str, ...]) -> str:
    return f"selected-{run.folder}-{','.join(sets)}"


def listen(current: State) -> component.Said:
    """Take over what the user did on the map since the last run of the page, if it was done to these samples."""
    said = component.said(ELEMENT)
    heard = st.session_state.setdefault("map-heard", {})
    if said.selected is not None:
        turn, of, selection = said.selected
        if heard.get("selected") != turn and of == current.samples:
            current.turn = turn
            current.choose(selection)
        heard["selected"] = turn
    if said.hidden is not None:
        turn, of, names = said.hidden
        if heard.get("hidden") != turn and of == current.samples:
            current.hidden = names
        heard["hidden"] = turn
    return said
