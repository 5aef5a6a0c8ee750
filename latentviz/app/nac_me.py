"""NAC-ME over checkpoints or models: what it would choose, beside validation accuracy."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from latentviz.app import cached, families, pickers, show
from latentviz.evaluation import choosing as evaluation
from latentviz.evaluation.choosing import CRITERIA
from latentviz.evaluation.correlation import FEW, Correlation
from latentviz.evaluation.nac_me import NacMe
from latentviz.figures import coverage as figures
from latentviz.workspace import Run


def view(run: Run, ind: str) -> None:
    """Pickers, both correlations, what each would choose, and what that gains."""
    runs = _alike(run)
    shifted = [s.name for s in run if s.role == "shifted" and s.labelled and s.complete and len(s)]
    if not run[ind].labelled or not shifted:
        st.info(
            "A held-out set (role ind) and one under shift (role shifted), both with labels, are needed.",
            icon=":material/info:",
        )
        return
    clean = [name for name in shifted if name in run.uncorrupted]
    with pickers.row():
        chosen = st.multiselect(
            "Accuracy on",
            shifted,
            default=clean or shifted[:5],
            key=f"nac-me-shifted-{pickers.id_of(run)}",
            persist_state="session",
            help="The mean over these sets.",
        )
        how = _how()
    if not chosen:
        st.caption("Choose at least one set.")
        return
    table, left_out = _over(runs, ind, tuple(chosen), how)
    if table.empty:
        show.warnings(left_out)
        return
    show.warnings(evaluation.doubts(table, how))
    if len(table) < 2:
        st.info(
            f"NAC-ME of {run.name} is {table['nac_me'].iloc[0]:.4f} ({table['low'].iloc[0]:.4f}\u00a0–\u00a0"
            f"{table['high'].iloc[0]:.4f}). It says something beside other networks of the same task: checkpoints of a "
            "training, or other runs with the same classes and sets.",
            icon=":material/info:",
        )
        show.warnings(left_out)
        return
    _compared(runs, table, tuple(chosen), (cached.content(runs), ind, tuple(chosen), how))
    if left_out:
        with st.expander(f"{len(left_out)} networks are left out"):
            for sentence in left_out:
                st.write(sentence)


def _alike(run: Run) -> list[Run]:
    """The run's family of checkpoints, or all runs of the workspace with its classes."""
    family = families.family(run)
    if family.runs:
        return family.runs
    return [run, *(r for r in cached.runs(pickers.workspace()) if r.name != run.name and r.classes == run.classes)]


def _how() -> NacMe:
    automatic = st.segmented_control(
        "α", ["authors' 0.1", "auto"], default="authors' 0.1", required=True, key="nac-me-alpha",
        persist_state="session", help="auto: the spread of α · z ⊙ g is 2 in every network (ours).",
    )  # fmt: skip
    enough = st.number_input(
        "O", 1, 1_000_000, 500, key="nac-me-enough", persist_state="session", width=140,
        help="So many training images fill a bin; 500 are the authors'.",
    )  # fmt: skip
    bins = st.number_input("M", 3, 1000, 50, key="nac-me-bins", persist_state="session", width=120)
    return NacMe(enough=int(enough), bins=int(bins), alpha=None if automatic == "auto" else 0.1)


def _over(runs: Sequence[Run], ind: str, shifted: tuple[str, ...], how: NacMe) -> tuple[pd.DataFrame, list[str]]:
    key = (cached.content(runs), ind, shifted, how)
    show.beforehand(("nac-me", key), lambda progress: evaluation.over(runs, ind, shifted, how, progress))
    return _read(runs, *key)


@st.cache_resource(max_entries=32, show_spinner=False)
def _read(
    _runs: Sequence[Run], content: tuple, ind: str, shifted: tuple[str, ...], how: NacMe
) -> tuple[pd.DataFrame, list[str]]:
    return evaluation.over(_runs, ind, shifted, how)


def _compared(runs: Sequence[Run], table: pd.DataFrame, shifted: tuple[str, ...], key: tuple) -> None:
    chosen = _selection(runs, table, shifted, key)
    found = _correlations(table, key)
    on = shifted[0] if len(shifted) == 1 else f"{len(shifted)} shifted sets"
    for (name, title), column in zip(CRITERIA.items(), st.columns(2, gap="large"), strict=True):
        with column:
            st.markdown(f"**{title}**")
            st.plotly_chart(
                figures.criterion(table, name, title, chosen.chosen[name], on),
                key=f"nac-me-{name}",
                alt=f"{title} against accuracy under shift",
            )
            st.markdown(evaluation.said({name: found[name]})[0])
    st.markdown(f"**{evaluation.conclusion(table, chosen)}**")
    trainings = len(set(table["training"]))
    few = f" {trainings} trainings are too few for a conclusion." if trainings < FEW else ""
    st.caption(
        f"{len(table)} networks of {trainings} trainings; whole trainings are resampled for the correlations, images "
        f"for the gain.{few} {evaluation.NOTE}"
    )
    st.download_button(
        "CSV",
        lambda: table.to_csv(index=False).encode(),
        "nac-me.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="nac-me-csv",
    )


@st.cache_resource(max_entries=32, show_spinner=False)
def _selection(
    _runs: Sequence[Run], _table: pd.DataFrame, _shifted: tuple[str, ...], key: tuple
) -> evaluation.Selection:
    return evaluation.selection(_runs, _table, _shifted)


@st.cache_resource(max_entries=32, show_spinner=False)
def _correlations(_table: pd.DataFrame, key: tuple) -> dict[str, Correlation]:
    return evaluation.correlations(_table)
