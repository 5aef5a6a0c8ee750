"""What moves with the epoch: the map, the simplex, the feature magnitude and AUROC; and AUROC against collapse."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from latentviz.app import cached, collapse, jobs_panel, pickers, scoring, show
from latentviz.evaluation import checkpoints as evaluation
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.checkpoints import Family, epoch_of
from latentviz.evaluation.collapse import METRICS, Collapse, Space
from latentviz.evaluation.intervals import FEW
from latentviz.evaluation.verdict import written
from latentviz.figures import checkpoints as figures
from latentviz.figures.checkpoints import HEADS
from latentviz.figures.scores import Axis, distribution, distributions, scorer_title
from latentviz.figures.style import Look, look, looks_of_sets
from latentviz.projection import LayoutSpec, fast, trajectory
from latentviz.workspace import Run

#: Points of a set on the small map.
_POINTS = 700
#: Whom AUROC is shown of at first: the claim that the heads are compared by.
_USUAL = "feature-norm"


def scorer(run: Run) -> Asked:
    """Picker: whose AUROC is shown, with the parameters chosen on the page of the scorers."""
    usable = scoring.usable(run)
    name = st.selectbox(
        "Scorer",
        usable,
        index=usable.index(_USUAL) if _USUAL in usable else 0,
        format_func=scorer_title,
        key="scorer-checkpoints",
        persist_state="session",
        width=220,
    )
    return scoring.as_chosen(name)


def together(run: Run, training: Sequence[Run], found: Collapse) -> None:
    """Map, simplex, magnitude and AUROC of one checkpoint."""
    sets = _sets(run, found)
    left, right = st.columns(2, gap="large")
    with left:
        _map(run, training, sets, found.space)
        _magnitude(run, sets)
    with right:
        collapse.simplex(run, found)
        _auroc(run, training)


def _sets(run: Run, found: Collapse) -> tuple[str, ...]:
    """The held-out set, or the one the metrics are of, and those that are out of distribution."""
    filled = [s for s in run.uncorrupted.values() if len(s)]
    held_out = [s.name for s in filled if s.role == "ind"] or [found.set_name]
    return tuple(dict.fromkeys([*held_out, *(s.name for s in filled if s.role == "ood")]))


def _map(run: Run, training: Sequence[Run], sets: tuple[str, ...], space: Space) -> None:
    st.markdown("**Map**")
    by_class = st.segmented_control(
        "Colours",
        ["set", "class"],
        default="class" if len(run.classes) <= 20 else "set",
        required=True,
        key="trajectory-colours",
        persist_state="session",
        label_visibility="collapsed",
    )
    umap = trajectory.spec_of(sets, space == "unit")
    ready = fast.available() and trajectory.is_there(training, umap)
    spec = umap if ready else trajectory.spec_of(sets, space == "unit", "pca")
    content = cached.content(training)
    show.beforehand(("maps", content, spec), lambda progress: trajectory.trajectory(training, spec, progress))
    maps, span = _trajectory(training, spec, content)
    points = maps[[r.name for r in training].index(run.name)]
    groups, looks = _coloured(run, points, by_class == "class")
    st.plotly_chart(figures.cloud(points.assign(group=groups), looks, span), key="trajectory", alt="Map of this epoch")
    if ready:
        st.caption("UMAPs, each laid out from that of the last checkpoint: what moves has moved in the network.")
        return
    st.caption("Principal components" + (", turned onto those of the last checkpoint." if training[1:] else "."))
    if fast.available() and training[1:]:
        jobs_panel.needed(
            training[-1],  # whichever epoch is shown: one job for all
            "trajectory",
            trajectory.request(training, umap),
            f"UMAPs of {len(training)} checkpoints",
            "UMAPs of all checkpoints, each laid out from the last one's, take some seconds a checkpoint.",
            "Compute UMAPs",
        )


@st.cache_resource(max_entries=8, show_spinner=False)
def _trajectory(
    _training: Sequence[Run], spec: LayoutSpec, content: tuple
) -> tuple[list[pd.DataFrame], tuple[tuple[float, float], tuple[float, float]]]:
    """A map a checkpoint with fewer points, and the ends of the axes over all of them."""
    maps = trajectory.trajectory(_training, spec)
    few = [pd.concat([_thinned(part) for _, part in one.groupby("set", sort=False)]) for one in maps]
    every = pd.concat(few)
    ends = [tuple(np.quantile(every[axis], [0.005, 0.995])) for axis in ("x", "y")]
    margins = [0.08 * (high - low) for low, high in ends]
    (x, y) = ((float(low - m), float(high + m)) for (low, high), m in zip(ends, margins, strict=True))
    return few, (x, y)


def _thinned(rows: pd.DataFrame) -> pd.DataFrame:
    """Evenly spread rows, the same ones of every checkpoint."""
    return rows.iloc[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _POINTS)).astype(int))]


def _coloured(run: Run, points: pd.DataFrame, by_class: bool) -> tuple[pd.Series, dict[str, Look]]:
    """What each point is drawn as: its set, or its class if the model knows it."""
    of_sets = looks_of_sets(run.sets)
    if not by_class:
        return points["set"], {name: of_sets[name] for name in points["set"].unique()}
    groups = points["set"].astype(object)
    for name in points["set"].unique():
        labels, where = run[name].labels, (points["set"] == name).to_numpy()
        known = labels[points.loc[where, "row"]]
        names = np.array([*run.classes, ""], dtype=object)[known]
        groups[where] = np.where(known >= 0, names, name)
    classes = {name: look(number) for number, name in enumerate(run.classes) if (groups == name).any()}
    others = [name for name in points["set"].unique() if (groups == name).any() and name not in classes]
    grey = {name: Look("#7a8699", symbol=of_sets[name].symbol) for name in others}
    return groups, classes | grey


def _magnitude(run: Run, sets: tuple[str, ...]) -> None:
    st.markdown("**Feature magnitude**")
    there = {name: run[name].read("norm").astype(np.float64) for name in sets}
    axis = Axis.of(there, sets[0])  # of this epoch: lengths change by orders of magnitude in training
    st.plotly_chart(
        distributions(distribution(there, "histogram", axis), "histogram", looks_of_sets(run.sets), "‖z‖₂", axis=axis),
        key="checkpoint-magnitude",
        alt="How long the features of this epoch are",
    )


def _auroc(run: Run, training: Sequence[Run]) -> None:
    with pickers.row():
        asked = scorer(run)
    st.markdown(f"**AUROC of {scorer_title(asked.label)}**")
    table = detection(run, training, asked)
    if len(training) < 2:
        _auroc_table(table)
        return
    st.plotly_chart(
        figures.detection_over(table, looks_of_sets(run.sets), epoch_of(run)),
        key="checkpoint-auroc",
        alt="AUROC over epochs",
    )


def _auroc_table(table: pd.DataFrame) -> None:
    """AUROC of a single network."""
    if table.empty:
        st.caption("There is no set that is out of distribution, or none to tell it from.")
        return
    rows = [(r.set, f"{r.auroc:.3f} ({r.low:.3f}\u00a0–\u00a0{r.high:.3f})") for r in table.itertuples()]
    st.table(
        pd.DataFrame(rows, columns=["Set", "AUROC (95 % interval)"]),
        border="horizontal",
        hide_index=True,
        alt="AUROC of this network",
    )


def detection(run: Run, runs: Sequence[Run], asked: Asked) -> pd.DataFrame:
    """AUROC of every checkpoint on the sets of one that are out of distribution, against its held-out one."""
    filled = [s for s in run.uncorrupted.values() if len(s)]
    ind = next((s.name for s in filled if s.role == "ind"), None)
    sets = tuple(s.name for s in filled if s.role == "ood")
    if ind is None or not sets:
        return pd.DataFrame(columns=[*evaluation.COLUMNS, "accuracy", "set", "auroc", "low", "high"])
    key = (cached.content(runs), asked, ind, sets)
    show.beforehand(("detection", key), lambda p: evaluation.detection_over(runs, asked, ind, sets, progress=p))
    return _detection(runs, *key)


@st.cache_resource(max_entries=32, show_spinner=False)
def _detection(_runs: Sequence[Run], content: tuple, asked: Asked, ind: str, sets: tuple[str, ...]) -> pd.DataFrame:
    return evaluation.detection_over(_runs, asked, ind, sets)


def against_collapse(run: Run, runs: Sequence[Run], name: str, space: Space) -> None:
    """AUROC against a metric of collapse over all checkpoints of the family."""
    with pickers.row():
        asked = scorer(run)
        titles = {metric: title for metric, (title, _) in METRICS.items()}
        metric = st.selectbox(
            "Metric", list(titles), format_func=titles.__getitem__, key="against-metric", persist_state="session",
            width=300,
        )  # fmt: skip
        table = detection(run, runs, asked)
        if table.empty:
            st.info("A held-out set (role ind) and one that is out of distribution (role ood) are needed.")
            return
        ood = pickers.one_of(list(table["set"].unique()), f"against-ood-{pickers.id_of(run)}", None, "OOD set")
    values = collapse.over(runs, name, space)
    of_metric = values[values["metric"] == metric].set_index("run")["value"]
    joined = table.assign(collapse=table["run"].map(of_metric).astype(float))
    rows = joined[joined["set"] == ood]
    st.plotly_chart(figures.against(rows, titles[metric]), key="auroc-against-collapse", alt="AUROC against collapse")
    found = evaluation.collapse_against_detection(rows)[ood]
    trainings = len(rows.groupby(["head", "seed"]))
    if np.isnan(found.value):
        st.caption(found.problem)
        return
    interval = f" [{written(found.low)}, {written(found.high)}]" if not found.problem else f". {found.problem}"
    st.markdown(
        f"Spearman's rank correlation of {titles[metric].split(',')[0]} with AUROC on **{ood}** over {found.n} "
        f"checkpoints of {trainings} trainings: **{written(found.value)}**{interval}"
    )
    if trainings < FEW:
        st.caption(f"{trainings} trainings are too few for a conclusion.")
    st.caption(
        "Whole trainings are resampled: checkpoints of one are not independent. Both numbers also change with the "
        "epoch alone; that they go together does not make one the cause of the other."
    )
    _within(rows, titles[metric].split(",")[0])


def _within(rows: pd.DataFrame, title: str) -> None:
    """The same inside every training."""
    parts = []
    for (head, seed), part in rows.groupby(["head", "seed"], sort=False):
        value = evaluation.correlate(part["collapse"], part["auroc"]).value
        parts.append((HEADS[str(head)], seed, len(part), "–" if np.isnan(value) else written(value)))
    if len(parts) > 1:
        st.table(
            pd.DataFrame(parts, columns=["Head", "Seed", "Checkpoints", f"ρ of {title} and AUROC within it"]),
            border="horizontal",
            hide_index=True,
            alt="Correlation within every training",
        )


def of_training(run: Run, family: Family) -> list[Run]:
    """The checkpoints of a run's training; the run alone if it is of none."""
    return family.training(run) or [run]
