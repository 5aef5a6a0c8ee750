"""Where the samples lie: a map of the penultimate features, and what is behind each point."""

import streamlit as st

from latentviz.app import map_body, map_pickers, pickers

run = pickers.run()

st.title("Latent map")
with pickers.row():
    wanted = map_pickers.layout_spec(run)
map_body.page(run, wanted)
