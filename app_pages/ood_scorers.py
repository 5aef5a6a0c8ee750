"""What each scorer calls out-of-distribution, and how well it separates the sets."""

import streamlit as st

from latentviz import figures
from latentviz.app import pickers, scoring, scoring_views, show

run = pickers.run()

st.title("OOD scorers")
with show.sentences():
    split = scoring.split(run)
    choice, results = st.columns([4, 9], gap="large")
    with choice:
        names = scoring.names(run)
        with pickers.row():
            asked = scoring.with_parameters(names)
            fit_on = scoring.fit_on(run)
        level = scoring.level()

    with results:
        scoring.negative(run, asked)
        table, found = scoring.detection(run, asked, split, fit_on)
        scoring_views.problems(found)
        scoring_views.stop_if_nothing(table)
        detection, scores, curves, images, agreement, about = st.tabs(
            ["Detection", "Scores", "Curves", "Images", "Agreement", "About the scorers"],
            key="scores",
            on_change="rerun",
        )

    if detection.open:
        with detection:
            metric = scoring.metric()
            scoring_views.heat_table(table, found, split, metric)
            scoring_views.compare(found, split, metric)
            scoring_views.downloads(run, table, found, split)

    if scores.open:
        with scores:
            with pickers.row():
                scorer = scoring.one(list(found.by_scorer), "scores")
                kind = scoring.kind()
            values = found.by_scorer[scorer]
            threshold = scoring_views.threshold(values, split, level)
            st.plotly_chart(
                figures.scores.distributions(
                    scoring.distribution(values, kind),
                    kind,
                    figures.style.colours_of_sets(run.sets),
                    f"OOD score: {scoring.title(scorer)}",
                    threshold,
                ),
                key="distributions",
                alt="How the OOD scores of every set are distributed",
            )
            scoring_views.rates(values, split, threshold)

    if curves.open:
        with curves:
            other = scoring_views.other(split, "curves")
            st.plotly_chart(scoring_views.roc(found, split, other), key="roc", alt="ROC curve of every scorer")
            st.plotly_chart(
                scoring_views.precision_recall(found, split, other),
                key="pr",
                alt="Precision and recall of every scorer",
            )

    if images.open:
        with images:
            with pickers.row():
                scorer = scoring.one(list(found.by_scorer), "images")
                of = scoring_views.any_set(split, "images")
            scoring_views.extremes(run, of, found.by_scorer[scorer][of])

    if agreement.open:
        with agreement:
            of = scoring_views.any_set(split, "agreement")
            st.plotly_chart(
                scoring_views.agreement(found, of), key="agreement", alt="Rank correlation between the scorers"
            )
            st.caption("Spearman's rank correlation of the scores of this set's samples.")

    if about.open:
        with about:
            scoring_views.about(asked, found)
