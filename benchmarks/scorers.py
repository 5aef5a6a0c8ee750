"""All scorers together against pytorch-ood's own, one after the other: 50,000 × 512 fitted on, 10,000 scored.

Every scorer that pytorch-ood has too is run by both on the same arrays; ours as a suite that shares what scorers
have in common, theirs one by one through ``fit_features``, ``predict_features`` and the like, in batches of 1,000,
because some of them multiply large arrays otherwise.

Targets: the suite at most 1/2 of the sum of pytorch-ood's times; k-NN alone at most 0.55; the peak memory of all our
scorers together, also those that pytorch-ood does not have, at most 1.5 × the features on top of them.
"""

from __future__ import annotations

import gc
import statistics
import threading
import time
from collections.abc import Callable

import numpy as np
import psutil
import torch
from _measure import interleaved, machine, parser, spread, table, verdict
from pytorch_ood import detector as theirs

from latentviz.latents import Head, Latents
from latentviz.scorers import make, scorers
from latentviz.scorers.suite import fit_all, score_all
from latentviz.scorers.torch_ood import linear, on_maps

SUITE, KNN, MEMORY = 0.5, 0.55, 1.5
BATCH = 1000


def made_up(samples: int, width: int, classes: int, seed: int) -> Latents:
    """Features of a ReLU around class means."""
    random = np.random.default_rng(0)
    means = random.random((classes, width), dtype=np.float32) * (random.random((classes, width)) < 0.3)
    head = Head(means - means.mean(axis=0), 0.1 * random.normal(size=classes))
    drawn = np.random.default_rng(seed)
    labels = drawn.integers(0, classes, samples)
    noise = drawn.normal(scale=0.3, size=(samples, width)).astype(np.float32)
    features = np.maximum(means[labels] + noise, 0)
    return Latents(features, head.logits(features), labels, head)


