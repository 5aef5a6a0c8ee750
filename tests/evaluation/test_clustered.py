"""Clusters of a run's sets: stored, as the library finds them, with the agreements that follow."""

import numpy as np
import pytest
from sklearn import metrics

import latentviz as lv
from latentviz.errors import DataError
from latentviz.evaluation.clustered import Multicut, clusters, distances
from latentviz.geometry.class_distances import class_distances
from latentviz.geometry.clustering import Clustering, cluster
from latentviz.latents import directions

CLASSES, WIDTH = 5, 12


def drawn(workspace: lv.Workspace, head: str = "linear", spread: float = 0.6, **options) -> lv.Run:
    random = np.random.default_rng(0)
    means = 4 * np.eye(CLASSES, WIDTH)
    labels = {name: np.arange(n) % CLASSES for name, n in {"train": 300, "test": 200}.items()}
    features = {
        name: (means[of] + spread * random.normal(size=(len(of), WIDTH))).astype(np.float32)
        for name, of in labels.items()
    }
    features["far"] = random.normal(size=(60, WIDTH)).astype(np.float32)
    given = {"labels": labels, "head": lv.Head(means, np.zeros(CLASSES), head), "name": head, **options}
    return lv.Run.from_arrays(features, workspace=workspace, **given)


@pytest.mark.parametrize("head", ["linear", "l2"])
def test_clusters_are_those_of_the_features_that_the_head_sees(workspace, head):
    run = drawn(workspace, head)
    features = run["test"].features
    how = Clustering(clusters=5, seed=3)
    found = clusters(run, "test", how)
    np.testing.assert_array_equal(found.labels, cluster(directions(features) if head == "l2" else features, how))
    assert found.count == 5
    assert found.with_classes.values["ari"] == pytest.approx(
        metrics.adjusted_rand_score(run["test"].labels, found.labels)
    )
    assert found.with_predictions.values["nmi"] == pytest.approx(
        metrics.normalized_mutual_info_score(run["test"].read("prediction"), found.labels)
    )
    seen = directions(features) if head == "l2" else features
    assert found.silhouette[0] == pytest.approx(metrics.silhouette_score(seen, found.labels), abs=1e-5)
    assert found.silhouette[1] < found.silhouette[0] < found.silhouette[2]


def test_what_was_found_is_stored(workspace, monkeypatch):
    run = drawn(workspace)
    before = clusters(run, "test", Clustering(clusters=5))
    monkeypatch.setattr("latentviz.evaluation.clustered.cluster", None)  # not asked again
    after = clusters(run.reopened(), "test", Clustering(clusters=5))
    np.testing.assert_array_equal(after.labels, before.labels)
    assert after.silhouette == before.silhouette
    assert len(run.derived.list("clusters")) == 1


def test_a_multicut_finds_the_number_of_classes_itself(workspace):
    run = drawn(workspace)
    found = clusters(run, "test", Multicut())
    large = np.bincount(found.labels)
    assert (large > 20).sum() == CLASSES
    assert found.with_classes.values["ari"] > 0.9
    again = clusters(drawn(workspace, name="again"), "test", Multicut())
    np.testing.assert_array_equal(again.labels, found.labels)


def test_a_set_without_labels_agrees_with_predictions_only(workspace):
    found = clusters(drawn(workspace), "far", Clustering(clusters=3))
    assert found.with_classes is None
    assert 0 <= found.with_predictions.values["purity"] <= 1


def test_one_cluster_has_no_silhouette(workspace):
    found = clusters(drawn(workspace), "test", Clustering(clusters=1))
    assert np.isnan(found.silhouette).all()
    assert found.with_classes.values["nmi"] == pytest.approx(0)


def test_distances_are_those_of_the_set(workspace):
    run = drawn(workspace, "l2")
    ours = distances(run, "test").values
    expected = class_distances(directions(run["test"].features), run["test"].labels, replicates=0).values
    assert ours == expected


def test_what_cannot_be_clustered(workspace):
    run = drawn(workspace)
    with pytest.raises(DataError, match="200 samples for 201 clusters"):
        clusters(run, "test", Clustering(clusters=201))
    with pytest.raises(DataError, match="neighbours is 0"):
        Multicut(neighbours=0)
    without = drawn(workspace, name="without", roles={"train": "shifted", "test": "ind", "far": "ood"})
    with pytest.raises(DataError, match="learns from labelled training samples"):
        clusters(without, "test", Multicut())
