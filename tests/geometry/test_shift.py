"""Distances between feature sets."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from latentviz.errors import DataError
from latentviz.geometry.shift import Moments, frechet, mean_distance


def features(n: int = 200, width: int = 5, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, width)) @ rng.normal(size=(width, width)) + rng.normal(size=width)


def scipys(one: np.ndarray, other: np.ndarray) -> float:
    a, b = np.cov(one.T), np.cov(other.T)
    away = one.mean(axis=0) - other.mean(axis=0)
    return float(away @ away + np.trace(a + b - 2 * np.real(sqrtm(a @ b))))


def of(mean: np.ndarray, covariance: np.ndarray, count: int = 10) -> Moments:
    found = Moments(len(mean))
    found.count, found.mean, found.scatter = count, np.asarray(mean, float), np.asarray(covariance, float) * (count - 1)
    return found


# Moments


@pytest.mark.parametrize("sizes", [[200], [1, 199], [50, 0, 149, 1], [1] * 200])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_moments_are_numpys_whatever_the_blocks(sizes, dtype):
    z = features().astype(dtype)
    found = Moments.of(np.split(z, np.cumsum(sizes)[:-1]))
    assert found.count == 200
    np.testing.assert_allclose(found.mean, z.astype(float).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, np.cov(z.astype(float).T), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.root @ found.root.T, found.covariance, rtol=1e-10, atol=1e-12)


def test_the_root_follows_an_update():
    found = Moments.of(features(50))
    before = found.root
    assert found.root is before  # of wide features it takes a second
    found.update(features(50, seed=1))
    np.testing.assert_allclose(found.root @ found.root.T, found.covariance, rtol=1e-10)


def test_a_small_spread_far_from_zero_keeps_its_digits():
    z = features()
    found = Moments.of(np.split(z + 1e7, 10))
    np.testing.assert_allclose(found.covariance, np.cov(z.T), rtol=1e-6)


def test_blocks_are_not_changed_and_features_not_copied_at_once():
    z = np.ones((60_000, 32), np.float32)
    tracemalloc.start()
    Moments.of(z)
    assert tracemalloc.get_traced_memory()[1] < z.nbytes / 2
    tracemalloc.stop()
    block = features()
    before = block.copy()
    Moments(5).update(block)
    assert (block == before).all()


# Means


def test_distances_of_means():
    one, other = np.array([[0.0, 0], [2, 0]]), np.array([[4.0, 4], [4, 4]])
    assert mean_distance(one, other) == mean_distance(other, one) == 5
    assert mean_distance(Moments.of(one), other) == 5


# Gaussians


@pytest.mark.parametrize(("width", "seed"), [(1, 0), (2, 1), (5, 2), (20, 3)])
def test_frechet_is_scipys(width, seed):
    one, other = features(200, max(width, 2), seed), features(150, max(width, 2), seed + 10)
    assert frechet(one, other) == pytest.approx(scipys(one, other), rel=1e-8)


def test_closed_forms():
    eye = np.eye(3)
    assert frechet(of([0, 0, 0], eye), of([1, 2, 2], eye)) == pytest.approx(9)
    # Covariances that commute: Σ (√a − √b)².
    assert frechet(of([0, 0, 0], np.diag([1, 4, 9])), of([0, 0, 0], np.diag([4, 4, 1]))) == pytest.approx(1 + 0 + 4)
    one, other = np.array([[0.0], [2.0]]), np.array([[0.0], [6.0]])  # σ = √2 and √18, means 1 and 3
    assert frechet(one, other) == pytest.approx(4 + (math.sqrt(18) - math.sqrt(2)) ** 2)
    # Of one direction each, at right angles: nothing in common.
    assert frechet(of([0, 0], np.diag([4, 0])), of([0, 0], np.diag([0, 9]))) == pytest.approx(13)
    turned = np.array([[0.6, -0.8], [0.8, 0.6]])
    a = turned @ np.diag([4, 1]) @ turned.T
    assert frechet(of([0, 0], a), of([0, 0], np.diag([2, 2]))) == pytest.approx(
        (2 - math.sqrt(2)) ** 2 + (1 - math.sqrt(2)) ** 2
    )


@pytest.mark.parametrize("n", [2, 5, 30])
def test_fewer_samples_than_features(n):
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(n, 64)), 1 + rng.normal(size=(n + 3, 64))
    # The trace of (√A √B)'s absolute value is that of the samples' inner products, which are as many as the samples.
    inner = (one - one.mean(axis=0)) @ (other - other.mean(axis=0)).T / math.sqrt((n - 1) * (n + 2))
    traces = np.trace(np.cov(one.T)) + np.trace(np.cov(other.T))
    expected = mean_distance(one, other) ** 2 + traces - 2 * np.linalg.norm(inner, "nuc")
    assert frechet(one, other) == pytest.approx(expected, rel=1e-10)
    assert frechet(one, one) == pytest.approx(0, abs=1e-11 * traces)
    assert frechet(one, one + 2) == pytest.approx(4 * 64, rel=1e-10)


def test_constant_features_differ_by_their_means():
    one, other = np.zeros((5, 3)), np.ones((4, 3))
    assert frechet(one, other) == 3
    assert frechet(one, one) == 0


@given(st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_symmetry_scale_and_rotation(seed, scale):
    one, other = features(30, 4, seed), features(20, 4, seed + 1)
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(4, 4)))
    found = frechet(one, other)
    assert found >= mean_distance(one, other) ** 2 * (1 - 1e-9)
    for changed, expected in (
        (frechet(other, one), found),
        (frechet(scale * one, scale * other), scale**2 * found),
        (frechet(one @ turn, other @ turn), found),
        (frechet(one + 5, other + 5), found),
    ):
        assert changed == pytest.approx(expected, rel=1e-7)


def test_moments_stand_for_their_features():
    one, other = features(), features(100, seed=3)
    a, b = (Moments.of(np.array_split(z, 7)) for z in (one, other))
    for measure in (mean_distance, frechet):
        assert measure(a, b) == pytest.approx(measure(one, other), rel=1e-9)


# What cannot be used


def test_sets_that_do_not_fit():
    z = features()
    for measure in (mean_distance, frechet):
        with pytest.raises(DataError, match="The sets have 5 and 4 features; they must be of one model"):
            measure(z, z[:, :4])
        with pytest.raises(DataError, match="A set has no samples"):
            measure(z, z[:0])
        with pytest.raises(DataError, match="1 of 200 samples have features that are NaN or infinite"):
            measure(z, np.where(np.arange(1000).reshape(200, 5) == 7, np.nan, z))
        with pytest.raises(DataError, match=r"shape \(5,\); expected \(N, D\)"):
            measure(z, z[0])
    with pytest.raises(DataError, match="a single sample"):
        frechet(z, z[:1])
    with pytest.raises(DataError, match="There are no features"):
        Moments.of([])
    with pytest.raises(DataError, match=r"shape \(200, 5\); expected \(N, 4\)"):
        Moments(4).update(z)
