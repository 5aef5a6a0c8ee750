"""What is in a cluster, what falls into it from elsewhere, and how indicators depend on the number of clusters."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_samples
from sklearn.neighbors import KNeighborsClassifier

from latentviz.evaluation.cluster_contents import VOTERS, falls, matched, members, shares
from latentviz.evaluation.cluster_stability import asked, over, usual_values
from latentviz.evaluation.cluster_stability import cost as stability_cost
from latentviz.evaluation.cluster_stability import run_job as run_over
from latentviz.evaluation.clustered import Multicut, clusters, cost, is_stored, request, run_job
from latentviz.evaluation.feature_statistics import of_features
from latentviz.geometry.clustering import NOISE, Clustering
from latentviz.latents import directions
from latentviz.progress import silent
from tests.evaluation.test_clustered import CLASSES, drawn

FIVE = Clustering(clusters=5)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    import latentviz as lv

    return drawn(lv.Workspace(tmp_path_factory.mktemp("clusters")))


def test_a_sample_falls_where_most_of_its_neighbours_are(run):
    found = clusters(run, "test", FIVE)
    ours = falls(run, found, ["far", "train"])
    theirs = KNeighborsClassifier(VOTERS).fit(run["test"].features, found.labels)
    for name in ("far", "train"):
        votes = theirs.predict_proba(run[name].features)
        sure = np.sort(votes, axis=1)[:, -1] > np.sort(votes, axis=1)[:, -2]
        assert sure.mean() > 0.8
        np.testing.assert_array_equal(ours[name][sure], theirs.predict(run[name].features)[sure])
    # The clustered samples themselves stay where they are.
    assert (falls(run, found, ["test"])["test"] == found.labels).mean() > 0.97


def test_samples_around_noise_fall_into_none(run):
    found = clusters(run, "test", FIVE)
    found = replace(found, labels=np.where(found.labels == 4, NOISE, found.labels))
    ours = falls(run, found, ["far"])
    before = falls(run, clusters(run, "test", FIVE), ["far"])["far"]
    np.testing.assert_array_equal(ours["far"], np.where(before == 4, NOISE, before))
    table = shares(ours, found.count)
    assert table["samples"].sum() == 60
    assert table["share"].sum() == pytest.approx(1)
    assert ((table["low"] <= table["share"]) & (table["share"] <= table["high"])).all()
    assert -1 in set(table["cluster"])


def test_members_are_in_the_order_of_their_distance_to_the_mean(run):
    found = clusters(run, "test", FIVE)
    rows, apart = members(run, found, 2)
    inside = run["test"].features[found.labels == 2]
    assert sorted(rows) == np.flatnonzero(found.labels == 2).tolist()
    expected = np.sort(np.linalg.norm(inside - inside.mean(axis=0), axis=1))
    np.testing.assert_allclose(apart, expected, rtol=1e-5)
    none, _ = members(run, found, 99)
    assert len(none) == 0


def test_clusters_are_matched_with_the_classes_they_hold(run):
    found = clusters(run, "test", FIVE)
    names = matched(run, found)
    assert sorted(names) == list(range(5))
    for number, name in names.items():
        inside = run["test"].labels[found.labels == number]
        assert run.classes[np.bincount(inside).argmax()] == name
    assert matched(run, clusters(run, "far", FIVE)) == {}


def test_indicators_over_the_number_of_clusters(run):
    table = over(run, "test", FIVE, [2, 5, 8])
    rows = table.set_index(["value", "indicator"])
    assert list(dict.fromkeys(table["value"])) == [2, 5, 8]
    for value in (2, 5, 8):
        found = clusters(run, "test", Clustering(clusters=value))
        assert rows.loc[(value, "nmi"), "result"] == found.with_classes.values["nmi"]
        assert rows.loc[(value, "silhouette"), "low"] == pytest.approx(found.silhouette[1])
    labels = [clusters(run, "test", Clustering(clusters=8, seed=seed)).labels for seed in range(3)]
    pairs = [adjusted_rand_score(labels[a], labels[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert rows.loc[(8, "stability"), "result"] == pytest.approx(np.mean(pairs))
    assert rows.loc[(5, "nmi"), "result"] > rows.loc[(2, "nmi"), "result"]
    assert rows.loc[(5, "nmi"), "result"] > rows.loc[(8, "nmi"), "result"]


def test_each_method_varies_what_it_has(run):
    assert usual_values(run, "test", FIVE) == [2, 4, 5, 6, 8, 10, 15]
    assert 25 in usual_values(run, "test", Clustering("hdbscan"))
    assert usual_values(run, "test", Multicut(neighbours=7))[1] == 7
    table = over(run, "test", Clustering("hdbscan"), [10, 40])
    assert "stability" not in set(table["indicator"])
    assert set(over(run, "far", FIVE, [3])["indicator"]) == {"silhouette", "predictions", "stability"}


def test_silhouettes_are_scikit_learns(run):
    found = clusters(run, "test", FIVE)
    np.testing.assert_allclose(found.silhouettes, silhouette_samples(run["test"].features, found.labels), atol=1e-5)


def test_a_sample_between_two_classes_does_not_join_them(workspace):
    """Without random pairs the graph of neighbours holds clusters together that one bridge touches."""
    import latentviz as lv

    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 60)
    features = 4 * np.eye(3, 8)[labels] + random.normal(size=(180, 8))
    # A thin bridge from the first class to the second.
    features[:12] = np.linspace(features[0], features[60], 12) + 0.1 * random.normal(size=(12, 8))
    run = lv.Run.from_arrays(
        {"train": features.astype(np.float32), "test": features.astype(np.float32)},
        labels={"train": labels, "test": labels},
        head=lv.Head(np.eye(3, 8), np.zeros(3)),
        workspace=workspace,
        name="bridged",
    )
    alone, kept = (clusters(run, "test", Multicut(neighbours=20, far=far)).with_classes for far in (0, 15))
    assert kept.values["ari"] > 0.8
    assert kept.values["ari"] > alone.values["ari"] + 0.2


def test_the_job_finds_them(workspace):
    run = drawn(workspace)
    for how in (Clustering(clusters=4, components=3), Multicut(far=5)):
        assert not is_stored(run, "test", how, "unit")
        said = run_job(workspace.path, request(run, "test", how, "unit"), silent)
        assert is_stored(run, "test", how, "unit")
        assert said == f"{clusters(run, 'test', how, 'unit').count} clusters of test"
    dear = [Clustering("hdbscan"), Clustering("agglomerative"), Clustering()]
    assert cost(run, "test", dear[0]) > cost(run, "test", dear[1]) > cost(run, "test", dear[2])


def test_the_job_varies_the_number_of_clusters(workspace):
    run, how = drawn(workspace), Clustering(clusters=4)
    assert stability_cost(run, "test", how, [2, 3]) > stability_cost(run, "test", how, [2]) > 0
    said = run_over(workspace.path, request(run, "test", how, "head") | {"values": [2, 3]}, silent)
    assert said == "Clusters of test for 2 values"
    assert stability_cost(run, "test", how, [2, 3]) == 0
    assert len(asked(how, [2, 3])) == 6
    assert len(asked(Multicut(), [2, 3])) == 2


def test_two_of_them_are_statistics_of_sets(run):
    found = of_features(run, "test", ["far"], "cluster-predictions").iloc[0]
    expected = clusters(run, "far", Clustering(clusters=CLASSES)).with_predictions
    assert found["value"] == expected.values["nmi"]
    found = of_features(run, "test", ["far"], "silhouette").iloc[0]
    assert found["value"] == pytest.approx(clusters(run, "far", Clustering(clusters=CLASSES)).silhouette[0])


def test_the_unit_sphere_is_clustered_where_it_is_asked_for(run):
    found = clusters(run, "test", FIVE, "unit")
    ours = falls(run, found, ["far"], "unit")["far"]
    far = directions(run["far"].features)
    theirs = KNeighborsClassifier(VOTERS).fit(directions(run["test"].features), found.labels)
    votes = np.sort(theirs.predict_proba(far), axis=1)
    sure = votes[:, -1] > votes[:, -2]
    assert sure.mean() > 0.8
    np.testing.assert_array_equal(ours[sure], theirs.predict(far)[sure])
