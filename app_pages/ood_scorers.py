"""What each scorer calls out-of-distribution, and how well it separates the sets."""

import streamlit as st

from latentviz.app import pickers, scoring, scoring_views, scoring_work, show

run = pickers.run()

st.title("OOD scorers")
with show.sentences():
    show.unfinished(run)
    split = scoring.split(run)
    if split is None:
        st.stop()
    choice, results = st.columns([4, 9], gap="large")
    with choice:
        toggles = st.container()
        with pickers.row():
            level = pickers.level()
            fit_on = scoring.fit_on(run)
        with toggles:
            names = scoring.names(run, fit_on)
        asked = scoring.with_parameters(names)

    with results:
        found = scoring_work.detection(run, asked, split, fit_on)
        scoring_views.problems(run, asked, found, fit_on)
        if not found.labels:
            scoring_views.nothing(asked, found)
            scoring_views.about(asked, found)
            st.stop()
        detection, scores, curves, images, agreement, about = st.tabs(
            ["Detection", "Scores", "Curves", "Images", "Agreement", "About the scorers"],
            key="scores",
            on_change="rerun",
        )

    sets = [*split.others, split.ind]

    if detection.open:
        with detection:
            metric = scoring.metric()
            scoring_views.heat_table(found, metric)
            scoring_views.compare(found, metric)
            scoring_views.downloads(run, found)

    if scores.open:
        with scores:
            with pickers.row():
                scorer = scoring.one(found.labels, "scores")
                kind = pickers.kind()
            scoring_views.distributions(run, found, scorer, kind, level)

    if curves.open:
        with curves:
            of = pickers.one_of(split.others, "other-of-curves")
            scoring_views.curves(run, found, of)

    if images.open:
        with images:
            with pickers.row():
                scorer = scoring.one(found.labels, "images")
                of = pickers.one_of(sets, "set-of-images")
            scoring_views.extremes(run, of, scorer, found.scores.by_scorer[scorer][of])

    if agreement.open:
        with agreement:
            of = pickers.one_of(sets, "set-of-agreement")
            scoring_views.agreement(run, found, of)

    if about.open:
        with about:
            scoring_views.about(asked, found)
