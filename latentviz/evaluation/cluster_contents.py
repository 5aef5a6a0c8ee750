"""What is in a cluster: its samples, and which samples of other sets fall into it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from latentviz.evaluation.accuracy import wilson_interval
from latentviz.evaluation.clustered import Clusters, is_unit, seen
from latentviz.geometry.agreement import contingency, matching
from latentviz.progress import Progress, silent
from latentviz.projection.neighbours import nearest
from latentviz.scorers.shared import Space
from latentviz.workspace import Run

#: Nearest clustered samples that say in which cluster another sample falls.
VOTERS = 15

# Samples whose votes are counted at a time: a multicut may have thousands of clusters.
_ROWS = 2000


def falls(
    run: Run, of: Clusters, others: Sequence[str], space: Space = "head", progress: Progress = silent
) -> dict[str, np.ndarray]:
    """In which cluster samples of other sets fall: where most of their nearest clustered samples are (ours).

    Parameters
    ----------
    run : Run
    of : Clusters
    others : sequence of str
    space : {"head", "raw", "unit"}
        That of the clusters.
    progress : Progress, optional

    Returns
    -------
    dict of ndarray of shape (M,), int64
        By set; of two with equally many votes the nearest sample's cluster, if it is one of them. −1: most are in none.
    """
    unit = is_unit(run, space)
    known, columns = seen(run[of.set_name], unit), int(of.labels.max()) + 2
    found = {}
    for name in others:
        theirs = seen(run[name], unit)
        indices, _ = nearest(known, theirs, min(VOTERS, len(known)), progress=progress)
        around = of.labels[indices] + 1
        pieces = [_voted(around[start : start + _ROWS], columns) for start in range(0, len(around), _ROWS)]
        found[name] = np.concatenate([np.zeros(0, np.int64), *pieces]) - 1
    return found


def _voted(around: np.ndarray, columns: int) -> np.ndarray:
    votes, rows = np.zeros((len(around), columns)), np.arange(len(around))
    for place in range(around.shape[1]):
        votes[rows, around[:, place]] += 1 + 0.5 * (place == 0)
    return votes.argmax(axis=1)


def shares(found: dict[str, np.ndarray], count: int) -> pd.DataFrame:
    """How many samples of every set fall into each of ``count`` clusters.

    Returns
    -------
    DataFrame
        ``set``, ``cluster`` (−1: none), ``samples``, ``share``, ``low``, ``high`` (95 %, Wilson).
    """
    rows = []
    for name, labels in found.items():
        for cluster_number in range(-1 if (labels < 0).any() else 0, count):
            samples = int((labels == cluster_number).sum())
            ends = wilson_interval(samples, len(labels))
            rows.append((name, cluster_number, samples, samples / max(1, len(labels)), *ends))
    return pd.DataFrame(rows, columns=["set", "cluster", "samples", "share", "low", "high"])


def members(run: Run, of: Clusters, number: int, space: Space = "head") -> tuple[np.ndarray, np.ndarray]:
    """Samples of a cluster, those first that are near its mean.

    Returns
    -------
    rows : ndarray of shape (n,), int64
    distances : ndarray of shape (n,), float32
        To the mean of the cluster (of those without a cluster: to their mean).
    """
    rows = np.flatnonzero(of.labels == number)
    features = seen(run[of.set_name], is_unit(run, space))[rows]
    apart = np.linalg.norm(features - features.mean(axis=0, keepdims=True), axis=1) if len(rows) else np.zeros(0)
    order = np.argsort(apart, kind="stable")
    return rows[order], apart[order]


def matched(run: Run, of: Clusters) -> dict[int, str]:
    """The class that each cluster is matched with, one to one; clusters without one are left out."""
    image_set = run[of.set_name]
    if not image_set.labelled:
        return {}
    table = contingency(of.labels, image_set.labels, len(run.classes))
    pairs = zip(*matching(table), strict=True)
    return {int(a): run.classes[int(b)] for a, b in pairs if a < of.count and table[a, b]}