def detectors(head: torch.nn.Linear) -> dict[str, tuple[str, Callable]]:
    """pytorch-ood's detector for every scorer of ours that it has: what it takes, and how it is made."""
    maps = on_maps(head)
    return {
        "msp": ("logits", lambda: theirs.MaxSoftmax(None)),
        "max-logit": ("logits", lambda: theirs.MaxLogit(None)),
        "energy": ("logits", lambda: theirs.EnergyBased(None)),
        "entropy": ("logits", lambda: theirs.Entropy(None)),
        "gen": ("logits", lambda: theirs.GEN(None, M=100)),
        "kl-matching": ("logits", lambda: theirs.KLMatching(None)),
        "temperature-scaling": ("logits", lambda: theirs.TemperatureScaling(None)),
        "openmax": ("logits", lambda: theirs.OpenMax(None, tailsize=20, alpha=3)),
        "react": ("feature_maps", lambda: theirs.ReAct(None, maps)),
        "ash-s": ("feature_maps", lambda: theirs.ASH(None, maps, "ash-s", 0.9)),
        "ash-b": ("feature_maps", lambda: theirs.ASH(None, maps, "ash-b", 0.9)),
        "ash-p": ("feature_maps", lambda: theirs.ASH(None, maps, "ash-p", 0.9)),
        "scale": ("feature_maps", lambda: theirs.SCALE(None, maps, 0.85)),
        "vra": ("feature_maps", lambda: theirs.VRA(None, maps)),
        "lts": ("features", lambda: theirs.LTS(None, head)),
        "dice": ("features", lambda: theirs.DICE(None, head.weight, head.bias, 0.9)),
        "she": ("features", lambda: theirs.SHE(None, head)),
        "fdbd": ("features", lambda: theirs.fDBD(None, head)),
        "nci": ("features", lambda: theirs.NCI(None, head, alpha=1e-4)),
        "mahalanobis": ("features", lambda: theirs.Mahalanobis(None)),
        "relative-mahalanobis": ("features", lambda: theirs.RMD(None)),
        "ddu": ("features", lambda: theirs.GMM(None)),
        "vim": ("features", lambda: theirs.ViM(None, head.in_features // 2, head.weight, head.bias)),
        "knn": ("features", lambda: theirs.KNN(None, k=50)),
        "nnguide": ("features", lambda: theirs.NNGuide(None, head, k=100)),
        "pnml": ("features", lambda: theirs.PNML(None, head)),
        "gradnorm": ("inputs", lambda: theirs.GradNorm(head, lambda name: name == "weight").to("cpu")),
    }


def run_theirs(kind: str, make_one: Callable, fit: Latents, asked: Latents) -> None:
    detector = make_one()
    arrays = {"logits": (fit.logits, asked.logits)}.get(kind, (fit.features, asked.features))
    learnt, scored = (torch.from_numpy(values) for values in arrays)
    if kind == "feature_maps":
        learnt, scored = learnt[:, :, None, None], scored[:, :, None, None]
    learn = getattr(detector, f"fit_{kind}", None)
    if learn is not None:
        learn(learnt, torch.from_numpy(fit.labels))
    predict = detector.predict if kind == "inputs" else getattr(detector, f"predict_{kind}")
    with torch.no_grad():
        for part in scored.split(BATCH):
            predict(part)


def run_ours(names: list[str], fit: Latents, asked: Latents) -> None:
    fit = Latents(fit.features, fit.logits, fit.labels, fit.head)  # nothing computed before
    fitted, problems = fit_all({name: make(name) for name in names}, fit, fit.head)
    assert not problems, problems
    _, problems = score_all(fitted, asked.blocks(), len(asked))
    assert not problems, problems


def peak_growth(work: Callable[[], None]) -> float:
    """By how many bytes the process grows while it works, at most."""
    process, peak, done = psutil.Process(), 0, threading.Event()
    gc.collect()
    start = process.memory_info().rss

    def watch() -> None:
        nonlocal peak
        while not done.is_set():
            peak = max(peak, process.memory_info().rss)
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    done.set()
    watcher.join()
    return peak - start


def main() -> None:
    arguments = parser(__doc__, repeats=3)
    arguments.add_argument("--fit", type=int, default=50_000)
    arguments.add_argument("--scored", type=int, default=10_000)
    arguments.add_argument("--width", type=int, default=512)
    arguments.add_argument("--classes", type=int, default=10)
    options = arguments.parse_args()
    fit = made_up(options.fit, options.width, options.classes, 1)
    asked = made_up(options.scored, options.width, options.classes, 2)
    head = linear(fit.head)
    all_theirs = detectors(head)
    run_ours(list(scorers()), fit[:2000], asked[:200])  # libraries are loaded and threads started
    tasks: dict[str, Callable] = {"suite": lambda: run_ours(list(all_theirs), fit, asked)}
    tasks |= {
        name: (lambda kind=kind, one=one: run_theirs(kind, one, fit, asked)) for name, (kind, one) in all_theirs.items()
    }
    tasks["our knn"] = lambda: run_ours(["knn"], fit, asked)
    growth = peak_growth(lambda: run_ours(list(scorers()), fit, asked))
    seconds = interleaved(tasks, options.repeats)

    sums = [sum(seconds[name][r] for name in all_theirs) for r in range(options.repeats)]
    ratio = statistics.median(o / t for o, t in zip(seconds["suite"], sums, strict=True))
    knn = statistics.median(o / t for o, t in zip(seconds["our knn"], seconds["knn"], strict=True))
    print(f"\n{options.fit:,} × {options.width} fitted on, {options.scored:,} scored; {machine()}")
    rows = [["**ours, all together**", *spread(seconds["suite"])], ["**pytorch-ood, sum**", *spread(sums)]]
    rows += [["our k-NN alone", *spread(seconds["our knn"])]]
    rows += [[f"pytorch-ood {name}", *spread(seconds[name])] for name in all_theirs]
    table(["", "median", "range"], rows)
    verdict("suite / pytorch-ood's sum", ratio, SUITE)
    verdict("k-NN / pytorch-ood's", knn, KNN)
    verdict("peak growth of all scorers / features", growth / fit.features.nbytes, MEMORY)


if __name__ == "__main__":
    main()
