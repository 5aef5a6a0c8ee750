"""Whether the features of each class have come to one point, and the points to a simplex."""

import streamlit as st

from latentviz.app import checkpoints, collapse, families, pickers, show

run = pickers.run()


@st.fragment
def body(name: str, space: collapse.Space) -> None:
    """What follows the epoch."""
    with show.sentences():
        training = checkpoints.of_training(run, family)
        at = families.checkpoint(run, training)
        found = collapse.of(at, name, space)
        several = len(training) > 1
        names = ["This epoch", "Over training", "Geometry", "AUROC against collapse"]
        tabs = st.tabs(
            names if several else ["This network", "Geometry"],
            key="collapse" if several else "collapse-alone",
            on_change="rerun",
        )
        now, over, geometry, against = tabs if several else (tabs[0], None, tabs[1], None)
        if now.open:
            with now:
                if not several:
                    collapse.metrics(found)
                checkpoints.together(at, training, found)
                collapse.angles(at, found)
        if over is not None and over.open:
            with over:
                collapse.metrics(found)
                collapse.over_epochs(at, family.runs, name, space)
        if geometry.open:
            with geometry:
                collapse.geometry(at, found)
        if against is not None and against.open:
            with against:
                checkpoints.against_collapse(at, family.runs, name, space)


st.title("Neural collapse")
with show.sentences():
    show.unfinished(run)
    family = families.family(run)
    families.offer(run, family)
    show.warnings(family.sentences)
    with pickers.row():
        chosen = collapse.pick(run)
    if chosen is None:
        st.stop()
    body(*chosen)
    st.caption(collapse.NOTE)
