"""Which networks hold up under corruption, and does anything in their clean features tell beforehand?"""

import streamlit as st

from latentviz.app import pickers, robustness, robustness_views, show
from latentviz.workspace import Run


@st.fragment
def body(run: Run) -> None:
    """All that follows the pickers."""
    with show.sentences():
        shown = robustness.shown(run)
        if shown is None:
            return
        robustness_views.summary(shown)
        robustness.more(run, shown)
        several = len(shown.found.models) > 1
        titles = ["One indicator", "All indicators"] * several + ["Networks", "Corruptions"]
        tabs = dict(zip(titles, st.tabs(titles, key=f"robustness-tabs-{several}", on_change="rerun"), strict=True))
        views = {
            "One indicator": robustness_views.one,
            "All indicators": robustness_views.every,
            "Networks": robustness_views.networks,
            "Corruptions": robustness_views.corruptions,
        }
        for title, tab in tabs.items():
            if tab.open:
                with tab:
                    views[title](shown)


run = pickers.run()

st.title("Robustness across models")
with show.sentences():
    show.unfinished(run)
    body(run)
