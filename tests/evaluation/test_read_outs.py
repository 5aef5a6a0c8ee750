"""Read-outs against scikit-learn, and what removing a shift gives back."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.neighbors import NearestCentroid

from latentviz.errors import DataError
from latentviz.evaluation.domains import Domains
from latentviz.evaluation.read_outs import flagged_without, linear, nearest_mean, read_outs
from tests.paired import domains_of, paired_run
from tests.versions import add_shifted


def test_the_nearest_mean_is_scikit_learns():
    random = np.random.default_rng(0)
    features, classes = random.normal(size=(90, 5)), np.arange(90) % 4
    others = random.normal(size=(50, 5))
    expected = NearestCentroid().fit(features, classes).predict(others)
    np.testing.assert_array_equal(nearest_mean(features, classes, others), expected)


def test_classes_apart_are_read_out():
    classes = np.arange(80) % 4
    features = 9 * np.eye(4)[classes] + np.random.default_rng(0).normal(size=(80, 4))
    for predict in (nearest_mean, linear):
        np.testing.assert_array_equal(predict(features, classes, features), classes)


def test_removing_a_constant_shift_gives_everything_back():
    table = read_outs(domains_of(paired_run(noise=0))).set_index(["read_out", "without"])["accuracy"]
    assert table["network", "mean"] > table["network", "nothing"] + 0.2
    assert table["means", "mean"] > table["means", "nothing"] + 0.2
    assert table["means", "mean"] == pytest.approx(table["means", "coral"])


def test_the_network_is_right_as_often_as_it_says():
    run = paired_run()
    table = read_outs(domains_of(run))
    row = table[(table["read_out"] == "network") & (table["without"] == "nothing")].iloc[0]
    measured, simulated = run["measured"], run["simulated"]
    assert row["accuracy"] == (measured.read("prediction") == measured.labels).mean()
    assert row["accuracy_home"] == (simulated.read("prediction") == simulated.labels).mean()
    assert row["n"] == 60
    back = read_outs(domains_of(run, home="other"))
    assert back[back["read_out"] == "network"]["accuracy"].iloc[0] == row["accuracy_home"]


def test_gains_are_of_the_same_samples():
    of = domains_of(paired_run())
    table = read_outs(of).set_index(["read_out", "without"])
    before, after = (replace(of, without=kind) for kind in ("nothing", "coral"))
    gain = (after.prediction[1] == after.labels[1]).astype(float) - (before.prediction[1] == before.labels[1])
    row = table.loc[("network", "coral")]
    assert row["gain"] == pytest.approx(gain.mean())
    assert row["gain_high"] - row["gain"] == pytest.approx(1.96 * gain.std(ddof=1) / np.sqrt(60), rel=1e-3)
    assert table.loc[("network", "nothing"), "gain"] == 0


def test_flagged_shares_are_counts():
    table = flagged_without({"nothing": np.arange(60), "mean": np.zeros(60)}, 44.0)
    assert table["flagged"].tolist() == [0.25, 0]
    assert (table["flagged_low"] <= table["flagged"]).all()


def test_a_class_that_home_lacks_is_not_judged(workspace):
    run = paired_run(workspace)
    part = run["test"].labels < 2
    run = add_shifted(run, "two", run["test"].features[part], run["test"].labels[part])
    table = read_outs(Domains(run, "two", "measured")).set_index(["read_out", "without"])
    assert table.loc[("means", "nothing"), "n"] == 40
    assert table.loc[("network", "nothing"), "n"] == 60


def test_no_class_in_common(workspace):
    run = paired_run(workspace)
    one, other = ((run["test"].labels == c) for c in (0, 1))
    run = add_shifted(run, "one", run["test"].features[one], run["test"].labels[one])
    run = add_shifted(run, "other", run["test"].features[other], run["test"].labels[other])
    with pytest.raises(DataError, match="no class in common"):
        read_outs(Domains(run, "one", "other"))
