"""What is in the run: its sets, how well the model does on them, and what the images look like."""

import streamlit as st

from latentviz import figures
from latentviz.app import cached, pickers, show

run = pickers.run()
sets = cached.sets_table(run)

show.heading(run)
show.unfinished(run)
show.warnings(cached.warnings(run))

table, dots = st.columns([3, 2], gap="medium")
with table:
    st.subheader("Image sets")
    show.sets(sets)
with dots:
    st.subheader("Accuracy")
    st.plotly_chart(figures.overview.accuracy(sets), key="accuracy", alt="Accuracy of every set with its interval")

st.subheader("Samples")
samples_of = pickers.one_set(run, "samples")
show.thumbnails(*cached.handful(samples_of, pickers.seed("Other samples", "handful")))

st.subheader("Predictions")
predictions_of = pickers.one_set(run, "predictions")
shares = st.toggle("Shares of each row instead of counts", value=True, key="confusion-shares")
matrix, pairs = st.columns([3, 2], gap="medium")
with matrix:
    st.plotly_chart(
        figures.overview.confusion(cached.predicted_as(predictions_of), shares),
        key="confusion",
        alt="What the model calls each class of the set",
    )
with pairs:
    show.most_confused(cached.most_confused(predictions_of), predictions_of)

st.subheader("Class balance")
st.plotly_chart(figures.overview.class_balance(cached.class_balance(run)), key="balance", alt="Classes of every set")

st.subheader("Runs in this workspace")
show.runs(cached.runs_table(pickers.workspace()))
