"""The map, the job that computes it, and the panel about what is selected on it."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import streamlit as st

from latentviz import projection
from latentviz.app import cached, jobs_panel, pickers, show
from latentviz.figures import latent_map as figures
from latentviz.jobs import jobs, submit
from latentviz.projection import Layout, LayoutSpec, Quality
from latentviz.projection.job import request
from latentviz.workspace import Run

#: Thumbnails that the panel shows of a selection.
SHOWN = 40
#: Height of what scrolls beside the map, in pixels.
_PANEL = 460
#: Above this many samples a UMAP takes minutes and is not started unasked.
UNASKED = 30_000


def layout(run: Run, wanted: LayoutSpec) -> Layout:
    """The wanted map if it is stored; else PCA, which is there at once, while UMAP is computed."""
    found = projection.stored(run, wanted)
    if found is not None:
        return found
    if wanted.method == "umap":
        _announce(run, wanted)
        wanted = wanted.model_copy(update={"method": "pca"})
    with show.progress() as progress:
        return projection.compute(run, wanted, progress)


def quality(run: Run, layout: Layout) -> Quality:
    """How far a map can be trusted; measured when a map is first shown, after it is drawn."""
    with show.progress() as progress:
        return projection.quality_of(run, layout, progress)


def _announce(run: Run, wanted: LayoutSpec) -> None:
    """Progress of the UMAP job for these parameters, or the button that starts it."""
    workspace = run.folder.parents[1]
    asked = request(run.name, wanted)
    of_run = [j for j in jobs(workspace) if j.record.kind == "project" and j.record.parameters["run"] == run.name]
    job = next((j for j in of_run if j.record.parameters == asked), None)
    samples = sum(len(run[name]) for name in wanted.sets)
    if not of_run and samples <= UNASKED:
        job = submit(workspace, "project", f"UMAP of {run.name}", asked)
    with st.container(border=True):
        if job is not None and job.state.status != "done":  # if it is done, its map was deleted
            jobs_panel.within(job, "umap", "UMAP is being computed; until then the map below is **PCA**.")
            return
        st.write(f"This UMAP of {samples:,} samples has not been computed yet; the map below is **PCA**.")
        if st.button("Compute UMAP", type="primary", icon=":material/play_arrow:", key="compute-umap"):
            submit(workspace, "project", f"UMAP of {run.name}", asked)
            st.rerun()


def draw(run: Run, layout: Layout, shown: pd.DataFrame, colours: figures.Colour, mouse: str) -> np.ndarray:
    """The map with its controls.

    Parameters
    ----------
    run : Run
    layout : Layout
    shown : DataFrame
        Some of all points; the index says which.
    colours : Colour
        Of all points.
    mouse : str

    Returns
    -------
    ndarray of int
        Positions, in the table of all points, of what is selected; kept when colours or filters change.
    """
    points = shown.iloc[figures.thin_out(shown)]
    # Of this content: positions among other samples would be other samples, or none.
    state = f"selection-{run.fingerprint}-{','.join(layout.spec.sets)}"
    selected: np.ndarray = st.session_state.get(state, np.empty(0, dtype=np.int64))
    emphasised = np.flatnonzero(np.isin(points.index, selected))
    figure = figures.scatter(points, colours.at(points.index.to_numpy()), emphasised, pickers.MOUSE[mouse])
    if len(points) < len(shown):
        st.caption(f"Drawn: {len(points):,} of {len(shown):,}, the same share of every set.")
    if layout.spec.dimensions == 3:
        st.plotly_chart(figure, key="map-3d", config={"displaylogo": False}, alt=_alt(points, colours.title))
        st.caption("Turn with the mouse. Selecting works on the 2D map.")
        return selected
    event = st.plotly_chart(
        figure,
        key="map",
        on_select="rerun",
        selection_mode=("points", "box", "lasso"),
        config={"scrollZoom": True, "displaylogo": False, "displayModeBar": True},
        alt=_alt(points, colours.title),
    )
    picked = [point["customdata"] for point in event.selection.points if "customdata" in point]
    if picked:
        positions = np.unique(np.array([p[0] if isinstance(p, list) else p for p in picked], dtype=np.int64))
        chosen = points.index.to_numpy()[positions[positions < len(points)]]
        if not np.array_equal(chosen, selected):
            st.session_state[state] = selected = chosen
    if len(selected) and st.button("Clear the selection", icon=":material/deselect:", key="clear-selection"):
        st.session_state[state] = np.empty(0, dtype=np.int64)
        st.rerun()
    return selected


def _alt(points: pd.DataFrame, coloured_by: str) -> str:
    counts = ", ".join(f"{name}: {n:,}" for name, n in points["set"].value_counts().items())
    return f"Map of {len(points):,} samples coloured by {coloured_by} ({counts})"


def side_panel(run: Run, layout: Layout, points: pd.DataFrame, selection: np.ndarray) -> None:
    """One sample and its neighbours, or what a selection is made of."""
    chosen = points.loc[selection]
    if chosen.empty:
        st.subheader("Nothing selected")
        st.caption(
            "**Point**: click a sample for its details and its nearest neighbours in feature space. "
            "**Lasso**, **Box**: drag around several to see their images and export them."
        )
        _by_id(run, layout, points)
    elif len(chosen) == 1:
        _one(run, layout, points, chosen.iloc[0])
    else:
        _many(run, layout, chosen)


def _by_id(run: Run, layout: Layout, points: pd.DataFrame) -> None:
    """Reach a sample without pointing at it: by its name."""
    wanted = st.text_input("Find a sample by its id", key="find-id", placeholder="part of a file name")
    if not wanted:
        return
    hits = points[points["id"].str.contains(wanted, case=False, regex=False)]
    if hits.empty:
        st.caption(f"No sample has an id with “{wanted}”.")
        return
    if len(hits) > 1:
        st.caption(f"{len(hits):,} found. Choose one in the first column.")
        chosen = st.dataframe(
            hits[["set", "id", "label", "prediction"]],
            key=f"hits-{run.fingerprint}-{wanted}",
            on_select="rerun",
            selection_mode="single-row",
            hide_index=True,
            alt="Samples that were found",
            height=220,
        )
        hits = hits.iloc[chosen.selection.rows]
    if len(hits) == 1:
        _one(run, layout, points, hits.iloc[0])


def _one(run: Run, layout: Layout, points: pd.DataFrame, sample: pd.Series) -> None:
    st.subheader(sample["id"])
    image_set = run[sample["set"]]
    picture, facts = st.columns([1, 2])
    with picture:
        show.thumbnails(cached.thumbnails(image_set, np.array([sample["row"]])), [""], width=128)
    with facts:
        verdict = {True: "correct", False: "wrong"}.get(sample["correct"], "no label of the model's")
        st.markdown(
            f"**Set** {sample['set']} ({sample['role']})  \n**Class** {sample['label'] or '–'}  \n"
            f"**Predicted** {sample['prediction']} ({verdict})  \n"
            f"**Confidence** {sample['confidence']:.3f}  \n**Feature norm** {sample['feature_norm']:.3f}"
        )
    st.markdown("**Nearest in feature space**")
    count = st.slider("Neighbours", 4, cached.NEIGHBOURS, 12, 4, key="neighbour-count", label_visibility="collapsed")
    found = cached.neighbours(run, layout, sample["set"], int(sample["row"]), count)
    rows = cached.rows_of(points, found)
    _pictures(run, rows, [f"{d:.2f} · {label}" for d, label in zip(found["distance"], rows["label"], strict=True)])
    st.dataframe(
        rows.assign(distance=found["distance"].to_numpy())[["distance", "set", "label", "prediction", "id"]],
        hide_index=True,
        alt="Nearest neighbours",
        height=220,
    )


def _many(run: Run, layout: Layout, chosen: pd.DataFrame) -> None:
    st.subheader(f"{len(chosen):,} samples selected")
    correct = chosen["correct"].dropna()
    if len(correct):
        st.caption(f"{correct.mean():.1%} of the {len(correct):,} labelled ones are classified correctly.")
    spread = np.linspace(0, len(chosen) - 1, min(SHOWN, len(chosen))).round().astype(int)
    images, table = st.tabs(["Images", "Table"])
    with images, st.container(height=_PANEL, border=False):
        if len(chosen) > SHOWN:
            st.caption(f"{SHOWN} of them, evenly spread.")
        _pictures(run, chosen.iloc[spread])
    columns = ["set", "id", "label", "prediction", "correct", "confidence", "feature_norm"]
    with table:
        st.dataframe(chosen[columns], hide_index=True, alt="Selected samples", height=_PANEL)
    export = chosen.drop(columns=["row"])
    with st.container(horizontal=True):
        st.download_button(
            "CSV",
            lambda: export.to_csv(index=False).encode(),
            f"{run.name}-selection.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Parquet",
            lambda: _parquet(export, layout),
            f"{run.name}-selection.parquet",
            "application/vnd.apache.parquet",
            icon=":material/download:",
            on_click="ignore",
        )


def _parquet(table: pd.DataFrame, layout: Layout) -> bytes:
    """The table with the parameters of its map, so that the coordinates can be made again."""
    stamped = table.copy()
    stamped.attrs["layout"] = layout.spec.model_dump(mode="json")
    content = io.BytesIO()
    stamped.to_parquet(content, index=False)
    return content.getvalue()


def _pictures(run: Run, rows: pd.DataFrame, captions: list[str] | None = None) -> None:
    """Thumbnails of samples from any of the run's sets, in the order of the rows."""
    images = cached.pictures(run, rows)
    show.thumbnails(images, captions or cached.captions(rows))
