"""The last layer as numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentviz.errors import DataError
from latentviz.latents import Head

RANDOM = np.random.default_rng(0)
W, B = RANDOM.normal(size=(3, 5)), RANDOM.normal(size=3)
Z = RANDOM.normal(size=(7, 5))


def test_linear_head_is_the_affine_map():
    np.testing.assert_allclose(Head(W, B).logits(Z), Z @ W.T + B, atol=1e-5)


def test_l2_head_is_the_affine_map_of_the_direction():
    expected = Z / np.sqrt((Z**2).sum(axis=1, keepdims=True)) @ W.T + B
    np.testing.assert_allclose(Head(W, B, "l2").logits(Z), expected, atol=1e-5)


@given(st.floats(1e-3, 1e3))
def test_l2_logits_do_not_depend_on_the_length(scale):
    head = Head(W, B, "l2")
    np.testing.assert_allclose(head.logits(scale * Z), head.logits(Z), atol=1e-4)


def test_l2_logits_of_a_zero_vector_are_the_bias():
    np.testing.assert_array_equal(Head(W, B, "l2").logits(np.zeros((1, 5)))[0], B.astype(np.float32))


def test_arrays_become_float32_and_sizes_are_read_off():
    head = Head(W.tolist(), B.tolist())
    assert head.weight.dtype == head.bias.dtype == np.float32
    assert (head.classes, head.width) == (3, 5)


def test_disagreement_is_relative_to_the_largest_logit():
    head = Head(np.eye(2), np.zeros(2))
    z = np.array([[100.0, 0.0], [0.0, 50.0]])
    assert head.disagreement(z, z) == 0
    assert head.disagreement(z, z + 1) == pytest.approx(1 / 101)
    assert head.disagreement(np.zeros((0, 2)), np.zeros((0, 2))) == 0


def test_small_logits_must_agree_too():
    head = Head(1e-4 * np.eye(2), np.zeros(2))
    z = np.array([[1.0, 0.0]])
    assert head.disagreement(z, 2 * head.logits(z)) == pytest.approx(0.5)


def test_logits_and_features_of_another_width_are_told():
    head = Head(W, B)
    with pytest.raises(DataError, match="A sample has 4 logits, the head makes 3"):
        head.disagreement(Z, np.zeros((7, 4)))
    with pytest.raises(DataError, match="A sample has 3 features, the head takes 5"):
        head.disagreement(Z[:, :3], np.zeros((7, 3)))
    with pytest.raises(DataError, match="A sample has 2 × 3 logits, the head makes 3"):
        head.disagreement(Z, np.zeros((7, 2, 3)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["weight", "bias"])
def test_a_head_of_nan_is_refused(name, value):
    broken = {"weight": W.copy(), "bias": B.copy()}
    broken[name][1] = value
    with pytest.raises(DataError, match=f"head's {name} has NaN or infinite values"):
        Head(**broken)


@pytest.mark.parametrize(("weight", "bias"), [((3, 5), (4,)), ((3,), (3,)), ((3, 5), (3, 1))])
def test_shapes_that_do_not_fit(weight, bias):
    with pytest.raises(DataError, match="expected \\(classes, features\\)"):
        Head(np.zeros(weight), np.zeros(bias))


def test_unknown_kind():
    with pytest.raises(DataError, match='"cosine"; choose "linear" or "l2"'):
        Head(W, B, "cosine")  # type: ignore[arg-type]
