"""Corrupted versions of a run's sets: making them, and looking at them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from latentviz import figures
from latentviz.app import (
    cached,
    image_grid,
    jobs_panel,
    map_pickers,
    map_selection,
    pickers,
    roots,
    scoring_work,
    show,
    versions,
)
from latentviz.app.image_grid import Cell
from latentviz.datasets.corruptions import SEVERITIES, corruptions
from latentviz.evaluation import feature_statistics, set_statistics
from latentviz.evaluation.accuracy import judged
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.corrupted import in_grid, severity_paths
from latentviz.evaluation.fitting import FitOn
from latentviz.evaluation.selective import error_auroc
from latentviz.evaluation.split import Split
from latentviz.extraction import CorruptionRequest
from latentviz.figures.against_accuracy import words
from latentviz.figures.scores import scorer_title
from latentviz.jobs import jobs, submit
from latentviz.workspace import Run

#: Why there is nothing to put corrupted images through.
_NO_NETWORK = {
    "arrays": "This run was imported as arrays: there is no network to put corrupted images through. Extract the run "
    "from a model, or import the features of corrupted images as sets of role shifted.",
    "Python": "The network of this run was a Python object and is not stored. Corrupt in Python: "
    "`lv.corrupt(run, …, model=network)`.",
}

#: What the heat map can show.
_SHOWN = {
    "accuracy": "Accuracy",
    "mean": "Mean score",
    "auroc": "AUROC against InD",
    "errors": "AUROC for errors",
    "norm": "Mean feature norm",
}


def make(run: Run) -> None:
    """A form that starts the job; how far it is, once it runs."""
    workspace = run.folder.parents[1]
    mine = [job for job in jobs(workspace) if job.record.kind == "corrupt" and job.record.parameters["run"] == run.name]
    if going := [job for job in mine if job.active]:
        jobs_panel.within(going[0], "corrupt", going[0].record.title)
        return
    if mine and mine[0].state.status != "done":
        jobs_panel.within(mine[0], "corrupt")
    if "spec" not in run.manifest.model:
        st.caption(_NO_NETWORK["Python" if run.manifest.model else "arrays"])
        return
    labelled = [s.name for s in run.uncorrupted.values() if s.labelled and s.complete]
    if not labelled:
        st.caption("A complete set with labels is needed, most often the in-distribution one.")
        return
    labelled.sort(key=lambda name: run[name].role != "ind")
    known = corruptions()
    groups = {"common": "all 19 common ones", "sar": "all radar ones"} | {
        family: f"family: {family}" for family in dict.fromkeys(c.family for c in known.values() if c.kind == "common")
    }
    titles = groups | {name: c.title for name, c in known.items()}
    with st.form("corrupt", border=True):
        st.markdown("**Make corrupted versions**")
        of = st.selectbox("Of", labelled, width=260)
        names = st.multiselect("Corruptions", list(titles), default=["common"], format_func=titles.__getitem__)
        severities = st.pills("Severities", SEVERITIES, selection_mode="multi", default=list(SEVERITIES))
        seed = st.number_input("Seed of the noise", 0, 2**31 - 1, 0, width=160)
        folder = _folder()
        skip = st.checkbox("Leave out images that cannot be read")
        st.caption(
            "Images are corrupted as the network sees them, with CIFAR-10-C's strengths up to 32 pixels and "
            "ImageNet-C's from 64. Only features and thumbnails are kept."
        )
        if st.form_submit_button("Corrupt", type="primary", icon=":material/blur_on:"):
            if not names or not severities:
                st.warning("Choose at least one corruption and one severity.", icon=":material/checklist:")
                return
            if folder:
                roots.check_path(Path(folder))
            request = CorruptionRequest(
                run=run.name,
                set_name=of,
                corruptions=names,
                severities=sorted(severities),
                seed=int(seed),
                folder=folder or None,
                skip_unreadable=skip,
            )
            submit(workspace, "corrupt", f"Corrupt {of} of {run.name}", request.model_dump(mode="json"))
            st.rerun()


def _folder() -> str:
    """Picker, where there is something to pick: images that were corrupted elsewhere; "" for none."""
    found = roots.corrupted_folders()
    if not found:
        return ""
    name = roots.labels(found)
    return st.selectbox(
        "Images",
        ["", *found],
        format_func=lambda path: name(path) if path else "corrupted here",
        width=420,
        help="Or taken from a folder like CIFAR-10-C: NAME.npy with all five severities one after the other, beside "
        "labels.npy. The seed does not matter then.",
    )


def _filled(run: Run) -> pd.DataFrame:
    """Corrupted sets that are extracted to their end: the first samples of a set may all be of one class."""
    table = cached.corrupted_sets(run)
    return table[table["complete"] & (table["samples"] > 0)]


def heat_map(run: Run, ind: str, asked: Asked, fit: FitOn) -> None:
    """Accuracy, score or AUROC of every corruption and severity."""
    table = _filled(run)
    if table.empty:
        st.caption("No corrupted versions were made yet.")
        return
    with pickers.row():
        of = pickers.one_of(list(table["of"].unique()), f"grid-of-{pickers.id_of(run)}", None, "Versions of")
        what = st.segmented_control(
            "Shown", list(_SHOWN), format_func=_SHOWN.__getitem__, default="accuracy", required=True,
            key="grid-shown", persist_state="session",
        )  # fmt: skip
    table = table[table["of"] == of]
    if what == "norm":
        values = feature_statistics.of_features(run, ind, list(table["set"]), "norm")
        table = table.merge(values[["set", "value"]], on="set")
    elif what != "accuracy":
        scores = scoring_work.scored(run, asked, Split(ind, tuple(table["set"])), fit)
        if scores is None:
            return
        values = _of_scores(
            run, scores, ind, tuple(table["set"]), what, (asked, fit, ind, str(run.folder), run.fingerprint)
        )
        table = table.assign(value=values)
    title = _SHOWN[what] if what in ("accuracy", "norm") else f"{_SHOWN[what]}, {scorer_title(asked.label)}"
    st.plotly_chart(
        figures.against_accuracy.grid(
            in_grid(table, "accuracy" if what == "accuracy" else "value"), title, show.is_dark(), what == "accuracy"
        ),
        key="corruption-grid",
        alt=f"{title} of every corruption and severity",
    )


@st.cache_resource(max_entries=64, show_spinner=False)
def _of_scores(
    _run: Run, _scores: dict[str, np.ndarray], _ind: str, sets: tuple[str, ...], what: str, key: tuple
) -> np.ndarray:
    """A number of every set's scores; NaN where there is none."""
    if what == "errors":
        return np.array([error_auroc(*judged(_run[name], _scores[name])).value for name in sets])
    values = set_statistics.of_scores(_scores[_ind], {name: _scores[name] for name in sets})
    return values[values["statistic"] == what]["value"].to_numpy()


