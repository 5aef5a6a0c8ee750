"""Background jobs: how they stand, and what can be done about them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from latentviz.app import pickers, show
from latentviz.jobs import Job, JobState, jobs, submit
from latentviz.workspace import Run

_ICONS = {
    "waiting": ":material/hourglass_empty:",
    "running": ":material/progress_activity:",
    "done": ":material/check_circle:",
    "failed": ":material/error:",
    "cancelled": ":material/cancel:",
    "interrupted": ":material/pause_circle:",
}
#: Jobs that the sidebar shows at once.
_FEW = 3


def sidebar() -> None:
    """What is running now, on every page; refreshes itself while something is."""
    active = [job for job in jobs(pickers.workspace().path) if job.active]
    if active:
        with st.sidebar:
            _running([job.id for job in active])


@st.fragment(run_every=1.0)
def _running(ids: list[str]) -> None:
    with show.sentences():
        found = {job.id: job for job in jobs(pickers.workspace().path)}
        st.caption("Running")
        for job_id in ids[:_FEW]:
            if job_id in found:
                progress(found[job_id], found[job_id].state)
        ended = [job_id for job_id in ids if job_id not in found or not found[job_id].active]
    if ended:
        st.rerun()  # its results are there now


def progress(job: Job, state: JobState, titled: bool = True) -> None:
    """A bar with the share, the rate and the time left."""
    title = f"{job.record.title} · " if titled else ""
    if state.share is None:
        st.progress(0.0, text=f"{title}{state.stage or state.status} …")
        return
    parts = [f"{state.stage}: {state.done:,} of {state.total:,} {state.unit}".strip()]
    if state.rate:
        parts.append(f"{state.rate:,.0f} {state.unit}/s" if state.rate >= 10 else f"{state.rate:.1f} {state.unit}/s")
    if state.seconds_left is not None and state.status == "running":
        parts.append(f"{duration(state.seconds_left)} left")
    st.progress(state.share, text=title + " · ".join(parts))


def within(job: Job, key: str, sentence: str = "") -> None:
    """A job that a page needs, in the page: how far it is, with cancel; or why it ended, and "Try again".

    Parameters
    ----------
    job : Job
    key : str
        Of its widgets: ``cancel-KEY``, ``again-KEY``.
    sentence : str, optional
        What the page shows meanwhile.
    """
    if job.active:
        _watch(str(job.folder), key, sentence)
        return
    state = job.state
    st.warning(f"{job.record.title}: {state.status}. {state.message}", icon=_ICONS[state.status])
    if st.button("Try again", key=f"again-{key}", icon=":material/refresh:"):
        job.start()
        st.rerun()


def needed(run: Run, kind: str, parameters: dict[str, Any], title: str, sentence: str, label: str) -> None:
    """What a page lacks and does not wait for: a button that starts the job, then how far it is, or why it ended.

    Parameters
    ----------
    run : Run
    kind : str
        Of the job.
    parameters : dict
        With the run's name as ``run``.
    title : str
        Of the job.
    sentence : str
        What is missing, and why it is not there at once.
    label : str
        Of the button.
    """
    workspace, key = run.folder.parents[1], f"{kind}-{pickers.id_of(run)}"
    of_run = [job for job in jobs(workspace) if job.record.kind == kind and job.record.parameters["run"] == run.name]
    running = [job for job in of_run if job.active]
    ended = [job for job in of_run if job.record.parameters == parameters and job.state.status != "done"]
    with st.container(border=True):
        if known := running or ended:
            within(known[0], key, known[0].record.title)
            return
        st.markdown(sentence)
        if st.button(label, key=f"start-{key}", type="primary", icon=":material/play_circle:"):
            submit(workspace, kind, title, parameters)
            st.rerun()


@st.fragment(run_every=1.0)
def _watch(folder: str, key: str, sentence: str) -> None:
    with show.sentences():
        job = Job(Path(folder))
        state = job.state
        if state.status not in ("waiting", "running"):
            st.rerun()  # its results are there now
        with st.container(horizontal=True, vertical_alignment="center"):
            with st.container():
                if sentence:
                    st.caption(sentence)
                progress(job, state, titled=not sentence)
            if st.button("Cancel", key=f"cancel-{key}", icon=":material/stop_circle:"):
                job.cancel()
                st.rerun()


def duration(seconds: float) -> str:
    """Seconds in words: ``8 s``, ``3 min``, ``2 h 5 min``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


@st.fragment(run_every=1.0)
def full() -> None:
    """Every job of the workspace with its state, and buttons to cancel, resume and forget it."""
    with show.sentences():
        found = jobs(pickers.workspace().path)
        if not found:
            st.caption("No job was started in this workspace yet.")
        for job in found:
            _card(job, job.state)


def _card(job: Job, state: JobState) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{_ICONS[state.status]} **{job.record.title}**", width="stretch")
            st.caption(
                f"{state.status}, started {job.record.created.replace('T', ' ').removesuffix('Z')} UTC", width="content"
            )
            if state.status in ("waiting", "running"):
                _button("Cancel", "stop_circle", job, job.cancel)
            elif state.status != "done":
                _button("Resume", "play_circle", job, job.start)
            if state.status not in ("waiting", "running"):
                _button("Forget", "delete", job, job.forget)
        if state.status in ("waiting", "running"):
            progress(job, state, titled=False)
        elif state.message:
            st.write(state.message)
        if state.status == "failed" and job.log.strip():
            with st.expander("Log"):
                st.code(job.log, language=None)


def _button(label: str, icon: str, job: Job, action: Callable[[], None]) -> None:
    # No callback: that would run before the page, where nothing turns its error into a sentence. A click is not
    # lost to the refresh every second: Streamlit lets the one finish before it begins with the other.
    if st.button(label, key=f"{label.lower()}-{job.id}", icon=f":material/{icon}:"):
        action()
        st.rerun()
