"""Checkpoints that belong together, and which of them a page shows."""

from __future__ import annotations

import streamlit as st

from latentviz.app import cached, pickers
from latentviz.evaluation.checkpoints import Family, epoch_of, family_of
from latentviz.workspace import Run


def family(run: Run) -> Family:
    """The checkpoints of the run's family; see :class:`latentviz.evaluation.checkpoints.Family`."""
    return Family.of(run, cached.runs(pickers.workspace()))


def offer(run: Run, shown: Family) -> None:
    """A way to checkpoints, if the run is none but the workspace has some."""
    if shown.runs:
        return
    last: dict[str, Run] = {}
    for other in cached.runs(pickers.workspace()):
        name = family_of(other)
        if name is not None and other.sets and (name not in last or epoch_of(other) >= epoch_of(last[name])):
            last[name] = other
    with pickers.row():
        st.caption(
            f"{run.name} is a single network. "
            + (
                "Here are checkpoints of trainings:"
                if last
                else "To see one in training, train some on the page Train."
            )
        )
        for name, other in last.items():
            st.button(name, key=f"family-{name}", icon=":material/timeline:", on_click=_choose, args=(other.name,))


def _choose(name: str) -> None:
    st.session_state["run"] = name


def checkpoint(run: Run, training: list[Run]) -> Run:
    """Slider: a checkpoint of the training; the run itself if it has no other."""
    if len(training) < 2:
        return run
    epochs = [epoch_of(r) for r in training]
    key = f"epoch-{pickers.id_of(run)}"
    chosen = st.select_slider(
        "Epoch",
        epochs,
        value=epoch_of(run),
        key=key,
        persist_state="session",
        help="Checkpoints of this training; everything below follows.",
    )
    return training[epochs.index(chosen)]
