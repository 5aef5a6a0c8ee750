"""What the page "OOD scorers" shows of scores: tables, figures, samples, explanations."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from latentviz import figures
from latentviz.app import pickers, scoring, scoring_work, show
from latentviz.evaluation import report
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.detection import METRICS, threshold_at
from latentviz.evaluation.fitting import FitOn
from latentviz.evaluation.rates import rates_at
from latentviz.evaluation.report import Detection
from latentviz.evaluation.scores import warnings_of
from latentviz.figures.scores import scorer_title
from latentviz.scorers import scorers
from latentviz.scorers.catalogue import needs
from latentviz.scorers.info import Parameter
from latentviz.workspace import Run

#: Samples at each end of a score.
ENDS = 24


def problems(run: Run, asked: Sequence[Asked], found: Detection, fit: FitOn) -> None:
    """Why a chosen scorer is missing below, and what should make one doubt the others."""
    for label, sentence in found.problems.items():
        st.warning(f"**{scorer_title(label)}**: {sentence}", icon=":material/block:")
    if found.problems and st.button("Try again", key="scorers-again", icon=":material/refresh:"):
        scoring_work.again(run, [a for a in asked if a.label in found.problems], found.split, fit)
    for sentence in warnings_of(run, [a for a in asked if a.label in found.labels]):
        st.warning(sentence, icon=":material/warning:")


def nothing(asked: Sequence[Asked], found: Detection) -> None:
    """Why there is nothing to compare."""
    if not asked:
        st.info("Choose at least one scorer.", icon=":material/checklist:")
    elif len(found.problems) == len(asked):
        st.info("None of the chosen scorers can be used with this run; choose others.", icon=":material/block:")
    else:
        st.info("The results are here once they are computed.", icon=":material/hourglass_top:")


def heat_table(found: Detection, metric: str) -> None:
    """Scorers × sets with intervals; a click on a column sorts."""
    measure = METRICS[metric]
    values, text = report.wide(found, metric), report.written(found, metric)
    values.index = text.index = [scorer_title(label) for label in values.index]
    shown = Styler(values).apply(figures.scores.shades, axis=None, larger_is_better=measure.larger_is_better)
    for row in values.index:
        for column in values.columns:
            shown.format(_always(text.loc[row, column]), subset=(row, column))
    st.dataframe(shown, alt=f"{measure.title} of every scorer and set", height="content")
    counts = found.table.query("kind == 'set'").drop_duplicates("set").set_index("set")["n_ood"]
    st.caption(
        f"**{measure.title}** {measure.definition} In brackets the 95 % interval. ★: the best of its column, and the "
        "paired intervals of its differences to all the others, corrected for their number, leave out 0. "
        f"{found.about} Samples: {', '.join(f'{name} {n:,}' for name, n in counts.items())}."
    )


def _always(text: str) -> Callable[[object], str]:
    return lambda _value: text


def compare(found: Detection, metric: str) -> None:
    """Whether one scorer surely beats another, set by set."""
    if len(found.labels) < 2:
        return
    with st.expander("Compare two scorers on the same samples", icon=":material/compare_arrows:"):
        with pickers.row():
            a = scoring.one(found.labels, "first", "First")
            b = scoring.one([label for label in found.labels if label != a], "second", "Second")
        table = found.compared(a, b, metric)
        st.table(
            pd.DataFrame(
                {
                    "Set": [found.columns[key] for key in zip(table["kind"], table["set"], strict=True)],
                    f"{METRICS[metric].title}, first − second": [
                        f"{d:+.3f} ({low:+.3f} – {high:+.3f})"
                        for d, low, high in zip(table["difference"], table["low"], table["high"], strict=True)
                    ],
                    "Better": [scorer_title(name) if name else "cannot be said" for name in table["better"]],
                }
            ),
            border="horizontal",
            hide_index=True,
            alt="Differences between two scorers",
        )
        st.caption("95 % interval of the difference on the same samples; one is better where it leaves out 0.")


def downloads(run: Run, found: Detection) -> None:
    """The whole report as a file."""
    with pickers.row():
        for ending, name in ((".csv", "CSV"), (".parquet", "Parquet"), (".md", "Markdown"), (".tex", "LaTeX")):
            st.download_button(
                name,
                lambda ending=ending: report.rendered(found, ending),
                f"{run.name}-detection{ending}",
                icon=":material/download:",
                on_click="ignore",
                key=f"report{ending}",
            )


def distributions(run: Run, found: Detection, label: str, kind: str, level: float) -> None:
    """How the scores of every set are distributed, and what the threshold does to them."""
    scores, ind = found.scores.by_scorer[label], found.split.ind
    threshold = threshold_at(scores[ind], level)
    axis = figures.scores.Axis.of(scores, ind)
    st.plotly_chart(
        figures.scores.distributions(
            figures.scores.distribution(scores, kind, axis),
            kind,
            figures.style.looks_of_sets(run.sets),
            figures.scores.score_title(label),
            threshold,
            axis,
        ),
        key="distributions",
        alt="How the OOD scores of every set are distributed",
    )
    _rates(run, scores, ind, found.split.others, threshold)


def _rates(run: Run, scores: Mapping[str, np.ndarray], ind: str, others: Sequence[str], threshold: float) -> None:
    rows = []
    for name in others:
        found = rates_at(scores[ind], scores[name], threshold)
        ood = run[name].role == "ood"  # samples of the known classes are not wrong to keep
        balanced = show.with_interval(found.balanced_accuracy, found.balanced_accuracy_interval)
        rows.append(
            {
                "Set": name,
                "n": f"{found.n_ood:,}",
                "Called OOD": show.with_interval(found.true_positive_rate, found.true_positive_interval),
                "Balanced accuracy": balanced if ood else "–",
            }
        )
    st.table(pd.DataFrame(rows), border="horizontal", hide_index=True, alt="What the threshold does to every set")
    found = rates_at(scores[ind], scores[others[0]], threshold)
    wrong = show.with_interval(found.false_positive_rate, found.false_positive_interval)
    st.caption(
        f"Threshold {threshold:.4g}: what scores higher is called out-of-distribution. Of an OOD set that share is the "
        f"true positive rate. Of {ind} ({found.n_ind:,} samples) {wrong} are called OOD wrongly, the false positive "
        "rate. Balanced accuracy: of telling the set from it. In brackets 95 % intervals."
    )


def curves(run: Run, found: Detection, name: str) -> None:
    """ROC and precision–recall curves of all scorers on one set."""
    titles = {label: scorer_title(label) for label in found.labels}
    said = f"n = {len(run[found.split.ind]):,} {found.split.ind}, {len(run[name]):,} {name}"
    for kind, columns, axes in (
        ("roc", ("fpr", "tpr"), ("False positives (InD called OOD)", "True positives (OOD called OOD)")),
        ("precision_recall", ("recall", "precision"), ("Recall (OOD called OOD)", "Precision")),
    ):
        st.plotly_chart(
            figures.scores.curves(scoring_work.curve(run, found, name, kind), *columns, axes, titles),
            key=kind,
            alt=f"{axes[1]} against {axes[0]} of every scorer",
        )
    st.caption(said)


def agreement(run: Run, found: Detection, name: str) -> None:
    """Rank correlation between the scorers on one set."""
    st.plotly_chart(
        figures.scores.agreement(scoring_work.agreement(run, found, name), show.is_dark()),
        key="agreement",
        alt="Rank correlation between the scorers",
    )
    st.caption(f"Spearman's rank correlation of the scores of {name}, n = {len(run[name]):,}.")


def extremes(run: Run, name: str, label: str, values: np.ndarray) -> None:
    """The samples that a scorer calls most and least out-of-distribution."""
    order = np.argsort(-values, kind="stable")
    for heading, rows in (("Most out-of-distribution", order[:ENDS]), ("Least", order[::-1][:ENDS])):
        st.markdown(f"**{heading}**")
        show.samples(run[name], rows, values, figures.scores.score_title(label))


def about(asked: Sequence[Asked], found: Detection) -> None:
    """Formula, idea, paper and parameters of every chosen scorer, and what fitting decided."""
    for one in asked:
        info, kind = one.info, scorers()[one.name]
        with st.container(border=True):
            st.markdown(f"**{scorer_title(one.label)}** · {info.family.value}")
            st.latex(f"s(x) = {info.formula}")
            st.write(_first_sentence(inspect.getdoc(kind) or ""))
            for parameter in info.parameters:
                st.caption(_parameter(parameter))
            facts = [] if needs(info) == "–" else [f"needs: {needs(info)}"]
            facts.append(f"runs in {info.library}")
            if info.paper:
                paper = info.paper
                facts.append(f"[{paper.title}]({paper.link}), {paper.venue} {paper.year}")
            else:
                facts.append("a definition of this project")
            st.caption(" · ".join(facts))
            for sentence in info.warnings:
                st.caption(f":material/warning: {sentence}")
            for note in found.notes.get(one.label, []):
                st.caption(f":material/info: {note}")


def _parameter(parameter: Parameter) -> str:
    default = "auto" if parameter.default is None else parameter.default
    said = f"`{parameter.name}`: {parameter.range}, by default {default}."
    return f"{said} {parameter.help}" if parameter.help else said


def _first_sentence(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())
