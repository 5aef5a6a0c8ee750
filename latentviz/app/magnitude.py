"""The parts of the page "Feature magnitude"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from latentviz.app import cached, pickers, show
from latentviz.evaluation import magnitude
from latentviz.evaluation.detection import rates_at, threshold_at
from latentviz.evaluation.distributions import span
from latentviz.figures import magnitude as figures
from latentviz.figures.style import colours_of_sets
from latentviz.geometry.magnitude import ORDERS, Order
from latentviz.workspace import Run

#: Images on each side of the threshold.
NEAREST = 24


def order() -> Order:
    """Which norm."""
    return st.segmented_control(
        "Norm", ORDERS, default="L2", required=True, key="norm", persist_state="session", bind="query-params"
    )


def after_the_head() -> bool:
    """Lengths of the features, or of what an L2 head makes of them."""
    return st.segmented_control(
        "Features",
        [False, True],
        format_func=lambda on: "z / ‖z‖₂" if on else "raw z",
        default=False,
        required=True,
        key="magnitude-normalise",
        persist_state="session",
        help="What an L2 head sees has length 1 in L2; its L1 and L∞ norms say how spread it is over the features.",
    )


def beside(run: Run) -> list[Run]:
    """Another run to compare with; by default one of the same family with the other head."""
    workspace = pickers.workspace()
    others = [name for name in workspace.names() if name != run.name]
    if not others:
        return []
    usual = next((name for name in others if _twin(run, cached.run(workspace, name))), None)
    name = st.selectbox(
        "Beside it",
        [None, *others],
        index=0 if usual is None else 1 + others.index(usual),
        format_func=lambda n: "no other run" if n is None else n,
        key=f"beside-{run.name}",
        persist_state="session",
        width=260,
        help="Without an L2 head the length separates less: compare before you trust it.",
    )
    return [] if name is None else [cached.run(workspace, name)]


def _twin(run: Run, other: Run) -> bool:
    mine, its = run.manifest, other.manifest
    same_sets = set(run.sets) == set(other.sets)
    return same_sets and mine.head != its.head and mine.attributes.get("family") == its.attributes.get("family")


def sets(run: Run) -> list[str]:
    """Which image sets."""
    filled = [s.name for s in run if len(s)]
    if not filled:
        st.info("No features of this run are stored yet.", icon=":material/hourglass_top:")
        st.stop()
    chosen = st.pills(
        "Image sets",
        filled,
        selection_mode="multi",
        default=[name for name in filled if run[name].role in ("ind", "ood")] or filled,
        key=f"magnitude-sets-{run.name}-{len(filled)}",
        persist_state="session",
    )
    return [name for name in filled if name in chosen] or filled


def why(run: Run) -> None:
    """Why the length carries the signal."""
    with st.expander("Why the length says something", icon=":material/school:"):
        st.markdown(
            "With cross-entropy on features that are divided by their length, the gradient has no component along the "
            "feature: nothing in training sets its length, which is free to grow with how familiar a sample is. "
            "Without that head the length moves with the logits, and says less that they do not."
        )
        st.latex(
            r"\frac{\partial L}{\partial z} = \frac{(I - \bar z \bar z^\top)\, W^\top (p - y)}{\lVert z \rVert}"
            r"\quad\Rightarrow\quad z \cdot \frac{\partial L}{\partial z} = 0"
        )
        st.caption(
            f"This run has a{'n L2' if run.manifest.head == 'l2' else ' linear' if run.manifest.head else 'n unknown'} "
            "head. [Haas, Yolland, Rabus, TMLR 2024](https://arxiv.org/abs/2306.04072)"
        )


def heading(run: Run, beside: Sequence[Run]) -> None:
    """Which run a column shows, if there are two."""
    if beside:
        st.subheader(run.name)
        st.caption(f"{run.manifest.title} · {run.manifest.head or 'unknown'} head")


def axis(order: Order, normalise: bool) -> str:
    """What the horizontal axis is called."""
    number = {"L1": "₁", "L2": "₂", "L∞": "∞"}[order]
    return f"Feature norm ‖{'z̄' if normalise else 'z'}‖{number}"


def lengths(run: Run, names: Sequence[str], order: Order, normalise: bool) -> dict[str, np.ndarray]:
    """Lengths of the features by set; sets that the run does not have are left out."""
    there = [name for name in names if name in run.sets and len(run[name])]
    return _lengths(run, tuple(there), order, normalise, str(run.folder), run.fingerprint)


@st.cache_resource(max_entries=32, show_spinner="Measuring the features …")
def _lengths(
    _run: Run, names: tuple[str, ...], order: Order, normalise: bool, folder: str, fingerprint: str
) -> dict[str, np.ndarray]:
    return {name: magnitude.set_norms(_run, _run[name], order, normalise) for name in names}


def threshold(run: Run, lengths: Mapping[str, np.ndarray], level: float, order: Order, normalise: bool) -> float | None:
    """A handle that moves the threshold; at first where the chosen share of the in-distribution samples is longer.

    None if there is no in-distribution set.
    """
    ind = _ind(run, lengths)
    if ind is None:
        st.caption('There is no set with the role "ind" among them, so there is no threshold.')
        return None
    usual = -threshold_at(-lengths[ind], level)  # the OOD score is the negative length
    low, high = span(lengths)
    return st.slider(
        "Threshold",
        min(low, usual),
        max(high, usual),
        usual,
        (high - low) / 400,
        key=f"length-{run.folder}-{usual:.6g}-{order}-{normalise}",
        format="%.4g",
        label_visibility="collapsed",
        help="What is shorter is called out-of-distribution.",
    )


def _ind(run: Run, lengths: Mapping[str, np.ndarray]) -> str | None:
    return next((name for name in lengths if run[name].role == "ind"), None)


def rates(run: Run, lengths: Mapping[str, np.ndarray], at: float | None) -> None:
    """What the threshold does to every set."""
    ind = _ind(run, lengths)
    if at is None or ind is None:
        return
    rows = []
    for name, values in lengths.items():
        found = rates_at(-lengths[ind], -values, -at)
        rows.append(
            {
                "Set": name,
                "Role": run[name].role,
                "Shorter (called OOD)": f"{found.true_positive_rate:.1%}",
                "Balanced accuracy": "–" if name == ind else f"{found.balanced_accuracy:.1%}",
                "Median": f"{np.median(values):.3g}",
                "n": f"{len(values):,}",
            }
        )
    st.table(pd.DataFrame(rows), border="horizontal", hide_index=True, alt="What the threshold does to every set")
    st.caption(f"Threshold {at:.4g}. Balanced accuracy: of telling the set from {ind} by length alone.")


def one_of(lengths: Mapping[str, np.ndarray], key: str) -> str:
    """One of the sets."""
    names = list(lengths)
    return st.segmented_control("Set", names, default=names[0], required=True, key=f"length-of-{key}-{len(names)}")


def both_sides(run: Run, name: str, values: np.ndarray, at: float | None) -> None:
    """The images closest to the threshold on each side, and how many there are."""
    if at is None:
        st.caption("Without an in-distribution set there is no threshold.")
        return
    table = cached.set_table(run[name])
    for heading, inside in (("Longer", values >= at), ("Shorter", values < at)):
        rows = np.flatnonzero(inside)
        nearest = rows[np.argsort(np.abs(values[rows] - at), kind="stable")[:NEAREST]]
        st.markdown(f"**{heading}**: {len(rows):,} of {len(values):,}, the nearest to the threshold first")
        said = cached.captions(table.iloc[nearest])
        captions = [f"{values[row]:.3g} · {text}" for row, text in zip(nearest, said, strict=True)]
        show.thumbnails(cached.thumbnails(run[name], nearest), captions)


def by_length(run: Run, lengths: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Confidence and accuracy from the shortest features to the longest, of every set."""
    frames = [
        magnitude.by_length(values, cached.set_table(run[name])).assign(set=name) for name, values in lengths.items()
    ]
    return pd.concat(frames, ignore_index=True)


def against(run: Run, table: pd.DataFrame, column: str, order: Order, normalise: bool) -> Any:
    """Figure of confidence or accuracy against length."""
    up = {"confidence": "Mean confidence", "accuracy": "Accuracy, with 95 % interval"}[column]
    return figures.against(table, column, colours_of_sets(run.sets), (axis(order, normalise), up))


def of_classes(run: Run, name: str, values: np.ndarray, order: Order, normalise: bool) -> Any:
    """Figure of the lengths of every class of a set."""
    labels = run[name].index["class_name"].replace("", "(no class)")
    return figures.classes(pd.DataFrame({"class": labels, "length": values}), axis(order, normalise))
