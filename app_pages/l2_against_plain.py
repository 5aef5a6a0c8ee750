"""Whether normalising the features in training helps detection: both heads, seed by seed."""

import streamlit as st

from latentviz.app import families, heads, pickers, show

run = pickers.run()

st.title("L2 against plain")
with show.sentences():
    family = families.family(run)
    if not family.shared_epochs:
        heads.needed(run)
        families.offer(run, family)
        st.stop()
    show.warnings(family.sentences)
    chosen = heads.sets(run)
    if chosen is None:
        st.stop()
    ind, others = chosen
    with pickers.row():
        networks = heads.networks(run, family)
        asked = heads.scorers(run)
    heads.comparison(run, heads.values(networks, asked, ind, others))
    st.subheader("Feature magnitude")
    heads.histograms(networks, ind, others)
    st.subheader("Neural collapse")
    heads.collapsed(networks)
