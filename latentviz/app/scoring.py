"""What the pages about OOD scores share: which sets, which scorers with which parameters, and their scores."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from latentviz.app import jobs_panel, show
from latentviz.errors import DataError
from latentviz.evaluation import distributions, report
from latentviz.evaluation.detection import METRICS
from latentviz.evaluation.job import request
from latentviz.evaluation.report import Split
from latentviz.evaluation.scores import (
    Asked,
    FitOn,
    Scores,
    missing,
    negative_share,
    unusable,
)
from latentviz.figures.scores import KINDS
from latentviz.jobs import Job, jobs, submit
from latentviz.scorers import Choice, Family, Number, scorers
from latentviz.workspace import Run

#: Scorers that are looked at first, as far as they can be used.
FIRST = ("msp", "energy", "knn", "mahalanobis", "vim")

#: Work above this (training samples × scored samples × features) is done in the background.
_AT_ONCE = 2e11

#: Steps of parameters that move in factors.
_FACTORS = (1, 2, 5)


def split(run: Run) -> Split:
    """Pickers: the in-distribution set, what is told apart from it, and what of that is near."""
    usual = Split.of(run)
    held_out = [s.name for s in run if s.role == "ind" and len(s)]
    others = [s.name for s in run if s.role in ("ood", "shifted") and len(s)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        ind = usual.ind
        if len(held_out) > 1:
            ind = st.selectbox("In-distribution", held_out, key=f"ind-{_id(run)}", persist_state="session", width=220)
        chosen = st.pills(
            f"Told apart from {ind}",
            others,
            selection_mode="multi",
            default=list(usual.others),
            key=f"others-{_id(run)}-{len(others)}",
            persist_state="session",
        )
        near = st.multiselect(
            "Near OOD",
            chosen,
            key=f"near-{_id(run)}",
            persist_state="session",
            placeholder="none",
            width=300,
            help="Sets that resemble the in-distribution ones; averages are then taken of near and far sets apart.",
        )
    if not chosen:
        raise DataError("Choose at least one set to tell apart.")
    return Split.of(run, ind, [name for name in others if name in chosen], near)


def fit_on(run: Run) -> FitOn:
    """Picker: all training samples, or as many of every class."""
    with st.popover("Fitted on", icon=":material/model_training:"):
        names = [s.name for s in run if s.role == "fit" and len(s)]
        st.caption(
            f"Scorers learn from {', '.join(names)} (role fit)." if names else "There is no set with the role fit."
        )
        part = st.number_input(
            "Samples of each class",
            min_value=1,
            value=None,
            placeholder="all",
            key=f"per-class-{_id(run)}",
            persist_state="session",
            help="Fewer are faster; every class gives the same number, drawn at random.",
        )
        seed = 0
        if part is not None:
            seed = st.number_input(
                "Seed of the draw", 0, 2**31 - 1, 0, key=f"fit-seed-{_id(run)}", persist_state="session"
            )
    return FitOn(None if part is None else int(part), int(seed))


def names(run: Run) -> list[str]:
    """Pickers: any number of scorers."""
    problems = unusable(run)
    names: list[str] = []
    with st.container(border=True):
        for family in Family:
            usable = [n for n, kind in scorers().items() if kind.info.family is family and n not in problems]
            if usable:
                names += st.pills(
                    family.value,
                    usable,
                    selection_mode="multi",
                    default=[name for name in usable if name in FIRST],
                    format_func=title,
                    key=f"scorers-{family.name}-{len(problems)}",
                    persist_state="session",
                )
        if problems:
            with st.popover(f"{len(problems)} cannot be used with this run", icon=":material/block:"):
                for sentence in dict.fromkeys(problems.values()):
                    st.write(sentence)
    return names


def with_parameters(names: Sequence[str]) -> list[Asked]:
    """The scorers with parameters that can be changed; each change counts at once."""
    with st.popover("Parameters", icon=":material/tune:"):
        asked = [Asked.of(name, _parameters(name)) for name in names]
        if not any(scorers()[name].info.parameters for name in names):
            st.caption("The chosen scorers have no parameters.")
    return asked


def title(label: str) -> str:
    """What people call a scorer: its title, with the parameters that were changed."""
    name, bracket, rest = label.partition("(")
    return scorers()[name].info.title + (f" ({rest}" if bracket else "")


def _parameters(name: str) -> dict[str, Any]:
    info = scorers()[name].info
    if not info.parameters:
        return {}
    st.markdown(f"**{info.title}**")
    with st.container(horizontal=True):
        return {parameter.name: _parameter(name, parameter) for parameter in info.parameters}


def _parameter(name: str, parameter: Number | Choice) -> Any:
    shared: dict[str, Any] = {
        "key": f"parameter-{name}-{parameter.name}",
        "help": parameter.help or None,
        "persist_state": "session",
    }
    label = parameter.name.replace("_", " ").capitalize()
    if isinstance(parameter, Choice):
        return st.segmented_control(
            label, parameter.options, default=parameter.default, required=True, format_func=_said, **shared
        )
    if parameter.logarithmic or parameter.optional:
        return st.select_slider(
            label, _steps(parameter), value=parameter.default, format_func=_said, width=280, **shared
        )
    if parameter.whole:
        return st.number_input(label, int(parameter.low), int(parameter.high), int(parameter.default or 0), **shared)
    step = (parameter.high - parameter.low) / 100
    value = float(parameter.default if parameter.default is not None else parameter.low)
    return st.slider(label, float(parameter.low), float(parameter.high), value, step, width=280, **shared)


def _steps(parameter: Number) -> list[Any]:
    """Values of a parameter that moves in factors: 1, 2, 5, 10 …, with its default."""
    powers = range(int(np.floor(np.log10(max(parameter.low, 1e-12)))), int(np.ceil(np.log10(parameter.high))) + 1)
    values = {round(factor * 10.0**power, 12) for power in powers for factor in _FACTORS}
    values = {v for v in values if parameter.low <= v <= parameter.high} | {parameter.low, parameter.high}
    if parameter.default is not None:
        values.add(parameter.default)
    kept: list[Any] = sorted(int(v) if parameter.whole else float(v) for v in values)
    return [None, *kept] if parameter.optional else kept


def _said(value: Any) -> str:
    if value is None:
        return "auto"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "∞" if value == np.inf else f"{value:g}" if isinstance(value, int | float) else str(value)


def detection(run: Run, asked: Sequence[Asked], on: Split, fit: FitOn) -> tuple[pd.DataFrame, Scores]:
    """Scores and measures of the chosen scorers; what is not stored is computed, long work in the background."""
    sets = [on.ind, *on.others]
    lacking = [a for a in asked if missing(run, [a], sets, fit)]
    if lacking and _work(run, sets) * len(lacking) > _AT_ONCE:
        _announce(run, lacking, fit)
        asked = [a for a in asked if a not in lacking]
    elif not report.measured(run, asked, on, fit):
        with show.progress() as progress:
            report.detection(run, asked, on, fit, progress=progress)
    return _detection(run, tuple(asked), on, fit, str(run.folder), run.fingerprint)


@st.cache_resource(max_entries=32, show_spinner=False)
def _detection(
    _run: Run, asked: tuple[Asked, ...], on: Split, fit: FitOn, folder: str, fingerprint: str
) -> tuple[pd.DataFrame, Scores]:
    return report.detection(_run, asked, on, fit)


def _work(run: Run, sets: Sequence[str]) -> float:
    training = sum(len(s) for s in run if s.role == "fit")
    return float(training) * sum(len(run[name]) for name in sets) * run.manifest.width


def _announce(run: Run, lacking: Sequence[Asked], fit: FitOn) -> None:
    """Progress of the job that computes what is lacking; started by itself."""
    workspace = run.folder.parents[1]
    asked = request(run.name, lacking, fit)
    same = [job for job in jobs(workspace) if job.record.kind == "score" and job.record.parameters == asked]
    with st.container(border=True):
        if same and not same[0].active:
            st.warning(f"Scoring {same[0].state.status}: {same[0].state.message}", icon=":material/error:")
            if st.button("Try again", key="score-again"):
                same[0].start()
                st.rerun()
            return
        names = ", ".join(title(a.label) for a in lacking)
        job = same[0] if same else submit(workspace, "score", f"Score {run.name}: {names}", asked)
        st.caption(f"Being computed: {names}. What is stored is shown below.")
        _watch(job.folder)


@st.fragment(run_every=1.0)
def _watch(folder: Any) -> None:
    with show.sentences():
        job = Job(folder)
        state = job.state
        if state.status not in ("waiting", "running"):
            st.rerun()
        jobs_panel.progress(job, state, titled=False)
        if st.button("Cancel", key="cancel-score", icon=":material/stop_circle:"):
            job.cancel()
            st.rerun()


def level() -> float:
    """Which share of the in-distribution samples the threshold keeps; the same on all pages."""
    return (
        st.slider(
            "Threshold keeps",
            50.0,
            99.9,
            95.0,
            0.1,
            format="%.1f %%",
            key="level",
            persist_state="session",
            width=260,
            help="Of the in-distribution samples; what scores higher is called out-of-distribution.",
        )
        / 100
    )


def metric() -> str:
    """Which measure of detection."""
    return st.segmented_control(
        "Measure",
        list(METRICS),
        format_func=lambda name: METRICS[name].title,
        default="auroc",
        required=True,
        key="metric",
        persist_state="session",
    )


def one(labels: Sequence[str], key: str) -> str:
    """One of the chosen scorers."""
    return st.selectbox("Scorer", labels, format_func=title, key=f"one-{key}-{_hash(labels)}", width=260)


def kind() -> str:
    """How a distribution is drawn."""
    return st.segmented_control(
        "Draw", list(KINDS), format_func=KINDS.__getitem__, default="histogram", required=True, key="kind"
    )


def distribution(values: Mapping[str, np.ndarray], how: str) -> pd.DataFrame:
    """The table that a figure of distributions draws."""
    return getattr(distributions, how)(values)


def negative(run: Run, asked: Sequence[Asked]) -> None:
    """Warn of scorers that take features to be those of a ReLU where they are not."""
    named = [a.info.title for a in asked if a.info.rectified]
    if named and (share := negative_share(run)) > 1e-4:
        st.warning(
            f"{share:.0%} of the features are negative, but {', '.join(named)} assume those of a ReLU; "
            "do not trust their scores here.",
            icon=":material/warning:",
        )


def _id(run: Run) -> str:
    return _hash([str(run.folder)])


def _hash(parts: Sequence[str]) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=4).hexdigest()
