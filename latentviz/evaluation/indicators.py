"""What a network's clean features say of it: every number that is held against its accuracy under corruption.

Ho, Pfreundt, Keuper, Keuper (arXiv 2106.12303) do so with k-means and minimum-cost multicut; which numbers exactly is
this project's own choice.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from latentviz.errors import DataError
from latentviz.evaluation.clustered import Multicut, clusters, distances, with_interval
from latentviz.evaluation.clustered import cost as cluster_cost
from latentviz.evaluation.collapse import METRICS, collapse
from latentviz.evaluation.feature_statistics import Interval
from latentviz.evaluation.nac_me import nac_me
from latentviz.geometry.clustering import Clustering
from latentviz.progress import Progress, silent
from latentviz.scorers.shared import Space
from latentviz.workspace import Run, Workspace

#: Part of the key of what is stored.
_VERSION = 2

#: A number without an interval.
_NONE = (math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Indicator:
    """One of them.

    Attributes
    ----------
    name, title : str
    group : str
        Of those that are computed together: a key of :data:`GROUPS`.
    about : str
        What it is, in half a sentence.
    """

    name: str
    title: str
    group: str
    about: str


#: Groups, and what they are computed on.
GROUPS = {
    "clusters": "Clusters of the clean set",
    "multicut": "Multicut of the clean set",
    "distances": "Distances in the clean set",
    "collapse": "Neural collapse of the training set",
    "coverage": "Neuron coverage of the training set",
}

_ALL = (
    Indicator("cluster-accuracy", "Cluster accuracy", "clusters", "clusters matched one to one with classes"),
    Indicator("cluster-nmi", "Cluster NMI", "clusters", "clusters and classes; equals the V-measure"),
    Indicator("cluster-ari", "Cluster ARI", "clusters", "pairs of samples in clusters and classes"),
    Indicator("cluster-purity", "Cluster purity", "clusters", "rises with the number of clusters: read it beside NMI"),
    Indicator("cluster-silhouette", "Silhouette", "clusters", "how far apart clusters are; needs no labels"),
    Indicator("cluster-predictions", "Cluster NMI with predictions", "clusters", "needs no labels"),
    Indicator("multicut-accuracy", "Multicut accuracy", "multicut", "clusters matched one to one with classes"),
    Indicator("multicut-nmi", "Multicut NMI", "multicut", "clusters and classes; equals the V-measure"),
    Indicator("multicut-clusters", "Multicut's number of clusters", "multicut", "found without being asked for"),
    Indicator("distance-overlap", "Overlap of distances", "distances", "within and between classes; 1: alike"),
    Indicator("distance-auroc", "AUROC of distances", "distances", "a small distance as a sign of one class"),
    Indicator("distance-ratio", "Ratio of distances", "distances", "mean between over mean within classes"),
    *(
        Indicator(name, title.replace(", ", " (") + ")", "collapse", f"0: {zero}")
        for name, (title, zero) in METRICS.items()
    ),
    Indicator("nac-me", "NAC-ME", "coverage", "coverage of training images that are classified correctly"),
)

#: Every indicator by name.
INDICATORS = {one.name: one for one in _ALL}


@dataclass(frozen=True)
class How:
    """What the indicators are computed with.

    Attributes
    ----------
    clustering : Clustering
        Its ``clusters`` count if ``as_classes`` is False; otherwise there are as many as classes.
    as_classes : bool
    multicut : Multicut
    space : {"head", "raw", "unit"}
    """

    clustering: Clustering = field(default_factory=Clustering)
    as_classes: bool = True
    multicut: Multicut = field(default_factory=Multicut)
    space: Space = "head"

    def of(self, run: Run) -> Clustering:
        """The clustering of a run."""
        return replace(self.clustering, clusters=len(run.classes)) if self.as_classes else self.clustering

    @classmethod
    def read(cls, record: dict[str, Any]) -> How:
        """From :func:`dataclasses.asdict`, as a job's parameters have it."""
        parts = {"clustering": Clustering(**record["clustering"]), "multicut": Multicut(**record["multicut"])}
        return cls(**{**record, **parts})


USUAL = How()


def indicators(
    run: Run, clean: str, how: How = USUAL, progress: Progress = silent
) -> tuple[dict[str, Interval], list[str]]:
    """Every indicator of one network; stored.

    Parameters
    ----------
    run : Run
    clean : str
        The held-out in-distribution set, with labels.
    how : How, optional
    progress : Progress, optional

    Returns
    -------
    values : dict of (float, float, float)
        By name of :data:`INDICATORS`: value and 95 % interval over samples; NaN where there is none.
    list of str
        Why some have no value.

    Raises
    ------
    WorkspaceError
        If the run has no such set, or something of it is missing on disk.
    """
    derived, key = run.derived, _key(run, clean, how)
    if key not in derived:
        values, problems = _computed(run, clean, how, progress)
        stored = {name: [None if math.isnan(v) else v for v in of] for name, of in values.items()}  # JSON has no NaN
        derived.save(key, {}, {"set": clean, **asdict(how), "values": stored, "problems": problems})
    meta = derived.meta(key)
    values = {name: _read(meta["values"].get(name)) for name in INDICATORS}
    return values, list(meta["problems"])


