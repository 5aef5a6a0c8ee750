"""Neural collapse against closed forms and an independent implementation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentviz.errors import DataError
from latentviz.geometry.class_moments import ClassMoments
from latentviz.geometry.neural_collapse import (
    ClassMeans,
    alignment,
    angle_to_means,
    equiangularity,
    equinorm,
    nearest_mean,
    neural_collapse,
    self_duality,
)


def simplex(classes: int, width: int, seed: int = 0) -> np.ndarray:
    """Corners (C, D) of a regular simplex about the origin, in any direction; D is at least C − 1."""
    away = np.eye(classes) - 1 / classes
    _, _, basis = np.linalg.svd(away)
    turned, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))
    return away @ basis[: classes - 1].T @ turned[: classes - 1] * math.sqrt(classes / (classes - 1))


def samples(means: np.ndarray, per_class: int, spread: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(len(means)), per_class)
    return means[labels] + spread * np.random.default_rng(seed).normal(size=(len(labels), means.shape[1])), labels


def moments(features: np.ndarray, labels: np.ndarray, classes: int | None = None, pieces: int = 1) -> ClassMoments:
    found = ClassMoments(classes or int(labels.max()) + 1, features.shape[1])
    for rows in np.array_split(np.arange(len(labels)), pieces):
        found.update(features[rows], labels[rows])
    return found


def papyans(features: np.ndarray, labels: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """As the definitions are written, with the pseudo-inverse, a sample at a time."""
    z, classes = features.astype(np.float64), int(labels.max()) + 1
    mean = np.stack([z[labels == c].mean(axis=0) for c in range(classes)])
    centre = mean.mean(axis=0)
    within = sum(np.outer(a - mean[c], a - mean[c]) for a, c in zip(z, labels, strict=True)) / len(z)
    between = sum(np.outer(m - centre, m - centre) for m in mean) / classes
    found = {"nc1": float(np.trace(within @ np.linalg.pinv(between, rcond=1e-10, hermitian=True))) / classes}
    for name, vectors in (("means", mean - centre), ("weights", weight)):
        lengths = np.array([math.sqrt(v @ v) for v in vectors])
        found[f"nc2_equinorm_{name}"] = float(lengths.std() / lengths.mean())
        cosines = [
            abs(vectors[a] @ vectors[b] / lengths[a] / lengths[b] + 1 / (classes - 1))
            for a in range(classes)
            for b in range(classes)
            if a != b
        ]
        found[f"nc2_equiangular_{name}"] = float(np.mean(cosines))
    m = (mean - centre).T
    found["nc3"] = float(np.linalg.norm(weight.T / np.linalg.norm(weight) - m / np.linalg.norm(m)) ** 2)
    return found


@pytest.mark.parametrize(("classes", "width"), [(2, 1), (2, 5), (3, 2), (10, 64), (100, 99), (7, 512)])
def test_a_simplex_without_noise_has_collapsed(classes, width):
    means = simplex(classes, width)
    z, labels = samples(3 * means + 5, 4, 0)
    found = neural_collapse(moments(z, labels, pieces=3), weight=0.7 * means)
    for name, value in vars(found).items():
        assert abs(value) < 1e-10, name
    assert (nearest_mean(z, 3 * means + 5) == labels).all()
    np.testing.assert_allclose(alignment(3 * means, means), 1)


@pytest.mark.parametrize("spread", [0.5, 2.0])
def test_known_covariances_have_a_known_nc1(spread):
    """Σ_W = s² I and means on a simplex of radius ρ: s² (C − 1)² / (C ρ²), by the singular values of a simplex."""
    classes, width, radius = 5, 8, 3.0
    means = radius * simplex(classes, width)
    # Every sample beside its mirror image, along all axes: the covariance is exact.
    away = spread * math.sqrt(width) * np.concatenate([np.eye(width), -np.eye(width)])
    z = (means[:, None] + away).reshape(-1, width)
    labels = np.repeat(np.arange(classes), 2 * width)
    found = neural_collapse(moments(z, labels))
    # M has C − 1 equal singular values with Σ s² = C ρ².
    expected = (classes - 1) * spread**2 / (classes * radius**2 / (classes - 1))
    assert found.nc1 == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("classes", "width", "sizes"),
    [(2, 6, (20, 20)), (2, 6, (3, 50)), (5, 12, (1, 7, 20, 30, 9)), (12, 5, tuple(range(6, 18))), (4, 3, (9,) * 4)],
)
def test_an_independent_implementation_agrees(classes, width, sizes):
    """Also of unbalanced classes, two, and more classes than features."""
    random = np.random.default_rng(0)
    means = 2 * random.normal(size=(classes, width)) + 10
    labels = random.permutation(np.repeat(np.arange(classes), sizes))
    z = (means[labels] + random.normal(size=(len(labels), width))).astype(np.float32)
    weight = random.normal(size=(classes, width))
    found, expected = neural_collapse(moments(z, labels, pieces=4), weight), papyans(z, labels, weight)
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-8), name


@given(st.integers(0, 1000), st.integers(1, 6), st.floats(1e-3, 1e3))
def test_scale_turn_shift_and_blocks_change_nothing(seed, pieces, scale):
    random = np.random.default_rng(seed)
    labels = np.r_[0, 1, 2, random.integers(3, size=20)]
    z, weight = random.normal(size=(23, 4)) + labels[:, None], random.normal(size=(3, 4))
    turn, _ = np.linalg.qr(random.normal(size=(4, 4)))
    once = neural_collapse(moments(z, labels), weight)
    moved = neural_collapse(moments(scale * (z @ turn + 3), labels, pieces=pieces), scale * weight @ turn)
    for name, value in vars(once).items():
        assert getattr(moved, name) == pytest.approx(value, rel=1e-6), name


def test_moments_are_numpys_far_from_the_origin():
    random = np.random.default_rng(0)
    labels = np.r_[random.integers(4, size=5000), np.full(3, 5)]  # class 4 has none, class 5 comes last
    z = 1e-4 * random.normal(size=(len(labels), 6)) + 1e3 * labels[:, None]
    found = moments(z, labels, classes=7, pieces=6)
    assert found.counts.tolist() == np.bincount(labels, minlength=7).tolist()
    assert found.present.tolist() == [0, 1, 2, 3, 5]
    within = np.zeros((6, 6))
    for c in found.present:
        own = z[labels == c]
        np.testing.assert_allclose(found.means[c], own.mean(axis=0), rtol=1e-12)
        within += (own - own.mean(axis=0)).T @ (own - own.mean(axis=0))
    np.testing.assert_allclose(found.within, within, rtol=1e-6, atol=1e-9 * np.trace(within))


def test_samples_without_a_class_are_left_out():
    z, labels = samples(simplex(3, 4), 5, 0.1)
    mixed = np.r_[labels, -1, -1]
    there = moments(np.r_[z, 1e6 * np.ones((2, 4))], mixed, classes=3)
    assert vars(neural_collapse(there)) == pytest.approx(vars(neural_collapse(moments(z, labels))), nan_ok=True)


def test_angles_to_the_space_of_the_means():
    means = ClassMeans.of(np.array([[1.0, 0, 0], [-1, 0, 0]]))
    z = np.array([[5.0, 0, 0], [0, 2, 0], [1, 0, 1], [-1, 0, -1]])
    np.testing.assert_allclose(angle_to_means(z, means), [0, 90, 45, 45])
    assert len(means.spread) == 1


def test_norms_angles_and_duality_of_small_examples():
    assert equinorm(np.array([[3.0, 0], [0, 1]])) == pytest.approx(0.5)
    assert equiangularity(np.array([[1.0, 0], [0, 1]])) == pytest.approx(1)  # 0 instead of −1
    assert self_duality(np.eye(2), -np.eye(2)) == pytest.approx(4)
    assert math.isnan(self_duality(np.zeros((2, 2)), np.eye(2)))


def test_equal_means_have_no_nc1():
    found = neural_collapse(moments(np.array([[1.0, 2], [3, 4], [1, 2], [3, 4]]), np.array([0, 0, 1, 1])))
    assert math.isnan(found.nc1)


def test_what_cannot_be_used():
    found = ClassMoments(3, 2)
    with pytest.raises(DataError, match="0 classes have samples"):
        neural_collapse(found)
    with pytest.raises(DataError, match=r"Features \(2, 3\) and labels \(2,\) do not fit"):
        found.update(np.zeros((2, 3)), np.zeros(2, int))
    with pytest.raises(DataError, match="labels go from 0 to 3; there are 3 classes"):
        found.update(np.zeros((2, 2)), np.array([0, 3]))
    with pytest.raises(DataError, match="1 of 2 samples have features that are NaN"):
        found.update(np.array([[0, np.nan], [0, 0]]), np.array([0, 1]))
    found.update(np.eye(2), np.array([0, 2]))
    with pytest.raises(DataError, match=r"weights have the shape \(2, 2\); expected \(3, 2\)"):
        neural_collapse(found, np.eye(2))
