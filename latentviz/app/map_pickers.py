"""What the user chooses for the latent map."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from latentviz.app import cached, pickers, show, versions
from latentviz.evaluation.scores import Stored
from latentviz.figures.colouring import TITLES
from latentviz.projection import METRICS, LayoutSpec, fast, import_coordinates, imported_dimensions, imported_names
from latentviz.projection.spec import default_engine
from latentviz.workspace import Run

_METHODS = {"umap": "UMAP", "pca": "PCA", "imported": "Imported"}
_ENGINES = {"fast": "Fast (umappp)", "umap-learn": "Reference (umap-learn)"}
_FITTED = {"fit", "ind"}
_FITS = {"all": "all samples", "ind": "in-distribution, the rest is placed"}


def layout_spec(run: Run) -> LayoutSpec:
    """Which map: method, dimensions, features, and UMAP's parameters."""
    filled = tuple(s.name for s in run if len(s))
    usual = tuple(name for name in filled if name in run.uncorrupted)
    if not filled:
        st.info(
            "No features of this run are stored yet; the map is here once they are.", icon=":material/hourglass_top:"
        )
        st.stop()
    saved = _chosen_key(run)
    current = st.session_state.get(saved) or LayoutSpec(sets=usual)
    # The run may have been made anew, with other sets.
    current = current.model_copy(update={"sets": tuple(s for s in current.sets if s in filled) or usual})
    names = imported_names(run, current.sets)
    method = _one("Projection", ["umap", "pca", *(["imported"] if names else [])], _METHODS, "method", _HELP)
    if method == "imported":
        name = st.selectbox("Coordinates", names, key=f"coordinates-{run.folder}", width=200)
        _import(run, current.sets)
        dimensions = imported_dimensions(run, name, current.sets)
        return LayoutSpec(method="imported", name=name, sets=current.sets, dimensions=dimensions)
    dimensions = _one("Dimensions", [2, 3], {2: "2D", 3: "3D"}, "dimensions")
    normalise = _one(
        "Features",
        [False, True],
        {False: "raw z", True: "z / ‖z‖"},
        "normalise",
        "Raw features keep their length; normalised ones are what an L2 head sees.",
    )
    with st.popover("Parameters", icon=":material/tune:"):
        applied = _parameters(run, filled, current)
        if applied != current:  # what was never changed follows the sets that are there
            st.session_state[saved] = current = applied
    _import(run, current.sets)
    roles = {run[name].role for name in current.sets}
    if not (roles & _FITTED and roles - _FITTED):  # the sets may have changed since
        current = current.model_copy(update={"fit": "all"})
    return current.model_copy(update={"method": method, "dimensions": dimensions, "normalise": normalise})


def show_sets(run: Run, sets: tuple[str, ...]) -> None:
    """Have the map show these sets, with the parameters that were chosen for it."""
    current = st.session_state.get(_chosen_key(run)) or LayoutSpec(sets=sets)
    st.session_state[_chosen_key(run)] = current.model_copy(update={"sets": sets})


def _chosen_key(run: Run) -> str:
    return f"layout-{run.folder}"


_HELP = (
    "PCA keeps directions of large variance and is there at once. UMAP keeps neighbourhoods. Coordinates of your own "
    "are listed once they are imported: `latentviz import-map`."
)


def _import(run: Run, sets: tuple[str, ...]) -> None:
    """Take coordinates that were computed elsewhere."""
    imported = False
    with st.popover("Import", icon=":material/upload:"), st.form("import-map", border=False, clear_on_submit=True):
        file = st.file_uploader(
            "Coordinates of your own",
            ["csv", "parquet", "npy"],
            help="Columns id, x, y; z for three dimensions, set if ids are not unique. An array has the rows' order.",
        )
        name = st.text_input("Name", placeholder="t-SNE")
        if not st.form_submit_button("Import", type="primary"):
            return
        if file is None or not name.strip():
            st.warning("Choose a file and a name.")
            return
        with show.sentences(), tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / Path(file.name).name
            path.write_bytes(file.getvalue())
            import_coordinates(run, name.strip(), path, sets)
            imported = True
    if imported:
        st.rerun()  # so that it is listed as a projection


def _one(label: str, options: list[Any], titles: dict[Any, str], key: str, text: str | None = None) -> Any:
    return st.segmented_control(
        label,
        options,
        format_func=titles.__getitem__,
        default=options[0],
        required=True,
        key=key,
        persist_state="session",
        help=text,
    )


