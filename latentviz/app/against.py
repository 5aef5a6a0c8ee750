"""Statistics of sets and the accuracy on them: what the user chooses, and the tables that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from latentviz.app import cached, jobs_panel, pickers, scoring, scoring_work, show
from latentviz.errors import DataError
from latentviz.evaluation import against_accuracy, estimation, feature_statistics, relations, set_statistics
from latentviz.evaluation.accuracy import judged, sets_table
from latentviz.evaluation.against_accuracy import Relation
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.coefficients import TITLES
from latentviz.evaluation.fitting import FitOn
from latentviz.evaluation.set_statistics import OF_SCORES
from latentviz.evaluation.split import Split
from latentviz.figures.scores import scorer_title
from latentviz.workspace import Run

#: Every statistic by name, in words.
_STATISTICS = OF_SCORES | {name: known.title for name, known in feature_statistics.feature_statistics().items()}


@dataclass(frozen=True)
class Statistic:
    """Which number of a set is held against its accuracy.

    Attributes
    ----------
    name : str
        Of :data:`OF_SCORES`, or a feature statistic.
    asked : Asked or None
        The scorer, if it is of scores.
    level : float
        Share of the in-distribution samples that a threshold keeps.
    kind : {"spearman", "pearson", "kendall"}
    """

    name: str
    asked: Asked | None
    level: float
    kind: str

    @property
    def title(self) -> str:
        """For axes and sentences."""
        what = _STATISTICS[self.name]
        return f"{what}: {scorer_title(self.asked.label)}" if self.asked else what

    @property
    def words(self) -> str:
        """Inside a sentence."""
        what = _STATISTICS[self.name]
        what = what if what[:2].isupper() else what[0].lower() + what[1:]
        what += f" at {self.level:.1%}" if self.name == "flagged" else ""
        return f"{what} ({scorer_title(self.asked.label)})" if self.asked else what


def statistic(run: Run, fit: FitOn) -> Statistic:
    """Pickers: which statistic, of which scorer, and which correlation."""
    name = st.selectbox(
        "Statistic", list(_STATISTICS), format_func=_STATISTICS.__getitem__, key="statistic", persist_state="session",
        width=220,
        help="None of them uses the labels of the set. Corrupted versions of the in-distribution set show its own "
        "images: thresholds, AUROC and distances compare the same images before and after.",
    )  # fmt: skip
    asked = scorer(run, fit) if name in OF_SCORES else None
    level = pickers.level() if name == "flagged" else st.session_state.get(pickers.LEVEL_KEY, 95.0) / 100
    kind = st.segmented_control(
        "Correlation", list(TITLES), format_func=TITLES.__getitem__, default="spearman", required=True,
        key="correlation", persist_state="session",
    )  # fmt: skip
    return Statistic(name, asked, level, kind)


def scorer(run: Run, fit: FitOn, key: str = "scorer-against", at_first: str = "energy") -> Asked:
    """Picker: one scorer that this run can be scored with, with the parameters chosen on the page of the scorers."""
    usable = scoring.usable(run, fit)
    name = st.selectbox(
        "Scorer",
        usable,
        index=usable.index(at_first) if at_first in usable else 0,
        format_func=scorer_title,
        key=key,
        persist_state="session",
        width=220,
    )
    return scoring.as_chosen(name)


def models(run: Run) -> list[Run]:
    """Toggle: this run only, or all of the workspace that know the same classes and have shifted sets."""
    others = [other for other in cached.runs(pickers.workspace()) if other.name != run.name]
    alike = [other for other in others if other.classes == run.classes and has_shifted(other)]
    if not alike:
        return [run]
    everyone = st.toggle(
        f"All {len(alike) + 1} models",
        key="all-models",
        persist_state="session",
        help="Also " + ", ".join(other.name for other in alike),
    )
    return [run, *alike] if everyone else [run]


def has_shifted(run: Run) -> bool:
    """Whether there are labelled sets under shift."""
    return any(s.role == "shifted" and len(s) and s.labelled and s.complete for s in run)


def held_out(run: Run) -> str | None:
    """Picker: the in-distribution set, the same on all pages; None, with a sentence on the page, without one."""
    ind = pickers.held_out(run)
    if ind is None:
        st.info(
            f"{run.name} has no in-distribution samples that scores and accuracies could be compared with; add a set "
            "of role ind.",
            icon=":material/info:",
        )
    return ind


def dots(runs: Sequence[Run], ind: str, what: Statistic, fit: FitOn) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row a model and shifted set, and one row a model with its in-distribution set.

    The columns are those of :func:`latentviz.figures.against_accuracy.dots`. Models that have no scores yet are left
    out; the page says why.
    """
    with st.container(gap=None):  # places of progress, one a model, take no room
        parts = [found for run in runs if (found := _of_run(run, ind, what, fit)) is not None]
    if not parts:
        return pd.DataFrame(), pd.DataFrame()
    shifted, clean = (pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True))
    return shifted, clean


