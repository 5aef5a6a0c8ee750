"""Families of checkpoints as runs of arrays: what collapses with the epoch is known."""

from __future__ import annotations

import numpy as np

import latentviz as lv

EPOCHS = (1, 3, 10)
CLASSES, WIDTH = 3, 6


def checkpoint(
    workspace: lv.Workspace, head: str = "linear", seed: int = 0, epoch: int = 1, family: str = "fam", **options
) -> lv.Run:
    """Three classes that lie the closer around their means the later the epoch; "far" is shorter, most so with L2."""
    random = np.random.default_rng([seed, epoch, head == "l2"])
    labels = {s: np.arange(60) % CLASSES for s in ("train", "test")}
    means = 3 * np.eye(WIDTH)[:CLASSES]
    spread = {"linear": 0.8, "l2": 0.5}[head] / np.sqrt(epoch)
    features = {s: np.abs(means[of] + spread * random.normal(size=(60, WIDTH))) for s, of in labels.items()}
    features["far"] = np.abs(random.normal(size=(40, WIDTH))) * {"linear": 1.1, "l2": 0.5}[head]
    return lv.Run.from_arrays(
        {s: values.astype(np.float32) for s, values in features.items()},
        labels=labels,
        head=lv.Head(means, np.zeros(CLASSES), head),
        workspace=workspace,
        name=options.pop("name", f"{family}-{head}-s{seed}-e{epoch:02d}"),
        attributes={"family": family, "head": head, "seed": seed, "epoch": epoch},
        **options,
    )


def family(workspace: lv.Workspace, seeds: int = 2, epochs: tuple[int, ...] = EPOCHS, **options) -> list[lv.Run]:
    """Every head, seed and epoch."""
    return [
        checkpoint(workspace, head, seed, epoch, **options)
        for head in ("linear", "l2")
        for seed in range(seeds)
        for epoch in epochs
    ]
