"""What the page of detection against accuracy shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from latentviz import figures
from latentviz.app import against, corrupting, pickers, scoring_work, show
from latentviz.app.against import Statistic
from latentviz.evaluation import flagging, selective
from latentviz.evaluation.accuracy import judged
from latentviz.evaluation.against_accuracy import Relation, conclusion
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.coefficients import TITLES
from latentviz.evaluation.detection import threshold_at
from latentviz.evaluation.estimation import METHODS
from latentviz.evaluation.fitting import FitOn
from latentviz.evaluation.intervals import Estimate
from latentviz.evaluation.split import Split
from latentviz.evaluation.verdict import written
from latentviz.figures.against_accuracy import COLOURED_BY
from latentviz.figures.scores import scorer_title
from latentviz.workspace import Run

_BACK = "Where a set has labels, the truth stands beside the estimate."


def nothing_shifted(run: Run) -> None:
    """What the page needs, and a way to it."""
    st.info(
        "This page needs sets whose labels still hold although the images are not what the model was trained on: "
        "corrupted, measured elsewhere, or otherwise shifted.",
        icon=":material/blur_on:",
    )
    corrupting.make(run)


def sets(name: str, table: pd.DataFrame, clean: pd.DataFrame, what: Statistic) -> None:
    """One dot a model and set, what is to be read from them, and where it comes from."""
    found, models_there = against.relation(table, what.kind), list(dict.fromkeys(table["run"]))
    first, *rest = conclusion(found, table, what.words)
    st.markdown(f"**{first}**")
    if len(models_there) > 1:
        st.caption(
            "Scores of different models may have different scales: what holds within a model is the fairer answer. The "
            f"intervals are for these {len(models_there)} models; corruptions and other sets are resampled."
        )
    with pickers.row():
        corrupted = bool((table["corruption"] != "").any())
        options = ["run"] if corrupted and len(models_there) > 1 else []
        options += [by for by in COLOURED_BY if by not in ("run", "set")] if corrupted else ["set"]
        options += ["run"] if not corrupted and len(models_there) > 1 else []
        by = options[0]
        if len(options) > 1:
            by = st.segmented_control(
                "Colour by",
                options,
                format_func=COLOURED_BY.__getitem__,
                default=options[0],
                required=True,
                key=f"dots-by-{corrupted}-{len(options)}",
                persist_state="session",
            )
        lines = corrupted and st.toggle("Join severities", value=True, key="dots-lines", persist_state="session")
    st.plotly_chart(
        figures.against_accuracy.dots(table, what.title, by, lines and by != "severity", clean),
        key="dots",
        alt=f"{what.title} against accuracy, one dot a set",
    )
    st.markdown("\n".join(f"- {sentence}" for sentence in rest))
    if found.overall.left_out:
        lost = table["set"][~np.isfinite(table["value"].astype(float))]
        first, more = ", ".join(lost[:5]), " …" if len(lost) > 5 else ""
        st.caption(f"{found.overall.left_out:,} left out, without a finite value: {first}{more}.")
    inside(found, what)
    coefficients(found)
    if len(models_there) > 1:
        models(table, clean, what)
    st.download_button(
        "CSV",
        lambda: pd.concat([clean, table]).to_csv(index=False).encode(),
        f"{name}-{what.name}-against-accuracy.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def inside(found: Relation, what: Statistic) -> None:
    """Side by side: inside each corruption (or model), and inside each severity over corruptions."""
    if found.inside.empty and found.across.empty:
        return  # one model and no corrupted versions
    by = str(found.inside.columns[0])
    within = "Within a corruption, over severities" if by == "path" else "Within a model, over its sets"
    shown = [(found.inside, by, within), (found.across, "step", "Within a severity, over corruptions")]
    shown = [one for one in shown if one[1] != "step" or found.units != "sets"]  # without corruptions nothing is there
    for place, (table, column, title) in zip(st.columns(2, gap="large"), shown, strict=False):
        with place:
            st.markdown(f"**{title}**")
            st.plotly_chart(
                figures.against_accuracy.ranges(table, column, TITLES[what.kind]), key=f"inside-{column}", alt=title
            )


def coefficients(found: Relation) -> None:
    """Every coefficient, and the chosen one without each family."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Over all sets**")
        _correlations(found.kinds.assign(what=found.kinds["kind"].map(TITLES)), "what", "Correlation")
        if found.overall.groups < found.overall.n:
            of_one = found.units == "sets"
            why = "dots of one set under several models" if of_one else "severities of one corruption"
            st.caption(
                f"Intervals: bootstrap of {found.overall.groups} {found.units} as wholes, because {why} are not "
                "independent."
            )
    with right:
        if not found.without.empty:
            st.markdown("**Without one family**")
            changes = [f"{written(c)}" if np.isfinite(c) else "" for c in found.without["change"]]
            _correlations(found.without, "family", "Without", {"Change": changes})


