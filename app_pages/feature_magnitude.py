"""How long are the features of each set, and what does a threshold on the length cost?"""

import streamlit as st

from latentviz.app import magnitude, pickers, show

run = pickers.run()

st.title("Feature magnitude")
with show.sentences():
    with pickers.row():
        measure = magnitude.measure()
        kind = pickers.kind()
        level = pickers.level()
        runs = magnitude.with_another(run)
    every = magnitude.lengths(runs, measure)
    magnitude.why(run)

    thresholds = {}
    for lengths, column in magnitude.side_by_side(every):
        with column:
            figure = st.container()
            thresholds[lengths.run.name] = threshold = magnitude.threshold(lengths, level)
            with figure:
                magnitude.histogram(lengths, kind, threshold)
            magnitude.rates(lengths, threshold)

    sides, mistakes, classes = st.tabs(
        ["On each side", "Confidence and mistakes", "By class"], key="magnitude-tabs", on_change="rerun"
    )

    if sides.open:
        with sides:
            of = magnitude.one_shown(every, "sides")
            for lengths, column in magnitude.side_by_side(every):
                with column:
                    magnitude.both_sides(lengths, of, thresholds[lengths.run.name])

    if mistakes.open:
        with mistakes:
            for lengths, column in magnitude.side_by_side(every):
                with column:
                    magnitude.against(lengths)
            st.caption(
                "From the shortest features to the longest in ten groups of equally many samples; one a sample where "
                "there are fewer than ten."
            )

    if classes.open:
        with classes:
            of = magnitude.one_shown(every, "classes")
            for lengths, column in magnitude.side_by_side(every):
                with column:
                    magnitude.of_classes(lengths, of, kind)
