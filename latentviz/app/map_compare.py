"""A second map of the same samples: another colour, or another run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from latentviz import projection
from latentviz.app import cached, jobs_panel, map_pickers, pickers, show
from latentviz.errors import LatentvizError
from latentviz.evaluation.scores import Stored
from latentviz.figures.colouring import Colour
from latentviz.jobs import jobs, submit
from latentviz.projection import Aligned, Layout
from latentviz.projection.alignment import stored_pair
from latentviz.projection.job import aligned_request
from latentviz.workspace import Run

#: Samples of another run that are laid out while the page waits, some seconds.
_AT_ONCE = 10_000


@dataclass(frozen=True)
class Second:
    """The other map, in the order of the first one's samples.

    Attributes
    ----------
    coordinates : ndarray of shape (N, d), float32
        NaN where it lacks a sample.
    colour : Colour
    title : str
    slides : bool
        The first map moves to it, instead of standing beside it.
    """

    coordinates: np.ndarray
    colour: Colour
    title: str
    slides: bool = False


def second(run: Run, layout: Layout, colour_by: str | Stored, settled: bool) -> Second | None:
    """What the user wants beside the map.

    Parameters
    ----------
    run : Run
    layout : Layout
        The first map.
    colour_by : str or Stored
        Of the first map.
    settled : bool
        Whether it is finished: another run is not laid out beside a map that moves.
    """
    others = [name for name in pickers.workspace().names() if name != run.name and _shares(name, layout)]
    wanted = map_pickers.beside(run, others)
    if wanted == "colour":
        by = map_pickers.colour_by(run, layout.spec.sets, "colour-beside", "Colour beside", "label")
        colour = cached.colour(run, layout, by)
        return Second(layout.coordinates, colour, colour.title)
    if wanted == "run":
        name, slides = map_pickers.other_run(others)
        if not settled:
            st.caption("The other run is laid out when this map is finished.")
        elif layout.spec.method != "umap" or layout.spec.engine != "fast":
            st.caption("Two runs are laid out to be compared by UMAP with the fast engine; choose these above.")
        else:
            return _of_run(run, cached.run(pickers.workspace(), name), layout, colour_by, slides)
    return None


def _shares(name: str, layout: Layout) -> bool:
    try:
        other = cached.run(pickers.workspace(), name)
        return any(s in other.sets and len(other[s]) for s in layout.spec.sets)
    except LatentvizError:
        return False  # its own page says what is wrong with it


def _of_run(run: Run, other: Run, layout: Layout, colour_by: str | Stored, slides: bool) -> Second | None:
    pair = _pair(run, other, layout)
    if pair is None:
        return None
    coordinates = np.full(layout.coordinates.shape, np.nan, dtype=np.float32)
    coordinates[pair.at_a] = pair.coordinates_b
    st.caption(
        f"{len(pair.at_a):,} samples are in both. On the other map they lie {np.median(pair.moved):.2f} radii of this "
        "map from where they lie here (median)."
    )
    if slides:
        return Second(coordinates, cached.colour(run, layout, colour_by), other.name, slides)
    sets = tuple(s for s in layout.spec.sets if s in other.sets and len(other[s]))
    by = _same_scores(other, sets, colour_by)
    if by is None:
        st.caption(f"{other.name} has no such values; its samples have the colours of {run.name}.")
        return Second(coordinates, cached.colour(run, layout, colour_by), other.name)
    theirs = cached.colour(other, Layout(layout.spec.model_copy(update={"sets": sets}), layout.coordinates), by)
    return Second(coordinates, theirs.spread(pair.at_a, pair.at_b, len(coordinates)), other.name)


def _pair(run: Run, other: Run, layout: Layout) -> Aligned | None:
    """The other run laid out beside this one's map; a job computes it if it takes long."""
    found = stored_pair(run, other, layout)
    if found is not None:
        return found
    if len(layout.coordinates) <= _AT_ONCE:
        with show.progress() as progress:
            return projection.aligned(run, other, layout.spec, layout, progress)
    workspace, asked = run.folder.parents[1], aligned_request(run.name, other.name, layout)
    job = next((j for j in jobs(workspace) if j.record.kind == "align" and j.record.parameters == asked), None)
    if job is None or job.state.status == "done":  # if it is done, its result was deleted
        job = submit(workspace, "align", f"{other.name} beside {run.name}", asked)
    jobs_panel.within(job, "align", "The other run is being laid out beside this one.")
    return None


def _same_scores(other: Run, sets: tuple[str, ...], colour_by: str | Stored) -> str | Stored | None:
    """What colours the other run as this one is coloured; None if it has no such values."""
    if isinstance(colour_by, str):
        return None if colour_by == cached.DISTORTION else colour_by
    there = cached.stored_for(other, sets)
    return next((s for s in there if (s.asked, s.fit_on) == (colour_by.asked, colour_by.fit_on)), None)
