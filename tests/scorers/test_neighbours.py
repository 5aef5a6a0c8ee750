"""Neighbours that float32 cannot tell apart."""

import tracemalloc

import numpy as np
import pytest

from latentviz.latents import Latents
from latentviz.scorers import make


def of(features: np.ndarray) -> Latents:
    return Latents(features, np.zeros((len(features), 2), np.float32))


def distances(queries: np.ndarray, training: np.ndarray, normalise: bool) -> np.ndarray:
    """All of them in ascending order, from differences in float64."""
    a, b = (z.astype(np.float64) for z in (queries, training))
    if normalise:
        a, b = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (a, b))
    return np.sort(np.stack([np.linalg.norm(q - b, axis=1) for q in a]), axis=1)


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("clusters", [1, 10])
@pytest.mark.parametrize("spread", [1e-4, 1e-3, 1])
@pytest.mark.parametrize("width", [64, 512])
def test_close_features_far_from_zero(width, spread, clusters, normalise):
    random = np.random.default_rng(0)
    centres = 2 * random.normal(size=(clusters, width))

    def drawn(samples: int) -> np.ndarray:
        where = random.integers(0, clusters, samples)
        return (centres[where] + spread * random.normal(size=(samples, width))).astype(np.float32)

    training, queries = drawn(3000), drawn(60)
    expected = distances(queries, training, normalise)
    for k in (1, 50, 300):
        found = make("knn", {"k": k, "normalise": normalise}).fit(of(training)).score(of(queries))
        np.testing.assert_allclose(found, expected[:, k - 1], rtol=1e-6)


@pytest.mark.parametrize("normalise", [True, False])
def test_close_features_of_many_training_samples(normalise):
    """More than are searched at a time, in either precision."""
    random = np.random.default_rng(0)
    training = (5 + 1e-4 * random.normal(size=(20_000, 8))).astype(np.float32)
    queries = (5 + 1e-4 * random.normal(size=(20, 8))).astype(np.float32)
    found = make("knn", {"k": 2000, "normalise": normalise})
    expected = distances(queries, training, normalise)[:, 1999]
    np.testing.assert_allclose(found.fit(of(training)).score(of(queries)), expected, rtol=1e-6)


def test_several_k_of_the_same_samples_are_searched_together():
    random = np.random.default_rng(0)
    training, queries = of(random.normal(size=(200, 4))), of(random.normal(size=(30, 4)))
    fitted = {k: make("knn", {"k": k, "normalise": False}).fit(training) for k in (3, 40, 7)}
    expected = distances(queries.features, training.features, False)
    for k, scorer in fitted.items():
        np.testing.assert_allclose(scorer.score(queries), expected[:, k - 1], rtol=1e-12)
    assert len([key for key in queries.shared if key[0] == "bank"]) == 1


def test_training_features_are_not_copied_at_once():
    random = np.random.default_rng(0)
    training = of(random.normal(size=(120_000, 64)).astype(np.float32))
    queries = of(random.normal(size=(20, 64)).astype(np.float32))
    make("knn").fit(of(training.features[:100])).score(queries)
    scorer = make("knn").fit(training)
    tracemalloc.start()
    scorer.score(queries)
    assert tracemalloc.get_traced_memory()[1] < training.features.nbytes / 2
    tracemalloc.stop()
