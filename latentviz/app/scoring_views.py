"""What the page "OOD scorers" shows of scores: tables, thumbnails, explanations."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from latentviz.app import cached, scoring, show
from latentviz.evaluation import comparison, curves, report
from latentviz.evaluation.detection import METRICS, rates_at, threshold_at
from latentviz.evaluation.report import Split
from latentviz.evaluation.scores import Asked, Scores
from latentviz.figures import scores as figures
from latentviz.scorers import scorers
from latentviz.workspace import Run

#: Images at each end of a score.
ENDS = 24


def problems(found: Scores) -> None:
    """Why a chosen scorer is missing below."""
    for label, sentence in found.problems.items():
        st.warning(f"**{scoring.title(label)}**: {sentence}", icon=":material/block:")


def stop_if_nothing(table: pd.DataFrame) -> None:
    """End the page where there is nothing to compare yet."""
    if table.empty:
        st.info("Choose at least one scorer.", icon=":material/checklist:")
        st.stop()


def heat_table(table: pd.DataFrame, found: Scores, split: Split, metric: str) -> None:
    """Scorers × sets with intervals; a click on a column sorts."""
    measure = METRICS[metric]
    values, text = report.wide(table, metric), report.marked(table, found, split, metric)
    values.index = text.index = [scoring.title(label) for label in values.index]
    shown = Styler(values).apply(_shades, axis=None, better=1 if measure.larger_is_better else -1)
    for row in values.index:
        for column in values.columns:
            shown.format(_always(text.loc[row, column]), subset=(row, column))
    st.dataframe(shown, alt=f"{measure.title} of every scorer and set", height="content")
    counts = table.drop_duplicates("set").set_index("set")["n_ood"]
    sizes = ", ".join(f"{name}: {counts[name]:,}" for name in split.others)
    st.caption(
        f"**{measure.title}** {measure.definition} In brackets the 95 % interval of {report.REPLICATES:,} stratified "
        f"bootstrap replicates. ★: the best of its set, and the paired interval of its difference to the second best "
        f"leaves out 0. {split.ind}: {table['n_ind'].iloc[0]:,} samples; {sizes}."
    )


def _always(text: str) -> Callable[[object], str]:
    return lambda _value: text


def _shades(values: pd.DataFrame, better: int) -> pd.DataFrame:
    """Blue where a column is good, from the page's own ground."""
    goodness = values.rank(pct=True) if better > 0 else values.rank(pct=True, ascending=False)
    # By value, not by rank alone: scorers that hardly differ should hardly differ in colour.
    low, high = values.to_numpy().min(), values.to_numpy().max()
    scaled = (values - low) / max(high - low, 1e-9)
    strength = scaled if better > 0 else 1 - scaled
    opacity = 0.04 + 0.5 * strength.clip(0, 1) * goodness.clip(0.3, 1)
    return opacity.map(lambda a: f"background-color: rgba(59,125,216,{a:.2f})")


def compare(found: Scores, split: Split, metric: str) -> None:
    """Whether one scorer surely beats another, set by set."""
    labels = list(found.by_scorer)
    if len(labels) < 2:
        return
    with st.expander("Compare two scorers on the same samples", icon=":material/compare_arrows:"):
        left, right = st.columns(2)
        with left:
            a = st.selectbox("First", labels, format_func=scoring.title, key=f"first-of-{len(labels)}")
        with right:
            others = [label for label in labels if label != a]
            b = st.selectbox("Second", others, format_func=scoring.title, key=f"second-of-{len(labels)}")
        table = comparison.compared(found.by_scorer, a, b, metric, ind=split.ind, sets=split.others)
        st.table(
            pd.DataFrame(
                {
                    "Set": table["set"],
                    f"{METRICS[metric].title}, first − second": [
                        f"{d:+.3f} ({low:+.3f} – {high:+.3f})"
                        for d, low, high in zip(table["difference"], table["low"], table["high"], strict=True)
                    ],
                    "Better": [scoring.title(name) if name else "cannot be said" for name in table["better"]],
                }
            ),
            border="horizontal",
            hide_index=True,
            alt="Differences between two scorers",
        )
        st.caption("95 % interval of the difference on the same samples; one is better where it leaves out 0.")


def downloads(run: Run, table: pd.DataFrame, found: Scores, split: Split) -> None:
    """The whole report as a file."""
    with st.container(horizontal=True):
        for ending, name in ((".csv", "CSV"), (".parquet", "Parquet"), (".md", "Markdown"), (".tex", "LaTeX")):
            st.download_button(
                name,
                lambda ending=ending: report.rendered(table, found, split, ending),
                f"{run.name}-detection{ending}",
                icon=":material/download:",
                on_click="ignore",
                key=f"report{ending}",
            )


