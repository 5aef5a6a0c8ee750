"""Intervals of detection measures: 1,000 stratified bootstrap replicates at 10,000 + 10,000 samples.

Ours (exact, at sample level, vectorised over replicates) against the loop that one would write around scikit-learn's
``roc_auc_score``, which is run for fewer replicates and scaled.

Target: 1,000 replicates of AUROC in at most 0.5 s.
"""

from __future__ import annotations

import statistics

import numpy as np
from _measure import interleaved, machine, parser, spread, table, verdict
from sklearn.metrics import roc_auc_score

from latentviz.evaluation.detection import METRICS
from latentviz.evaluation.intervals import REPLICATES, Resamples, bootstrap, delong, replicate

SAMPLES, TARGET = 10_000, 0.5
LOOPED = 20


def main() -> None:
    options = parser(__doc__, repeats=5).parse_args()
    random = np.random.default_rng(0)
    ind, ood = random.normal(size=SAMPLES), random.normal(1.5, size=SAMPLES)
    labels = np.repeat([0, 1], SAMPLES)

    def loop() -> None:
        for _ in range(LOOPED):
            drawn = random.choice(ind, SAMPLES), random.choice(ood, SAMPLES)
            roc_auc_score(labels, np.concatenate(drawn))

    tasks = {
        "AUROC": lambda: replicate(ind, ood, Resamples(SAMPLES, SAMPLES, REPLICATES, 0), ["auroc"]) and None,
        "all measures": lambda: bootstrap(ind, ood, REPLICATES) and None,
        "DeLong": lambda: delong(ind, ood) and None,
        "loop": loop,
    }
    seconds = interleaved(tasks, options.repeats)
    looped = [value * REPLICATES / LOOPED for value in seconds["loop"]]
    print(f"\n{REPLICATES:,} replicates, {SAMPLES:,} + {SAMPLES:,} samples; {machine()}")
    rows = [
        ["AUROC", *spread(seconds["AUROC"], digits=3)],
        [f"all {len(METRICS)} measures", *spread(seconds["all measures"], digits=3)],
        ["DeLong's interval of AUROC", *spread(seconds["DeLong"], digits=4)],
        ["a loop around scikit-learn, AUROC", *spread(looped)],
    ]
    table(["", "median", "range"], rows)
    verdict("AUROC", statistics.median(seconds["AUROC"]), TARGET, " s")


if __name__ == "__main__":
    main()
