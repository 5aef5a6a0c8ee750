"""The parts of the page "L2 against plain"."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from latentviz.app import cached, pickers, scoring, show
from latentviz.evaluation import heads as evaluation
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.checkpoints import Family, family_of, head_of, seed_of
from latentviz.evaluation.tables import TextTable
from latentviz.figures import checkpoints as figures
from latentviz.figures.checkpoints import HEADS
from latentviz.figures.scores import Axis, distribution, distributions, scorer_title
from latentviz.figures.style import looks_of_sets
from latentviz.workspace import Run

#: What is compared at first: the claim, and what it is usually held against.
_USUAL = ("feature-norm", "ddu", "energy", "msp", "knn")


def networks(run: Run, family: Family) -> list[Run]:
    """Slider: one checkpoint of every training, all of the same epoch."""
    epochs = family.shared_epochs
    if len(epochs) < 2:
        return family.at(epochs[-1])
    chosen = st.select_slider(
        "After epoch", epochs, value=epochs[-1], key=f"heads-epoch-{family_of(run)}", persist_state="session"
    )
    return family.at(chosen)


def scorers(run: Run) -> list[Asked]:
    """Picker: which scorers are compared."""
    usable = scoring.usable(run)
    names = st.multiselect(
        "Scorers",
        usable,
        default=[name for name in _USUAL if name in usable],
        format_func=scorer_title,
        key="heads-scorers",
        persist_state="session",
    )
    return [scoring.as_chosen(name) for name in names]


def sets(run: Run) -> tuple[str, tuple[str, ...]] | None:
    """The held-out set, and those that are told from it or whose accuracy is compared."""
    filled = [s for s in run.uncorrupted.values() if len(s)]
    ind = next((s.name for s in filled if s.role == "ind"), None)
    if ind is None:
        st.info("A held-out set (role ind) is needed.")
        return None
    return ind, tuple(s.name for s in filled if s.role in ("ood", "shifted"))


def values(runs: Sequence[Run], asked: Sequence[Asked], ind: str, others: tuple[str, ...]) -> pd.DataFrame:
    """See :func:`latentviz.evaluation.heads.by_seed`."""
    key = (cached.content(runs), tuple(asked), ind, others)
    show.beforehand(("heads", key), lambda progress: evaluation.by_seed(runs, asked, ind, others, progress=progress))
    return _values(runs, *key)


@st.cache_resource(max_entries=32, show_spinner=False)
def _values(
    _runs: Sequence[Run], content: tuple, asked: tuple[Asked, ...], ind: str, others: tuple[str, ...]
) -> pd.DataFrame:
    return evaluation.by_seed(_runs, asked, ind, others)


def comparison(run: Run, found: pd.DataFrame) -> None:
    """What the data say, a dot a network, and the table."""
    table = evaluation.compared(found)
    st.markdown(f"**{evaluation.conclusion(table)}**")
    titles = {_row(w, s): _title(w, s) for w, s in zip(table["what"], table["set"], strict=True)}
    drawn = found.assign(row=[_row(w, s) for w, s in zip(found["what"], found["set"], strict=True)])
    st.plotly_chart(figures.heads(drawn, titles), key="heads", alt="Networks with and without an L2 head")
    st.caption("A dot a seed, a bar at the mean; grey lines join networks of the same seed.")
    text = written(table)
    st.table(
        pd.DataFrame([list(r) for r in text.rows], columns=list(text.headings)),
        border="horizontal",
        hide_index=True,
        alt="With an L2 head against without",
    )
    st.caption(
        "Worst: the least over seeds. The difference is the mean over pairs of one seed, with Student's 95 % interval: "
        "what is counted is trainings, not images."
    )
    name = f"{family_of(run)}-heads"
    with pickers.row():
        st.download_button(
            "CSV", lambda: table.to_csv(index=False).encode(), f"{name}.csv", "text/csv",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            "Markdown", lambda: text.file(".md", evaluation.about(found)), f"{name}.md", "text/markdown",
            icon=":material/download:", on_click="ignore",
        )  # fmt: skip


def _row(what: str, set_name: str) -> str:
    return f"{what}|{set_name}"


def _title(what: str, set_name: str) -> str:
    return f"Accuracy on {set_name}" if what == evaluation.ACCURACY else f"{scorer_title(what)} · {set_name}"


def written(table: pd.DataFrame) -> TextTable:
    """The comparison as people read it."""
    return evaluation.text_table(table, {what: _what(what) for what in table["what"].unique()})


def _what(what: str) -> str:
    return "Accuracy" if what == evaluation.ACCURACY else f"AUROC, {scorer_title(what)}"


def histograms(runs: Sequence[Run], ind: str, others: tuple[str, ...]) -> None:
    """Feature lengths of one seed's networks side by side."""
    seeds = sorted({seed_of(r) for r in runs})
    seed = pickers.one_of([str(s) for s in seeds], "heads-seed", None, "Seed") if len(seeds) > 1 else str(seeds[0])
    pair = {head_of(r): r for r in runs if seed_of(r) == int(seed)}
    for head, column in zip(HEADS, st.columns(2, gap="medium"), strict=False):
        with column:
            st.markdown(f"**{HEADS[head].capitalize() if head == 'linear' else HEADS[head]}**")
            if head not in pair:
                st.caption("No network of this seed.")
                continue
            run = pair[head]
            there = {n: run[n].read("norm").astype(float) for n in (ind, *others) if n in run.sets and len(run[n])}
            axis = Axis.of(there, ind)
            st.plotly_chart(
                distributions(
                    distribution(there, "histogram", axis), "histogram", looks_of_sets(run.sets), "‖z‖₂", axis=axis
                ),
                key=f"heads-magnitude-{head}",
                alt=f"Feature lengths of the {HEADS[head]} network",
            )


def collapsed(runs: Sequence[Run]) -> None:
    """Neural collapse of the training data, a column a head."""
    key = cached.content(runs)
    show.beforehand(("collapse by head", key), lambda progress: evaluation.collapse_by_head(runs, progress))
    text = evaluation.collapse_table(_collapsed(runs, key))
    st.table(
        pd.DataFrame([list(r) for r in text.rows], columns=list(text.headings)),
        border="horizontal",
        hide_index=True,
        alt="Neural collapse with an L2 head and without",
    )
    st.caption("Of the training data, as the head sees them: mean over seeds, least and largest in brackets.")


@st.cache_resource(max_entries=32, show_spinner=False)
def _collapsed(_runs: Sequence[Run], content: tuple) -> pd.DataFrame:
    return evaluation.collapse_by_head(_runs)


def needed(run: Run) -> None:
    """What the page needs."""
    st.info(
        f"{run.name} is not one of several networks that were trained with and without an L2 head. Train some on the "
        "page **Train**, or with `latentviz train --head linear,l2 --seeds 3`.",
        icon=":material/model_training:",
    )
