"""Widgets with which the user chooses; each returns what was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from latentviz import launch
from latentviz.app import cached
from latentviz.errors import WorkspaceError
from latentviz.evaluation.scores import Asked, stored_for
from latentviz.figures.latent_map import TITLES
from latentviz.projection import METRICS, LayoutSpec
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


def one_set(run: Run, key: str) -> ImageSet:
    """One image set; the first held-out one by default."""
    names = list(run.sets)
    if not names:
        st.info("This run has no image sets yet.")
        st.stop()
    state = f"set-{key}"
    if st.session_state.get(state) not in names:
        st.session_state[state] = next((s.name for s in run if s.role == "ind"), names[0])
    if len(names) <= 8:
        st.segmented_control("Image set", names, key=state, required=True, label_visibility="collapsed")
    else:
        st.selectbox("Image set", names, key=state, label_visibility="collapsed")
    return run[st.session_state[state] or names[0]]


def seed(label: str, key: str) -> int:
    """A number that a button raises: another random choice, the same for the same number."""
    state = f"seed-{key}"
    st.session_state.setdefault(state, 0)
    if st.button(label, key=key, icon=":material/casino:"):
        st.session_state[state] += 1
    return st.session_state[state]


def layout_spec(run: Run) -> LayoutSpec:
    """Which map: method, dimensions, features, and UMAP's parameters."""
    filled = tuple(s.name for s in run if len(s))
    if not filled:
        st.info(
            "No features of this run are stored yet; the map is here once they are.", icon=":material/hourglass_top:"
        )
        st.stop()
    saved = f"layout-{run.folder}"
    current = st.session_state.get(saved) or LayoutSpec(sets=filled)
    # The run may have been made anew, with other sets.
    current = current.model_copy(update={"sets": tuple(s for s in current.sets if s in filled) or filled})
    method = st.segmented_control(
        "Projection",
        ["umap", "pca"],
        format_func=str.upper,
        default="umap",
        required=True,
        key="method",
        help="PCA keeps directions of large variance and is there at once. UMAP keeps neighbourhoods.",
    )
    dimensions = st.segmented_control(
        "Dimensions", [2, 3], format_func=lambda d: f"{d}D", default=2, required=True, key="dimensions"
    )
    normalise = st.segmented_control(
        "Features",
        [False, True],
        format_func=lambda on: "z / ‖z‖" if on else "raw z",
        default=False,
        required=True,
        key="normalise",
        help="Raw features keep their length; normalised ones are what an L2 head sees.",
    )
    with st.popover("Parameters", icon=":material/tune:"):
        applied = _umap_parameters(filled, current)
        if applied != current:  # what was never changed follows the sets that are there
            st.session_state[saved] = current = applied
    return current.model_copy(update={"method": method, "dimensions": dimensions, "normalise": normalise})


def _umap_parameters(sets: tuple[str, ...], current: LayoutSpec) -> LayoutSpec:
    """A form, so that nothing long starts while the user is still choosing."""
    with st.form("umap", border=False):
        chosen = st.multiselect("Sets in the layout", sets, default=list(current.sets))
        neighbours = st.slider(
            "n_neighbors", 2, 200, current.n_neighbors, help="Small: fine structure. Large: the broad picture."
        )
        distance = st.slider(
            "min_dist",
            0.0,
            0.99,
            current.min_dist,
            0.01,
            help="How tightly points of a neighbourhood may lie together.",
        )
        metric = st.selectbox("Metric", METRICS, index=METRICS.index(current.metric))
        number = st.number_input("Seed", 0, 2**31 - 1, current.seed, help="The same seed gives the same map.")
        if not st.form_submit_button("Apply", type="primary"):
            return current
    if not chosen:
        st.warning("Choose at least one set.")
        return current
    return LayoutSpec(
        sets=tuple(name for name in sets if name in chosen),
        n_neighbors=neighbours,
        min_dist=distance,
        metric=metric,
        seed=int(number),
    )


#: What dragging on the map does, in words and as plotly calls it. Streamlit lets a click select a point only
#: while dragging moves the map.
MOUSE = {"Point": "pan", "Lasso": "lasso", "Box": "select"}


def mouse() -> str:
    """How to select on the map."""
    return st.segmented_control(
        "Select",
        list(MOUSE),
        default="Point",
        required=True,
        key="mouse",
        help="Point: click for details and neighbours, drag to move. Lasso, Box: drag around several. The wheel zooms.",
    )


def colour_by(run: Run, sets: Sequence[str]) -> str | Asked:
    """Column that colours the map, or the scorer whose stored scores do."""
    scorers = stored_for(run, sets)
    return st.selectbox(
        "Colour by",
        [*TITLES, *scorers],
        format_func=lambda by: TITLES[by] if isinstance(by, str) else cached.score_title(by),
        key="colour-by",
        width=230,
        help="OOD scores are listed here once they are computed, on the page OOD scorers.",
    )


@dataclass(frozen=True)
class PointFilter:
    """Which points of a map are shown; an empty choice shows all."""

    sets: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


def point_filter(run: Run, points: pd.DataFrame) -> PointFilter:
    """Sets and classes to show."""
    present = [name for name in run.sets if name in set(points["set"].unique())]
    # What is hidden is remembered, not what is shown: a set that comes later is shown until somebody hides it.
    hidden = st.session_state.setdefault(f"hidden-{run.folder}", set())
    with row():
        key = f"show-sets-{run.folder}-{','.join(present)}"
        st.session_state.setdefault(key, [name for name in present if name not in hidden])
        sets = st.pills("Show sets", present, selection_mode="multi", key=key)
        labels = st.multiselect(
            "Show classes", cached.labels_of(points), key=f"show-classes-{run.folder}", placeholder="all", width=320
        )
    hidden -= set(present)
    hidden |= set(present) - set(sets or present)
    return PointFilter(tuple(sets or present), tuple(labels))
