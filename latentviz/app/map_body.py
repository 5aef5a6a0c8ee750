"""The latent map with its colours, filters, selection and side panel: what runs again when the user touches it."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
import streamlit as st

from latentviz.app import (
    cached,
    latent_map,
    map_compare,
    map_export,
    map_panel,
    map_pickers,
    map_plain,
    map_samples,
    map_selection,
    pickers,
    show,
    versions,
)
from latentviz.app.latent_map import Shown
from latentviz.app.map_compare import Second
from latentviz.app.scatter import component, served
from latentviz.evaluation.corrupted import severity_paths
from latentviz.figures.against_accuracy import words
from latentviz.figures.colouring import Colour
from latentviz.projection import LayoutSpec
from latentviz.projection.selection import Selection
from latentviz.workspace import Run

#: Seconds between looks for new frames of a map that is being computed.
_POLL = 0.4


def page(run: Run, wanted: LayoutSpec) -> None:
    """The map and everything that changes with it."""
    moving = latent_map.is_moving(run, wanted)
    st.fragment(_body, run_every=_POLL if moving else None)(run, wanted, moving)


def _body(run: Run, wanted: LayoutSpec, was_moving: bool) -> None:
    with show.sentences():
        with st.container():
            shown = latent_map.layout(run, wanted)
        _map(run, shown)
        if was_moving and not shown.is_moving:
            # So that the page no longer looks for frames; at the end, because widgets that a run leaves out are reset.
            st.rerun()


def _map(run: Run, shown: Shown) -> None:
    layout = shown.layout
    points = cached.points(run, layout.spec.sets)
    above, status = st.container(), st.container()
    with above:
        with pickers.row():
            colour_by = map_pickers.colour_by(run, layout.spec.sets)
            if colour_by == cached.DISTORTION and shown.live is not None:
                colour_by = "set"  # until it is known which neighbours are lost
            second = map_compare.second(run, layout, colour_by, shown.live is None)
        filters = map_pickers.point_filter(run, layout.spec.sets)
    beside = second is not None and not second.slides
    left, right = st.columns([15, 5] if beside else [13, 7], gap="medium")
    with status:
        latent_map.status(run, shown)
    state = map_selection.state(run, layout.spec.sets)
    said = map_selection.listen(state)
    with status:
        colour = cached.colour(run, layout, colour_by)
    panels = _panels(run, shown, points, colour, second, state)
    for panel in panels:
        state.shows(panel)
    filtered = cached.filtered(run, layout.spec.sets, filters)
    kept = _kept(filtered, panels)
    with left:
        words = st.container()  # always in place, as above
    with words:
        show.without_scores(colour_by, layout)
        everywhere = state.resolve(run, layout.spec.sets, len(points))
    selected = everywhere if kept is None else everywhere & kept
    with right:  # before the map, which has drawn already what the user selected on it
        map_panel.side_panel(run, layout, points, selected)
    paths = _paths(run, layout.spec.sets, points, selected)
    with left:
        if said.webgl and st.session_state.get("webgl", True):
            component.scatter(
                panels,
                key=map_selection.ELEMENT,
                samples=state.samples,
                groups=cached.groups(run, layout.spec.sets),
                shown=filtered,
                selection=state.selection,
                selected=everywhere if _on_another_map(state.selection, panels) else None,
                turn=state.turn,
                marked=_neighbours(run, shown, points, selected),
                paths=list(paths.values()),
                name=f"{run.name}-{layout.spec.method}",
            )
        else:
            st.session_state["webgl"] = False
            map_plain.draw(points, panels[0], kept, selected, state)
        below = st.container()
    with below:
        if paths:
            _legend(paths)
        if shown.live is None:
            latent_map.made_anew(run, layout)
            show.quality(layout, latent_map.quality(run, layout), versions.listed(run, layout.spec.sets))
            map_export.page(panels, points, kept, f"{run.name}-{layout.spec.method}")


def _panels(
    run: Run, shown: Shown, points: pd.DataFrame, colour: Colour, second: Second | None, state: map_selection.State
) -> list[component.Panel]:
    sample = served.samples(state.samples, map_samples.describer(run, points))
    counts = _counted(run, shown.layout.spec.sets)

    def panel(
        coordinates: np.ndarray, colour: Colour, title: str = "", towards: np.ndarray | None = None, other: str = ""
    ) -> component.Panel:
        return component.Panel(
            coordinates,
            colour,
            alt=f"Map of {counts}, coloured by {colour.title}.",
            title=title,
            hidden=tuple(state.hidden.get(colour.title, ())),
            sample=sample,
            towards=towards,
            ends=(run.name, other),
        )

    here = shown.layout.coordinates
    if second is None:
        return [panel(here, colour)]
    if second.slides:
        return [panel(here, colour, towards=second.coordinates, other=second.title)]
    ours = colour.title if second.coordinates is here else run.name
    return [panel(here, colour, ours), panel(second.coordinates, second.colour, second.title)]


def _counted(run: Run, sets: tuple[str, ...]) -> str:
    """How many samples of which sets, in words; corrupted versions together."""
    made = versions.of(run, sets)
    said = [f"{len(run[name]):,} samples of {name}" for name in sets if name not in made]
    if made:
        said.append(f"{sum(len(run[name]) for name in made):,} of {len(made)} corrupted versions")
    return ", ".join(said)


def _kept(shown: np.ndarray | None, panels: list[component.Panel]) -> np.ndarray | None:
    """Which points neither the filter nor a legend hides."""
    for panel in panels:
        gone = [n for n, name in enumerate(panel.colour.categories) if name in panel.hidden]
        if gone:
            visible = ~np.isin(panel.colour.values, gone)
            shown = visible if shown is None else shown & visible
    return shown


def _on_another_map(selection: Selection, panels: list[component.Panel]) -> bool:
    here = {panel.layout for panel in panels}
    return any(shape.polygon is not None and shape.on not in here for shape in selection.shapes)


def _neighbours(run: Run, shown: Shown, points: pd.DataFrame, selected: np.ndarray) -> list[int]:
    """Positions of the neighbours of the one selected sample."""
    rows = np.flatnonzero(selected)
    if len(rows) != 1 or shown.live is not None:
        return []
    found = map_panel.neighbours(run, shown.layout, points.iloc[rows[0]])
    return (found["set"].map(_starts(run, shown.layout.spec.sets)) + found["row"]).tolist()


def _paths(run: Run, sets: tuple[str, ...], points: pd.DataFrame, selected: np.ndarray) -> dict[str, component.Path]:
    """Where the one selected sample goes as it is corrupted more and more, a line a corruption."""
    rows = np.flatnonzero(selected)
    if len(rows) != 1 or set(sets) <= run.uncorrupted.keys():
        return {}
    sample, starts = points.iloc[rows[0]], _starts(run, sets)
    found = severity_paths(run, sets, sample["set"], int(sample["row"]))
    colours = versions.palette(run, sets)
    return {
        version: component.Path(
            tuple(starts[name] + row for name, row in path), colours[versions.title(run, path[-1][0])]
        )
        for version, path in found.items()
    }


def _legend(paths: dict[str, component.Path]) -> None:
    """Which line is of which corruption."""
    entries = "".join(
        f'<span style="white-space:nowrap"><i style="display:inline-block;width:1.4em;height:3px;margin-right:0.4em;'
        f'vertical-align:middle;border-radius:2px;background:{path.colour}"></i>{escape(words(name))}</span>'
        for name, path in paths.items()
    )
    st.html(
        '<div style="display:flex;flex-wrap:wrap;gap:0.2rem 1.1rem;font-size:0.875rem;opacity:0.85">'
        f"<span>Paths of the selected image by severity:</span>{entries}</div>"
    )


def _starts(run: Run, sets: tuple[str, ...]) -> dict[str, int]:
    """Position of the first sample of every set on the map."""
    return dict(zip(sets, np.cumsum([0, *(len(run[name]) for name in sets[:-1])]).tolist(), strict=True))
