"""latentviz: the entry of the Streamlit app. Start it with `latentviz app --workspace DIR`."""

import streamlit as st

from latentviz.app import ICON, jobs_panel, pickers, show

# A file, because Streamlit fetches its icon names from the net, and the app works without one.
st.set_page_config(page_title="latentviz", page_icon=ICON, layout="wide")

page = st.navigation(
    [
        st.Page(
            "app_pages/overview.py",
            title="Overview",
            icon=":material/table_chart:",
            default=True,
            help="The run's image sets: sizes, accuracy, classes, samples and mistakes.",
        ),
        st.Page(
            "app_pages/latent_map.py",
            title="Latent map",
            icon=":material/scatter_plot:",
            help="A map of the features: colour, filter and select samples, and see their neighbours.",
        ),
        st.Page(
            "app_pages/ood_scorers.py",
            title="OOD scorers",
            icon=":material/radar:",
            help="What scorers call out-of-distribution, and how well each tells the sets apart.",
        ),
        st.Page(
            "app_pages/feature_magnitude.py",
            title="Feature magnitude",
            icon=":material/straighten:",
            help="How long the features of each set are, and what a threshold on the length costs.",
        ),
        st.Page(
            "app_pages/detection_against_accuracy.py",
            title="Detection against accuracy",
            icon=":material/monitoring:",
            help="Whether a statistic of a set tells the accuracy on it; corrupted versions of the images.",
        ),
        st.Page(
            "app_pages/neuron_coverage.py",
            title="Neuron coverage",
            icon=":material/grain:",
            help="How usual the neurons' states are: NAC-UE, neuron by neuron, and NAC-ME over checkpoints.",
        ),
        st.Page(
            "app_pages/clustering.py",
            title="Clustering",
            icon=":material/bubble_chart:",
            help="Clusters that know no labels beside classes: agreement, distances, silhouettes, images.",
        ),
        st.Page(
            "app_pages/robustness_across_models.py",
            title="Robustness across models",
            icon=":material/shield:",
            help="Networks side by side under corruption, and what in their clean features tells them apart.",
        ),
        st.Page(
            "app_pages/simulated_against_measured.py",
            title="Simulated against measured",
            icon=":material/compare:",
            help="Two domains, such as simulated and measured radar chips: pairs, shift, what is flagged.",
        ),
        st.Page(
            "app_pages/neural_collapse.py",
            title="Neural collapse",
            icon=":material/hub:",
            help="How near the classes have come to one point each, and the points to a simplex.",
        ),
        st.Page(
            "app_pages/l2_against_plain.py",
            title="L2 against plain",
            icon=":material/balance:",
            help="Networks trained with and without normalised features: accuracy and detection, seed by seed.",
        ),
        st.Page(
            "app_pages/train.py",
            title="Train",
            icon=":material/model_training:",
            help="Train networks with and without normalised features; their checkpoints become runs.",
        ),
        st.Page(
            "app_pages/add_run.py",
            title="Add a run",
            icon=":material/add_circle:",
            help="Extract the features of a trained model on folders of images.",
        ),
    ]
)

with show.sentences():
    pickers.workspace_and_run()
    jobs_panel.sidebar()
    page.run()