def _of_run(run: Run, wanted: str, what: Statistic, fit: FitOn) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    names = tuple(cached.shifted_sets(run)["set"])
    inds = [s.name for s in run if s.role == "ind" and len(s)]
    if not names or not inds:
        return None
    ind = wanted if wanted in inds else inds[0]
    level = what.level if what.name == "flagged" else None
    content = (str(run.folder), run.fingerprint, cached.states(run))
    key = (what.name, what.asked, fit if what.asked else None, ind, level, names, content)
    scores = None
    if what.asked is not None:
        scores = scoring_work.scored(run, what.asked, Split(ind, names), fit)
        if scores is None:
            return None
    elif not _compared(run, ind, [*names, ind], what):
        return None
    return _joined(run, scores, ind, what.name, what.level, key)


def _compared(run: Run, ind: str, sets: list[str], what: Statistic) -> bool:
    """Whether a feature statistic is there for all sets: computed now, or, if it is long, in the background."""
    asked = (run, ind, sets, what.name)
    if feature_statistics.cost(*asked) > scoring_work.AT_ONCE:
        parameters = {"run": run.name, "ind": ind, "sets": sets, "statistic": what.name}
        title = f"{what.title} of {run.name}"
        jobs_panel.needed(
            run,
            "statistic",
            parameters,
            title,
            f"Not computed yet: {title}. This takes longer, so it runs in the background.",
            "Compute",
        )
        return False
    key = (str(run.folder), run.fingerprint, cached.finished(run), ind, tuple(sets), what.name)
    try:
        show.beforehand(("statistic", key), lambda progress: feature_statistics.of_features(*asked, progress))
    except DataError as error:
        st.warning(f"{run.name} is left out: {error}", icon=":material/block:")
        return False
    return True


@st.cache_resource(max_entries=64, show_spinner=False)
def _joined(
    _run: Run, _scores: Mapping[str, np.ndarray] | None, _ind: str, _name: str, _level: float, key: tuple
) -> tuple[pd.DataFrame, pd.DataFrame]:
    shifted = cached.shifted_sets(_run)
    names = [*shifted["set"], _ind]
    if _scores is None:
        values = feature_statistics.of_features(_run, _ind, names, _name)
    else:
        values = set_statistics.of_scores(_scores[_ind], {n: _scores[n] for n in names}, _level)
    values = values[values["statistic"] == _name].drop(columns="statistic")
    clean = sets_table(_run, [_ind])[["set", "accuracy", "low", "high", "labelled"]].merge(values, on="set")
    return shifted.merge(values, on="set"), clean.assign(
        run=_run.name, of="", corruption="", version="", family="", severity=0
    )


def relation(table: pd.DataFrame, kind: str) -> Relation:
    """See :func:`latentviz.evaluation.against_accuracy.relation`."""
    return _relation(table, kind, _content(table))


@st.cache_resource(max_entries=64, show_spinner=False)
def _relation(_table: pd.DataFrame, kind: str, content: bytes) -> Relation:
    return against_accuracy.relation(_table, kind)


def across_models(table: pd.DataFrame, kind: str) -> relations.AcrossModels:
    """Over models: on every set, and on the models' means."""
    return _across_models(table, kind, _content(table))


@st.cache_resource(max_entries=32, show_spinner=False)
def _across_models(_table: pd.DataFrame, kind: str, content: bytes) -> relations.AcrossModels:
    return relations.across_models(_table, "value", "accuracy", kind, model="run")


def _content(table: pd.DataFrame) -> bytes:
    """What tells two tables of dots apart."""
    numbers = pd.util.hash_pandas_object(table[["run", "set", "value", "accuracy"]], index=False)
    return numbers.to_numpy().tobytes()


def estimates(run: Run, ind: str, asked: Asked, fit: FitOn) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Estimated accuracy of every set but the training data, beside the truth where there is one.

    And how far the two are apart; None while there are no scores, or without labels of the in-distribution set.
    """
    names = tuple(s.name for s in run if s.role not in ("fit", "ood") and len(s) and s.complete and s.name != ind)
    if not names:
        st.info("There is no set but the in-distribution one whose accuracy could be estimated.")
        return None
    if not run[ind].labelled:
        st.info(f"{ind} has no labels: there is no relation of the score to accuracy to start from.")
        return None
    scores = scoring_work.scored(run, asked, Split(ind, names), fit)
    if scores is None:
        return None
    return _estimates(run, scores, ind, names, (asked, fit, str(run.folder), run.fingerprint, cached.states(run)))


@st.cache_resource(max_entries=16, show_spinner="Estimating …")
def _estimates(
    _run: Run, _scores: Mapping[str, np.ndarray], ind: str, names: tuple[str, ...], key: tuple
) -> tuple[pd.DataFrame, pd.DataFrame]:
    score, correct = judged(_run[ind], _scores[ind])
    sets = {name: judged(_run[name], _scores[name]) if _run[name].labelled else (_scores[name], None) for name in names}
    table = estimation.estimate_table(score, correct, sets)
    records = {name: _run[name].entry.corruption for name in names}
    groups = {name: record.name if record else name for name, record in records.items()}
    return table, estimation.mean_absolute_error(table, groups)
