"""From a trained model and image folders to a run: choose, check, start."""

import streamlit as st

from latentviz.app import add_run, jobs_panel, pickers, roots, show

workspace = pickers.workspace()

st.title("Add a run")
with show.sentences():
    if roots.allowed():
        st.subheader("1 · Model")
        model = add_run.model()
        st.subheader("2 · Image sets")
        request = add_run.request(model)
        st.subheader("3 · Check and start")
        add_run.check_and_start(workspace, request)
    else:
        show.how_to_allow_folders(workspace)

st.subheader("Jobs")
jobs_panel.full()
