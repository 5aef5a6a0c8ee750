"""Lengths of features."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from latentviz.errors import DataError
from latentviz.geometry.magnitude import ORDERS, norms

NUMPYS = {"L1": 1, "L2": 2, "L∞": np.inf}

features = arrays.arrays(
    np.float64,
    st.tuples(st.integers(0, 6), st.integers(1, 8)),
    elements=st.floats(-1e6, 1e6).filter(lambda value: value == 0 or abs(value) > 1e-6),
)


@pytest.mark.parametrize(("order", "length", "of_unit"), [("L1", 7.0, 7 / 5), ("L2", 5.0, 1.0), ("L∞", 4.0, 4 / 5)])
def test_closed_forms(order, length, of_unit):
    z = np.array([[3.0, 0, -4.0]])
    assert norms(z, order) == pytest.approx([length])
    assert norms(z, order, normalise=True) == pytest.approx([of_unit])


@pytest.mark.parametrize("dimension", [1, 2, 100])
def test_one_feature_and_equally_large_features(dimension):
    one, all_equal = np.zeros((1, dimension)), np.full((1, dimension), -2.0)
    one[0, -1] = 3
    for order in ORDERS:
        assert norms(one, order) == [3]
        assert norms(one, order, normalise=True) == [1]
    root = np.sqrt(dimension)
    for order, length, of_unit in (("L1", 2 * dimension, root), ("L2", 2 * root, 1), ("L∞", 2, 1 / root)):
        assert norms(all_equal, order) == pytest.approx([length])
        assert norms(all_equal, order, normalise=True) == pytest.approx([of_unit])


@given(features, st.sampled_from(ORDERS))
def test_norms_are_numpys(z, order):
    expected = [np.linalg.norm(row, ord=NUMPYS[order]) for row in z]
    np.testing.assert_allclose(norms(z, order), expected, rtol=1e-12)
    lengths = np.maximum(np.linalg.norm(z, axis=1), 1e-12)
    np.testing.assert_allclose(norms(z / lengths[:, None], order), norms(z, order, normalise=True), rtol=1e-9)


@given(features, st.floats(-1e3, 1e3).filter(lambda factor: abs(factor) > 1e-3))
def test_inequalities_and_scaling(z, factor):
    one, two, most = (norms(z, order) for order in ORDERS)
    tiny = 1 + 1e-12
    assert (most <= two * tiny).all()
    assert (two <= one * tiny).all()
    assert (one <= np.sqrt(z.shape[1]) * two * tiny).all()
    for order in ORDERS:
        np.testing.assert_allclose(norms(factor * z, order), abs(factor) * norms(z, order), rtol=1e-9)
        np.testing.assert_allclose(norms(factor * z, order, True), norms(z, order, True), rtol=1e-9)


@pytest.mark.parametrize("order", ORDERS)
def test_zero_has_no_length_and_no_samples_have_no_lengths(order):
    for normalise in (False, True):
        assert norms(np.zeros((2, 3)), order, normalise).tolist() == [0, 0]
        assert norms(np.zeros((0, 3), np.float32), order, normalise).shape == (0,)


def test_single_precision_does_not_overflow():
    z = np.full((1, 4), 1e30, np.float32)
    assert norms(z).dtype == np.float64
    assert norms(z) == pytest.approx([2e30])


@pytest.mark.parametrize("samples", [256, 257, 1000])
@pytest.mark.parametrize("order", ORDERS)
def test_more_samples_than_are_looked_at_at_a_time(order, samples):
    z = np.random.default_rng(0).normal(size=(samples, 5)).astype(np.float32)
    expected = np.linalg.norm(z.astype(np.float64), ord=NUMPYS[order], axis=1)
    np.testing.assert_allclose(norms(z, order), expected, rtol=1e-12)


def test_features_are_not_copied_at_once():
    z = np.ones((50_000, 64), np.float32)
    tracemalloc.start()
    norms(z, normalise=True)
    assert tracemalloc.get_traced_memory()[1] < z.nbytes / 4
    tracemalloc.stop()


def test_a_norm_that_does_not_exist():
    with pytest.raises(DataError, match='There is no norm "L3"; choose L1, L2, L∞'):
        norms(np.ones((1, 2)), "L3")
