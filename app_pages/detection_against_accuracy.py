"""Can the latent space tell how well the model does? Any statistic of a set against the accuracy on it."""

import streamlit as st

from latentviz.app import against, against_views, corrupting, pickers, scoring, show

run = pickers.run()

st.title("Detection against accuracy")
with show.sentences():
    show.unfinished(run)
    if not any(s.role == "shifted" and len(s) for s in run):
        against_views.nothing_shifted(run)
        st.stop()

    ind = against.held_out(run)
    if ind is None:
        st.stop()

    sets, samples, estimates, corrupted, images = st.tabs(
        ["Across sets", "Errors within a set", "Estimated accuracy", "Corruptions", "One image"],
        key="against",
        on_change="rerun",
    )

    if sets.open:
        with sets:
            with pickers.row():
                fit_on = scoring.fit_on(run)
                what = against.statistic(run, fit_on)
                runs = against.models(run)
            if not any(map(against.has_shifted, runs)):
                against_views.nothing_shifted(run)
            else:
                table, clean = against.dots(runs, ind, what, fit_on)
                if len(table):
                    against_views.sets(run.name, table, clean, what)

    if samples.open:
        with samples:
            with pickers.row():
                fit_on = scoring.fit_on(run)
                asked = against.scorer(run, fit_on)
                level = pickers.level()
            against_views.samples(run, ind, asked, fit_on, level)

    if estimates.open:
        with estimates:
            with pickers.row():
                fit_on = scoring.fit_on(run)
                asked = against.scorer(run, fit_on)
            against_views.estimates(run, ind, asked, fit_on)

    if corrupted.open:
        with corrupted:
            with pickers.row():
                fit_on = scoring.fit_on(run)
                asked = against.scorer(run, fit_on)
            corrupting.heat_map(run, ind, asked, fit_on)
            with st.expander("Make more", icon=":material/blur_on:"):
                corrupting.make(run)

    if images.open:
        with images:
            with pickers.row():
                fit_on = scoring.fit_on(run)
                asked = against.scorer(run, fit_on)
            corrupting.explorer(run, ind, asked, fit_on)