def is_stored(run: Run, clean: str, how: How = USUAL) -> bool:
    """Whether :func:`indicators` only reads."""
    return _key(run, clean, how) in run.derived


def cost(run: Run, clean: str, how: How = USUAL) -> float:
    """About how many multiplications :func:`indicators` takes now."""
    if is_stored(run, clean, how):
        return 0.0
    samples, width = float(len(run[clean])), float(run.manifest.width)
    training = sum(len(s) for s in run if s.role == "fit")
    of_sets = 200 * samples * width + training * width * (width + 100)
    return cluster_cost(run, clean, how.of(run)) + cluster_cost(run, clean, how.multicut) + of_sets


def run_job(workspace: Path, parameters: dict[str, Any], progress: Progress) -> str:
    """Background job ``indicators``: ``runs``, the ``clean`` set, and ``how`` as of :meth:`How.read`.

    Raises
    ------
    LatentvizError
        As :func:`indicators`; what was finished is kept.
    """
    opened, how = Workspace(workspace), How.read(parameters["how"])
    for number, name in enumerate(parameters["runs"]):
        progress("Networks", number, len(parameters["runs"]), "networks")
        indicators(opened[name], parameters["clean"], how, progress)
    return f"Indicators of {len(parameters['runs'])} network{'s' if len(parameters['runs']) > 1 else ''}"


def _key(run: Run, clean: str, how: How) -> str:
    training = [s.fingerprint for s in run if s.role == "fit" and len(s)]
    return run.derived.key("indicators", {"version": _VERSION, **asdict(how)}, [run[clean].fingerprint, *training])


def _read(stored: list[float | None] | None) -> Interval:
    value, low, high = (math.nan if v is None else float(v) for v in stored or [None] * 3)
    return value, low, high


def _computed(run: Run, clean: str, how: How, progress: Progress) -> tuple[dict[str, Interval], list[str]]:
    of: dict[str, Callable[[], dict[str, Interval]]] = {
        "clusters": lambda: _clusters(run, clean, how),
        "multicut": lambda: _multicut(run, clean, how),
        "distances": lambda: _distances(run, clean, how),
        "collapse": lambda: _collapse(run, clean, how),
        "coverage": lambda: _coverage(run),
    }
    values, problems = dict[str, Interval](), []
    for number, (group, function) in enumerate(of.items()):
        progress(f"Indicators of {run.name}", number, len(of), "groups")
        try:
            values |= function()
        except DataError as error:
            problems.append(f"{run.name}: {GROUPS[group]}: {error}")
    progress(f"Indicators of {run.name}", len(of), len(of), "groups")
    return {name: values.get(name, _NONE) for name in INDICATORS}, problems


def _clusters(run: Run, clean: str, how: How) -> dict[str, Interval]:
    found = clusters(run, clean, how.of(run), how.space)
    values = {
        "cluster-silhouette": found.silhouette,
        "cluster-predictions": with_interval(found.with_predictions, "nmi"),
    }
    if found.with_classes is not None:
        of = found.with_classes
        values |= {f"cluster-{name}": with_interval(of, name) for name in ("accuracy", "nmi", "ari", "purity")}
    return values


def _multicut(run: Run, clean: str, how: How) -> dict[str, Interval]:
    found = clusters(run, clean, how.multicut, how.space)
    values = {"multicut-clusters": (float(found.count), math.nan, math.nan)}
    if found.with_classes is not None:
        values |= {f"multicut-{name}": with_interval(found.with_classes, name) for name in ("accuracy", "nmi")}
    return values


def _distances(run: Run, clean: str, how: How) -> dict[str, Interval]:
    found = distances(run, clean, how.space)
    return {f"distance-{name}": (value, *found.intervals[name]) for name, value in found.values.items()}


def _collapse(run: Run, clean: str, how: How) -> dict[str, Interval]:
    training = next((s.name for s in run if s.role == "fit" and s.labelled and len(s)), clean)
    found = collapse(run, training, how.space)
    return {name: (value, *found.intervals.get(name, (math.nan, math.nan))) for name, value in found.metrics.items()}


def _coverage(run: Run) -> dict[str, Interval]:
    found = nac_me(run)
    return {"nac-me": (found.value, found.low, found.high)}
