"""Means, scatter matrices and what is made of them, against formulas in float64 about the means."""

import tracemalloc

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf

from latentviz.latents import Head, HeadKind, Latents
from latentviz.scorers import make
from latentviz.scorers.moments import class_means, moments, nearest_squared, whitening


def of(features: np.ndarray, labels: np.ndarray | None = None, classes: int = 3, precision=np.float32) -> Latents:
    return Latents(features.astype(precision), np.zeros((len(features), classes), np.float32), labels)


def mahalanobis(fit: Latents, asked: Latents) -> np.ndarray:
    """By the pseudo-inverse of the covariance about class means."""
    z = fit.features.astype(np.float64)
    means = np.stack([z[fit.labels == c].mean(axis=0) for c in np.unique(fit.labels)])
    centred = z - means[np.unique(fit.labels, return_inverse=True)[1]]
    values, vectors = np.linalg.eigh(centred.T @ centred / len(z))
    kept = values > 1e-12 * values.max()
    away = (asked.features.astype(np.float64)[:, None] - means) @ (vectors[:, kept] / np.sqrt(values[kept]))
    return (away**2).sum(axis=2).min(axis=1)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_scatter_matrices_are_those_of_differences(precision):
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, 9000)
    labels[labels == 2] = 1
    latents = of(3 + random.normal(size=(9000, 5)), labels, 4, precision)
    z = latents.features.astype(np.float64)
    found = moments(latents)
    means = np.stack([z[labels == c].mean(axis=0) if (labels == c).any() else np.zeros(5) for c in range(4)])
    np.testing.assert_allclose(found.means, means, rtol=1e-12)
    np.testing.assert_allclose(found.mean, z.mean(axis=0), rtol=1e-12)
    assert found.counts.tolist() == np.bincount(labels, minlength=4).tolist()
    assert found.present.tolist() == [0, 1, 3]
    for scatter, origin in ((found.within, means[labels]), (found.total, z.mean(axis=0)), (found.about(0.0), 0)):
        np.testing.assert_allclose(scatter, (z - origin).T @ (z - origin), rtol=1e-10, atol=1e-8)
    one = moments(Latents(latents.features, latents.logits))
    np.testing.assert_allclose(one.within, found.total, rtol=1e-10, atol=1e-8)


@pytest.mark.parametrize(("kind", "same"), [("linear", "raw"), ("l2", "unit")])
def test_equal_features_are_summed_once(kind: HeadKind, same):
    random = np.random.default_rng(0)
    head = Head(random.normal(size=(3, 4)), np.zeros(3), kind)
    z = random.normal(size=(50, 4)).astype(np.float32)
    latents = Latents(z, head.logits(z), np.arange(50) % 3, head)
    assert moments(latents, "head") is moments(latents, same)
    assert moments(latents, "raw") is not moments(latents, "unit")
    np.testing.assert_array_equal(class_means(latents, "head").means, moments(latents, same).means)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("samples", [24, 60, 83])
def test_fewer_samples_than_features_far_from_zero(samples, precision):
    random = np.random.default_rng(0)

    def drawn(n: int) -> np.ndarray:
        return 5 + 0.1 * np.abs(random.normal(size=(n, 80)))

    fit, asked = of(drawn(samples), np.arange(samples) % 3, precision=precision), of(drawn(20), precision=precision)
    scorer = make("mahalanobis").fit(fit)
    assert scorer.whitening_.shape == (80, min(80, samples - 3))
    np.testing.assert_allclose(scorer.score(asked), mahalanobis(fit, asked), rtol=1e-8)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_a_constant_feature_is_left_out(precision):
    random = np.random.default_rng(0)
    z, queries = random.normal(size=(300, 8)), random.normal(size=(20, 8))
    labels = np.arange(300) % 3
    without = [0, 1, 3, 4, 5, 6, 7]
    z[:, 2] = queries[:, 2] = 1000.7
    expected = make("mahalanobis").fit(of(z[:, without], labels)).score(of(queries[:, without]))
    scorer = make("mahalanobis").fit(of(z, labels, precision=precision))
    assert scorer.whitening_.shape == (8, 7)
    np.testing.assert_allclose(scorer.score(of(queries, precision=precision)), expected, rtol=1e-5)


def test_a_feature_that_only_rounding_changes_is_left_out():
    random = np.random.default_rng(0)
    z = random.normal(size=(300, 4))
    z[:, 2] = 1000.7
    noisy = z.astype(np.float32)
    noisy[::2, 2] = np.nextafter(noisy[::2, 2], np.float32(2000))
    assert make("mahalanobis").fit(of(noisy, np.arange(300) % 3)).whitening_.shape == (4, 3)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("spread", [1e-6, 1e-4, 1])
