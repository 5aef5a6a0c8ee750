"""Neural collapse of a run's sets: computed once in two passes over the features, and stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from latentviz.errors import DataError
from latentviz.evaluation.accuracy import wilson_interval
from latentviz.evaluation.checkpoints import epoch_of, head_of, seed_of
from latentviz.evaluation.set_statistics import mean_interval
from latentviz.geometry.class_moments import ClassMoments
from latentviz.geometry.collapse_bootstrap import GroupSums, groups_of, intervals
from latentviz.geometry.neural_collapse import (
    ClassMeans,
    alignment,
    angle_to_means,
    nearest_mean,
    neural_collapse,
)
from latentviz.latents import directions, lengths
from latentviz.progress import Progress, silent
from latentviz.workspace import ImageSet, Run

#: Which features: as the last layer sees them, z, or z / ‖z‖₂, which is what an L2 head sees.
Space = Literal["head", "raw", "unit"]

#: Of the groups behind the intervals, and of their draws; stored with the result.
_SEED = 0

#: The metrics in the order in which they are shown: title, and what 0 means.
METRICS = {
    "nc1": ("NC1, within-class variation", "every sample lies on its class mean"),
    "nc2_equinorm_means": ("NC2, equinorm of the means", "the class means are equally far from their centre"),
    "nc2_equinorm_weights": ("NC2, equinorm of the weights", "the rows of W are equally long"),
    "nc2_equiangular_means": ("NC2, equiangularity of the means", "any two class means are at the simplex's angle"),
    "nc2_equiangular_weights": ("NC2, equiangularity of the weights", "any two rows of W are at the simplex's angle"),
    "nc3": ("NC3, self-duality", "the rows of W are the class means, but for scale"),
    "nc4": ("NC4, not the nearest mean", "the classifier always says the class with the nearest mean"),
}


@dataclass(frozen=True, eq=False)
class Collapse:
    """How far the features of one set have collapsed.

    Attributes
    ----------
    set_name : str
    space : {"raw", "unit"}
    metrics : dict of float
        By the names of :data:`METRICS`.
    intervals : dict of (float, float)
        95 %: bootstrap over the samples, of NC4 Wilson's. Those of the weights alone have none.
    classes : list of str
        Those that have samples.
    means : ndarray of shape (C, D)
        Their means.
    counts : ndarray of shape (C,), int64
    norms : ndarray of shape (C,)
        Mean length of each class's features, before they are divided by it.
    """

    set_name: str
    space: Space
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    classes: list[str]
    means: np.ndarray
    counts: np.ndarray
    norms: np.ndarray

    @property
    def geometry(self) -> ClassMeans:
        """The means about their mean."""
        return ClassMeans.of(self.means)


def resolved(run: Run, space: Space) -> Literal["raw", "unit"]:
    """Which features the last layer of a run sees."""
    return "unit" if space == "unit" or (space == "head" and run.manifest.head == "l2") else "raw"


def collapse(run: Run, set_name: str, space: Space = "head", progress: Progress = silent) -> Collapse:
    """The metrics of one set with what they were computed from.

    NC4 compares the classifier's label with the nearest mean of the training data, if the run has some: that is the
    rule which NC4 says the classifier comes to.

    Parameters
    ----------
    run : Run
    set_name : str
        With labels.
    space : {"head", "raw", "unit"}
        ``"head"`` is ``"unit"`` for a run with an L2 head.
    progress : Progress, optional

    Raises
    ------
    DataError
        If the set has no labels, or samples of fewer than two classes.
    WorkspaceError
        If there is no such set, or something of it is missing on disk.
    """
    image_set, space = run[set_name], resolved(run, space)
    if not image_set.labelled:
        raise DataError(f'"{set_name}" has no labels of the model\'s classes; neural collapse is between classes.')
    fitted = next((s for s in run if s.role == "fit" and s.labelled and len(s)), image_set)
    inputs = [image_set.fingerprint, fitted.fingerprint]
    key = run.derived.key("collapse", {"version": 2, "space": space, "seed": _SEED}, inputs)
    if key not in run.derived:
        found = _computed(run, image_set, fitted, space, progress)
        arrays = {"means": found.means, "counts": found.counts, "norms": found.norms}
        meta: dict[str, Any] = {"set": set_name, "space": space, "seed": _SEED, "classes": found.classes}
        meta["intervals"] = found.intervals
        meta["metrics"] = {name: None if value != value else value for name, value in found.metrics.items()}
        run.derived.save(key, arrays, meta)
        return found
    meta = run.derived.meta(key)
    return Collapse(
        set_name,
        space,
        {name: np.nan if value is None else float(value) for name, value in meta["metrics"].items()},
        {name: (float(low), float(high)) for name, (low, high) in meta["intervals"].items()},
        list(meta["classes"]),
        *(run.derived.array(key, name) for name in ("means", "counts", "norms")),
    )


def _computed(run: Run, image_set: ImageSet, fitted: ImageSet, space: Space, progress: Progress) -> Collapse:
    classes, width = len(run.classes), run.manifest.width
    groups = groups_of(len(image_set), classes, width, _SEED)
    sums = GroupSums(classes, width, int(groups.max(initial=0)) + 1)
    moments, length = ClassMoments(classes, width), np.zeros(classes)
    stage = f"Neural collapse of {image_set.name}"
    for features, labels, rows in _pieces(image_set, "raw"):
        known = labels >= 0
        length += np.bincount(labels[known], lengths(features)[known], minlength=classes)
        seen = features if space == "raw" else directions(features)
        moments.update(seen, labels)
        sums.update(seen, labels, groups[rows])
        progress(stage, rows.stop, len(image_set), "samples")
    centres = moments
    if fitted is not image_set:
        centres = ClassMoments(classes, width)
        for features, labels, rows in _pieces(fitted, space):
            centres.update(features, labels)
            progress(f"Means of {fitted.name}", rows.stop, len(fitted), "samples")
    weight = None if run.head is None else run.head.weight
    metrics = neural_collapse(moments, weight)
    there, known, wrong = moments.present, centres.present, 0
    means, of_fitted = moments.means, centres.means[known]
    own = ClassMeans.of(means[there], there)
    for features, labels, rows in _pieces(image_set, space):
        sums.measure(features, labels, groups[rows], own, means)
        near = known[nearest_mean(features, of_fitted)]
        wrong += int(np.sum((near != image_set.read("prediction", rows)) & (labels >= 0)))
        progress(f"{stage}, nearest means", rows.stop, len(image_set), "samples")
    found = intervals(sums, moments.within, metrics, weight, seed=_SEED)
    return Collapse(
        image_set.name,
        space,
        {**asdict(metrics), "nc4": wrong / moments.samples},
        {**found, "nc4": wilson_interval(wrong, moments.samples)},
        [run.classes[c] for c in there],
        means[there],
        moments.counts[there],
        length[there] / moments.counts[there],
    )


def _pieces(image_set: ImageSet, space: Space, rows: int = 4096) -> Iterator[tuple[np.ndarray, np.ndarray, slice]]:
    """Features, labels and where they are, piece by piece."""
    labels = image_set.labels
    for start in range(0, len(image_set), rows):
        part = slice(start, min(start + rows, len(image_set)))
        features = image_set.read("features", part)
        yield (features if space == "raw" else directions(features)), labels[part], part


def angles(run: Run, found: Collapse, progress: Progress = silent) -> pd.DataFrame:
    """Angle of every set's features to the space that the class means span.

    Parameters
    ----------
    run : Run
    found : Collapse
        The means, and whether features are normalised.
    progress : Progress, optional

    Returns
    -------
    DataFrame
        One row a set that is no corrupted version: ``set``, ``role``, ``samples``, ``angle`` (mean, in degrees: 0 lies
        in the space), ``low``, ``high`` (95 % interval of the mean).
    """
    rows, means = [], found.geometry
    for image_set in run.uncorrupted.values():
        if not len(image_set):
            continue
        parts = []
        for features, _, part in _pieces(image_set, found.space):
            parts.append(angle_to_means(features, means))
            progress(f"Angles of {image_set.name}", part.stop, len(image_set), "samples")
        of_set = np.concatenate(parts)
        rows.append((image_set.name, image_set.role, len(of_set), *mean_interval(of_set)))
    return pd.DataFrame(rows, columns=["set", "role", "samples", "angle", "low", "high"])


def over_epochs(runs: Sequence[Run], set_name: str, space: Space, progress: Progress = silent) -> pd.DataFrame:
    """The metrics of several checkpoints.

    Parameters
    ----------
    runs : list of Run
        Of which the attributes tell ``head``, ``seed`` and ``epoch``.
    set_name : str
        Runs that lack it are left out.
    space : {"head", "raw", "unit"}
    progress : Progress, optional

    Returns
    -------
    DataFrame
        One row a run and metric: ``run``, ``head``, ``seed``, ``epoch``, ``metric``, ``value``, ``low``, ``high``.
    """
    rows = []
    for number, run in enumerate(runs):
        progress("Neural collapse", number, len(runs), "runs")
        if set_name not in run.sets or not run[set_name].labelled:
            continue
        found = collapse(run, set_name, space)
        for metric, value in found.metrics.items():
            low, high = found.intervals.get(metric, (np.nan, np.nan))
            where = (run.name, head_of(run), seed_of(run), epoch_of(run))
            rows.append((*where, metric, value, low, high))
    return pd.DataFrame(rows, columns=["run", "head", "seed", "epoch", "metric", "value", "low", "high"])


def aligned(run: Run, found: Collapse) -> np.ndarray:
    """``cos(w_c, μ_c − μ_G)`` (C,) of the classes that have samples; NaN without a head."""
    if run.head is None:
        return np.full(len(found.classes), np.nan)
    rows = [run.classes.index(name) for name in found.classes]
    return alignment(found.geometry.away, run.head.weight[rows].astype(np.float64))