def _correlations(
    table: pd.DataFrame, name: str, heading: str, more: Mapping[str, Sequence[str]] | None = None
) -> None:
    shown = [_coefficient(*row) for row in table[["value", "low", "high", "problem"]].itertuples(index=False)]
    columns = {
        heading: table[name],
        "Value (95 % interval)": shown,
        "n": [f"{n:,}" for n in table["n"]],
        **(more or {}),
    }
    st.table(pd.DataFrame(columns), border="horizontal", hide_index=True, alt=heading)


def _coefficient(value: float, low: float, high: float, problem: str) -> str:
    """With its interval, or why it has none."""
    if np.isnan(value):
        return problem
    return f"{written(value)}, no interval" if problem else f"{written(value)} [{written(low)}, {written(high)}]"


def models(table: pd.DataFrame, clean: pd.DataFrame, what: Statistic) -> None:
    """The same over models: on their means, and set by set."""
    found, coefficient = against.across_models(table, what.kind), TITLES[what.kind]
    st.markdown("**Across models**")
    if not found.sets:
        st.caption("No set is there for all models.")
        return
    common = table[table["set"].isin(found.sets)]
    means = common.groupby("run", sort=False)[["value", "accuracy"]].mean().reset_index()
    left, right = st.columns(2, gap="large")
    with left:
        st.plotly_chart(
            figures.against_accuracy.models(means, what.words), key="models", alt="Means of the models over sets"
        )
    with right:
        on_clean = clean.set_index("run")["accuracy"].reindex(means["run"])
        shown = {
            "Model": means["run"],
            "Clean accuracy": ["–" if np.isnan(a) else f"{a:.1%}" for a in on_clean],
            "Mean accuracy": [f"{a:.1%}" for a in means["accuracy"]],
            "Mean statistic": [f"{v:.3g}".replace("-", "−") for v in means["value"]],
        }
        st.table(pd.DataFrame(shown), border="horizontal", hide_index=True, alt="Means of the models")
        of_means = found.means
        numbers = _coefficient(of_means.value, of_means.low, of_means.high, of_means.problem)
        st.caption(
            f"Means over the {len(found.sets)} sets that all {len(means)} models have. {coefficient} of the models' "
            f"means: {numbers}."
        )
        defined = found.by_set["value"].dropna()
        if len(defined):
            ends = f"from {written(float(defined.min()))} to {written(float(defined.max()))}"
            st.caption(
                f"On the same set, over models: median {written(float(defined.median()))} over {len(defined)} sets "
                f"({ends})."
            )


def samples(run: Run, ind: str, asked: Asked, fit: FitOn, level: float) -> None:
    """Does the score find the errors within one set?"""
    names = [s.name for s in run if s.labelled and s.role != "fit" and len(s)]
    if not names:
        st.info("A labelled set is needed, of role ind or shifted.", icon=":material/label:")
        return
    name = st.selectbox("Image set", names, key=f"samples-set-{pickers.id_of(run)}", persist_state="session", width=300)
    scores = scoring_work.scored(run, asked, Split(ind, tuple(n for n in names if n != ind) or (ind,)), fit)
    if scores is None:
        return
    image_set, title = run[name], scorer_title(asked.label)
    score, right = judged(image_set, scores[name])
    found, curve = selective.error_auroc(score, right), selective.risk_coverage(score, right)
    if found.problem:
        st.info(found.problem, icon=":material/info:")
    else:
        area, low, high = _area(score, right, (asked, fit, name, str(run.folder), run.fingerprint))
        st.markdown(
            f"**AUROC of {title} for errors on {name}: {found.value:.3f} [{found.low:.3f}, {found.high:.3f}]** "
            f"({found.errors:,} errors among {found.n:,}). AURC {area:.4f} [{low:.4f}, {high:.4f}]; the best order of "
            f"the same predictions has {curve.optimal:.4f}, a score without skill about {curve.error:.4f}."
        )
    left, middle = st.columns(2, gap="large")
    with left:
        st.markdown("**Risk and coverage**")
        drawn = {title: (curve.coverage, curve.risk), "best possible": (curve.coverage, curve.oracle)}
        st.plotly_chart(figures.against_accuracy.curves(drawn), key="risk", alt="Risk against coverage")
    with middle:
        st.markdown("**Accuracy by score**")
        table = selective.accuracy_in_bins(score, right)
        st.plotly_chart(figures.against_accuracy.bins(table, title), key="bins", alt="Accuracy in bins of the score")
    labels, prediction = image_set.labels, image_set.read("prediction")
    known = labels >= 0
    threshold = threshold_at(scores[ind], level)
    halves = flagging.split_at(score, right, labels[known], prediction[known], len(run.classes), threshold)
    _halves(run, halves, level, ind)
    with st.expander("Every set", icon=":material/table_rows:"):
        every = _error_table(run, scores, tuple(names), (asked, fit, str(run.folder), run.fingerprint))
        columns = {"set": "Set", "n": "n", "errors": "Errors", "auroc": "AUROC for errors", "aurc": "AURC"}
        columns |= {"low": "95 % from", "high": "to"}
        st.dataframe(every.rename(columns=columns), hide_index=True, alt=f"AUROC of {title} for errors on every set")


