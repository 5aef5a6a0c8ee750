"""Clusters of a set's features, and how they agree with classes and predictions: computed once and stored.

Ho, Pfreundt, Keuper, Keuper (arXiv 2106.12303) cluster clean latents to estimate robustness; the indicators here are
this project's own definitions.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from latentviz.errors import DataError
from latentviz.evaluation.set_statistics import mean_interval
from latentviz.geometry.agreement import Agreement, agreement
from latentviz.geometry.class_distances import ClassDistances, class_distances, same_class_costs
from latentviz.geometry.clustering import Clustering, cluster
from latentviz.geometry.multicut import multicut, mutual_edges
from latentviz.latents import directions
from latentviz.progress import Progress, silent
from latentviz.projection.neighbours import graph
from latentviz.scorers.shared import Space
from latentviz.workspace import ImageSet, Run

#: Part of the key of what is stored.
_VERSION = 1

#: Samples whose silhouettes are computed: each is compared with all others of these.
SILHOUETTES = 5000

#: Training pairs that the costs of a multicut's edges are learnt from.
_PAIRS = 100_000


@dataclass(frozen=True)
class Multicut:
    """Minimum-cost multicut of the mutual nearest-neighbour graph; it finds the number of clusters itself.

    Attributes
    ----------
    neighbours : int
        Of every sample.
    seed : int
        Of the training pairs that the costs are learnt from.
    """

    neighbours: int = 15
    seed: int = 0

    def __post_init__(self) -> None:
        if self.neighbours < 1:
            raise DataError(f"neighbours is {self.neighbours}; expected at least 1.")


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
    silhouette : (float, float, float)
        Mean over at most :data:`SILHOUETTES` samples, with its 95 % interval; NaN of a single cluster.
    """

    set_name: str
    labels: np.ndarray
    with_classes: Agreement | None
    with_predictions: Agreement
    silhouette: tuple[float, float, float]

    @property
    def count(self) -> int:
        """Number of clusters."""
        return int(self.labels.max()) + 1


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
    image_set, unit = run[set_name], _is_unit(run, space)
    if not len(image_set):
        raise DataError(f'"{set_name}" holds no samples.')
    record = {"version": _VERSION, "method": type(how).__name__, **asdict(how), "unit": unit}
    contents = [image_set.fingerprint]
    if isinstance(how, Multicut):
        contents += [s.fingerprint for s in _labelled_training(run)]
    derived = run.derived
    key = derived.key("clusters", record, contents)
    if key not in derived:
        progress("Clustering", 0, 0, "")
        features = _seen(image_set, unit)
        labels = _cut(run, features, how, unit, progress) if isinstance(how, Multicut) else cluster(features, how)
        meta: dict[str, Any] = {**record, "set": set_name, "silhouette": _silhouette(features, labels)}
        derived.save(key, {"labels": labels}, meta)
    labels = derived.array(key, "labels")
    silhouette = tuple(np.nan if v is None else float(v) for v in derived.meta(key)["silhouette"])
    classes = image_set.labels
    return Clusters(
        set_name,
        labels,
        agreement(labels, classes) if image_set.labelled else None,
        agreement(labels, image_set.read("prediction")),
        silhouette,  # type: ignore[arg-type]
    )


def distances(run: Run, set_name: str, space: Space = "head", seed: int = 0) -> ClassDistances:
    """Distances within and between the classes of a set; see :func:`latentviz.geometry.class_distances`.

    Raises
    ------
    DataError
        If there are not two classes with two samples each.
    """
    image_set = run[set_name]
    return class_distances(_seen(image_set, _is_unit(run, space)), image_set.labels, seed=seed)


def _is_unit(run: Run, space: Space) -> bool:
    return space == "unit" or (space == "head" and run.manifest.head == "l2")


def _seen(image_set: ImageSet, unit: bool) -> np.ndarray:
    features = image_set.features
    return directions(features) if unit else features


def _labelled_training(run: Run) -> list[ImageSet]:
    return [s for s in run if s.role == "fit" and len(s) and s.labelled]


def _cut(run: Run, features: np.ndarray, how: Multicut, unit: bool, progress: Progress) -> np.ndarray:
    training = _labelled_training(run)
    if not training:
        raise DataError("A multicut learns from labelled training samples; add a set with labels and the role fit.")
    known = np.concatenate([_seen(s, unit) for s in training])
    labels = np.concatenate([s.labels for s in training])
    known, labels = known[labels >= 0], labels[labels >= 0]
    random = np.random.default_rng(how.seed)
    order = np.argsort(labels, kind="stable")
    a = random.integers(0, len(labels), _PAIRS)
    # Half of the pairs in one class: the next ones in its order, by a random step within it.
    firsts, counts = np.searchsorted(labels[order], labels[a]), np.bincount(labels)[labels[a]]
    partner = order[firsts + (random.random(_PAIRS) * counts).astype(np.int64)]
    b = np.where(random.random(_PAIRS) < 0.5, partner, random.integers(0, len(labels), _PAIRS))
    apart = a != b
    lengths = np.concatenate([np.linalg.norm(known[i] - known[j], axis=1) for i, j in _pieces(a[apart], b[apart])])
    intercept, slope = same_class_costs(lengths, labels[a[apart]] == labels[b[apart]])
    k = min(how.neighbours + 1, len(features))
    indices, _ = graph(features, k, progress=progress)
    edges = mutual_edges(indices[:, 1:])
    between = [np.linalg.norm(features[i] - features[j], axis=1) for i, j in _pieces(*edges.T)]
    length = np.concatenate(between) if between else np.zeros(0)
    progress("Cutting the graph", 0, 0, "")
    return multicut(len(features), edges, intercept - slope * length)


def _pieces(a: np.ndarray, b: np.ndarray, rows: int = 20_000) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(a[start : start + rows], b[start : start + rows]) for start in range(0, len(a), rows)]


def _silhouette(features: np.ndarray, labels: np.ndarray) -> list[float | None]:
    """Over samples that are in a cluster, evenly spread."""
    from sklearn.metrics import silhouette_samples

    inside = np.flatnonzero(labels >= 0)
    some = inside[np.unique(np.linspace(0, len(inside) - 1, min(len(inside), SILHOUETTES)).astype(int))]
    found = len(np.unique(labels[some])) if len(some) else 0
    if not 1 < found < len(some):
        return [None, None, None]
    return list(mean_interval(silhouette_samples(features[some], labels[some]).astype(np.float64)))
