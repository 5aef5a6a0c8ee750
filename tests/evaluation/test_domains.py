"""Two domains: shares and pairs against counts by hand, what a removed shift changes, what is told of odd sets."""

import numpy as np
import pandas as pd
import pytest

import latentviz as lv
from latentviz.errors import DataError
from latentviz.evaluation.accuracy import wilson_interval
from latentviz.evaluation.asked import Asked
from latentviz.evaluation.domains import (
    ALL,
    Domains,
    distances_by_class,
    mean_plane,
    mean_with_interval,
    pair_table,
    shares,
)
from latentviz.evaluation.scores import scores
from latentviz.geometry.common_shift import removed
from tests.paired import ROWS, SHIFT, domains_of, paired_run
from tests.versions import add_shifted

KNN = Asked.of("knn", {"k": 5})


@pytest.fixture(scope="module")
def run() -> lv.Run:
    return paired_run()


@pytest.fixture(scope="module")
def scored(run) -> list[np.ndarray]:
    found = scores(run, [KNN], ["simulated", "measured"]).by_scorer[KNN.label]
    return [found["simulated"], found["measured"]]


def test_shares_are_counts(run, scored):
    threshold = float(np.median(scored[0]))
    table = shares(domains_of(run), scored, threshold).set_index("class")
    assert list(table.index) == [ALL, *run.classes]
    measured = run["measured"]
    right = measured.read("prediction") == measured.labels
    for number, name in [(None, ALL), *enumerate(run.classes)]:
        inside = np.full(ROWS, True) if number is None else measured.labels == number
        assert table.loc[name, "n_other"] == inside.sum()
        assert table.loc[name, "accuracy_other"] == right[inside].mean()
        low, high = wilson_interval(int(right[inside].sum()), int(inside.sum()))
        assert (table.loc[name, "accuracy_other_low"], table.loc[name, "accuracy_other_high"]) == (low, high)
        assert table.loc[name, "flagged_other"] == (scored[1][inside] > threshold).mean()
    assert table.loc[ALL, "flagged_one"] == pytest.approx(0.5, abs=0.02)


def test_the_shift_of_every_class_is_found():
    found = domains_of(paired_run(noise=0)).shift()
    np.testing.assert_allclose(found.vectors, np.tile(SHIFT, (3, 1)), atol=1e-5)
    assert found.common == pytest.approx(1)


def test_the_mean_shift_is_taken_away(run):
    with_it, without = domains_of(paired_run(noise=0)), domains_of(paired_run(noise=0), without="mean")
    one, other = without.features
    np.testing.assert_allclose(other, one, atol=1e-5)
    np.testing.assert_array_equal(without.prediction[0], without.prediction[1])
    assert (with_it.prediction[1] != with_it.labels[1]).mean() > 0.3
    assert without.shift().norms == pytest.approx(np.zeros(3), abs=1e-5)


def test_home_stays_where_it_is(run):
    moved = domains_of(run, without="coral", home="other")
    np.testing.assert_array_equal(moved.latents[1].features, run["measured"].features)
    expected = removed(run["simulated"].features, run["measured"].features, "coral")
    np.testing.assert_array_equal(moved.latents[0].features, expected)
    np.testing.assert_allclose(moved.latents[0].logits, run.head.logits(expected), atol=1e-5)


def test_scores_of_the_moved_domain_are_those_of_its_features(run, scored):
    assert domains_of(run).scores(KNN, scored)[1] is scored[1]
    moved = domains_of(run, without="mean")
    fitted = KNN.make().fit(run["train"].latents())
    found = moved.scores(KNN, scored)
    assert found[0] is scored[0]
    np.testing.assert_allclose(found[1], fitted.score(moved.latents[1]))
    np.testing.assert_allclose(domains_of(run, without="mean", home="other").scores(KNN, scored)[1], scored[1])


def test_pairs_have_all_that_is_known(run, scored):
    table = pair_table(domains_of(run), scores=scored)
    assert len(table) == ROWS
    one, other = run["simulated"], run["measured"]
    np.testing.assert_allclose(table["distance"], np.linalg.norm(one.features - other.features, axis=1), rtol=1e-5)
    assert table["id_one"].tolist() == one.index["id"].tolist()
    assert table["azimuth"].tolist() == one.index["azimuth"].tolist()
    assert table["prediction_other"].tolist() == other.table()["prediction"].tolist()
    assert table["correct_other"].tolist() == other.table()["correct"].tolist()
    np.testing.assert_allclose(table["confidence_one"], one.read("confidence"), rtol=1e-4)
    np.testing.assert_array_equal(table["score_other"], scored[1])
    cosine = pair_table(domains_of(run), "cosine")["distance"]
    unit = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in (one.features, other.features)]
    np.testing.assert_allclose(cosine, 1 - (unit[0] * unit[1]).sum(axis=1), atol=1e-6)


