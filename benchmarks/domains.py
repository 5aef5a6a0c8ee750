"""Two domains compared: Henze–Penrose and MMD with permutation tests, against the obvious code around scipy.

2,000 × 128 features of each domain. Henze–Penrose: the minimum spanning tree of all distances by
``scipy.sparse.csgraph.minimum_spanning_tree`` and 999 permutations of the labels, against ours. MMD: a kernel by
``scipy.spatial.distance.cdist`` whose blocks are summed anew in each of 99 permutations (a loop with ``np.ix_``),
scaled to 999, against ours with 999. Then the whole table of the page for ten classes of 58 pairs, with intervals; and
50 of the demo's radar chips.

Targets: ratio at most 0.5 each; the table in at most 10 s.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from _measure import interleaved, machine, parser, spread, table, verdict
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import cdist

import latentviz as lv
from latentviz.datasets.sar.simulator import PSEUDO_MEASURED, simulate
from latentviz.datasets.sar.targets import TARGETS
from latentviz.evaluation.domain_statistics import How
from latentviz.evaluation.domain_statistics import statistics as compared
from latentviz.evaluation.domains import Domains
from latentviz.geometry.two_sample import henze_penrose, mmd

RATIO, TABLE = 0.5, 10.0
PERMUTATIONS, FEW = 999, 99


def domains(samples: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features of a ReLU, the second domain's shifted."""
    random = np.random.default_rng(seed)
    one, other = (np.maximum(random.normal(size=(samples, width)), 0).astype(np.float32) for _ in range(2))
    return one, other + np.float32(0.2)


def usual_henze_penrose(one: np.ndarray, other: np.ndarray) -> float:
    """With scipy's tree of the whole matrix of distances."""
    values, n, m = np.concatenate([one, other]), len(one), len(other)
    tree = minimum_spanning_tree(cdist(values, values)).tocoo()
    first, random = np.arange(n + m) < n, np.random.default_rng(0)
    joins = [(first[tree.row] != first[tree.col]).sum()]
    for _ in range(PERMUTATIONS):
        mixed = random.permutation(first)
        joins.append((mixed[tree.row] != mixed[tree.col]).sum())
    return 1 - joins[0] * (n + m) / (2 * n * m)


def usual_mmd(one: np.ndarray, other: np.ndarray) -> float:
    """Blocks of the kernel summed anew in every permutation."""
    values, n = np.concatenate([one, other]), len(one)
    squared = cdist(values, values, "sqeuclidean")
    kernel = np.exp(-squared / (2 * np.median(squared[np.triu_indices(len(squared), 1)])))
    np.fill_diagonal(kernel, 0)
    random, found = np.random.default_rng(0), []
    for number in range(FEW + 1):
        order = random.permutation(len(values)) if number else np.arange(len(values))
        a, b = order[:n], order[n:]
        m = len(b)
        within = kernel[np.ix_(a, a)].sum() / (n * (n - 1)) + kernel[np.ix_(b, b)].sum() / (m * (m - 1))
        found.append(within - 2 * kernel[np.ix_(a, b)].mean())
    return float(found[0])


def timed(function: Callable[..., object], *arguments: np.ndarray) -> float:
    """Seconds of a call."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def main() -> None:
    options = parser(__doc__, 3).parse_args()
    one, other = domains(2000, 128)
    classes, count = 10, 58
    small = domains(classes * count, 128, seed=1)
    labels = np.arange(classes * count) % classes
    pairs = pd.DataFrame({"one": np.arange(len(labels)), "other": np.arange(len(labels))})
    with tempfile.TemporaryDirectory() as folder:
        run = lv.Run.from_arrays(
            dict(zip(("simulated", "measured"), small, strict=True)),
            labels=dict.fromkeys(("simulated", "measured"), labels),
            roles={"simulated": "ind", "measured": "shifted"},
            head=lv.Head(np.zeros((classes, 128)), np.zeros(classes)),
            workspace=lv.Workspace(Path(folder)),
        )
        seeds = iter(range(1000))

        def chips() -> None:
            for azimuth in range(50):
                simulate(TARGETS["tank"], azimuth, 15, PSEUDO_MEASURED, seed=next(seeds))

        henze_penrose(*small, permutations=1)  # compiles

        def page() -> None:
            compared(Domains(run, "simulated", "measured", pairs), How(seed=next(seeds)))

        tasks: dict[str, Callable[[], float | None]] = {
            "Henze–Penrose, ours": lambda: timed(henze_penrose, one, other),
            "scipy's tree": lambda: timed(usual_henze_penrose, one, other),
            "MMD, ours": lambda: timed(mmd, one, other),
            "a loop around scipy": lambda: timed(usual_mmd, one, other) * (PERMUTATIONS + 1) / (FEW + 1),
            "the page's table": page,
            "50 chips": chips,
        }
        seconds = interleaved(tasks, options.repeats)
    print(f"\n{machine()}")
    table(["", "median", "range"], [[name, *spread(values)] for name, values in seconds.items()])
    for title, ours, theirs in (
        ("Henze–Penrose, ours over scipy's tree", "Henze–Penrose, ours", "scipy's tree"),
        ("MMD, ours over a loop around scipy", "MMD, ours", "a loop around scipy"),
    ):
        ratios = [a / b for a, b in zip(seconds[ours], seconds[theirs], strict=True)]
        verdict(title, statistics.median(ratios), RATIO)
    verdict("The page's table", statistics.median(seconds["the page's table"]), TABLE, " s")


if __name__ == "__main__":
    main()
