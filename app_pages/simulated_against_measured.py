"""What does a network make of measured chips if it knows simulated ones, or the reverse? Two domains, pair by pair."""

import streamlit as st

from latentviz.app import domains, domains_map, domains_tables, domains_views, pickers, show, transfer
from latentviz.workspace import Run


@st.fragment
def body(run: Run) -> None:
    """All that follows the pickers."""
    with show.sentences():
        shown = domains.shown(run)
        if shown is None:
            return
        domains_views.head(shown)
        maps, pairs, shift, pose, correctness, table, common, sets = st.tabs(
            [
                "Map", "Pairs", "Shift vectors", "Pose", "Distance and correctness", "By class", "Without the shift",
                "Flagged share",
            ],
            key="domains-tabs",
            on_change="rerun",
        )  # fmt: skip
        if maps.open:
            with maps:
                domains_map.view(shown)
        if pairs.open:
            with pairs:
                domains_views.pairs(shown)
        if shift.open:
            with shift:
                domains_views.shift(shown)
        if pose.open:
            with pose:
                domains_views.pose(shown)
        if correctness.open:
            with correctness:
                domains_views.correctness(shown)
        if table.open:
            with table:
                domains_tables.by_class(shown)
        if common.open:
            with common:
                domains_tables.common_shift(shown)
        if sets.open:
            with sets:
                transfer.view(shown)


run = pickers.run()

st.title("Simulated against measured")
with show.sentences():
    show.unfinished(run)
    body(run)
