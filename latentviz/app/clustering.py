"""What the page "Clustering" is asked, and what follows from it, computed once for all sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from latentviz.app import cached, jobs_panel, pickers, scoring_work, show
from latentviz.evaluation import cluster_contents, cluster_stability, clustered
from latentviz.evaluation.cluster_stability import VARIED
from latentviz.evaluation.clustered import Clusters, Multicut
from latentviz.figures import colouring
from latentviz.figures.clustering import name_of, palette
from latentviz.geometry.class_distances import ClassDistances
from latentviz.geometry.clustering import Clustering, Covariance, Linkage, Method
from latentviz.scorers.shared import Space
from latentviz.workspace import ImageSet, Run

#: How clusters are found, in words.
METHODS = {
    "k-means": "k-means",
    "gaussian-mixture": "Gaussian mixture",
    "agglomerative": "Agglomerative",
    "hdbscan": "HDBSCAN",
    "multicut": "Multicut",
}
SPACES: dict[Space, str] = {"head": "as the head sees them", "raw": "raw z", "unit": "z / ‖z‖"}

_LINKAGES: tuple[Linkage, ...] = ("ward", "average", "complete", "single")
_COVARIANCES: tuple[Covariance, ...] = ("full", "tied", "diag", "spherical")


@dataclass(frozen=True, eq=False)
class Shown:
    """What the page shows: a set, how its features are clustered, and the clusters.

    Attributes
    ----------
    run : Run
    name : str
        Of the set.
    how : Clustering or Multicut
    space : {"head", "raw", "unit"}
    found : Clusters
    """

    run: Run
    name: str
    how: Clustering | Multicut
    space: Space
    found: Clusters

    @property
    def image_set(self) -> ImageSet:
        """The set."""
        return self.run[self.name]

    @property
    def key(self) -> tuple:
        """All that results depend on."""
        return (str(self.run.folder), self.run.fingerprint, self.name, self.how, self.space)

    @property
    def is_unit(self) -> bool:
        """Whether features are divided by their length."""
        return clustered.is_unit(self.run, self.space)

    @property
    def seen(self) -> str:
        """What the features are, for an axis."""
        return "z / ‖z‖" if self.is_unit else "features z"

    def names(self) -> dict[int, str]:
        """Clusters with the class that each is matched with, if there are labels."""
        classes = self.classes()
        numbers = [*range(self.found.count), *([-1] if (self.found.labels < 0).any() else [])]
        return {n: f"{name_of(n)} ({classes[n]})" if n in classes else name_of(n) for n in numbers}

    def classes(self) -> dict[int, str]:
        """The class that each cluster is matched with, where there is one."""
        return _matched(self.run, self.found, self.key)

    def fills(self) -> dict[int, str]:
        """Colour of each cluster: that of its class."""
        by = "label" if self.image_set.labelled else "prediction"
        return palette(self.names(), self.classes(), colouring.colour(cached.points(self.run, (self.name,)), by))

    def distances(self) -> ClassDistances:
        """See :func:`latentviz.evaluation.clustered.distances`."""
        with st.spinner("Comparing pairs …", show_time=True):
            return _distances(self.run, self.name, self.space, self.run.fingerprint, str(self.run.folder))

    def over(self) -> pd.DataFrame | None:
        """See :func:`latentviz.evaluation.cluster_stability.over`; with a bar, or None while a job is needed."""
        values = tuple(cluster_stability.usual_values(self.run, self.name, self.how))
        asked = (self.run, self.name, self.how, values, self.space)
        if cluster_stability.cost(*asked) > scoring_work.AT_ONCE:
            count, method = (
                len(cluster_stability.asked(self.how, values)),
                METHODS[cluster_stability.method_of(self.how)],
            )
            jobs_panel.needed(
                self.run,
                "clusters-over",
                clustered.request(self.run, self.name, self.how, self.space) | {"values": list(values)},
                f"{method} of {self.run.name}, {self.name}, {count} times",
                f"{count} clusterings of {len(self.image_set):,} samples take longer, so they run in the background.",
                "Compute",
            )
            return None
        show.beforehand(
            ("clusters-over", self.key, values), lambda progress: cluster_stability.over(*asked, progress=progress)
        )
        return _over(self.run, self.name, self.how, values, self.space, self.run.fingerprint, str(self.run.folder))

    def falls(self, others: tuple[str, ...]) -> dict[str, np.ndarray]:
        """See :func:`latentviz.evaluation.cluster_contents.falls`."""
        with st.spinner("Looking for neighbours …", show_time=True):
            return _falls(self.run, self.found, others, self.space, self.key)


def shown(run: Run) -> Shown | None:
    """Pickers: a set, features, a method and its parameters; then the clusters. None, with a sentence, without them."""
    names = [s.name for s in run.uncorrupted.values() if len(s)]
    if not names:
        st.info("This run has no samples yet.", icon=":material/hourglass_top:")
        return None
    usual = next((name for name in names if run[name].role == "ind"), None)
    with pickers.row():
        name = pickers.one_of(names, f"clustering-set-{pickers.id_of(run)}", usual, "Image set")
        space = _one("Features", list(SPACES), SPACES, "space", "An L2 head sees z / ‖z‖, any other raw z.")
    with pickers.row():
        method = _one("Clusters by", list(METHODS), METHODS, "method", _HELP)
        how = _multicut() if method == "multicut" else _clustering(run, name, cast(Method, method))
    asked = (run, name, how, cast(Space, space))
    if not clustered.is_stored(*asked) and clustered.cost(run, name, how) > scoring_work.AT_ONCE:
        jobs_panel.needed(
            run,
            "cluster",
            clustered.request(*asked),
            f"{METHODS[method]} of {run.name}, {name}",
            f"{METHODS[method]} of {len(run[name]):,} samples takes longer, so it runs in the background.",
            "Find clusters",
        )
        return None
    key = ("clusters", str(run.folder), run.fingerprint, name, how, space)
    show.beforehand(key, lambda progress: clustered.clusters(*asked, progress))
    found = _clusters(*asked, run.fingerprint, str(run.folder))
    return Shown(run, name, how, cast(Space, space), found)


_HELP = (
    "k-means, mixture and agglomerative clustering make as many clusters as K says; HDBSCAN and the minimum-cost "
    "multicut find their number themselves. HDBSCAN leaves samples out of all clusters."
)


def _one(label: str, options: list, titles: dict, key: str, help_: str | None = None) -> str:
    return st.segmented_control(
        label, options, format_func=titles.__getitem__, default=options[0], required=True, key=f"clustering-{key}",
        persist_state="session", help=help_,
    )  # fmt: skip


def _number(label: str, low: int, high: int, usual: int, key: str, help_: str | None = None) -> int:
    return int(
        st.number_input(
            label, low, high, usual, key=f"clustering-{key}", persist_state="session", width=150, help=help_
        )
    )


def _multicut() -> Multicut:
    neighbours = _number("Neighbours", 1, 200, 15, "neighbours", "Of every sample; edges join mutual neighbours.")
    help_ = "Of every sample: without them hardly anything holds clusters apart (this project's own)."
    far = _number("Random pairs", 0, 200, 15, "far", help_)
    with _more():
        return Multicut(neighbours, far, _seed())


def _clustering(run: Run, name: str, method: Method) -> Clustering:
    samples, given = len(run[name]), dict[str, Any](method=method)
    if method == "hdbscan":
        given["min_cluster_size"] = _number("Smallest cluster", 2, max(2, samples), min(25, max(2, samples)),
                                            f"smallest-{samples}")  # fmt: skip
    else:
        given["clusters"] = _k(run, samples)
    if method == "agglomerative":
        given["linkage"] = _choice("Linkage", _LINKAGES, "ward")
    if method == "gaussian-mixture":
        help_ = "Full covariances of wide features need many samples, and time: reduce the features first."
        given["covariance"] = _choice("Covariance", _COVARIANCES, "diag", help_)
    with _more():
        most = min(run.manifest.width, samples)
        help_ = "Principal components that are kept; 0: all features."
        given["components"] = _number("PCA", 0, most, 0, f"components-{pickers.id_of(run)}-{most}", help_) or None
        if method in ("k-means", "gaussian-mixture"):
            given["seed"] = _seed()
    return Clustering(**given)


def _k(run: Run, samples: int) -> int:
    classes = len(run.classes)
    most = max(3, min(samples, max(20, 3 * classes)))
    with st.container(width=280):
        return st.slider(
            "Clusters K", 2, most, min(max(2, classes), most), key=f"clustering-k-{pickers.id_of(run)}-{most}",
            persist_state="session", help=f"The model has {classes:,} classes.",
        )  # fmt: skip


def _choice(label: str, options: tuple, usual: str, help_: str | None = None) -> str:
    return st.selectbox(
        label, options, index=options.index(usual), key=f"clustering-{label}", persist_state="session", width=150,
        help=help_,
    )  # fmt: skip


def _more() -> DeltaGenerator:
    return st.popover("More", icon=":material/tune:")


def _seed() -> int:
    return _number("Seed", 0, 9999, 0, "seed")


@st.cache_resource(max_entries=64, show_spinner=False)
def _clusters(
    _run: Run, name: str, how: Clustering | Multicut, space: Space, fingerprint: str, folder: str
) -> Clusters:
    return clustered.clusters(_run, name, how, space)


@st.cache_resource(max_entries=64, show_spinner=False)
def _matched(_run: Run, _found: Clusters, key: tuple) -> dict[int, str]:
    return cluster_contents.matched(_run, _found)


@st.cache_resource(max_entries=32, show_spinner=False)
def _distances(_run: Run, name: str, space: Space, fingerprint: str, folder: str) -> ClassDistances:
    return clustered.distances(_run, name, space)


@st.cache_resource(max_entries=32, show_spinner=False)
def _over(
    _run: Run,
    name: str,
    how: Clustering | Multicut,
    values: tuple[int, ...],
    space: Space,
    fingerprint: str,
    folder: str,
) -> pd.DataFrame:
    return cluster_stability.over(_run, name, how, values, space)


@st.cache_resource(max_entries=32, show_spinner=False)
def _falls(_run: Run, _found: Clusters, others: tuple[str, ...], space: Space, key: tuple) -> dict[str, np.ndarray]:
    return cluster_contents.falls(_run, _found, others, space)


def varied(how: Clustering | Multicut) -> tuple[str, int]:
    """What :meth:`Shown.over` varies, in words, and its value."""
    name, title = VARIED[cluster_stability.method_of(how)]
    return title, int(getattr(how, name))
