"""Do clusters that know no labels find the classes? What that says of the latent space."""

import streamlit as st

from latentviz.app import clustering, clustering_map, clustering_views, pickers, show
from latentviz.workspace import Run


@st.fragment
def body(run: Run) -> None:
    """All that follows the pickers."""
    with show.sentences():
        shown = clustering.shown(run)
        if shown is None:
            return
        clustering_views.indicators(shown)
        maps, table, distances, silhouettes, stability, images, others = st.tabs(
            ["Map", "Contingency", "Distances", "Silhouettes", "Stability", "Images", "Other sets"],
            key="clustering-tabs",
            on_change="rerun",
        )
        if maps.open:
            with maps:
                clustering_map.view(shown)
        if table.open:
            with table:
                clustering_views.table(shown)
        if distances.open:
            with distances:
                clustering_views.distances(shown)
        if silhouettes.open:
            with silhouettes:
                clustering_views.silhouettes(shown)
        if stability.open:
            with stability:
                clustering_views.stability(shown)
        if images.open:
            with images:
                clustering_views.images(shown)
        if others.open:
            with others:
                clustering_views.others(shown)


run = pickers.run()

st.title("Clustering")
with show.sentences():
    show.unfinished(run)
    body(run)
