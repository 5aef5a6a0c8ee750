"""Clusters of features: k-means against scikit-learn's own, a slider's change as the page makes it, and multicut.

50,000 × 512 features in 100 clusters, ours against ``sklearn.cluster.KMeans`` with one start; the inertia of both, as
ours works in mini-batches from 20,000 samples on. A change of K of 10,000 × 512 features of a run as the page makes it:
clusters, silhouettes, agreement with intervals, stored; then the same read again. Minimum-cost multicut of 10,000 nodes
with 15 mutual neighbours each, on one core, alone and with 15 random pairs a node.

Targets: k-means no slower than scikit-learn; a change of K in at most 1.5 s, afterwards read from what is stored; the
multicut of mutual neighbours in at most 10 s.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _measure import interleaved, machine, parser, spread, table, verdict
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

import latentviz as lv
from latentviz.evaluation.clustered import Multicut, clusters, cut_graph
from latentviz.geometry.clustering import Clustering, cluster
from latentviz.geometry.multicut import multicut

RATIO, CHANGE, CUT = 1.0, 1.5, 10.0


def drawn(samples: int, width: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features of a ReLU around class means, and their classes."""
    random = np.random.default_rng(seed)
    means, labels = random.normal(size=(classes, width)), np.arange(samples) % classes
    return np.maximum(means[labels] + random.normal(size=(samples, width)), 0).astype(np.float32), labels


def inertia(features: np.ndarray, labels: np.ndarray) -> float:
    """Sum of squared distances to the clusters' means."""
    means = np.stack([features[labels == k].mean(axis=0, dtype=np.float64) for k in range(labels.max() + 1)])
    return float(sum(((features[labels == k] - m) ** 2).sum(dtype=np.float64) for k, m in enumerate(means)))


def changes(run: lv.Run) -> tuple[Callable[[], float], Callable[[], float]]:
    """Seconds of a change of K that was never asked for, and of reading it again."""
    asked = itertools.count(5)
    last = 5

    def first() -> float:
        nonlocal last
        last = next(asked)
        start = time.perf_counter()
        clusters(run, "test", Clustering(clusters=last))
        return time.perf_counter() - start

    def again() -> float:
        start = time.perf_counter()
        clusters(run, "test", Clustering(clusters=last))
        return time.perf_counter() - start

    return first, again


def main() -> None:
    options = parser(__doc__, 3).parse_args()
    large, _ = drawn(50_000, 512, 100)
    small, labels = drawn(10_000, 512, 10)
    with tempfile.TemporaryDirectory() as folder:
        run = lv.Run.from_arrays(
            {"test": small},
            labels={"test": labels},
            head=lv.Head(np.zeros((10, 512)), np.zeros(10)),
            roles={"test": "ind"},
            workspace=lv.Workspace(Path(folder)),
        )
        first, again = changes(run)
        found: dict[str, np.ndarray] = {}

        def ours() -> None:
            found["ours"] = cluster(large, Clustering(clusters=100))

        def theirs() -> None:
            found["theirs"] = KMeans(100, n_init=1, random_state=0).fit_predict(large)

        cuts = {far: cut_graph(small, labels, small, Multicut(far=far)) for far in (0, Multicut().far)}

        def cut(far: int) -> Callable[[], None]:
            def on_one_core() -> None:
                with threadpool_limits(1):
                    multicut(len(small), *cuts[far])

            return on_one_core

        cut(0)()  # compiles
        first()  # imports
        tasks = {"ours": ours, "scikit-learn": theirs, "change": first, "again": again}
        tasks |= {"multicut": cut(0), "with random pairs": cut(Multicut().far)}
        seconds = interleaved(tasks, options.repeats)
    ratios = [a / b for a, b in zip(seconds["ours"], seconds["scikit-learn"], strict=True)]
    worse = inertia(large, found["ours"]) / inertia(large, found["theirs"])
    print(f"\n{machine()}")
    table(["", "median", "range"], [[name, *spread(values)] for name, values in seconds.items()])
    print(f"\nInertia, ours over scikit-learn's: {worse:.4f}")
    verdict("k-means, ours over scikit-learn's", statistics.median(ratios), RATIO)
    verdict("A change of K", statistics.median(seconds["change"]), CHANGE, " s")
    verdict("Multicut", statistics.median(seconds["multicut"]), CUT, " s")


if __name__ == "__main__":
    main()
