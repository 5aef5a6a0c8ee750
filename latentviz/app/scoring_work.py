"""From chosen scorers to their scores: stored ones, computed in the page, or, if it is long, in the background."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from latentviz.app import cached, jobs_panel, show
from latentviz.evaluation import comparison, curves, report
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.fitting import FitOn, Fitted
from latentviz.evaluation.job import request
from latentviz.evaluation.report import Detection
from latentviz.evaluation.scores import Scores, compute, missing, scores
from latentviz.evaluation.split import Split
from latentviz.figures.scores import scorer_title
from latentviz.scorers import scorers
from latentviz.workspace import Run

#: Multiplications that a page does while somebody waits for it, some seconds.
AT_ONCE = 2e11


def detection(run: Run, asked: Sequence[Asked], on: Split, fit: FitOn) -> Detection:
    """Scores and measures of the chosen scorers but those that have to be computed in the background first."""
    later = _long(run, asked, on, fit)
    now = [a for a in asked if a not in later]
    with st.container():  # always there, so that what was below it stays in its place meanwhile
        if later:
            _in_background(run, later, on, fit)
        with show.progress() as progress:  # also if there is nothing to do: its place, too, takes some room
            if not report.measured(run, now, on, fit):
                report.detection(run, now, on, fit, progress=progress)
    return _detection(run, tuple(now), on, fit, str(run.folder), run.fingerprint, cached.states(run))


def scored(run: Run, asked: Asked, on: Split, fit: FitOn) -> dict[str, np.ndarray] | None:
    """Scores of one scorer on all sets, by set; None, with a sentence on the page, while there are none."""
    with st.container():
        if _long(run, [asked], on, fit):
            _in_background(run, [asked], on, fit)
            return None
        with show.progress() as progress:
            if missing(run, [asked], on.sets, fit):
                compute(run, [asked], on.sets, fit, progress)
    found = _scores(run, asked, on, fit, str(run.folder), run.fingerprint, cached.states(run))
    if problem := found.problems.get(asked.label):
        st.warning(f"{run.name}: {problem}", icon=":material/block:")
        return None
    return found.by_scorer[asked.label]


@st.cache_resource(max_entries=32, show_spinner=False)
def _scores(_run: Run, asked: Asked, on: Split, fit: FitOn, folder: str, fingerprint: str, states: tuple) -> Scores:
    return scores(_run, [asked], on.sets, fit)


def again(run: Run, asked: Sequence[Asked], on: Split, fit: FitOn) -> None:
    """Try scorers once more that could not be used, for example because the memory was full."""
    with show.progress() as progress:
        compute(run, asked, on.sets, fit, progress, again=True)
    _detection.clear()
    st.rerun()


@st.cache_resource(max_entries=8, show_spinner=False)
def _detection(
    _run: Run, asked: tuple[Asked, ...], on: Split, fit: FitOn, folder: str, fingerprint: str, states: tuple
) -> Detection:
    return report.detection(_run, asked, on, fit)


def _long(run: Run, asked: Sequence[Asked], on: Split, fit: FitOn) -> list[Asked]:
    """Scorers that the page does not wait for: the dearest, as many as it takes."""
    dear = {a: _cost(run, a, on, fit) for a in asked if missing(run, [a], on.sets, fit)}
    later, sum_ = [], sum(dear.values())
    for one in sorted(dear, key=lambda a: -dear[a]):
        if sum_ <= AT_ONCE:
            break
        later.append(one)
        sum_ -= dear[one]
    return [a for a in asked if a in later]


def _cost(run: Run, asked: Asked, on: Split, fit: FitOn) -> float:
    """About how many multiplications a scorer needs."""
    scored, width = float(sum(len(run[name]) for name in on.sets)), run.manifest.width
    if not asked.learns:
        return scored * width
    fitted = Fitted.of(run, fit).samples
    compares = scorers()[asked.name].keeps_samples  # every sample with every training sample
    return scored * fitted * width if compares else (scored + fitted) * width * width


def _in_background(run: Run, asked: Sequence[Asked], on: Split, fit: FitOn) -> None:
    """The job that computes them: to be started, how far it is, or why it ended."""
    names = ", ".join(scorer_title(a.label) for a in asked)
    jobs_panel.needed(
        run,
        "score",
        request(run.name, asked, fit, on.sets),
        f"Score {run.name}: {names}",
        f"Not computed yet for {run.name}: {names}. This takes longer, so it runs in the background.",
        "Compute",
    )


def curve(run: Run, found: Detection, name: str, kind: str) -> pd.DataFrame:
    """ROC or precision–recall curves of all scorers on one set, by ``scorer``."""
    frames = [
        _curve(scores[found.split.ind], scores[name], kind, (label, found.split.ind, name, found.fit, run.fingerprint))
        for label, scores in found.scores.by_scorer.items()
    ]
    return pd.concat(frames, ignore_index=True).assign(scorer=np.repeat(found.labels, [len(f) for f in frames]))


@st.cache_resource(max_entries=256, show_spinner=False)
def _curve(_ind: np.ndarray, _other: np.ndarray, kind: str, key: tuple) -> pd.DataFrame:
    return getattr(curves, kind)(_ind, _other)


def agreement(run: Run, found: Detection, name: str) -> pd.DataFrame:
    """Rank correlation between the scorers on one set, with their titles."""
    of = {scorer_title(label): scores[name] for label, scores in found.scores.by_scorer.items()}
    return _agreement(of, (tuple(of), name, found.fit, str(run.folder), run.fingerprint))


@st.cache_resource(max_entries=32, show_spinner=False)
def _agreement(_scores: dict[str, np.ndarray], key: tuple) -> pd.DataFrame:
    return comparison.rank_agreement(_scores) if len(_scores) > 1 else pd.DataFrame()