def threshold(values: Mapping[str, np.ndarray], split: Split, level: float) -> float:
    """The score up to which the chosen share of the in-distribution samples lies."""
    return threshold_at(values[split.ind], level)


def rates(values: Mapping[str, np.ndarray], split: Split, at: float) -> None:
    """What the threshold does to every set."""
    rows = []
    for name in split.others:
        found = rates_at(values[split.ind], values[name], at)
        rows.append(
            {
                "Set": name,
                "Flagged": f"{found.true_positive_rate:.1%}",
                "Accuracy": f"{found.accuracy:.1%}",
                "Balanced accuracy": f"{found.balanced_accuracy:.1%}",
                "n": f"{len(values[name]):,}",
            }
        )
    false = rates_at(values[split.ind], values[split.ind], at).false_positive_rate
    st.table(pd.DataFrame(rows), border="horizontal", hide_index=True, alt="What the threshold does to every set")
    st.caption(
        f"Threshold {at:.4g}: what scores higher is called out-of-distribution. {false:.1%} of {split.ind} "
        f"({len(values[split.ind]):,} samples) are flagged wrongly. Accuracy: of telling the two sets apart."
    )


def other(split: Split, key: str) -> str:
    """One of the sets that are told apart."""
    return st.segmented_control(
        "Set", split.others, default=split.others[0], required=True, key=f"other-{key}-{len(split.others)}"
    )


def any_set(split: Split, key: str) -> str:
    """One of the sets, the in-distribution one included."""
    names = [*split.others, split.ind]
    return st.segmented_control("Set", names, default=names[0], required=True, key=f"set-of-{key}-{len(names)}")


def roc(found: Scores, split: Split, name: str) -> Any:
    """ROC curves of all scorers on one set."""
    return figures.curves(
        _curves(found, split, name, curves.roc),
        "fpr",
        "tpr",
        ("False positives (InD flagged)", "True positives (OOD flagged)"),
        _titles(found),
    )


def precision_recall(found: Scores, split: Split, name: str) -> Any:
    """Precision–recall curves of all scorers on one set."""
    return figures.curves(
        _curves(found, split, name, curves.precision_recall),
        "recall",
        "precision",
        ("Recall (OOD flagged)", "Precision"),
        _titles(found),
    )


def _curves(found: Scores, split: Split, name: str, of: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    frames = [of(values[split.ind], values[name]).assign(scorer=label) for label, values in found.by_scorer.items()]
    return pd.concat(frames, ignore_index=True)


def _titles(found: Scores) -> dict[str, str]:
    return {label: scoring.title(label) for label in found.by_scorer}


def agreement(found: Scores, name: str) -> Any:
    """Rank correlation between the scorers on one set."""
    of = {scoring.title(label): values[name] for label, values in found.by_scorer.items()}
    return figures.agreement(comparison.rank_agreement(of) if len(of) > 1 else pd.DataFrame())


def extremes(run: Run, name: str, values: np.ndarray) -> None:
    """The images that a scorer calls most and least out-of-distribution."""
    order = np.argsort(-values, kind="stable")
    table = cached.set_table(run[name])
    for heading, rows in (("Most out-of-distribution", order[:ENDS]), ("Least", order[::-1][:ENDS])):
        st.markdown(f"**{heading}**")
        said = cached.captions(table.iloc[rows])
        captions = [f"{value:.3g} · {text}" for value, text in zip(values[rows], said, strict=True)]
        show.thumbnails(cached.thumbnails(run[name], rows), captions)


def about(asked: Sequence[Asked], found: Scores) -> None:
    """Formula, idea and paper of every chosen scorer, and what fitting decided."""
    for one in asked:
        info, kind = one.info, scorers()[one.name]
        with st.container(border=True):
            st.markdown(f"**{scoring.title(one.label)}** · {info.family.value}")
            st.latex(f"s(x) = {info.formula}")
            st.write(_first_sentence(inspect.getdoc(kind) or ""))
            facts = [f"runs in {info.library}"]
            if info.paper:
                paper = info.paper
                facts.append(f"[{paper.title}]({paper.link}), {paper.venue} {paper.year}")
            else:
                facts.append("a definition of this project")
            st.caption(" · ".join(facts))
            for note in found.notes.get(one.label, []):
                st.caption(f":material/info: {note}")


def _first_sentence(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())