def _parameters(run: Run, sets: tuple[str, ...], current: LayoutSpec) -> LayoutSpec:
    """A form, so that nothing long starts while the user is still choosing."""
    with st.form("umap", border=False):
        made = versions.of(run, sets)
        clean = [name for name in sets if name not in made]
        chosen = st.multiselect("Sets in the layout", clean, default=[n for n in current.sets if n in clean])
        if made:
            chosen += versions.chosen(run, made, f"layout-{pickers.id_of(run)}", "Corrupted versions", current.sets)
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
        spread = st.slider(
            "spread", 0.5, 3.0, current.spread, 0.1, help="How far apart clusters lie, against min_dist; at least that."
        )
        metric = st.selectbox("Metric", METRICS, index=METRICS.index(current.metric))
        roles = {run[name].role for name in sets}
        fits = ["all", "ind"] if roles & _FITTED and roles - _FITTED else ["all"]
        fit = st.radio(
            "Fitted on",
            fits,
            format_func=_FITS.__getitem__,
            index=fits.index(current.fit) if current.fit in fits else 0,
            help="Fitted on in-distribution only, other samples cannot bend the map: each is placed among its nearest.",
        )
        engines = ["fast", "umap-learn"] if fast.available() else ["umap-learn"]
        engine = st.radio(
            "UMAP by",
            engines,
            format_func=_ENGINES.__getitem__,
            index=engines.index(current.engine),
            help="The same objective. The fast one takes seconds and moves on from the map that is shown.",
        )
        number = st.number_input("Seed", 0, 2**31 - 1, current.seed, help="The same seed gives the same map.")
        if not st.form_submit_button("Apply", type="primary"):
            return current
    if not chosen:
        st.warning("Choose at least one set.")
        return current
    if distance > spread:
        st.warning("min_dist can be at most spread.")
        return current
    return LayoutSpec(
        sets=tuple(name for name in sets if name in chosen),
        n_neighbors=neighbours,
        min_dist=distance,
        spread=round(spread, 2),
        metric=metric,
        fit=fit,
        engine=engine or default_engine(),
        seed=int(number),
    )


def colour_by(
    run: Run, sets: Sequence[str], key: str = "colour-by", label: str = "Colour by", usual: str = "set"
) -> str | Stored:
    """Column that colours the map, or the scorer whose stored scores do."""
    scored = {cached.stored_title(stored): stored for stored in cached.stored_for(run, sets)}
    titles = TITLES | (versions.COLOURS if versions.of(run, sets) else {})
    titles |= {name: name.capitalize().replace("_", " ") for name in cached.metadata(run, sets)}
    by = st.selectbox(
        label,
        [*titles, cached.DISTORTION, *scored],
        index=list(titles).index(usual),
        format_func=lambda by: titles.get(by, by),
        key=key,
        persist_state="session",
        width=230,
        help="OOD scores are listed here once they are computed, on the page OOD scorers. Lost neighbours: the share "
        "of a sample's 15 nearest in feature space that are not near it on the map.",
    )
    return scored.get(by, by)


def beside(run: Run, others: Sequence[str]) -> str:
    """What stands beside the map: nothing, another colour of it, or another run."""
    options = {"": "One map", "colour": "Two colours", "run": "Another run"}
    if not others:
        del options["run"]
    return (
        st.segmented_control(
            "Compare",
            list(options),
            format_func=options.__getitem__,
            default="",
            required=True,
            key=f"beside-{pickers.id_of(run)}",
            persist_state="session",
            help="Selection and hover are shared. Another run: the same images, laid out so that both can be compared.",
        )
        or ""
    )


def other_run(others: Sequence[str]) -> tuple[str, bool]:
    """Which other run, and whether it is reached by a slider instead of standing beside."""
    name = st.selectbox("Other run", others, key="other-run", persist_state="session", width=200)
    slide = st.toggle(
        "Slider", key="slide", persist_state="session", help="Moves every sample from one map to the other."
    )
    return name, slide


#: What dragging on plotly's map does, in words and as it calls it. A click selects a point only while dragging moves.
MOUSE = {"Point": "pan", "Lasso": "lasso", "Box": "select"}


def mouse() -> str:
    """How to select on the map that plotly draws."""
    return st.segmented_control(
        "Select",
        list(MOUSE),
        default="Point",
        required=True,
        key="mouse",
        persist_state="session",
        help="Point: click for details and neighbours, drag to move. Lasso, Box: drag around several. The wheel zooms.",
    )


@dataclass(frozen=True)
class PointFilter:
    """Which points of a map are shown; an empty choice shows all."""

    sets: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


#: Stands for all corrupted versions among the sets to show; no set has this name.
_VERSIONS = ""


def point_filter(run: Run, of: Sequence[str]) -> PointFilter:
    """Sets and classes to show."""
    made = versions.of(run, of)
    present = [name for name in run.uncorrupted if name in of] + ([_VERSIONS] if made else [])
    # What is hidden is remembered, not what is shown: a set that comes later is shown until somebody hides it.
    hidden = st.session_state.setdefault(f"hidden-{run.folder}", set())
    key = f"show-sets-{run.folder}-{','.join(present)}"
    # Said anew in every run: a browser that missed the first, because another run came between, would show none chosen.
    st.session_state[key] = st.session_state.get(key, [name for name in present if name not in hidden])
    with pickers.row():
        sets = st.pills(
            "Show sets", present, selection_mode="multi", key=key, wrap=True, format_func=lambda n: n or "corrupted"
        )
        if made:
            made = list(versions.chosen(run, made, f"shown-{run.folder}", "Show corruptions"))
        labels = st.multiselect(
            "Show classes",
            cached.labels_of(run, of),
            key=f"show-classes-{run.folder}",
            persist_state="session",
            placeholder="all",
            width=200 if made else 320,  # all in one row
        )
    hidden -= set(present)
    hidden |= set(present) - set(sets or present)
    shown = [name for name in sets or present if name != _VERSIONS]
    return PointFilter((*shown, *(made if _VERSIONS in (sets or present) else [])), tuple(labels))
