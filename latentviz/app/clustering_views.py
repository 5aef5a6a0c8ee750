"""What the page "Clustering" shows: indicators, contingency, distances, silhouettes, stability, images, other sets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from latentviz.app import cached, pickers, show
from latentviz.app.clustering import METHODS, Shown, varied
from latentviz.evaluation import cluster_contents
from latentviz.evaluation.cluster_stability import method_of
from latentviz.evaluation.clustered import SILHOUETTES, Multicut
from latentviz.evaluation.feature_statistics import Interval
from latentviz.figures import clustering as figures
from latentviz.figures.clustering import name_of
from latentviz.geometry.agreement import INDICATORS, contingency, ordered

#: Images of a cluster that are shown at once.
_IMAGES = 24

#: Indicators above the tabs, and what they are called in a figure.
_METRICS = ("accuracy", "nmi", "ari", "purity")
_TITLES = {name: title for name, (title, _) in INDICATORS.items()} | {
    "silhouette": "Silhouette",
    "predictions": "NMI with predictions",
    "stability": "Stability over seeds",
}


def indicators(of: Shown) -> None:
    """The number of clusters, and how they agree with classes and predictions, each with its interval."""
    with st.container(horizontal=True, gap="medium"):
        _count(of)
        if of.found.with_classes is not None:
            for name in _METRICS:
                title, one = INDICATORS[name]
                _metric(
                    title,
                    (of.found.with_classes.values[name], *of.found.with_classes.intervals[name]),
                    f"1: {one}.",
                )
        agreed = of.found.with_predictions
        _metric(
            "NMI with predictions",
            (agreed.values["nmi"], *agreed.intervals["nmi"]),
            "Clusters and what the network calls the samples; needs no labels.",
        )
        _metric("Silhouette", of.found.silhouette, "1: far apart, 0: between two clusters. Needs no labels.")
    said = [
        f"{len(of.image_set):,} samples; 95 % intervals over samples, the clusters staying as they are (bootstrap, of "
        "the silhouette the normal distribution).",
        "NMI with the arithmetic mean is the V-measure. Purity rises with the number of clusters: read it beside NMI.",
    ]
    if of.found.with_classes is None:
        said.append(f"{of.name} has no labels of the model's classes.")
    st.caption(" ".join(said))


def _count(of: Shown) -> None:
    classes = len(of.run.classes)
    itself = isinstance(of.how, Multicut) or of.how.method == "hdbscan"
    large = int((np.bincount(of.found.labels[of.found.labels >= 0]) >= 5).sum())
    st.metric(
        "Clusters found" if itself else "Clusters",
        f"{of.found.count:,}",
        f"{classes:,} classes" + (f", {large:,} with 5 samples or more" if itself and large < of.found.count else ""),
        delta_color="off",
        delta_arrow="off",
        width="content",
        help=f"{METHODS[method_of(of.how)]} found this number itself." if itself else None,
    )


def _metric(title: str, found: Interval, about: str) -> None:
    value, low, high = found
    ends = None if np.isnan(low) else f"{low:.3f} – {high:.3f}"
    shown = "–" if np.isnan(value) else f"{value:.3f}"
    st.metric(title, shown, ends, delta_color="off", delta_arrow="off", width="content", help=about)


def table(of: Shown) -> None:
    """Which classes are in which cluster, matched pairs on the diagonal."""
    labelled, classes = of.image_set.labelled, of.run.classes
    what = "Class"
    if labelled:
        what = st.segmented_control(
            "Columns", ["Class", "Predicted class"], default="Class", required=True, key="clustering-columns",
            persist_state="session", label_visibility="collapsed",
        )  # fmt: skip
    else:
        what = "Predicted class"
    names = of.image_set.labels if what == "Class" else of.image_set.read("prediction")
    counts = contingency(of.found.labels, names, len(classes))
    rows, columns = ordered(counts)
    drawn = pd.DataFrame(
        counts[np.ix_(rows, columns)],
        [name_of(int(r) if r < of.found.count else -1) for r in rows],
        [classes[c] for c in columns],
    )
    st.plotly_chart(
        figures.contingency(drawn, what, show.is_dark()),
        key="clustering-contingency",
        alt="Samples of every class in every cluster",
    )
    st.caption(
        "Clusters are matched one to one with classes so that most samples agree (Hungarian method); matched pairs are "
        "on the diagonal, clusters without a class below. Shade: share of the cluster."
    )
    show.csv(drawn.reset_index(names="cluster"), f"{of.run.name}-{of.name}-contingency.csv", "clustering-contingency")


def distances(of: Shown) -> None:
    """Distances within and between classes: they depend on the features only, not on the clusters."""
    if not of.image_set.labelled:
        st.info(f"{of.name} has no labels of the model's classes.", icon=":material/label_off:")
        return
    found = of.distances()
    st.plotly_chart(
        figures.distances(found, of.seen),
        key="clustering-distances",
        alt="Densities of distances within and between classes",
    )
    with st.container(horizontal=True, gap="medium"):
        for name, title, about in (
            ("overlap", "Overlap", "∫ min of both densities: 0 if no two distances are alike, 1 if both are the same."),
            ("auroc", "AUROC of distance", "How well a small distance tells that two samples are of one class."),
            ("ratio", "Ratio", "Mean distance between classes over mean distance within."),
        ):
            _metric(title, (found.values[name], *found.intervals[name]), about)
    st.caption(
        f"{found.pairs:,} pairs, half within classes, every class with as many; intervals: bootstrap over samples. "
        "These distances are of classes: the clusters do not enter. Definitions are this project's own."
    )


def silhouettes(of: Shown) -> None:
    """How clearly each sample belongs to its cluster."""
    st.plotly_chart(
        figures.silhouettes(of.found.silhouettes, of.found.labels, of.names(), of.fills()),
        key="clustering-silhouettes",
        alt="Silhouette of every sample, by cluster",
    )
    known = int(np.isfinite(of.found.silhouettes).sum())
    some = f" Of {known:,} samples, evenly spread." if known < len(of.image_set) and known == SILHOUETTES else ""
    st.caption(f"Below 0: nearer to another cluster than to its own, on average.{some}")


def stability(of: Shown) -> None:
    """Every indicator against the number of clusters, or what stands for it."""
    found, (title, value) = of.over(), varied(of.how)
    if found is None:
        return
    by_number = title.endswith("K")
    st.plotly_chart(
        figures.over(found, _TITLES, title, value, len(of.run.classes) if by_number else None),
        key="clustering-over",
        alt=f"Indicators against {title}",
    )
    said = "Click in the legend to show or hide an indicator."
    if (found["indicator"] == "stability").any():
        said += " Stability: mean ARI of any two of three clusterings with other seeds (this project's own)."
    st.caption(said)
    show.csv(found, f"{of.run.name}-{of.name}-over.csv", "clustering-over")


def images(of: Shown) -> None:
    """The samples of one cluster."""
    sizes = {number: int((of.found.labels == number).sum()) for number in of.names()}
    with pickers.row():
        number = _cluster(of, sizes, "images")
        matched = of.classes().get(number)
        options = ["typical", "far from the mean", *(["other classes"] if matched is not None else [])]
        first = st.segmented_control(
            "First", options, default="typical", required=True, key=f"clustering-first-{len(options)}",
            persist_state="session", help="Other classes: not of the class that the cluster is matched with.",
        )  # fmt: skip
    rows, apart = cluster_contents.members(of.run, of.found, number, of.space)
    values = np.full(len(of.image_set), np.nan)
    values[rows] = apart
    if first == "far from the mean":
        rows = rows[::-1]
    elif first == "other classes":
        rows = rows[(cached.set_table(of.image_set)["label"].iloc[rows] != matched).to_numpy()]
    if not len(rows):
        st.caption("None.")
        return
    shown = rows[:_IMAGES]
    show.samples(of.image_set, shown, values, "Distance to the mean")
    st.caption(
        f"{len(shown)} of {len(rows):,} samples, with the distance to the mean of the cluster; class → prediction."
    )


def spread(rows: np.ndarray, most: int) -> np.ndarray:
    """Some of many rows, evenly spread: sets are often sorted by class."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(int))] if len(rows) else rows


