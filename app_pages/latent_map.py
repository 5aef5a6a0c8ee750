"""Where the samples lie: a map of the penultimate features, and what is behind each point."""

import streamlit as st

from latentviz import figures
from latentviz.app import cached, latent_map, pickers, show

run = pickers.run()

st.title("Latent map")
with pickers.row():
    wanted = pickers.layout_spec(run)
    colour_by = pickers.colour_by(run, wanted.sets)
layout = latent_map.layout(run, wanted)
points, column = cached.coloured(run, layout, colour_by)

filters = pickers.point_filter(run, points)
shown = cached.filtered(points, filters)
colours = figures.latent_map.colour(points, column, run.sets)

left, right = st.columns([13, 7], gap="medium")
with left:
    with pickers.row():
        mouse = pickers.mouse()
        show.shown_of(shown, points)
    show.without_scores(colour_by, layout)
    selection = latent_map.draw(run, layout, shown, colours, mouse)
    below = st.container()
with right:
    latent_map.side_panel(run, layout, points, selection)
with below:
    show.quality(layout, latent_map.quality(run, layout))
