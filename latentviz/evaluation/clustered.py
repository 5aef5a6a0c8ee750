"""Clusters of a set's features, and how they agree with classes and predictions: computed once and stored.

Ho, Pfreundt, Keuper, Keuper (arXiv 2106.12303) cluster clean latents to estimate robustness; the indicators here are
this project's own definitions.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latentviz.errors import DataError
from latentviz.evaluation.collapse import resolved
from latentviz.evaluation.feature_statistics import Interval, Side, register
from latentviz.evaluation.set_statistics import mean_interval
from latentviz.geometry.agreement import Agreement, agreement
from latentviz.geometry.class_distances import ClassDistances, class_distances, same_class_costs
from latentviz.geometry.clustering import Clustering, cluster
from latentviz.geometry.multicut import multicut, mutual_edges
from latentviz.latents import directions
from latentviz.progress import Progress, silent
from latentviz.projection.neighbours import graph
from latentviz.scorers.shared import Space
from latentviz.workspace import ImageSet, Run, Workspace

#: Part of the key of what is stored.
_VERSION = 3

#: Samples whose silhouettes are computed: each is compared with all others of these.
SILHOUETTES = 5000

#: Training pairs that the costs of a multicut's edges are learnt from.
_PAIRS = 100_000


@dataclass(frozen=True)
class Multicut:
    """Minimum-cost multicut of the mutual nearest-neighbour graph; it finds the number of clusters itself.

    Near neighbours are nearly always nearer than two samples of different classes usually are, so that in the graph of
    neighbours alone hardly anything holds clusters apart: one sample between two classes joins them. Random pairs are
    therefore added (ours).

    Attributes
    ----------
    neighbours : int
        Of every sample.
    far : int
        Random partners of every sample; 0 for the graph of mutual neighbours alone.
    seed : int
        Of these, and of the training pairs that the costs are learnt from.
    """

    neighbours: int = 15
    far: int = 15
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low in (("neighbours", 1), ("far", 0), ("seed", 0)):
            if getattr(self, name) < low:
                raise DataError(f"{name} is {getattr(self, name)}; expected at least {low}.")


@dataclass(frozen=True, eq=False)
class Clusters:
    """Clusters of one set.

    Attributes
    ----------
    set_name : str
    labels : ndarray of shape (N,), int64
        −1: in none.
    with_classes : Agreement or None
        None for a set without labels.
    with_predictions : Agreement
        Needs no labels.
    silhouettes : ndarray of shape (N,), float32
        Of at most :data:`SILHOUETTES` samples, evenly spread; NaN of the others, and of all if there is one cluster.
    """

    set_name: str
    labels: np.ndarray
    with_classes: Agreement | None
    with_predictions: Agreement
    silhouettes: np.ndarray

    @property
    def count(self) -> int:
        """Number of clusters."""
        return int(self.labels.max()) + 1

    @property
    def silhouette(self) -> Interval:
        """The mean with its 95 % interval; NaN if there is none."""
        known = self.silhouettes[np.isfinite(self.silhouettes)].astype(np.float64)
        return mean_interval(known) if len(known) > 1 else (np.nan, np.nan, np.nan)


def clusters(
    run: Run, set_name: str, how: Clustering | Multicut, space: Space = "head", progress: Progress = silent
) -> Clusters:
    """Clusters of a set's features.

    Parameters
    ----------
    run : Run
    set_name : str
    how : Clustering or Multicut
        A multicut learns its costs from labelled training samples.
    space : {"head", "raw", "unit"}
        As the last layer sees the features, as they are, or divided by their length.
    progress : Progress, optional

    Returns
    -------
    Clusters

    Raises
    ------
    DataError
        If the set is empty, the clustering cannot be made of so many samples, or there are no labelled training samples
        for a multicut.
    WorkspaceError
        If something is missing on disk.
    """
    image_set, unit = run[set_name], is_unit(run, space)
    if not len(image_set):
        raise DataError(f'"{set_name}" holds no samples.')
    derived, record, key = run.derived, *_key(run, set_name, how, unit)
    if key not in derived:
        progress("Clustering", 0, 0, "")
        features = seen(image_set, unit)
        labels = _cut(run, features, how, unit, progress) if isinstance(how, Multicut) else cluster(features, how)
        meta: dict[str, Any] = {**record, "set": set_name}
        derived.save(key, {"labels": labels, "silhouettes": _silhouettes(features, labels)}, meta)
    labels, classes = derived.array(key, "labels"), image_set.labels
    return Clusters(
        set_name,
        labels,
        agreement(labels, classes) if image_set.labelled else None,
        agreement(labels, image_set.read("prediction")),
        derived.array(key, "silhouettes"),
    )


def is_stored(run: Run, set_name: str, how: Clustering | Multicut, space: Space = "head") -> bool:
    """Whether :func:`clusters` only reads."""
    return _key(run, set_name, how, is_unit(run, space))[1] in run.derived


def cost(run: Run, set_name: str, how: Clustering | Multicut) -> float:
    """About how many multiplications :func:`clusters` takes; pairs are weighted by how slow scikit-learn is on them."""
    samples, width = float(len(run[set_name])), float(run.manifest.width)
    if isinstance(how, Multicut):
        return samples**2 * width
    if how.components is not None:
        width = how.components
    if how.method == "hdbscan":
        return 50 * samples**2 * width
    if how.method == "agglomerative":
        return 10 * samples**2 * width
    if how.method == "gaussian-mixture" and how.covariance in ("full", "tied"):
        return 30 * how.clusters * samples * width**2
    return 100 * how.clusters * samples * width


def request(run: Run, set_name: str, how: Clustering | Multicut, space: Space) -> dict[str, Any]:
    """Parameters of the job that finds clusters."""
    kind = "multicut" if isinstance(how, Multicut) else "clustering"
    return {"run": run.name, "set": set_name, "kind": kind, "how": asdict(how), "space": space}


def run_job(workspace: Path, parameters: dict[str, Any], progress: Progress) -> str:
    """Background job ``cluster``: the parameters of :func:`request`.

    Raises
    ------
    LatentvizError
        As :func:`clusters`.
    """
    run, how = Workspace(workspace)[parameters["run"]], read_how(parameters)
    found = clusters(run, parameters["set"], how, parameters["space"], progress)
    return f"{found.count:,} clusters of {parameters['set']}"


def read_how(parameters: dict[str, Any]) -> Clustering | Multicut:
    """The clustering of :func:`request`."""
    return Multicut(**parameters["how"]) if parameters["kind"] == "multicut" else Clustering(**parameters["how"])


def _key(run: Run, set_name: str, how: Clustering | Multicut, unit: bool) -> tuple[dict[str, Any], str]:
    """What is stored beside the result, and its key."""
    record = {"version": _VERSION, "method": type(how).__name__, **asdict(how), "unit": unit}
    contents = [run[set_name].fingerprint]
    if isinstance(how, Multicut):
        contents += [s.fingerprint for s in _labelled_training(run)]
    return record, run.derived.key("clusters", record, contents)


def distances(run: Run, set_name: str, space: Space = "head", seed: int = 0) -> ClassDistances:
    """Distances within and between the classes of a set; see :func:`latentviz.geometry.class_distances`. Stored.

    Raises
    ------
    DataError
        If there are not two classes with two samples each.
    """
    image_set, unit = run[set_name], is_unit(run, space)
    derived = run.derived
    key = derived.key("class-distances", {"version": 1, "unit": unit, "seed": seed}, [image_set.fingerprint])
    if key not in derived:
        found = class_distances(seen(image_set, unit), image_set.labels, seed=seed)
        arrays = {"grid": found.grid, "within": found.within, "between": found.between}
        # JSON has no NaN, which an interval of a handful of samples may be.
        known = {name: [None if np.isnan(v) else v for v in both] for name, both in found.intervals.items()}
        meta = {"set": set_name, "values": found.values, "intervals": known, "pairs": found.pairs}
        derived.save(key, arrays, meta)
        return found
    stored = derived.meta(key)
    grid, within, between = (derived.array(key, name) for name in ("grid", "within", "between"))
    ends = {name: _numbers(both) for name, both in stored["intervals"].items()}
    return ClassDistances(grid, within, between, stored["values"], ends, int(stored["pairs"]))


def _numbers(stored: list[float | None]) -> tuple[float, float]:
    low, high = (np.nan if v is None else float(v) for v in stored)
    return low, high


def _as_classes_cost(samples: int, width: int, classes: int) -> float:
    return width * (100.0 * classes * samples + float(min(samples, SILHOUETTES)) ** 2)


@register(
    "silhouette",
    "Silhouette of k-means clusters",
    cost=_as_classes_cost,
)
def _silhouette_of(base: Side, other: Side) -> Interval:
    """Of as many clusters as classes; of the other set alone."""
    return _as_many_as_classes(other).silhouette


@register(
    "cluster-predictions",
    "NMI of k-means clusters with predictions",
    cost=_as_classes_cost,
)
def _agreement_of(base: Side, other: Side) -> Interval:
    """Of as many clusters as classes; of the other set alone."""
    return with_interval(_as_many_as_classes(other).with_predictions, "nmi")


def _as_many_as_classes(side: Side) -> Clusters:
    return clusters(side.run, side.name, Clustering(clusters=len(side.run.classes)))


def with_interval(found: Agreement, name: str) -> Interval:
    """An indicator of an agreement with its interval."""
    return found.values[name], *found.intervals.get(name, (np.nan, np.nan))


def is_unit(run: Run, space: Space) -> bool:
    """Whether a space means features that are divided by their length."""
    return resolved(run, space) == "unit"


def seen(image_set: ImageSet, unit: bool) -> np.ndarray:
    """Features (N, D) of a set, divided by their length or not."""
    features = image_set.features
    return directions(features) if unit else features


def _labelled_training(run: Run) -> list[ImageSet]:
    return [s for s in run if s.role == "fit" and len(s) and s.labelled]


def _cut(run: Run, features: np.ndarray, how: Multicut, unit: bool, progress: Progress) -> np.ndarray:
    training = _labelled_training(run)
    if not training:
        raise DataError("A multicut learns from labelled training samples; add a set with labels and the role fit.")
    known = np.concatenate([seen(s, unit) for s in training])
    labels = np.concatenate([s.labels for s in training])
    kept = labels >= 0
    edges, costs = cut_graph(known[kept], labels[kept], features, how, progress)
    progress("Cutting the graph", 0, 0, "")
    return multicut(len(features), edges, costs)


def cut_graph(
    known: np.ndarray, labels: np.ndarray, features: np.ndarray, how: Multicut, progress: Progress = silent
) -> tuple[np.ndarray, np.ndarray]:
    """The graph that a multicut cuts: edges of features, with costs learnt from labelled ones.

    Parameters
    ----------
    known : ndarray of shape (M, D)
    labels : ndarray of shape (M,), int
    features : ndarray of shape (N, D)
    how : Multicut
    progress : Progress, optional

    Returns
    -------
    edges : ndarray of shape (E, 2), int64
    costs : ndarray of shape (E,)
        Positive: the two belong together.

    Raises
    ------
    DataError
        If all labels are equal.
    """
    from latentviz.geometry._pair_lengths import pair_lengths

    random = np.random.default_rng(how.seed)
    order = np.argsort(labels, kind="stable")
    a = random.integers(0, len(labels), _PAIRS)
    # Half of the pairs in one class: the next ones in its order, by a random step within it.
    firsts, counts = np.searchsorted(labels[order], labels[a]), np.bincount(labels)[labels[a]]
    partner = order[firsts + (random.random(_PAIRS) * counts).astype(np.int64)]
    b = np.where(random.random(_PAIRS) < 0.5, partner, random.integers(0, len(labels), _PAIRS))
    apart = a != b
    lengths = pair_lengths(known, a[apart], b[apart])
    intercept, slope = same_class_costs(lengths, labels[a[apart]] == labels[b[apart]])
    k = min(how.neighbours + 1, len(features))
    indices, _ = graph(features, k, progress=progress)
    edges = _with_far(mutual_edges(indices[:, 1:]), len(features), how.far, random)
    length = pair_lengths(np.ascontiguousarray(features), edges[:, 0], edges[:, 1])
    return edges, intercept - slope * length


def _with_far(edges: np.ndarray, nodes: int, far: int, random: np.random.Generator) -> np.ndarray:
    """Edges (E, 2) and random ones, none twice, the smaller node first."""
    ends = np.stack([np.repeat(np.arange(nodes), far), random.integers(0, nodes, nodes * far)], axis=1)
    ends = np.sort(np.concatenate([edges, ends[ends[:, 0] != ends[:, 1]]]), axis=1)
    return np.unique(ends, axis=0)


def _silhouettes(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Of samples that are in a cluster, evenly spread; NaN of the others."""
    from sklearn.metrics import silhouette_samples

    values = np.full(len(labels), np.nan, dtype=np.float32)
    inside = np.flatnonzero(labels >= 0)
    some = inside[np.unique(np.linspace(0, len(inside) - 1, min(len(inside), SILHOUETTES)).astype(int))]
    found = len(np.unique(labels[some])) if len(some) else 0
    if 1 < found < len(some):
        values[some] = silhouette_samples(features[some], labels[some])
    return values
