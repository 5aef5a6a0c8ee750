"""Neighbours that float32 cannot tell apart."""

import threading
import tracemalloc

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from latentviz.latents import Latents
from latentviz.scorers import make
from latentviz.scorers.shared import energy, once, unit


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


def test_neighbours_without_guidance_look_at_no_logits():
    random = np.random.default_rng(0)
    training = Latents(random.normal(size=(4000, 8)).astype(np.float32), np.zeros((4000, 1000), np.float32))
    queries = Latents(training.features[:10], training.logits[:10])
    make("knn").fit(of(training.features[:100])).score(of(queries.features))
    scorer = make("knn").fit(training)
    tracemalloc.start()
    scorer.score(queries)
    assert tracemalloc.get_traced_memory()[1] < training.logits.nbytes / 4
    tracemalloc.stop()


def test_log_sum_exp_of_many_classes_needs_little_memory():
    logits = np.zeros((10_000, 1000), np.float32)
    tracemalloc.start()
    np.testing.assert_allclose(energy(logits), -np.log(1000))
    assert tracemalloc.get_traced_memory()[1] < logits.nbytes * 1.5
    tracemalloc.stop()


def test_searching_and_clustering_at_a_time_leave_blas_its_threads():
    """Both change the process's setting and put back what they found."""
    features = np.random.default_rng(0).normal(size=(3000, 16)).astype(np.float32)
    make("cluster-distance").fit(of(features))  # all libraries are loaded
    before = {library["filepath"]: library["num_threads"] for library in threadpool_info()}
    scorer, over = make("knn").fit(of(features)), threading.Event()

    def search() -> None:
        while not over.is_set():
            scorer.score(of(features[:100]))

    searching = threading.Thread(target=search)
    searching.start()
    for seed in range(8):
        make("cluster-distance", {"clusters": 20, "seed": seed}).fit(of(features))
    over.set()
    searching.join()
    assert {library["filepath"]: library["num_threads"] for library in threadpool_info()} == before


def test_functions_of_one_name_do_not_share_what_they_found():
    @once
    def theirs(latents: Latents) -> str:
        return "theirs"

    theirs.__wrapped__.__qualname__ = "unit"
    latents = of(np.eye(3, dtype=np.float32))
    assert theirs(latents) == "theirs"
    np.testing.assert_array_equal(unit(latents), np.eye(3))