def _cluster(of: Shown, sizes: dict[int, int], key: str) -> int:
    """Picker: a cluster by its name and size."""
    names = of.names()
    return int(
        st.selectbox(
            "Cluster",
            list(names),
            format_func=lambda n: f"{names[n]}, {sizes.get(n, 0):,}",
            key=f"clustering-{key}-{pickers.id_of(of.run)}",
            width=260,
        )
    )


def others(of: Shown) -> None:
    """Into which clusters the samples of other sets fall."""
    names = [s.name for s in of.run.uncorrupted.values() if s.name != of.name and s.role != "fit" and len(s)]
    if not names:
        st.info("There is no other set than the training data; add one of role ood or shifted.")
        return
    ood = [name for name in names if of.run[name].role == "ood"]
    chosen = st.multiselect(
        "Sets", names, default=ood or names[:5], key=f"clustering-others-{pickers.id_of(of.run)}-{of.name}",
        persist_state="session",
    )  # fmt: skip
    if not chosen:
        st.caption("Choose at least one set.")
        return
    found = of.falls(tuple(chosen))
    counted = cluster_contents.shares({of.name: of.found.labels, **found}, of.found.count)
    st.plotly_chart(
        figures.falls(counted, of.names(), [of.name, *chosen], show.is_dark()),
        key="clustering-falls",
        alt="Share of every set that falls into each cluster",
    )
    st.caption(
        f"A sample falls where most of its {cluster_contents.VOTERS} nearest samples of {of.name} are (this project's "
        f"own). First row: {of.name} itself."
    )
    show.csv(counted, f"{of.run.name}-{of.name}-falls.csv", "clustering-falls")
    with pickers.row():
        name = pickers.one_of(chosen, f"clustering-falls-set-{pickers.id_of(of.run)}", label="Samples of")
        sizes = {number: int((found[name] == number).sum()) for number in of.names()}
        number = _cluster(of, sizes, "falls")
    rows = spread(np.flatnonzero(found[name] == number), _IMAGES)
    if not len(rows):
        st.caption(f"No sample of {name} falls into it.")
        return
    images_of = cached.thumbnails(of.run[name], rows)
    show.thumbnails(images_of, cached.captions(cached.set_table(of.run[name]).iloc[rows]))
    st.caption(f"{len(rows)} of {sizes[number]:,}; class → prediction.")
