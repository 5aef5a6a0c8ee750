"""Maps fitted on in-distribution data, with the rest placed on them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.decomposition import PCA

from latentviz.errors import DataError
from latentviz.projection import LayoutSpec, compute, distortion, fast, live, quality_of, stored
from latentviz.projection.neighbours import nearest
from latentviz.projection.placing import means, memberships

#: "far" lies between the others, so that the order of rows matters.
SETS = ("train", "far", "test")
SPEC = LayoutSpec(sets=SETS, fit="ind")


@pytest.fixture
def run(make_run, clusters):
    return make_run(train=clusters(120), far=clusters(50, seed=1), test=clusters(80, seed=2))


@settings(max_examples=30)
@given(arrays(np.float32, (6, 12), elements=st.floats(0, 100, width=32)))
def test_memberships_are_those_of_umap_learn(distances):
    from umap.umap_ import compute_membership_strengths, smooth_knn_dist

    distances = np.sort(distances, axis=1)
    # Of a row of zeros umap-learn reads the first distance above 0 where there is none: whatever lies in memory there.
    distances[distances[:, -1] == 0, -1] = 1
    sigmas, rhos = smooth_knn_dist(distances, 12.0, local_connectivity=0.0)
    indices = np.arange(72, dtype=np.int32).reshape(6, 12)
    expected = compute_membership_strengths(indices, distances, sigmas, rhos, bipartite=True)[2]
    np.testing.assert_allclose(memberships(distances).ravel(), expected, rtol=1e-3, atol=1e-5)


def test_memberships_add_up_to_the_logarithm():
    distances = np.sort(np.random.default_rng(0).uniform(1, 2, size=(50, 15)), axis=1).astype(np.float32)
    found = memberships(distances)
    np.testing.assert_allclose(found[:, 1:].sum(axis=1), np.log2(15), atol=1e-4)
    assert (np.diff(found, axis=1) <= 0).all()
    np.testing.assert_array_equal(memberships(np.zeros((3, 5), np.float32)), 1)


def test_a_sample_of_the_map_lies_where_it_is():
    features = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    coordinates = features[:, :2]
    indices, distances = nearest(features, features[20:30], 8)
    np.testing.assert_array_equal(means(coordinates, indices, memberships(distances)), coordinates[20:30])


def test_means_start_where_umap_learn_starts():
    from scipy.sparse import csr_matrix
    from umap.umap_ import init_graph_transform

    random = np.random.default_rng(0)
    coordinates = random.normal(size=(40, 2)).astype(np.float32)
    indices, distances = nearest(coordinates, random.normal(size=(9, 2)).astype(np.float32), 6)
    weights = memberships(distances)
    rows = np.repeat(np.arange(9), 6)
    expected = init_graph_transform(csr_matrix((weights.ravel(), (rows, indices.ravel())), shape=(9, 40)), coordinates)
    np.testing.assert_allclose(means(coordinates, indices, weights), expected, atol=1e-5)


@pytest.mark.parametrize("engine", ["fast", "umap-learn"])
def test_what_is_placed_moves_nothing(run, engine):
    if engine == "fast":
        pytest.importorskip("scranpy")
    spec = SPEC.model_copy(update={"engine": engine, "epochs": 30})
    alone = compute(run, spec.model_copy(update={"sets": ("train", "test"), "fit": "all"})).coordinates
    whole = compute(run, spec).coordinates
    np.testing.assert_array_equal(np.concatenate([whole[:120], whole[170:]]), alone)
    assert np.isfinite(whole).all()
    # Three clusters far apart: a placed sample lies in its own.
    features = np.concatenate([run[name].features for name in ("train", "test")])
    neighbour = nearest(features, run["far"].features, 1)[0][:, 0]
    apart = np.linalg.norm(whole[120:170] - alone[neighbour], axis=1)
    assert np.median(apart) < 0.1 * np.ptp(alone)
    assert stored(run, spec.model_copy(update={"fit": "all"})) is None


def test_placing_is_umaps_transform(run, monkeypatch):
    from umap import umap_

    fitted = np.concatenate([run["train"].features, run["test"].features])
    spec = SPEC.model_copy(update={"engine": "umap-learn", "epochs": 30, "seed": 7})
    found = compute(run, spec).coordinates
    alone = np.concatenate([found[:120], found[170:]])
    reference = umap_.UMAP(n_epochs=30, random_state=7, n_jobs=1, transform_seed=7, init=alone).fit(fitted)
    reference.embedding_ = alone
    # umap-learn's random numbers come from the bits of the first positions, which float32 sums give other last digits.
    indices, distances = nearest(fitted, run["far"].features, 15)
    begin = means(alone, indices, memberships(distances))
    original = umap_.init_graph_transform
    monkeypatch.setattr(
        umap_,
        "init_graph_transform",
        lambda *given: np.where(np.isclose(original(*given), begin, atol=1e-4), begin, np.nan),
    )
    np.testing.assert_allclose(found[120:170], reference.transform(run["far"].features), atol=1e-3)


def test_the_fast_engine_places_at_the_weighted_mean(run):
    pytest.importorskip("scranpy")
    frames = []
    found = compute(run, SPEC, on_frame=frames.append)
    assert len(frames) == len(fast.slices(fast.COLD))
    np.testing.assert_array_equal(frames[-1].coordinates, found.coordinates)
    features = np.concatenate([run["train"].features, run["test"].features])
    indices, distances = nearest(features, run["far"].features, 15)
    for frame in frames:
        fitted = np.concatenate([frame.coordinates[:120], frame.coordinates[170:]])
        np.testing.assert_array_equal(frame.coordinates[120:170], means(fitted, indices, memberships(distances)))
    assert quality_of(run, found).trustworthiness > 0.8
    assert distortion(run, found).shape == (250,)


def test_going_on_and_watching_work_as_on_all(run):
    pytest.importorskip("scranpy")
    first = compute(run, SPEC)
    changed = SPEC.model_copy(update={"min_dist": 0.5})
    watched = live.start(run, changed, first)
    assert watched.wait(60)
    assert watched.error is None
    np.testing.assert_array_equal(watched.layout.coordinates, compute(run, changed, start=first).coordinates)
    (meta,) = run.derived.list("neighbours-among").values()
    assert (meta["sets"], meta["of"]) == (["train", "test"], ["far"])


def test_pca_projects_the_rest(run):
    features = {name: run[name].features.astype(np.float64) for name in SETS}
    reference = PCA(3, svd_solver="full").fit(np.concatenate([features["train"], features["test"]]))
    expected = reference.transform(np.concatenate([features[name] for name in SETS]))
    found = compute(run, LayoutSpec(method="pca", dimensions=3, sets=SETS, fit="ind"))
    np.testing.assert_allclose(found.coordinates, expected * np.sign((found.coordinates * expected).sum(0)), atol=1e-3)
    assert found.explained == pytest.approx(reference.explained_variance_ratio_)
    every = compute(run, LayoutSpec(method="pca", dimensions=3, sets=SETS))
    assert not np.allclose(every.coordinates, found.coordinates)


@pytest.mark.parametrize("method", ["pca", "umap"])
def test_there_must_be_samples_of_both_kinds(run, method):
    spec = SPEC.model_copy(update={"method": method})
    with pytest.raises(DataError, match="All of train, test is in-distribution data"):
        compute(run, spec.model_copy(update={"sets": ("train", "test")}))
    with pytest.raises(DataError, match="None of far is in-distribution data"):
        compute(run, spec.model_copy(update={"sets": ("far",)}))


def test_the_fitted_samples_must_be_enough(make_run, clusters):
    run = make_run(test=clusters(12), far=clusters(80))
    with pytest.raises(DataError, match="needs more than 15 samples; there are 12"):
        compute(run, LayoutSpec(sets=("test", "far"), fit="ind"))