def test_a_head_that_normalises_sees_directions():
    run = paired_run()
    features = {s: run[s].features for s in ("train", "test", "far")}
    labels = {s: run[s].labels for s in ("train", "test")}
    head = lv.Head(np.eye(3, 6), np.zeros(3), kind="l2")
    l2 = lv.Run.from_arrays(features, labels=labels, head=head, name="l2")
    one, other = Domains(l2, "train", "test").features
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(other, axis=1), 1, rtol=1e-5)


def test_of_an_l2_head_directions_are_moved():
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    one = (3 * np.eye(6)[labels] + random.normal(size=(60, 6))).astype(np.float32)
    other = (20 * (one / np.linalg.norm(one, axis=1, keepdims=True) + [0, 0.5, 0, 0, 0, 0])).astype(np.float32)
    run = lv.Run.from_arrays(
        {"one": one, "other": other},
        labels={"one": labels, "other": labels},
        roles={"one": "ind", "other": "shifted"},
        head=lv.Head(np.eye(3, 6), np.zeros(3), kind="l2"),
        name="l2",
    )
    moved = Domains(run, "one", "other", without="mean")
    apart = [
        np.linalg.norm(np.subtract(*(z.mean(axis=0) for z in of.features)))
        for of in (Domains(run, "one", "other"), moved)
    ]
    assert apart[1] < 0.5 * apart[0]
    np.testing.assert_allclose(moved.features[1].mean(axis=0), moved.features[0].mean(axis=0), atol=0.1)


def test_angles_that_are_text_are_unknown(workspace):
    run = paired_run(workspace)
    angles = np.array(["12.5", "east"] * 30, dtype=object)
    run = add_shifted(run, "noted", run["test"].features, run["test"].labels, metadata={"azimuth": angles})
    pairs = pd.DataFrame({"one": [0, 1], "other": [0, 1]})
    found = pair_table(Domains(run, "test", "noted", pairs))["azimuth"]
    assert found[0] == 12.5
    assert np.isnan(found[1])


def test_mean_distances_by_class(run):
    table = pair_table(domains_of(run))
    found = distances_by_class(table).set_index("class")
    assert list(found.index) == [ALL, *run.classes]
    assert found.loc[ALL, "mean"] == pytest.approx(table["distance"].mean())
    assert (found["low"] < found["mean"]).all()
    assert (found["mean"] < found["high"]).all()
    assert distances_by_class(table).equals(distances_by_class(table))  # the same seed


def test_bootstrap_interval_of_a_mean():
    random = np.random.default_rng(0)
    values = random.normal(size=400)
    value, low, high = mean_with_interval(values)
    assert value == values.mean()
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)
    assert np.isnan(mean_with_interval(np.array([1.0])).low)


def test_the_plane_of_the_means_shows_their_distances():
    run = paired_run(noise=0)
    of = domains_of(run)
    table, explained = mean_plane(of)
    assert 0 < explained <= 1
    # Projected: never farther apart than in feature space.
    apart = np.hypot(table["x_one"] - table["x_other"], table["y_one"] - table["y_other"])
    assert (apart <= of.shift().norms + 1e-5).all()


def test_classes_that_only_one_domain_has(workspace):
    run = paired_run(workspace)
    run = add_shifted(run, "part", run["test"].features[:20], np.zeros(20, int))
    of = Domains(run, "simulated", "part")
    assert of.common == [run.classes[0]]
    nothing = add_shifted(run, "rest", run["test"].features[:10], np.full(10, 1))
    with pytest.raises(DataError, match="no class in common"):
        mean_plane(Domains(nothing, "part", "rest"))
    assert of.sentences == [f"Only simulated has the classes {run.classes[1]}, {run.classes[2]}."]
    table = shares(of, [np.zeros(ROWS), np.zeros(20)], 1).set_index("class")
    assert np.isnan(table.loc[run.classes[1], "accuracy_other"])
    assert table.loc[run.classes[1], "n_other"] == 0


def test_out_of_distribution_sets_have_no_accuracy(run):
    of = Domains(run, "test", "far")
    table = shares(of, [np.zeros(60), np.zeros(40)], 1).set_index("class")
    assert np.isnan(table.loc[ALL, "accuracy_other"])
    assert table.loc[ALL, "labelled_other"] == 0


def test_what_are_no_two_domains(run, workspace):
    with pytest.raises(DataError, match='Both domains are "test"'):
        Domains(run, "test", "test")
    empty = add_shifted(paired_run(workspace), "empty", np.zeros((4, 6)), np.zeros(4, int), written=0)
    with pytest.raises(DataError, match='"empty" holds no samples'):
        Domains(empty, "test", "empty")


def test_no_pairs_is_an_empty_table(run):
    table = pair_table(Domains(run, "simulated", "measured"))
    assert isinstance(table, pd.DataFrame)
    assert table.empty
