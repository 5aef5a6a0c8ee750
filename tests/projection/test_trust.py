"""Distortion and quality of a run's maps, stored."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from latentviz.errors import Cancelled
from latentviz.projection import LayoutSpec, compute, distortion, quality_of

PCA = LayoutSpec(method="pca", sets=("test", "ood"))


@pytest.fixture
def run(make_run, clusters):
    return make_run(test=clusters(80), ood=clusters(40, seed=1))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_distortion_is_the_share_of_nearest_that_is_not_near(run, metric):
    pytest.importorskip("scranpy")
    layout = compute(run, LayoutSpec(sets=PCA.sets, metric=metric, epochs=20))
    features = np.concatenate([run["test"].features, run["ood"].features]).astype(np.float64)
    there = NearestNeighbors(n_neighbors=15, metric=metric).fit(features).kneighbors(return_distance=False)
    here = NearestNeighbors(n_neighbors=15).fit(layout.coordinates).kneighbors(return_distance=False)
    expected = [len(set(a) - set(b)) / 15 for a, b in zip(there, here, strict=True)]
    found = distortion(run, layout)
    assert found.shape == (120,)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert 1 - found.mean() == pytest.approx(quality_of(run, layout).neighbour_preservation, abs=1e-6)


def test_it_is_computed_once_for_a_map(run):
    flat, deep = compute(run, PCA), compute(run, PCA.model_copy(update={"dimensions": 3}))
    first = distortion(run, flat)
    assert distortion(run, deep).mean() < first.mean()
    np.testing.assert_array_equal(distortion(run.reopened(), flat), first)
    assert len(run.derived.list("distortion")) == 2
    (meta, _) = run.derived.list("distortion").values()
    assert (meta["method"], meta["metric"], meta["k"]) == ("pca", "euclidean", 15)


@pytest.mark.parametrize("samples", [1, 2, 3, 16, 17])
def test_few_samples_have_a_distortion(make_run, clusters, samples):
    run = make_run(test=clusters(samples))
    found = distortion(run, compute(run, LayoutSpec(method="pca", sets=("test",))))
    assert found.shape == (samples,)
    assert ((found >= 0) & (found <= 1)).all()


def test_a_cancelled_distortion_is_not_stored(run):
    layout = compute(run, PCA)

    def stop(*_: object) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        distortion(run, layout, stop)
    assert run.derived.list("distortion") == {}
