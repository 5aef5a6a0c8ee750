"""How long are the features of each set, and what does a threshold on the length cost?"""

import streamlit as st

from latentviz import figures
from latentviz.app import magnitude, pickers, scoring, show

run = pickers.run()

st.title("Feature magnitude")
with show.sentences():
    with pickers.row():
        order = magnitude.order()
        normalise = magnitude.after_the_head()
        kind = scoring.kind()
        level = scoring.level()
    beside = magnitude.beside(run)
    sets = magnitude.sets(run)
    magnitude.why(run)

    thresholds = {}
    for one, column in zip([run, *beside], st.columns(1 + len(beside), gap="medium"), strict=True):
        with column:
            magnitude.heading(one, beside)
            lengths = magnitude.lengths(one, sets, order, normalise)
            figure = st.container()
            thresholds[one.name] = magnitude.threshold(one, lengths, level, order, normalise)
            figure.plotly_chart(
                figures.scores.distributions(
                    scoring.distribution(lengths, kind),
                    kind,
                    figures.style.colours_of_sets(run.sets),
                    magnitude.axis(order, normalise),
                    thresholds[one.name],
                ),
                key=f"magnitude-{one.name}",
                alt="How the lengths of every set's features are distributed",
            )
            magnitude.rates(one, lengths, thresholds[one.name])

    sides, mistakes, classes = st.tabs(
        ["On each side", "Confidence and mistakes", "By class"], key="magnitude-tabs", on_change="rerun"
    )
    lengths = magnitude.lengths(run, sets, order, normalise)

    if sides.open:
        with sides:
            name = magnitude.one_of(lengths, "sides")
            magnitude.both_sides(run, name, lengths[name], thresholds[run.name])

    if mistakes.open:
        with mistakes:
            by_length = magnitude.by_length(run, lengths)
            left, right = st.columns(2, gap="medium")
            with left:
                st.plotly_chart(
                    magnitude.against(run, by_length, "confidence", order, normalise),
                    key="length-confidence",
                    alt="Mean confidence from the shortest features to the longest",
                )
            with right:
                st.plotly_chart(
                    magnitude.against(run, by_length, "accuracy", order, normalise),
                    key="length-accuracy",
                    alt="Accuracy from the shortest features to the longest",
                )
            st.caption("Each point is a tenth of the set, from the shortest features to the longest.")

    if classes.open:
        with classes:
            name = magnitude.one_of(lengths, "classes")
            st.plotly_chart(
                magnitude.of_classes(run, name, lengths[name], order, normalise),
                key="length-classes",
                alt="Lengths of the features of every class",
            )