@st.cache_resource(max_entries=64, show_spinner=False)
def _area(_score: np.ndarray, _right: np.ndarray, key: tuple) -> Estimate:
    return selective.aurc_interval(_score, _right)


@st.cache_resource(max_entries=16, show_spinner=False)
def _error_table(_run: Run, _scores: Mapping[str, np.ndarray], names: tuple[str, ...], key: tuple) -> pd.DataFrame:
    return selective.error_table({name: judged(_run[name], _scores[name]) for name in names})


def _halves(run: Run, halves: flagging.Halves, level: float, ind: str) -> None:
    st.markdown(f"**Kept and flagged** at the threshold that keeps {level:.1%} of {ind}")
    if halves.problem:
        st.caption(halves.problem)
    else:
        value, low, high = halves.difference
        more = "as accurate" if value == 0 else "more accurate" if value > 0 else "less accurate"
        surely = "" if low > 0 or high < 0 else "; the interval holds 0"
        numbers = f"{_points(value)} points [{_points(low)}, {_points(high)}]"
        st.caption(f"The kept samples are {more}: {numbers}{surely}.")
    for place, title, half in zip(
        st.columns(2, gap="large"), ("Kept", "Flagged"), (halves.kept, halves.flagged), strict=True
    ):
        with place:
            accuracy, low, high = half.accuracy
            said = "" if np.isnan(accuracy) else f", accuracy {_share(accuracy, low, high)}"
            st.markdown(f"{title}: n = {half.n:,} ({half.share:.1%}){said}")
            if half.labelled:
                matrix = pd.DataFrame(half.confusion, list(run.classes), list(run.classes))
                st.plotly_chart(
                    figures.overview.confusion(matrix, False, show.is_dark()), key=f"confusion-{title}", alt=title
                )


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")


def estimates(run: Run, ind: str, asked: Asked, fit: FitOn) -> None:
    """Accuracy as it would be estimated without labels, against the truth."""
    found = against.estimates(run, ind, asked, fit)
    if found is None:
        return
    table, errors = found
    st.info(
        f"An estimate, not a measurement: it carries the relation of {scorer_title(asked.label)} to accuracy on "
        f"in-distribution data over to other sets, where it may not hold. Versions of {ind} show the same images with "
        f"which the relation was found, which is easier than new ones. {_BACK}",
        icon=":material/functions:",
    )
    unknown = table[table["truth"].isna()]
    if len(unknown):
        st.markdown("**Sets without labels**")
        said = unknown.assign(said=[_share(*ends) for ends in unknown[["estimate", "low", "high"]].to_numpy()])
        listed = said.pivot_table(index=["set", "n"], columns="method", values="said", aggfunc="first", sort=False)
        listed = listed[list(METHODS)].rename(columns=METHODS).reset_index().rename(columns={"set": "Set"})
        st.table(listed, border="horizontal", hide_index=True, alt="Estimates of sets without labels")
        st.caption("Intervals (95 %) hold the noise of the samples, not the error of the relation itself.")
    known = table[table["truth"].notna()]
    if known.empty:
        return
    wide = known.pivot_table(index="set", columns="method", values="estimate", sort=False).reset_index()
    wide["truth"] = wide["set"].map(known.drop_duplicates("set").set_index("set")["truth"])
    left, right = st.columns([1, 1], gap="large")
    with left:
        st.markdown("**Estimate against truth**")
        st.plotly_chart(
            figures.against_accuracy.estimates(wide, list(METHODS), METHODS), key="estimates", alt="Estimated accuracy"
        )
    with right:
        st.markdown("**Mean absolute error over sets**")
        shown = {
            "Estimate": errors["method"].map(METHODS),
            "Error": [f"{100 * e:.1f} points" for e in errors["error"]],
            "Less than “as on InD”": [
                "" if m == "ind" else _gain(g, lo, hi)
                for m, g, lo, hi in zip(errors["method"], errors["gain"], errors["low"], errors["high"], strict=True)
            ],
            "Sets": [f"{n:,}" for n in errors["sets"]],
        }
        st.table(pd.DataFrame(shown), border="horizontal", hide_index=True, alt="Errors of the estimates")
    with st.expander("Every set", icon=":material/table_rows:"):
        listed = table.assign(method=table["method"].map(METHODS))
        st.dataframe(listed, hide_index=True, alt="Estimates of every set")


def _share(value: float, low: float, high: float) -> str:
    return f"{value:.1%} [{low:.1%}, {high:.1%}]"


def _gain(value: float, low: float, high: float) -> str:
    ends = "" if np.isnan(low) else f" [{_points(low)}, {_points(high)}]"
    return f"{_points(value)}{ends}"
