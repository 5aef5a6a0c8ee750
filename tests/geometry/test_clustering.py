"""Clusterings and their agreement with classes: against scikit-learn, known cases, bad input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from sklearn import metrics
from sklearn.cluster import KMeans

from latentviz.errors import DataError
from latentviz.geometry import clustering
from latentviz.geometry.agreement import INDICATORS, agreement, contingency, matching
from latentviz.geometry.clustering import METHODS, NOISE, Clustering, cluster


@pytest.fixture
def blobs() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 60)
    return (8 * np.eye(4, 12)[labels] + random.normal(size=(240, 12))).astype(np.float32), labels


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("components", [None, 3])
def test_clusters_that_are_there_are_found(blobs, method, components):
    features, labels = blobs
    found = cluster(features, Clustering(method, clusters=4, components=components))
    assert found.shape == (240,)
    inside = found != NOISE
    assert inside.mean() > 0.7  # HDBSCAN leaves out what lies between
    assert metrics.adjusted_rand_score(labels[inside], found[inside]) > 0.97
    np.testing.assert_array_equal(cluster(features, Clustering(method, clusters=4, components=components)), found)


@pytest.mark.parametrize("linkage", ["ward", "average", "complete", "single"])
def test_every_linkage(blobs, linkage):
    assert len(set(cluster(blobs[0], Clustering("agglomerative", 4, linkage)))) == 4


@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_every_covariance(blobs, covariance):
    found = cluster(blobs[0], Clustering("gaussian-mixture", 4, covariance=covariance))
    assert metrics.adjusted_rand_score(blobs[1], found) > 0.97


def test_large_sets_are_clustered_in_batches(blobs, monkeypatch):
    features, labels = blobs
    whole = KMeans(4, n_init=1, random_state=0).fit_predict(features)
    np.testing.assert_array_equal(cluster(features, Clustering(clusters=4)), whole)
    monkeypatch.setattr(clustering, "BATCHED_FROM", 100)
    assert metrics.adjusted_rand_score(labels, cluster(features, Clustering(clusters=4))) > 0.97


@pytest.mark.parametrize("method", METHODS)
def test_equal_samples_do_no_harm(method):
    features = np.repeat(np.eye(3, 5, dtype=np.float32), 30, axis=0)
    found = cluster(features, Clustering(method, clusters=3, min_cluster_size=10))
    assert metrics.adjusted_rand_score(np.repeat([0, 1, 2], 30), found) == 1


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"clusters": 41}, "40 samples for 41 clusters; choose at most 40"),
        ({"clusters": 0}, "clusters is 0; expected at least 1"),
        ({"method": "hdbscan", "min_cluster_size": 50}, "40 samples; the smallest cluster is to have 50"),
        ({"method": "hdbscan", "min_cluster_size": 1}, "min_cluster_size is 1; expected at least 2"),
        ({"components": 7}, "7 principal components of 40 samples with 6 features"),
        ({"components": 0}, "components is 0"),
        ({"method": "spectral"}, 'no clustering "spectral"; choose k-means'),
    ],
)
def test_clusterings_that_cannot_be(how, message):
    with pytest.raises(DataError, match=message):
        cluster(np.random.default_rng(0).random((40, 6)), Clustering(**how))


def test_too_many_pairs_are_refused(monkeypatch):
    monkeypatch.setattr(clustering, "_MOST_PAIRED", 30)
    with pytest.raises(DataError, match="compares all pairs of 40 samples; choose at most 30"):
        cluster(np.zeros((40, 2)), Clustering("agglomerative", 3))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), min_size=2, max_size=60))
def test_indicators_are_scikit_learns(pairs):
    clusters, classes = np.array(pairs).T
    found = agreement(clusters, classes, replicates=0).values
    homogeneity, completeness, v_measure = metrics.homogeneity_completeness_v_measure(classes, clusters)
    table = metrics.cluster.contingency_matrix(classes, clusters)
    expected = {
        "nmi": metrics.normalized_mutual_info_score(classes, clusters),
        "ari": metrics.adjusted_rand_score(classes, clusters),
        "homogeneity": homogeneity,
        "completeness": completeness,
        "purity": table.max(axis=0).sum() / len(classes),
        "accuracy": table[linear_sum_assignment(table, maximize=True)].sum() / len(classes),
    }
    assert found == pytest.approx(expected, abs=1e-9)
    assert found["nmi"] == pytest.approx(v_measure, abs=1e-9)
    assert set(found) == set(INDICATORS)


def test_a_perfect_clustering_is_perfect_whatever_it_calls_the_classes():
    classes = np.repeat([0, 1, 2], 20)
    found = agreement(np.array([2, 0, 1])[classes], classes)
    assert found.values == pytest.approx(dict.fromkeys(INDICATORS, 1.0))
    assert all(ends == pytest.approx((1, 1)) for ends in found.intervals.values())


def test_intervals_hold_what_other_samples_say():
    random = np.random.default_rng(0)
    classes = random.integers(0, 4, 40_000)
    clusters = np.where(random.random(40_000) < 0.8, classes, random.integers(0, 4, 40_000))
    truth = agreement(clusters, classes, replicates=0).values
    inside = dict.fromkeys(("accuracy", "ari", "nmi"), 0)
    for start in range(0, 40_000, 400):
        part = slice(start, start + 400)
        found = agreement(clusters[part], classes[part], seed=start)
        for name in inside:
            inside[name] += found.intervals[name][0] <= truth[name] <= found.intervals[name][1]
    assert all(85 <= n <= 100 for n in inside.values())


def test_samples_without_a_class_are_left_out_and_those_without_a_cluster_stay():
    table = contingency(np.array([0, 1, NOISE, 0]), np.array([1, 0, 1, -1]))
    assert table.tolist() == [[0, 1], [1, 0], [0, 1]]
    clusters, classes = matching(table)
    assert dict(zip(clusters.tolist(), classes.tolist(), strict=True)) in ({0: 1, 1: 0}, {1: 0, 2: 1})


@pytest.mark.parametrize(
    ("clusters", "classes", "message"),
    [([0, 1], [0], "clusters of shape"), ([0, 1], [-1, -1], "None of the samples has a class")],
)
def test_what_cannot_be_compared(clusters, classes, message):
    with pytest.raises(DataError, match=message):
        agreement(np.array(clusters), np.array(classes))


def test_noise_has_a_row_of_its_own_whatever_the_clusters_hold():
    """The last cluster holds samples without a class only; its row is empty, and not that of the noise."""
    table = contingency(np.array([0, 0, 1, NOISE]), np.array([0, 1, -1, 1]))
    assert table.tolist() == [[1, 1], [0, 0], [0, 1]]


def test_features_that_no_covariance_can_be_made_of_are_told():
    """In single precision full covariances of wide ReLU features with dead neurons are not positive."""
    random = np.random.default_rng(0)
    features = np.maximum(random.normal(size=(60, 80)) * np.logspace(0, -4, 80), 0).astype(np.float32)
    found = cluster(features, Clustering("gaussian-mixture", clusters=3, covariance="full"))
    assert len(found) == 60
    with pytest.raises(DataError, match="agglomerative found no clusters of these 1 samples"):
        cluster(features[:1], Clustering("agglomerative", clusters=1))
