"""Networks with and without normalised features, whose checkpoints become runs."""

import streamlit as st

from latentviz.app import jobs_panel, pickers, roots, show, training

workspace = pickers.workspace()

st.title("Train")
with show.sentences():
    if roots.allowed():
        training.start(training.form())
    else:
        show.how_to_allow_folders(workspace)

st.subheader("Trainings")
with show.sentences():
    training.curves()

st.subheader("Jobs")
jobs_panel.full()
