"""Widgets with which the user chooses; each returns what was chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, cast

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from latentviz import launch
from latentviz.app import cached
from latentviz.errors import WorkspaceError
from latentviz.evaluation.detection import LEVEL
from latentviz.figures.scores import KINDS
from latentviz.workspace import ImageSet, Run, Workspace


def workspace_and_run() -> None:
    """Sidebar: which workspace and run every page shows."""
    paths = list(dict.fromkeys(launch.paths(launch.WORKSPACES)))
    if not paths:
        raise WorkspaceError("No workspace was given. Start the app with: latentviz app --workspace DIR")
    with st.sidebar:
        path = paths[0]
        if len(paths) > 1:
            # Streamlit knows an option by its label, so that no two may look the same.
            distinct = len({p.name for p in paths}) == len(paths)
            path = st.selectbox(
                "Workspace", paths, format_func=lambda p: p.name if distinct else str(p), key="workspace"
            )
            st.caption(f"`{path}`")
        st.session_state["_workspace"] = path
        names = Workspace(path).names()
        wanted = st.query_params.get("run")
        if st.session_state.get("run") not in names:
            st.session_state["run"] = wanted if wanted in names else next(iter(names), None)
        if names:
            st.selectbox(
                "Run", names, key="run", help="A trained model, seen through its features on several image sets."
            )
            st.query_params["run"] = st.session_state["run"]


def workspace() -> Workspace:
    """The chosen workspace."""
    return Workspace(cast(Path, st.session_state["_workspace"]))


def run() -> Run:
    """The chosen run; the page stops with advice if there is none yet."""
    name = st.session_state.get("run")
    if name is None:
        st.title("No runs yet")
        st.info(
            "This workspace is empty. Go to **Add a run**, or on the command line:\n\n"
            "```\nlatentviz extract --model resnet20 --checkpoint W.th --set train=DIR:fit --set test=DIR:ind "
            f"--workspace {workspace().path}\n```",
            icon=":material/inbox:",
        )
        st.stop()
    return cached.run(workspace(), name)


def row() -> DeltaGenerator:
    """Widgets side by side, which wrap where the page is narrow."""
    return st.container(horizontal=True, vertical_alignment="bottom")


def id_of(run: Run) -> str:
    """Short text for the keys of widgets that belong to one run."""
    return hashlib.blake2b(str(run.folder).encode(), digest_size=4).hexdigest()


def one_of(
    names: Sequence[str],
    key: str,
    usual: str | None = None,
    label: str = "Set",
    label_visibility: Literal["visible", "collapsed"] = "visible",
) -> str:
    """One of some names; the usual one at first, or the first."""
    default = usual if usual in names else names[0]
    if len(names) <= 8:
        return st.segmented_control(
            label,
            names,
            default=default,
            required=True,
            key=key,
            persist_state="session",
            label_visibility=label_visibility,
        )
    position = names.index(default)
    return st.selectbox(
        label, names, index=position, key=key, persist_state="session", label_visibility=label_visibility, width=260
    )


def one_set(run: Run, key: str) -> ImageSet:
    """One image set; the first held-out one by default."""
    if not run.sets:
        st.info("This run has no image sets yet.")
        st.stop()
    usual = next((s.name for s in run if s.role == "ind"), None)
    names = [*run.uncorrupted, *(name for name in run.sets if name not in run.uncorrupted)]
    return run[one_of(names, f"set-{key}", usual, "Image set", "collapsed")]


def shared(key: str, usual: Any, options: Sequence[Any] | None = None) -> None:
    """Let a widget that several pages have begin where the last page left it; call it before the widget.

    ``persist_state`` alone gives a page, when it is opened again, what it showed itself when it was left.
    """
    value = st.session_state.get(key, usual)
    st.session_state[key] = value if options is None or value in options else usual


def held_out(run: Run) -> str | None:
    """The in-distribution set that thresholds and measures start from, the same on all pages; None without one."""
    names = [s.name for s in run if s.role == "ind" and len(s)]
    if len(names) < 2:
        return next(iter(names), None)
    key = f"ind-{id_of(run)}"
    shared(key, names[0], names)  # the run may have been made anew, with other sets
    return st.selectbox("In-distribution", names, key=key, persist_state="session", width=220)


#: Key of :func:`level`.
LEVEL_KEY = "level"


def level() -> float:
    """Which share of the in-distribution samples a threshold keeps; the same on all pages."""
    shared(LEVEL_KEY, 100 * LEVEL)
    percent = st.number_input(
        "Threshold keeps (%)",
        0.1,
        100.0,
        step=0.5,
        format="%.1f",
        key=LEVEL_KEY,
        persist_state="session",
        width=170,
        help="Of the in-distribution samples; the others are called out-of-distribution, on all pages.",
    )
    return percent / 100


def keep_share(share: float) -> float:
    """Make :func:`level` say a share, as near as it can; returns what it says. For callbacks of other widgets."""
    percent = min(max(round(100 * share, 1), 0.1), 100.0)
    st.session_state[LEVEL_KEY] = percent
    return percent / 100


def kind() -> str:
    """How a distribution is drawn, the same on all pages."""
    shared("kind", "histogram")
    return st.segmented_control(
        "Draw",
        list(KINDS),
        format_func=KINDS.__getitem__,
        required=True,
        key="kind",
        persist_state="session",
    )


def seed(label: str, key: str) -> int:
    """A number that a button raises: another random choice, the same for the same number."""
    state = f"seed-{key}"
    st.session_state.setdefault(state, 0)
    if st.button(label, key=key, icon=":material/casino:"):
        st.session_state[state] += 1
    return st.session_state[state]