def test_collapsed_classes(spread, precision):
    """A spread within classes that is tiny beside the distances between them."""
    random = np.random.default_rng(0)
    means, labels = 10 * random.normal(size=(3, 64)), np.arange(3000) % 3
    fit = of(means[labels] + spread * random.normal(size=(3000, 64)), labels, precision=precision)
    asked = of(means[labels[:30]] + 2 * spread * random.normal(size=(30, 64)), precision=precision)
    scorer = make("mahalanobis").fit(fit)
    assert scorer.whitening_.shape == (64, 64)
    np.testing.assert_allclose(scorer.score(asked), mahalanobis(fit, asked), rtol=1e-6)


def test_whitening_of_known_axes():
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    covariance = axes @ np.diag([4.0, 1, 1e-3, 0]) @ axes.T
    for rounding, rank in ((0.0, 3), (1e-2, 2), (10.0, 0)):
        found = whitening(covariance, np.full(4, rounding))
        assert found.shape == (4, rank)
        np.testing.assert_allclose(found.T @ covariance @ found, np.eye(rank), atol=1e-9)


@pytest.mark.parametrize("scale", [1, 1e7])
def test_the_nearest_centre_is_that_of_differences(scale):
    random = np.random.default_rng(0)
    centres = scale * random.normal(size=(7, 5))
    points = centres[random.integers(0, 7, 500)] + random.normal(size=(500, 5))
    expected = ((points[:, None] - centres) ** 2).sum(axis=2).min(axis=1)
    np.testing.assert_allclose(nearest_squared(points, centres), expected, rtol=1e-9)


# Covariances of classes


@pytest.mark.filterwarnings("ignore:Only one sample")
@pytest.mark.parametrize("samples", [1, 2, 8, 5000])
def test_ddus_shrunk_covariance_is_scikit_learns(samples):
    """In a class that is more than one block as well."""
    random = np.random.default_rng(0)
    z = 3 + random.normal(size=(samples, 6)) @ random.normal(size=(6, 6))
    latents = of(z, np.zeros(samples, np.int64), precision=np.float64)
    scorer = make("ddu", {"covariance": "ledoit-wolf"}).fit(latents)
    expected = ledoit_wolf(z)[0] + scorer.epsilon_ * np.eye(6)
    np.testing.assert_allclose(scorer.factors_[0] @ scorer.factors_[0].T, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("space", ["raw", "unit"])
def test_ddus_covariances_of_classes_are_numpys(space):
    random = np.random.default_rng(0)
    labels = np.sort(random.integers(0, 2, 10_000))
    z = 2 + random.normal(size=(10_000, 4))
    scorer = make("ddu", {"space": space}).fit(of(z, labels, precision=np.float64))
    seen = z / np.linalg.norm(z, axis=1, keepdims=True) if space == "unit" else z
    for c in range(2):
        expected = np.cov(seen[labels == c], rowvar=False)
        np.testing.assert_allclose(scorer.factors_[c] @ scorer.factors_[c].T, expected, rtol=1e-8, atol=1e-12)
    assert scorer.notes() == ["ε = 0"]


def test_ddu_says_that_epsilon_decides_where_features_do_not_vary():
    random = np.random.default_rng(0)
    z = random.normal(size=(300, 4))
    z[:, 2] = 0
    scorer = make("ddu").fit(of(z, np.arange(300) % 3))
    assert scorer.epsilon_ > 0
    assert scorer.notes()[1] == "The features do not vary in all directions: ε decides how much the others count."


def test_ddu_goes_on_where_a_class_factorises_and_a_larger_epsilon_is_needed_for_another():
    """The first class alone needs none, the second does; both get the same."""
    random = np.random.default_rng(0)
    z = random.normal(size=(100, 4))
    z[50:, 1] = 7
    scorer = make("ddu").fit(of(z, np.repeat([0, 1], 50), precision=np.float64))
    assert scorer.epsilon_ > 0
    for c, rows in enumerate((slice(50), slice(50, None))):
        expected = np.cov(z[rows], rowvar=False) + scorer.epsilon_ * np.eye(4)
        np.testing.assert_allclose(scorer.factors_[c] @ scorer.factors_[c].T, expected, atol=1e-12)


def test_ddu_keeps_the_covariances_of_many_classes_once():
    random = np.random.default_rng(0)
    latents = of(random.normal(size=(4000, 64)), np.arange(4000) % 50, classes=50)
    make("ddu").fit(latents)  # libraries are loaded
    tracemalloc.start()
    scorer = make("ddu").fit(of(latents.features, latents.labels, classes=50))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < scorer.factors_.nbytes + 2 * latents.features.astype(np.float64).nbytes
