"""What is in the run: its sets, how well the model does on them, and what the images look like."""

import streamlit as st

from latentviz import figures
from latentviz.app import cached, pickers, show

run = pickers.run()
sets = cached.sets_table(run)

show.heading(run)
show.unfinished(run)
show.warnings(cached.warnings(run))

st.subheader("Image sets")
show.sets(sets)
show.corrupted(run)

# Only the open tab is drawn: the first view needs no chart, whose library takes the browser seconds to load.
samples, accuracy, predictions, balance, runs = st.tabs(
    ["Samples", "Accuracy", "Predictions", "Class balance", "Runs in this workspace"], key="overview", on_change="rerun"
)

if samples.open:
    with samples:
        with pickers.row():
            samples_of = pickers.one_set(run, "samples")
            seed = pickers.seed("Other samples", "handful")
        show.thumbnails(*cached.handful(samples_of, seed))
        show.source(samples_of)

if accuracy.open:
    with accuracy:
        st.plotly_chart(figures.overview.accuracy(sets), key="accuracy", alt="Accuracy of every set with its interval")

if predictions.open:
    with predictions:
        with pickers.row():
            predictions_of = pickers.one_set(run, "predictions")
            shares = st.toggle("Shares", value=True, key="confusion-shares", help="Shares of each row, not counts")
        matrix, pairs = st.columns([3, 2], gap="medium")
        with matrix:
            st.plotly_chart(
                figures.overview.confusion(cached.predicted_as(predictions_of), shares, show.is_dark()),
                key="confusion",
                alt="What the model calls each class of the set",
            )
        with pairs:
            show.most_confused(cached.most_confused(predictions_of), predictions_of)

if balance.open:
    with balance:
        st.plotly_chart(
            figures.overview.class_balance(cached.class_balance(run)), key="balance", alt="Classes of every set"
        )

if runs.open:
    with runs:
        show.runs(cached.runs_table(pickers.workspace()))
