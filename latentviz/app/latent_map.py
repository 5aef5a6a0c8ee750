"""Which map is shown: a stored one, or frames of one that is being computed."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from latentviz import projection
from latentviz.app import jobs_panel, show
from latentviz.jobs import jobs, submit
from latentviz.projection import Layout, LayoutSpec, Quality, live
from latentviz.projection.job import request
from latentviz.projection.live import Live
from latentviz.workspace import Run

#: Above this many samples a UMAP takes minutes and is not started unasked.
UNASKED = {"fast": 100_000, "umap-learn": 30_000}


@dataclass(frozen=True)
class Shown:
    """What is on the page.

    Attributes
    ----------
    layout : Layout
        Of a map that is being computed its latest frame, or, before the first, what was shown before.
    wanted : LayoutSpec
    live : Live or None
        The computation, until its result is shown.
    """

    layout: Layout
    wanted: LayoutSpec
    live: Live | None = None

    @property
    def is_moving(self) -> bool:
        """Whether more frames may come."""
        return self.live is not None and self.live.status == "running"


def is_moving(run: Run, wanted: LayoutSpec) -> bool:
    """Whether frames of the wanted map may come; begins it, if it is computed unasked. Writes nothing."""
    if wanted.method != "umap" or wanted.engine != "fast" or _found(run, wanted) is not None:
        return False
    going = _started(run, wanted)
    return going is not None and going.status == "running"


def layout(run: Run, wanted: LayoutSpec) -> Shown:
    """The wanted map if there is one; else it is computed, and what there is so far is shown."""
    found = _found(run, wanted)
    if found is not None:
        if _going(run, wanted) is not None:
            _leave(run)
        return Shown(_remember(run, found), wanted)
    if wanted.method == "umap":
        return _fast(run, wanted) if wanted.engine == "fast" else _reference(run, wanted)
    with show.progress() as progress:
        return Shown(_remember(run, projection.compute(run, wanted, progress)), wanted)


def quality(run: Run, layout: Layout) -> Quality:
    """How far a map can be trusted; measured when a map is first shown, after it is drawn."""
    with show.progress() as progress:
        return projection.quality_of(run, layout, progress)


def status(run: Run, shown: Shown) -> None:
    """How far the computation is, and buttons to stop it, to go on, or to start anew."""
    going = shown.live
    if going is None:
        return
    if going.status == "running":
        _progress(going)
    elif going.status == "failed":
        st.error(going.error or "The map could not be computed.", icon=":material/error:")
        if st.button("Try again", key="again", icon=":material/refresh:"):
            _begin(run, shown.wanted, None)
            st.rerun()
    elif going.status == "cancelled":
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("Cancelled; this is the last frame." if going.frame else "Cancelled before the first frame.")
            if st.button("Go on", key="go-on", icon=":material/play_arrow:"):
                _begin(run, shown.wanted, shown.layout if going.frame else None)
                st.rerun()


def made_anew(run: Run, layout: Layout) -> None:
    """Say that a map was moved here from another, and offer the one that the same seed always gives."""
    if layout.started_from is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Moved here from the map that was shown before, which takes a fraction of the time.")
        if st.button(
            "From the start",
            key="from-the-start",
            icon=":material/restart_alt:",
            help="Computes it from principal components: the same parameters and seed always give that map.",
        ):
            st.session_state.pop(_key("here", run), None)
            _begin(run, layout.spec, None)
            st.rerun()


def _progress(going: Live) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if going.frame is not None:
            share, text = going.frame.epoch / going.frame.epochs, f"epoch {going.frame.epoch} of {going.frame.epochs}"
        else:
            stage, done, total, unit = going.stage or ("Starting", 0, 0, "")
            share, text = 0.0, f"{stage} {done:,} of {total:,} {unit}" if total else stage
        st.progress(min(share, 1.0), text=f"UMAP: {text}, {going.seconds:.1f} s", width="stretch")
        if st.button("Cancel", key="cancel-layout", icon=":material/stop_circle:"):
            going.cancel()
            st.rerun()


def _found(run: Run, wanted: LayoutSpec) -> Layout | None:
    """The wanted map, if it is there."""
    here = _here(run, wanted)
    if here is not None and here.spec == wanted:
        return here  # also if it was moved here from another map, while another is stored
    found = projection.stored(run, wanted)
    if found is None and wanted.method == "umap" and _going(run, wanted) is None:
        return projection.moved_here(run, wanted)
    return found


def _started(run: Run, wanted: LayoutSpec) -> Live | None:
    """The computation of a map; None if it takes so long that somebody must ask for it."""
    going = _going(run, wanted)
    if going is not None:
        return going
    live.warm()
    samples, here = sum(len(run[name]) for name in wanted.sets), _here(run, wanted)
    start = _last_frame(run, wanted) or (here if here is not None and here.spec.method == "umap" else None)
    if start is None and samples > UNASKED["fast"] and not st.session_state.pop(_key("asked", run), False):
        return None
    return _begin(run, wanted, start)


def _fast(run: Run, wanted: LayoutSpec) -> Shown:
    """Frames of a map that is computed in a process of its own."""
    going = _started(run, wanted)
    if going is None:
        return _ask(run, wanted)
    if going.status == "done" and going.layout is not None:
        _leave(run)
        return Shown(_remember(run, going.layout), wanted)
    if going.frame is None:
        return Shown(_here(run, wanted) or _principal(run, wanted), wanted, going)
    frame = Layout(wanted, going.frame.coordinates, started_from="frame")
    return Shown(frame, wanted, going)


def _ask(run: Run, wanted: LayoutSpec) -> Shown:
    samples = sum(len(run[name]) for name in wanted.sets)
    with st.container(border=True):
        st.write(f"This UMAP of {samples:,} samples has not been computed yet; the map below is **PCA**.")
        if st.button("Compute UMAP", type="primary", icon=":material/play_arrow:", key="compute-umap"):
            st.session_state[_key("asked", run)] = True
            st.rerun()
    return Shown(_principal(run, wanted), wanted)


def _reference(run: Run, wanted: LayoutSpec) -> Shown:
    """Progress of the job that computes a map with umap-learn, or the button that starts it; PCA meanwhile."""
    workspace = run.folder.parents[1]
    asked = request(run.name, wanted)
    of_run = [j for j in jobs(workspace) if j.record.kind == "project" and j.record.parameters["run"] == run.name]
    job = next((j for j in of_run if j.record.parameters == asked), None)
    samples = sum(len(run[name]) for name in wanted.sets)
    if not of_run and samples <= UNASKED["umap-learn"]:
        job = submit(workspace, "project", f"UMAP of {run.name}", asked)
    with st.container(border=True):
        if job is not None and job.state.status != "done":  # if it is done, its map was deleted
            jobs_panel.within(job, "umap", "UMAP is being computed; until then the map below is **PCA**.")
        else:
            st.write(f"This UMAP of {samples:,} samples has not been computed yet; the map below is **PCA**.")
            if st.button("Compute UMAP", type="primary", icon=":material/play_arrow:", key="compute-umap"):
                submit(workspace, "project", f"UMAP of {run.name}", asked)
                st.rerun()
    return Shown(_principal(run, wanted), wanted)


def _principal(run: Run, wanted: LayoutSpec) -> Layout:
    with show.progress() as progress:
        return projection.compute(run, wanted.model_copy(update={"method": "pca"}), progress)


# What a session shows of a run, and what it is computing: a map of other parameters starts from the one on the page.


def _here(run: Run, wanted: LayoutSpec) -> Layout | None:
    """The map on the page, if it has the samples and dimensions of the wanted one."""
    found: Layout | None = st.session_state.get(_key("here", run))
    if found is None or found.spec.sets != wanted.sets or found.spec.dimensions != wanted.dimensions:
        return None
    samples = sum(len(run[name]) for name in wanted.sets)
    return found if found.coordinates.shape == (samples, wanted.dimensions) else None


def _remember(run: Run, layout: Layout) -> Layout:
    st.session_state[_key("here", run)] = layout
    return layout


def _begin(run: Run, wanted: LayoutSpec, start: Layout | None) -> Live:
    """Compute a map instead of the one that is being computed."""
    before: tuple[LayoutSpec, Live] | None = st.session_state.get(_key("live", run))
    if before is not None:
        before[1].release()
    going = live.start(run, wanted, start)
    st.session_state[_key("live", run)] = (wanted, going)
    return going


def _last_frame(run: Run, wanted: LayoutSpec) -> Layout | None:
    """Where the map is that was being computed until now, if the wanted one can go on from there."""
    before: tuple[LayoutSpec, Live] | None = st.session_state.get(_key("live", run))
    if before is None or before[1].frame is None:
        return None
    spec, frame = before[0], before[1].frame
    if spec.sets != wanted.sets or spec.dimensions != wanted.dimensions:
        return None
    return Layout(spec, frame.coordinates)


def _going(run: Run, wanted: LayoutSpec) -> Live | None:
    found: tuple[LayoutSpec, Live] | None = st.session_state.get(_key("live", run))
    return found[1] if found is not None and found[0] == wanted else None


def _leave(run: Run) -> None:
    """The computation is no longer needed here."""
    _, going = st.session_state.pop(_key("live", run))
    going.release()


def _key(what: str, run: Run) -> str:
    return f"map-{what}-{run.folder}-{run.fingerprint}"
