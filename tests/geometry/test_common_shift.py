"""Mean alignment and CORAL against the authors' formula, closed forms and invariants."""

import numpy as np
import pytest
from scipy.linalg import fractional_matrix_power

from latentviz.errors import DataError
from latentviz.geometry.common_shift import removed
from tests.geometry.test_domain_shift import gauss


def two_domains(n: int = 200, m: int = 150, width: int = 5) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    mix = random.normal(size=(width, width))
    return gauss(n, width) @ mix + 4, gauss(m, width, seed=1)


def test_nothing_is_nothing():
    one, other = two_domains()
    np.testing.assert_array_equal(removed(one, other, "nothing"), one.astype(np.float32))


def test_means_are_equal_without_the_mean_shift():
    one, other = two_domains()
    moved = removed(one, other, "mean")
    np.testing.assert_allclose(moved.mean(axis=0), other.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(np.diff(moved, axis=0), np.diff(one, axis=0), atol=1e-4)  # the shape stays


def test_a_domain_that_is_a_shifted_copy_comes_back():
    one, _ = two_domains()
    np.testing.assert_allclose(removed(one + 7, one, "mean"), one, atol=1e-4)
    np.testing.assert_allclose(removed(one + 7, one, "coral"), one, atol=1e-4)


def test_covariances_are_equal_without_a_ridge():
    one, other = two_domains()
    moved = removed(one, other, "coral", ridge=1e-9).astype(float)
    np.testing.assert_allclose(np.cov(moved.T), np.cov(other.T), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(moved.mean(axis=0), other.mean(axis=0), atol=1e-4)


def test_standardised_features_are_moved_as_by_the_authors():
    """``source * (C_s + I)^(-1/2) * (C_t + I)^(1/2)``, as in the code of Sun, Feng and Saenko."""
    one, other = ((z - z.mean(axis=0)) / z.std(axis=0, ddof=1) for z in two_domains())
    identity = np.eye(one.shape[1])
    whitening = fractional_matrix_power(np.cov(one.T) + identity, -0.5)
    colouring = fractional_matrix_power(np.cov(other.T) + identity, 0.5)
    np.testing.assert_allclose(removed(one, other, "coral"), one @ whitening @ colouring, atol=1e-5)


def test_a_large_ridge_leaves_the_mean_shift():
    one, other = two_domains()
    np.testing.assert_allclose(removed(one, other, "coral", ridge=1e9), removed(one, other, "mean"), atol=1e-4)


def test_fewer_samples_than_features():
    one, other = gauss(6, 40), gauss(8, 40, seed=1) + 2
    assert np.isfinite(removed(one, other, "coral")).all()


def test_what_cannot_be_aligned():
    one, other = two_domains()
    with pytest.raises(DataError, match='no alignment "whitening"; choose nothing, mean, coral'):
        removed(one, other, "whitening")
    with pytest.raises(DataError, match="at least 2"):
        removed(one[:1], other, "mean")
    with pytest.raises(DataError, match="features that vary"):
        removed(np.ones((4, 3)), np.ones((5, 3)), "coral")