def explorer(run: Run, ind: str, asked: Asked, fit: FitOn) -> None:
    """One image under every corruption and severity, with what the model makes of it."""
    table = _filled(run)
    if table.empty:
        st.caption("No corrupted versions were made yet; they are made under **Corruptions**.")
        return
    with pickers.row():
        of = pickers.one_of(list(table["of"].unique()), f"explorer-of-{pickers.id_of(run)}", None, "Image of")
        seed = pickers.seed("Another image", f"explorer-{pickers.id_of(run)}")
        clean = run[of]
        wanted = st.text_input(
            "or by its id", key=f"explorer-id-{pickers.id_of(run)}", placeholder="part of a file name"
        )
    ids = clean.index["id"]
    row = int(np.random.default_rng(seed).integers(len(clean)))
    if wanted:
        hits = np.flatnonzero(ids.str.contains(wanted, case=False, regex=False))
        if not len(hits):
            st.caption(f"No image of {of} has an id with “{wanted}”.")
            return
        row = int(hits[0])
    made = tuple(table[table["of"] == of]["set"])
    scores = scoring_work.scored(
        run, asked, Split(ind, tuple(dict.fromkeys([*([of] if of != ind else []), *made]))), fit
    )
    if scores is None:
        return
    st.markdown(f"**{ids.iloc[row]}**, class {clean.index['class_name'].iloc[row]}")
    paths = severity_paths(run, [of, *made], of, row)
    cells = {"clean": [_cell(run, of, row, scores, "")]}
    for name, path in paths.items():
        cells[words(name)] = [
            _cell(run, one, at, scores, f"severity {versions.severity(run, one)}") for one, at in path[1:]
        ]
    _to_the_map(run, of, row, list(paths), table[table["of"] == of])
    if lost := set(table["version"][table["of"] == of]) - paths.keys():
        st.caption(
            f"This image is not among the versions by {', '.join(map(words, sorted(lost)))}: it could not be read "
            f"there, or their files have another order than {of}."
        )
    image_grid.draw(cells)


def _to_the_map(run: Run, of: str, row: int, names: list[str], table: pd.DataFrame) -> None:
    """A way to the latent map with this image's path, of one corruption or of all."""
    with pickers.row():
        wanted = st.selectbox(
            "Path of", ["", *names], format_func=lambda name: words(name) if name else "all corruptions",
            key=f"path-of-{pickers.id_of(run)}", persist_state="session", width=220,
        )  # fmt: skip
        if not st.button("Show it on the latent map", icon=":material/timeline:"):
            return
    followed = set(table["set"][table["version"].isin([wanted] if wanted else names)])
    # In the run's order, as the map's own form has them.
    sets = tuple(s.name for s in run if len(s) and (s.name in run.uncorrupted or s.name in followed))
    before = sum(len(run[name]) for name in sets[: sets.index(of)])
    map_pickers.show_sets(run, sets)
    map_selection.choose(run, sets, before + row)
    st.session_state["colour-by"] = "corruption"  # in the colours of the paths
    st.switch_page("app_pages/latent_map.py")


def _cell(run: Run, name: str, row: int, scores: dict[str, np.ndarray], title: str) -> Cell:
    image, predicted, norm = _seen(run, name, row, str(run.folder), run.fingerprint)
    label = int(run[name].labels[row])
    return Cell(
        image=image,
        title=title,
        prediction=run.classes[predicted],
        is_right=None if label < 0 else predicted == label,
        numbers={"score": float(scores[name][row]), "‖z‖": norm},
    )


@st.cache_resource(max_entries=2000, show_spinner=False)
def _seen(_run: Run, name: str, row: int, folder: str, fingerprint: str) -> tuple[np.ndarray | None, int, float]:
    """Image, prediction and norm of one sample."""
    image_set, at = _run[name], slice(row, row + 1)  # a slice reads several times faster than a list of rows
    image = image_set.thumbnails(at)[0] if image_set.has_thumbnails else None
    return image, int(image_set.read("prediction", at)[0]), float(image_set.read("norm", at)[0])
