"""The parts of the page "Neural collapse": what is measured, over epochs, and the geometry of one checkpoint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from latentviz.app import cached, pickers, show
from latentviz.evaluation import collapse as evaluation
from latentviz.evaluation.checkpoints import epoch_of, family_of, head_of, seed_of
from latentviz.evaluation.collapse import METRICS, Collapse, Space
from latentviz.figures import collapse as figures
from latentviz.figures.checkpoints import HEADS
from latentviz.figures.style import looks_of_sets
from latentviz.geometry.neural_collapse import simplex_cosine
from latentviz.geometry.simplex import view
from latentviz.latents import directions
from latentviz.workspace import Run

#: Features of a set that the view in three dimensions shows; more would hide each other.
_SHOWN = 400
#: Figures side by side.
_COLUMNS = 3
#: Classes of which a view shows the means at first.
_CLASSES = 4

_SPACES: dict[Space, str] = {"head": "as the head sees them", "raw": "z", "unit": "z / ‖z‖"}

NOTE = (
    "Neural collapse was not shown to cause detection. Haas, Yolland and Rabus (2023) found earlier collapse and "
    "better detection with L2-normalised features; that the one causes the other they withdrew in review. Harun et al. "
    "(ICML 2025) report that stronger collapse goes with better detection (r = 0.77) and with worse generalisation to "
    "other distributions (r = −0.60)."
)


def pick(run: Run) -> tuple[str, Space] | None:
    """Pickers: which set, and which features."""
    names = [s.name for s in run.uncorrupted.values() if s.labelled and len(np.unique(s.labels[s.labels >= 0])) > 1]
    if not names:
        st.info(
            "A set with labels of at least two classes is needed: the training data, as the metrics are defined, or a "
            "held-out one.",
            icon=":material/hub:",
        )
        return None
    fitted = next((name for name in names if run[name].role == "fit"), names[0])
    name = pickers.one_of(names, f"collapse-set-{pickers.id_of(run)}", fitted, "Of")
    space = st.segmented_control(
        "Features",
        list(_SPACES),
        format_func=_SPACES.__getitem__,
        default="head",
        required=True,
        key="collapse-space",
        persist_state="session",
        help="A plain head sees z, an L2 head z / ‖z‖: its weights can be compared with the means of these only.",
    )
    return name, space


def of(run: Run, name: str, space: Space) -> Collapse:
    """See :func:`latentviz.evaluation.collapse.collapse`."""
    key = (str(run.folder), run.fingerprint, name, space)
    show.beforehand(("collapse", key), lambda progress: evaluation.collapse(run, name, space, progress))
    return _of(run, *key)


@st.cache_resource(max_entries=256, show_spinner=False)
def _of(_run: Run, folder: str, fingerprint: str, name: str, space: Space) -> Collapse:
    return evaluation.collapse(_run, name, space)


def metrics(found: Collapse) -> None:
    """The metrics, what they mean, and their intervals."""
    rows = []
    for name, (title, meaning) in METRICS.items():
        value, interval = found.metrics[name], found.intervals.get(name)
        ends = "" if interval is None else f" ({interval[0]:.3g}\u00a0–\u00a0{interval[1]:.3g})"
        rows.append((title, "–" if np.isnan(value) else f"{value:.3g}{ends}", meaning))
    st.table(
        pd.DataFrame(rows, columns=["Metric", "Value (95 % interval)", "0 means"]),
        border="horizontal",
        hide_index=True,
        alt="Metrics of neural collapse",
    )


def over_epochs(run: Run, runs: Sequence[Run], name: str, space: Space) -> None:
    """Every metric against the epoch, for the heads and seeds that are chosen."""
    heads = list(dict.fromkeys(map(head_of, runs)))
    seeds = sorted(set(map(seed_of, runs)))
    with pickers.row():
        chosen_heads = _some("Heads", heads, "collapse-heads")
        chosen_seeds = _some("Seeds", seeds, "collapse-seeds")
    chosen = [r for r in runs if head_of(r) in chosen_heads and seed_of(r) in chosen_seeds]
    table = over(chosen, name, space)
    every = list(METRICS.items())
    for start in range(0, len(every), _COLUMNS):  # row by row, also where columns stand below each other
        for (metric, (title, _)), column in zip(every[start : start + _COLUMNS], st.columns(_COLUMNS), strict=False):
            column.plotly_chart(
                figures.over_epochs(table[table["metric"] == metric], title, epoch_of(run)),
                key=f"collapse-{metric}",
                alt=f"{title} over epochs",
            )
    st.caption(
        "Lines are means over seeds, bands reach from the least to the largest; the dotted line is the epoch. Zeros "
        "are drawn below everything else."
    )
    st.download_button(
        "CSV",
        lambda: table.to_csv(index=False).encode(),
        f"{family_of(run)}-neural-collapse.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _some(label: str, options: list, key: str) -> list:
    """Pills with which some of the options can be left out, if there are several."""
    if len(options) < 2:
        return options
    return st.pills(
        label,
        options,
        selection_mode="multi",
        default=options,
        format_func=lambda o: HEADS.get(o, str(o)),
        key=key,
        persist_state="session",
    )


def over(runs: Sequence[Run], name: str, space: Space) -> pd.DataFrame:
    """See :func:`latentviz.evaluation.collapse.over_epochs`."""
    key = (cached.content(runs), name, space)
    show.beforehand(("over epochs", key), lambda progress: evaluation.over_epochs(runs, name, space, progress))
    return _over(runs, *key)


@st.cache_resource(max_entries=32, show_spinner=False)
def _over(_runs: Sequence[Run], content: tuple, name: str, space: Space) -> pd.DataFrame:
    return evaluation.over_epochs(_runs, name, space)


def geometry(run: Run, found: Collapse) -> None:
    """Cosines between class means, alignment with the weights, singular values, lengths."""
    means, count = found.geometry, len(found.classes)
    left, right = st.columns(2, gap="large")
    ideal = simplex_cosine(count)
    with left:
        st.markdown("**Cosines between class means**")
        st.caption(f"On a simplex of {count} corners every one is {ideal:.3f}".replace("-", "−") + ".")
        st.plotly_chart(
            figures.cosines(means.cosines, found.classes, ideal, show.is_dark()),
            key="collapse-cosines",
            alt="Cosines between class means",
        )
        st.markdown("**Singular values of the class means**")
        values = means.spread
        st.plotly_chart(
            figures.bars(
                values, [str(n + 1) for n in range(len(values))], "", float(np.sqrt(np.mean(values**2))), "equal"
            ),
            key="collapse-singular",
            alt="Singular values of the class means",
        )
    with right:
        st.markdown("**Weights and means: cosine of each class**")
        st.plotly_chart(
            figures.bars(evaluation.aligned(run, found), found.classes, "cos(w, μ)", 1.0, "collapsed"),
            key="collapse-aligned",
            alt="Alignment of weights and means",
        )
        st.markdown("**Mean feature norm of each class**")
        st.plotly_chart(
            figures.bars(found.norms, found.classes, "‖z‖₂", float(found.norms.mean()), "mean"),
            key="collapse-norms",
            alt="Mean feature norm of each class",
        )


def simplex(run: Run, found: Collapse) -> None:
    """Class means, the ideal simplex and features in three dimensions."""
    with pickers.row():
        classes = st.multiselect(
            "Classes",
            found.classes,
            default=found.classes[:_CLASSES],
            key=f"simplex-classes-{run.manifest.attributes.get('family', run.name)}",
            persist_state="session",
            help="Four means span three dimensions exactly. Of more, the three directions of largest spread are shown.",
        )
        others = [s.name for s in run.uncorrupted.values() if len(s) and s.name != found.set_name]
        ood = [name for name in others if run[name].role == "ood"]
        clouds = st.multiselect(
            "With features of",
            [found.set_name, *others],
            default=[found.set_name, *ood[:1]],
            key=f"simplex-sets-{run.manifest.attributes.get('family', run.name)}-{found.set_name}",
            persist_state="session",
        )
    if len(classes) < 2:
        st.caption("Choose at least two classes.")
        return
    rows = np.array([found.classes.index(name) for name in classes])
    seen, looks, drawn = view(found.geometry, rows), looks_of_sets(run.sets), {}
    for name in clouds:
        of = tuple(run.classes.index(label) for label in classes) if name == found.set_name else None
        features = _sample(run, name, found.space, of, str(run.folder), run.fingerprint)
        drawn[name] = seen.seen(features), looks[name].colour
    st.plotly_chart(
        figures.simplex(seen.corners, seen.ideal, classes, drawn), key="collapse-simplex", alt="Class means in space"
    )


@st.cache_resource(max_entries=256, show_spinner=False)
def _sample(
    _run: Run, name: str, space: Space, classes: tuple[int, ...] | None, folder: str, fingerprint: str
) -> np.ndarray:
    """Some features of a set, or of some of its classes, evenly spread."""
    image_set = _run[name]
    rows = np.arange(len(image_set)) if classes is None else np.flatnonzero(np.isin(image_set.labels, classes))
    few = rows[np.unique(np.linspace(0, len(rows) - 1, min(_SHOWN, len(rows))).astype(int))]
    features = image_set.read("features", few)
    return features if space == "raw" else directions(features)


def angles(run: Run, found: Collapse) -> None:
    """How far each set lies outside the space of the class means."""
    st.markdown("**Angle to the space that the class means span**")
    table = _angles(run, found, str(run.folder), run.fingerprint, found.set_name, found.space)
    shown = pd.DataFrame(
        {
            "Set": table["set"],
            "Role": table["role"],
            "Mean angle (95 % interval)": [
                f"{r.angle:.1f}° ({r.low:.1f}\u00a0–\u00a0{r.high:.1f})" for r in table.itertuples()
            ],
            "n": [f"{n:,}" for n in table["samples"]],
        }
    )
    st.table(shown, border="horizontal", hide_index=True, alt="Angle of every set to the class means")
    st.caption("0°: the features lie in the space that the classes have collapsed to; 90°: it sees nothing of them.")


@st.cache_resource(max_entries=64, show_spinner=False)
def _angles(_run: Run, _found: Collapse, folder: str, fingerprint: str, set_name: str, space: Space) -> pd.DataFrame:
    return evaluation.angles(_run, _found)
