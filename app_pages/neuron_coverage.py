"""How usual the states of the network's neurons are, what that tells apart, and which neurons it comes from."""

import streamlit as st

from latentviz.app import coverage, coverage_views, nac_me, pickers, show
from latentviz.evaluation.split import Split
from latentviz.workspace import Run


@st.fragment
def body(run: Run, split: Split) -> None:
    """What follows the sliders."""
    with show.sentences():
        shown = coverage.shown(run, split)
        coverage.about(shown)
        coverage_views.check(shown)
        detection, neurons, sample, sizes, layers, over = st.tabs(
            ["Detection", "Neurons", coverage.SAMPLE_TAB, "Profile size", "Layers", "NAC-ME"],
            key=coverage.TABS_KEY,
            on_change="rerun",
        )
        if detection.open:
            with detection:
                coverage_views.detection(shown)
        if neurons.open:
            with neurons:
                coverage_views.neurons(shown)
        if sample.open:
            with sample:
                coverage_views.one_sample(shown)
        if sizes.open:
            with sizes:
                coverage_views.sizes(shown)
        if layers.open:
            with layers:
                coverage_views.layers(shown)
        if over.open:
            with over:
                nac_me.view(run, split.ind)


run = pickers.run()

st.title("Neuron coverage")
with show.sentences():
    show.unfinished(run)
    split = coverage.split(run)
    if split is None:
        st.stop()
    body(run, split)
