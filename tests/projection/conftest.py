"""Small runs whose features have clusters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from latentviz import Head, Run


@pytest.fixture(scope="session")
def clusters() -> Callable[..., np.ndarray]:
    """Make features (samples, width), float32, around three centres."""

    def make(samples: int, seed: int = 0, width: int = 8) -> np.ndarray:
        rng = np.random.default_rng(seed)
        centres = np.random.default_rng(99).normal(scale=4, size=(3, width))
        return (centres[rng.integers(3, size=samples)] + rng.normal(size=(samples, width))).astype(np.float32)

    return make


@pytest.fixture
def make_run() -> Callable[..., Run]:
    """Make a run of arrays: ``make_run(test=features, ood=features)``."""

    def make(**sets: np.ndarray) -> Run:
        width = next(iter(sets.values())).shape[1]
        return Run.from_arrays(sets, head=Head(np.eye(3, width), np.zeros(3)))

    return make
