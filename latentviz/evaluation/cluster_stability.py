"""Indicators of a clustering against the number of clusters: do they depend on a choice?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from latentviz.evaluation.clustered import Multicut, clusters, is_stored, read_how, with_interval
from latentviz.evaluation.clustered import cost as clustering_cost
from latentviz.geometry.agreement import agreement
from latentviz.geometry.clustering import Clustering
from latentviz.progress import Progress, silent
from latentviz.scorers.shared import Space
from latentviz.workspace import Run, Workspace

#: What :func:`over` varies, and what people call it.
VARIED = {
    "k-means": ("clusters", "Clusters K"),
    "gaussian-mixture": ("clusters", "Components K"),
    "agglomerative": ("clusters", "Clusters K"),
    "hdbscan": ("min_cluster_size", "Smallest cluster"),
    "multicut": ("neighbours", "Neighbours"),
}

#: Seeds whose clusterings are compared.
_SEEDS = 3


def method_of(how: Clustering | Multicut) -> str:
    """Its name among :data:`VARIED`."""
    return "multicut" if isinstance(how, Multicut) else how.method


def usual_values(run: Run, set_name: str, how: Clustering | Multicut) -> list[int]:
    """Values of what :func:`over` varies, from a quarter to three times the number of classes, or around the usual."""
    samples = len(run[set_name])
    if isinstance(how, Multicut):
        return sorted({k for k in (5, 8, 10, 15, 20, 30, 50) if k < samples} | {how.neighbours})
    if how.method == "hdbscan":
        return sorted({k for k in (5, 10, 15, 25, 40, 60, 100) if k <= samples} | {how.min_cluster_size})
    classes = len(run.classes)
    wanted = {2, how.clusters, *(round(classes * share) for share in (0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3))}
    return sorted(k for k in wanted if 2 <= k <= samples)


def asked(how: Clustering | Multicut, values: Sequence[int]) -> list[Clustering | Multicut]:
    """Every clustering that :func:`over` compares."""
    name, _ = VARIED[method_of(how)]
    seeds = _SEEDS if method_of(how) in ("k-means", "gaussian-mixture") else 1
    return [
        replace(how, **{name: value, "seed": how.seed + n})  # type: ignore[arg-type]
        for value in values
        for n in range(seeds)
    ]


def cost(run: Run, set_name: str, how: Clustering | Multicut, values: Sequence[int], space: Space = "head") -> float:
    """About how many multiplications :func:`over` takes now."""
    missing = [one for one in asked(how, values) if not is_stored(run, set_name, one, space)]
    return sum(clustering_cost(run, set_name, one) for one in missing)


def run_job(workspace: Path, parameters: dict[str, Any], progress: Progress) -> str:
    """Background job ``clusters-over``: :func:`latentviz.evaluation.clustered.request`'s parameters and ``values``."""
    run, how = Workspace(workspace)[parameters["run"]], read_how(parameters)
    over(run, parameters["set"], how, parameters["values"], parameters["space"], progress)
    return f"Clusters of {parameters['set']} for {len(parameters['values'])} values"


def over(
    run: Run,
    set_name: str,
    how: Clustering | Multicut,
    values: Sequence[int],
    space: Space = "head",
    progress: Progress = silent,
) -> pd.DataFrame:
    """Indicators against the number of clusters, or what stands for it; see :data:`VARIED`.

    ``stability`` (ours) is the mean ARI of any two clusterings of three seeds, for the methods that begin at random;
    it has no interval.

    Returns
    -------
    DataFrame
        ``value`` (of what is varied), ``found`` (clusters), ``indicator`` (of
        :data:`latentviz.geometry.agreement.INDICATORS`, ``silhouette``, ``predictions``: NMI with the predictions, or
        ``stability``), ``result``, ``low``, ``high``.

    Raises
    ------
    DataError
        As :func:`clusters`.
    """
    rows: list[tuple] = []
    for number, value in enumerate(values):
        progress("Clustering", number, len(values), "values")
        found, *others = (clusters(run, set_name, one, space) for one in asked(how, [value]))
        results = {"silhouette": found.silhouette, "predictions": with_interval(found.with_predictions, "nmi")}
        if found.with_classes is not None:
            results |= {key: with_interval(found.with_classes, key) for key in found.with_classes.values}
        if others:
            pairs = [
                agreement(a.labels, b.labels, replicates=0).values["ari"] for a, b in combinations([found, *others], 2)
            ]
            results["stability"] = float(np.mean(pairs)), np.nan, np.nan
        rows += [(value, found.count, key, *result) for key, result in results.items()]
    progress("Clustering", len(values), len(values), "values")
    return pd.DataFrame(rows, columns=["value", "found", "indicator", "result", "low", "high"])
