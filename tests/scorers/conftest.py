"""Latents on which scorers have known outcomes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from latentviz.latents import Head, HeadKind, Latents

CLASSES, WIDTH = 6, 24


@pytest.fixture(scope="session")
def toy() -> Callable[..., Latents]:
    """``toy("fit" | "ind" | "far", n, seed, kind)``: ReLU-like features around class means, or spread out and short."""
    random = np.random.default_rng(0)
    means = (0.2 + random.random((CLASSES, WIDTH))) * (random.random((CLASSES, WIDTH)) < 0.5)
    means *= 8 / np.linalg.norm(means, axis=1, keepdims=True)
    centred = (means - means.mean(axis=0)) / 2
    bias = 0.1 * random.normal(size=CLASSES)

    def make(what: str, samples: int = 600, seed: int = 1, kind: HeadKind = "linear") -> Latents:
        drawn = np.random.default_rng([seed, len(what)])
        labels = drawn.integers(0, CLASSES, samples)
        if what == "far":
            features = np.abs(drawn.normal(scale=0.35, size=(samples, WIDTH)))
            features[:, 0] += 0.05
        else:
            features = np.maximum(means[labels] + 0.4 * drawn.normal(size=(samples, WIDTH)), 0)
        head = Head(centred, bias, kind)
        features = features.astype(np.float32)
        return Latents(features, head.logits(features), None if what == "far" else labels, head)

    return make


@pytest.fixture(scope="session")
def cifar_latents(shared, tmp_path_factory) -> dict[str, Latents]:
    """A published CIFAR-10 network on real training, test and out-of-distribution images."""
    from latentviz import ModelSpec, Preprocessing, Workspace, extract, folder
    from latentviz.models import default_preprocessing
    from latentviz.progress import silent

    weights = shared / "models" / "cifar10" / "checkpoints" / "resnet20-12fca82f.th"
    spec = ModelSpec(architecture="resnet20", checkpoint=weights)
    usual: Preprocessing = default_preprocessing(spec)
    sets = {
        "train": folder(shared / "cifar10" / "lossless_train", "fit"),
        "test": folder(shared / "cifar10" / "lossless_test", "ind"),
        "textures": folder(shared / "ood" / "textures_32", "ood"),
        "mnist": folder(shared / "ood" / "mnist_28", "ood"),
        "tiny": folder(shared / "ood" / "tiny_imagenet_32", "ood"),
    }
    run = extract(
        spec,
        sets,
        workspace=Workspace(tmp_path_factory.mktemp("scorers")),
        preprocessing=usual.changed(resize=(32, 32)),
        progress=silent,
    )
    return {s.name: s.latents() for s in run}
