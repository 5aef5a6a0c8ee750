"""The panel beside the map: one sample and its neighbours, or what a selection is made of."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import streamlit as st

from latentviz.app import cached, coverage, show
from latentviz.projection import Layout
from latentviz.workspace import Run

#: Thumbnails that the panel shows of a selection.
SHOWN = 40
#: Height of what scrolls beside the map, in pixels.
_PANEL = 460
#: Samples that a table lists; the browser would take seconds for hundreds of thousands.
_LISTED = 10_000
#: Columns of that table.
_COLUMNS = ["set", "id", "label", "prediction", "correct", "confidence", "feature_norm"]
#: Neighbours that the panel shows at first, and where it keeps how many.
_FEW, _COUNT = 12, "neighbour-count"
_WHICH = "Which neurons made this sample more or less usual (page Neuron coverage)."


def side_panel(run: Run, layout: Layout, points: pd.DataFrame, selected: np.ndarray) -> None:
    """One sample and its neighbours, or what a selection is made of.

    Parameters
    ----------
    run : Run
    layout : Layout
        The map that is shown.
    points : DataFrame
        All N samples of it.
    selected : ndarray of shape (N,), bool
    """
    rows = np.flatnonzero(selected)  # of a million samples the table itself would take a while to divide
    if not len(rows):
        st.subheader("Nothing selected")
        st.caption(
            "Click a sample for its details and its nearest neighbours in feature space. With **Lasso** or **Box**, "
            "drag around several to see their images and export them."
        )
        _by_id(run, layout, points)
    elif len(rows) == 1:
        _one(run, layout, points, points.iloc[rows[0]])
    else:
        _many(run, layout, points, rows)


def neighbours(run: Run, layout: Layout, sample: pd.Series) -> pd.DataFrame:
    """As many nearest samples in feature space as the panel shows: ``set``, ``row`` and ``distance``."""
    count = st.session_state.get(_COUNT, _FEW)
    return cached.neighbours(run, layout, sample["set"], int(sample["row"]), count)


def _by_id(run: Run, layout: Layout, points: pd.DataFrame) -> None:
    """Reach a sample without pointing at it: by its name."""
    wanted = st.text_input(
        "Find a sample by its id", key="find-id", placeholder="part of a file name", persist_state="session"
    )
    if not wanted:
        return
    hits = points[points["id"].str.contains(wanted, case=False, regex=False)]
    if hits.empty:
        st.caption(f"No sample has an id with “{wanted}”.")
        return
    if len(hits) > 1:
        st.caption(f"{len(hits):,} found. Choose one in the first column.")
        chosen = st.dataframe(
            hits[["set", "id", "label", "prediction"]].head(_LISTED),
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
    if run.head is not None and any(s.role == "fit" and s.labelled for s in run):
        why = st.button("Which neurons?", key="sample-coverage", icon=":material/grain:", help=_WHICH)
        if why:
            coverage.choose_sample(run, str(sample["set"]), int(sample["row"]))
            st.switch_page("app_pages/neuron_coverage.py")
    st.markdown("**Nearest in feature space**")
    st.slider(
        "Neighbours", 4, cached.NEIGHBOURS, _FEW, 4, key=_COUNT, label_visibility="collapsed", persist_state="session"
    )
    found = neighbours(run, layout, sample)
    rows = cached.rows_of(points, found)
    _pictures(run, rows, [f"{d:.2f} · {label}" for d, label in zip(found["distance"], rows["label"], strict=True)])
    st.dataframe(
        rows.assign(distance=found["distance"].to_numpy())[["distance", "set", "label", "prediction", "id"]],
        hide_index=True,
        alt="Nearest neighbours",
        height=220,
    )


def _many(run: Run, layout: Layout, points: pd.DataFrame, rows: np.ndarray) -> None:
    st.subheader(f"{len(rows):,} samples selected")
    correct = points["correct"].iloc[rows].dropna()
    if len(correct):
        st.caption(f"{correct.mean():.1%} of the {len(correct):,} labelled ones are classified correctly.")
    # Only what is looked at is made and sent: the table would be most of what a lasso takes.
    images, table = st.tabs(["Images", "Table"], key="selection-as", on_change="rerun")
    if images.open:
        with images, st.container(height=_PANEL, border=False):
            if len(rows) > SHOWN:
                st.caption(f"{SHOWN} of them, evenly spread.")
            spread = np.linspace(0, len(rows) - 1, min(SHOWN, len(rows))).round().astype(int)
            _pictures(run, points.iloc[rows[spread]])
    if table.open:
        with table:
            if len(rows) > _LISTED:
                st.caption(f"The first {_LISTED:,}; the files hold all.")
            listed = points[_COLUMNS].iloc[rows[:_LISTED]]
            st.dataframe(listed, hide_index=True, alt="Selected samples", height=_PANEL)

    def chosen() -> pd.DataFrame:
        found = points.iloc[rows].drop(columns=["row"])
        for axis, values in zip("xyz", layout.coordinates[rows].T, strict=False):
            found[axis] = values
        return found

    with st.container(horizontal=True):
        st.download_button(
            "CSV",
            lambda: chosen().to_csv(index=False).encode(),
            f"{run.name}-selection.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Parquet",
            lambda: _parquet(chosen(), layout),
            f"{run.name}-selection.parquet",
            "application/vnd.apache.parquet",
            icon=":material/download:",
            on_click="ignore",
        )


def _parquet(table: pd.DataFrame, layout: Layout) -> bytes:
    """The table with what made its map."""
    made = {"fingerprint": layout.fingerprint, "started_from": layout.started_from}
    table.attrs["layout"] = {**layout.spec.model_dump(mode="json"), **made}
    content = io.BytesIO()
    table.to_parquet(content, index=False)
    return content.getvalue()


def _pictures(run: Run, rows: pd.DataFrame, captions: list[str] | None = None) -> None:
    """Thumbnails of samples from any of the run's sets, in the order of the rows."""
    images = cached.pictures(run, rows)
    show.thumbnails(images, captions or cached.captions(rows))
