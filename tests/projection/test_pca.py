import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from latentviz.errors import Cancelled, DataError
from latentviz.projection.pca import pca

FEATURES = (np.random.default_rng(0).normal(size=(200, 12)) * np.arange(1, 13)).astype(np.float32)


def aligned(coordinates: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Coordinates with the signs of a reference."""
    return coordinates * np.sign((coordinates * reference).sum(axis=0))


@pytest.mark.parametrize("offset", [0, 1e4])
def test_components_agree_with_sklearn(offset):
    features = FEATURES + np.float32(offset)
    reference = PCA(3, svd_solver="full").fit(features.astype(np.float64))
    expected = reference.transform(features.astype(np.float64))
    found = pca(lambda: np.array_split(features, 4))
    np.testing.assert_allclose(aligned(found.coordinates, expected), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.explained, reference.explained_variance_ratio_, rtol=1e-8)
    assert found.coordinates.dtype == np.float32


@settings(max_examples=40)
@given(st.lists(st.integers(0, 200), max_size=8))
def test_the_chunks_do_not_matter(cuts):
    pieces = np.split(FEATURES, sorted(cuts))
    whole, found = pca(lambda: [FEATURES]), pca(lambda: iter(pieces))
    np.testing.assert_allclose(found.coordinates, whole.coordinates, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found.explained, whole.explained, rtol=1e-10)


def test_mirrored_features_give_the_same_axes():
    there, back = pca(lambda: [FEATURES]), pca(lambda: [-FEATURES])
    np.testing.assert_allclose(back.coordinates, -there.coordinates, rtol=1e-5, atol=1e-5)


def test_normalised_features_have_no_length():
    stretched = FEATURES * np.random.default_rng(1).uniform(1, 9, size=(200, 1)).astype(np.float32)
    plain, long = (pca(lambda f=f: [f], normalise=True).coordinates for f in (FEATURES, stretched))
    np.testing.assert_allclose(long, plain, atol=1e-5)


@pytest.mark.parametrize("width", [1, 2])
def test_missing_components_are_zero(width):
    found = pca(lambda: [FEATURES[:, :width]])
    assert found.coordinates.shape == (200, 3)
    assert (found.coordinates[:, width:] == 0).all()
    assert found.explained.sum() == pytest.approx(1)


@pytest.mark.parametrize("rows", [np.ones((5, 4)), np.ones((1, 4)), np.zeros((3, 4))])
@pytest.mark.parametrize("normalise", [False, True])
def test_features_that_do_not_vary_have_no_direction(rows, normalise):
    found = pca(lambda: [rows], normalise=normalise)
    np.testing.assert_allclose(found.coordinates, 0, atol=1e-7)
    assert np.isfinite(found.explained).all()


def test_no_samples_is_an_error():
    with pytest.raises(DataError, match="no samples"):
        pca(lambda: [np.empty((0, 4))])


def test_it_can_be_watched_and_cancelled():
    seen = []
    pca(lambda: np.array_split(FEATURES, 2), rows=200, progress=lambda *report: seen.append(report[1:3]))
    assert seen == [(done, 600) for done in range(100, 601, 100)]

    def stop(*_: object) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        pca(lambda: [FEATURES], progress=stop)
