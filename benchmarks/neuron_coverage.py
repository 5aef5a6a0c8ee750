"""NAC-UE of the last layer, profile and scores, against pytorch-ood's NACUE restricted to the same layer.

1,000 profile features and 10,000 scored ones of 512 neurons, 10 and 100 classes. Theirs is given the features as the
input of a model that is the last layer alone, so that no forward pass of a network counts on either side; its bins are
others, its work is the same.

Targets: at most 1/5 of pytorch-ood's time; memory for scoring bounded by one batch, whatever the number of samples.
"""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import torch
from _measure import interleaved, machine, parser, spread, table, verdict
from pytorch_ood.detector import NACUE
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from latentviz.latents import BLOCK, Head, Latents
from latentviz.scorers import make

TIME, BATCHES = 0.2, 4.0
BATCH = 1000


def made_up(samples: int, width: int, classes: int, seed: int) -> Latents:
    """Features of a ReLU around class means."""
    random = np.random.default_rng(0)
    means = random.random((classes, width), dtype=np.float32) * (random.random((classes, width)) < 0.3)
    head = Head(means - means.mean(axis=0), 0.1 * random.normal(size=classes))
    drawn = np.random.default_rng(seed)
    labels = np.arange(samples) % classes
    noise = drawn.normal(scale=0.3, size=(samples, width)).astype(np.float32)
    features = np.maximum(means[labels] + noise, 0)
    return Latents(features, head.logits(features), labels, head)


def ours(fit: Latents, scored: Latents) -> Callable[[], None]:
    def run() -> None:
        make("nac-ue", {"alpha": 100.0}).fit(fit[:]).score(scored[:])  # nothing is known of them from before

    return run


def theirs(fit: Latents, scored: Latents) -> Callable[[], None]:
    assert fit.head is not None
    last = nn.Linear(fit.width, fit.classes)
    with torch.no_grad():
        last.weight.copy_(torch.from_numpy(fit.head.weight))
        last.bias.copy_(torch.from_numpy(fit.head.bias))
    # Its layers must come out of the model; a copy of the features does, with a gradient.
    first = _Features()
    model = nn.Sequential(first, last).eval()
    loaders = [
        DataLoader(TensorDataset(torch.from_numpy(x.features), torch.from_numpy(x.labels)), BATCH)
        for x in (fit, scored)
    ]

    def run() -> None:
        detector = NACUE(model, [first], m_bins=50, alpha=100.0, o_star=50)
        detector.fit(loaders[0])
        for features, _ in loaders[1]:
            detector.predict(features)

    return run


class _Features(nn.Module):
    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features.clone().requires_grad_()


def again(task: Callable[[], None]) -> Callable[[], float]:
    """Time the second of two runs: in the first, threads of the other library still wait for work, and take a core."""

    def timed() -> float:
        task()
        start = time.perf_counter()
        task()
        return time.perf_counter() - start

    return timed


def peak(fit: Latents, samples: int) -> float:
    """Largest memory while scoring that many samples, in batches of float64 features."""
    scored = made_up(samples, fit.width, fit.classes, 3)
    scorer = make("nac-ue", {"alpha": 100.0}).fit(fit)
    tracemalloc.start()
    scorer.score(scored)
    most = tracemalloc.get_traced_memory()[1] - 8 * samples  # the scores themselves
    tracemalloc.stop()
    return most / (8 * BLOCK * fit.width)


def main() -> None:
    options = parser(__doc__, repeats=9).parse_args()
    for classes in (10, 100):
        fit, scored = made_up(1000, 512, classes, 1), made_up(10_000, 512, classes, 2)
        tasks = {"latentviz": again(ours(fit, scored)), "pytorch-ood": again(theirs(fit, scored))}
        seconds = interleaved(tasks, options.repeats)
        print(f"\n{len(fit):,} + {len(scored):,} × 512 features, {classes} classes; {machine()}")
        table(["", "median", "range"], [[name, *spread(values, "s", 3)] for name, values in seconds.items()])
        ratios = [a / b for a, b in zip(*seconds.values(), strict=True)]
        verdict(f"NAC-UE ÷ pytorch-ood's NACUE, {classes} classes", statistics.median(ratios), TIME)
        for samples in (10_000, 40_000):
            verdict(f"peak memory of scoring {samples:,}, in batches", peak(fit, samples), BATCHES)


if __name__ == "__main__":
    main()
