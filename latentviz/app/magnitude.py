"""The parts of the page "Feature magnitude"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from latentviz.app import cached, pickers, show
from latentviz.errors import WorkspaceError
from latentviz.evaluation import magnitude
from latentviz.evaluation.detection import threshold_at
from latentviz.evaluation.rates import rates_at
from latentviz.figures import magnitude as figures
from latentviz.figures.scores import LEFT, RIGHT, Axis, distribution, distributions
from latentviz.figures.style import look, looks_of_sets
from latentviz.geometry.magnitude import ORDERS, Order
from latentviz.workspace import ImageSet, Run

#: Images on each side of the threshold.
NEAREST = 24

#: Radius of a slider's handle in pixels, by which Streamlit begins its track later and ends it earlier.
_THUMB = 6


@dataclass(frozen=True)
class Measure:
    """How features are measured.

    Attributes
    ----------
    order : {"L1", "L2", "L∞"}
    normalise : bool
        Of ``z / ‖z‖₂``.
    """

    order: Order
    normalise: bool

    @property
    def title(self) -> str:
        """What an axis is called."""
        number = {"L1": "₁", "L2": "₂", "L∞": "∞"}[self.order]
        return f"Feature norm ‖{'z̄' if self.normalise else 'z'}‖{number}"


@dataclass(frozen=True)
class Lengths:
    """Lengths of the features of one run.

    Attributes
    ----------
    run : Run
    measure : Measure
    shown : tuple of str
        The chosen sets that the run has.
    ind : str or None
        The in-distribution set, chosen or not.
    """

    run: Run
    measure: Measure
    shown: tuple[str, ...]
    ind: str | None

    def __getitem__(self, name: str) -> np.ndarray:
        return _norms(self.run[name], self.run, self.measure)

    def of_shown(self) -> dict[str, np.ndarray]:
        """By set, of the chosen ones."""
        return {name: self[name] for name in self.shown}

    @cached_property
    def axis(self) -> Axis:
        """Over all sets of the run, so that it stays where it is when some are left out."""
        return Axis.of({s.name: self[s.name] for s in self.run if len(s)}, self.ind)


def measure() -> Measure:
    """Pickers: which norm, of the features or of what an L2 head makes of them."""
    order = st.segmented_control(
        "Norm", ORDERS, default="L2", required=True, key="norm", persist_state="session", bind="query-params"
    )
    normalise = st.segmented_control(
        "Features",
        [False, True],
        format_func=lambda on: "z / ‖z‖₂" if on else "raw z",
        default=False,
        required=True,
        key="magnitude-normalise",
        persist_state="session",
        help="What an L2 head sees has length 1 in L2; its L1 and L∞ norms say how spread it is over the features.",
    )
    return Measure(order, normalise)


def with_another(run: Run) -> list[Run]:
    """The run, and one to compare it with; by default one of the same family with the other head."""
    workspace = pickers.workspace()
    others = [name for name in workspace.names() if name != run.name]
    if not others:
        return [run]
    twin = cached.twin(workspace, run)
    name = st.selectbox(
        "Beside it",
        [None, *others],
        index=0 if twin is None else 1 + others.index(twin),
        format_func=lambda n: "no other run" if n is None else n,
        key=f"beside-{pickers.id_of(run)}",
        persist_state="session",
        width=260,
        help="Without an L2 head the length separates less: compare before you trust it.",
    )
    if name is None:
        return [run]
    try:
        return [run, cached.run(workspace, name)]
    except WorkspaceError as error:
        st.warning(str(error), icon=":material/warning:")
        return [run]


def lengths(runs: Sequence[Run], how: Measure) -> list[Lengths]:
    """Pickers: which image sets, and which of them is in-distribution; then their lengths in every run."""
    first = runs[0]
    filled = [s.name for s in first.uncorrupted.values() if len(s)]
    if not filled:
        st.info("No features of this run are stored yet.", icon=":material/hourglass_top:")
        st.stop()
    chosen = st.pills(
        "Image sets",
        filled,
        selection_mode="multi",
        default=[name for name in filled if first[name].role in ("ind", "ood")] or filled,
        key=f"magnitude-sets-{pickers.id_of(first)}",
        persist_state="session",
    )
    ind = pickers.held_out(first)
    names = [name for name in filled if name in chosen] or filled
    return [Lengths(run, how, tuple(n for n in names if _there(run, n)), _ind_of(run, ind)) for run in runs]


def _there(run: Run, name: str) -> bool:
    return name in run.sets and len(run[name]) > 0


def _ind_of(run: Run, wanted: str | None) -> str | None:
    """The wanted set if it is in-distribution in this run too, or another that is."""
    held_out = [s.name for s in run if s.role == "ind" and len(s)]
    return wanted if wanted in held_out else next(iter(held_out), None)


def _norms(image_set: ImageSet, run: Run, how: Measure) -> np.ndarray:
    return _stored_norms(run, image_set, how, str(image_set.folder), image_set.fingerprint)


@st.cache_resource(max_entries=64, show_spinner="Measuring the features …")
def _stored_norms(_run: Run, _image_set: ImageSet, how: Measure, folder: str, fingerprint: str) -> np.ndarray:
    return magnitude.set_norms(_run, _image_set, how.order, how.normalise)


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


def side_by_side(every: Sequence[Lengths]) -> list[tuple[Lengths, DeltaGenerator]]:
    """Every run with a column of its own, headed by its name if there are several."""
    columns = st.columns(len(every), gap="medium")
    if len(every) > 1:
        for one, column in zip(every, columns, strict=True):
            column.subheader(one.run.name)
            column.caption(f"{one.run.manifest.title} · {one.run.manifest.head or 'unknown'} head")
    return list(zip(every, columns, strict=True))


def histogram(of: Lengths, kind: str, threshold: float | None) -> None:
    """How the lengths of the chosen sets are distributed."""
    if not of.shown:
        st.caption("This run has none of the chosen sets.")
        return
    shown = of.of_shown()
    axis = of.axis.over(shown)
    st.plotly_chart(
        distributions(
            distribution(shown, kind, axis), kind, looks_of_sets(of.run.sets), of.measure.title, threshold, axis
        ),
        key=f"magnitude-{of.run.name}",
        alt="How the lengths of every set's features are distributed",
    )


def threshold(of: Lengths, level: float) -> float | None:
    """A handle that moves the threshold; None without an in-distribution set.

    It is where the chosen share of the in-distribution samples is longer, until somebody moves it: then the share
    follows, and with it the thresholds of all other pages.
    """
    if of.ind is None:
        st.caption(f'{of.run.name} has no set with the role "ind", so there is no threshold.')
        return None
    axis, values = of.axis, of[of.ind]
    usual = -threshold_at(-values, level)  # the OOD score is the negative length
    at_first = min(max(usual, axis.low), axis.high)
    key = f"length-{pickers.id_of(of.run)}-{of.measure.order}-{of.measure.normalise}"
    made_for = (level, of.ind, of.run.fingerprint)
    if key not in st.session_state or st.session_state.get(f"{key}-for") != made_for:
        st.session_state[f"{key}-for"], st.session_state[key] = made_for, at_first
    with st.container(horizontal=True, gap=None):  # under the axis of the figure
        st.space(LEFT - _THUMB)
        position = st.slider(
            "Threshold",
            axis.low,
            axis.high,
            step=(axis.high - axis.low) / 400,
            key=key,
            persist_state="session",
            format="%.4g",
            label_visibility="collapsed",
            help="What is shorter is called out-of-distribution.",
            on_change=_moved,
            args=(key, values, made_for),
        )
        st.space(RIGHT - _THUMB)
    return usual if position == at_first else position


def _moved(key: str, values: np.ndarray, made_for: tuple[float, str, str]) -> None:
    """The threshold was moved by hand: all pages keep what it keeps, and it stays exactly there."""
    level = pickers.keep_share(float(np.mean(values >= st.session_state[key])))
    st.session_state[f"{key}-for"] = (level, *made_for[1:])


def rates(of: Lengths, at: float | None) -> None:
    """What the threshold does to every set."""
    if at is None or of.ind is None:
        return
    rows = []
    for name in dict.fromkeys([of.ind, *of.shown]):
        found, role = rates_at(-of[of.ind], -of[name], -at), of.run[name].role
        balanced = show.with_interval(found.balanced_accuracy, found.balanced_accuracy_interval)
        rows.append(
            {
                "Set": name,
                "Role": role,
                "n": f"{found.n_ood:,}",
                "Called OOD": _NAMED.get(role, "")
                + show.with_interval(found.true_positive_rate, found.true_positive_interval),
                "Balanced accuracy": balanced if role == "ood" else "–",
                "Median": f"{np.median(of[name]):.4g}",
            }
        )
    st.table(pd.DataFrame(rows), border="horizontal", hide_index=True, alt="What the threshold does to every set")
    kept = np.mean(of[of.ind] >= at)
    st.caption(
        f"Threshold {at:.4g}: {kept:.1%} of **{of.ind}** are at least as long. FPR and TPR are the false and the true "
        f"positive rate of calling the shorter ones OOD; balanced accuracy is that of telling a set from {of.ind}. "
        "In brackets 95 % intervals."
    )


#: What the share of a set that is called OOD is called: it is right or wrong to call them so only in some roles.
_NAMED = {"ind": "FPR ", "ood": "TPR "}


def one_shown(every: Sequence[Lengths], key: str) -> str:
    """One of the chosen sets."""
    return pickers.one_of(every[0].shown, f"length-of-{key}")


def both_sides(of: Lengths, name: str, at: float | None) -> None:
    """The images closest to the threshold on each side, and how many there are."""
    if at is None:
        st.caption("Without an in-distribution set there is no threshold.")
        return
    if name not in of.shown:
        st.caption(f"This run has no set {name}.")
        return
    values = of[name]
    for heading, inside in (("Longer", values >= at), ("Shorter", values < at)):
        rows = np.flatnonzero(inside)
        nearest = rows[np.argsort(np.abs(values[rows] - at), kind="stable")[:NEAREST]]
        st.markdown(f"**{heading}**: {len(rows):,} of {len(values):,}, the nearest to the threshold first")
        show.samples(of.run[name], nearest, values, of.measure.title)


def against(of: Lengths) -> None:
    """Confidence and accuracy against length."""
    if not of.shown:
        return
    parts = [
        magnitude.by_length(values, cached.set_table(of.run[name])).assign(set=name)
        for name, values in of.of_shown().items()
    ]
    table, looks = pd.concat(parts, ignore_index=True), looks_of_sets(of.run.sets)
    for column, title in (("confidence", "Mean confidence"), ("accuracy", "Accuracy, with 95 % interval")):
        st.plotly_chart(
            figures.against(table, column, looks, (of.measure.title, title)),
            key=f"length-{column}-{of.run.name}",
            alt=f"{title} from the shortest features to the longest",
        )


def of_classes(of: Lengths, name: str, kind: str) -> None:
    """The lengths of every class of a set, and distributions of some of them."""
    if name not in of.shown:
        st.caption(f"This run has no set {name}.")
        return
    labels = of.run[name].index["class_name"].replace("", "(no class)")
    table = pd.DataFrame({"class": labels, "length": of[name]})
    by_class = {str(label): part.to_numpy() for label, part in table.groupby("class")["length"]}
    _some_classes(of, name, kind, by_class)
    st.plotly_chart(
        figures.classes(table, of.measure.title),
        key=f"length-classes-{of.run.name}",
        alt="Lengths of the features of every class",
    )


def _some_classes(of: Lengths, name: str, kind: str, by_class: Mapping[str, np.ndarray]) -> None:
    ordered = sorted(by_class, key=lambda label: float(np.median(by_class[label])))
    chosen = st.multiselect(
        "Classes",
        list(by_class),
        default=list(dict.fromkeys(ordered[i] for i in (0, len(ordered) // 2, -1))),
        key=f"length-some-classes-{pickers.id_of(of.run)}-{name}",
        persist_state="session",
        help="At first those with the shortest, a middle and the longest median.",
    )
    some = {label: by_class[label] for label in by_class if label in chosen}
    looks = {label: look(number, len(v)) for number, (label, v) in enumerate(by_class.items())}
    axis = Axis.of({name: of[name]})
    st.plotly_chart(
        distributions(distribution(some, kind, axis), kind, looks, of.measure.title, axis=axis),
        key=f"length-class-histogram-{of.run.name}",
        alt="How the lengths of some classes are distributed",
    )
