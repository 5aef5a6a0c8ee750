"""Neural collapse of a run's sets: the same as of arrays in memory, once computed stored."""

import numpy as np
import pytest

import latentviz as lv
from latentviz.errors import DataError
from latentviz.evaluation.collapse import METRICS, aligned, angles, collapse, over_epochs
from latentviz.geometry.class_moments import ClassMoments
from latentviz.geometry.neural_collapse import neural_collapse
from latentviz.latents import directions
from tests.families import checkpoint, family


@pytest.fixture
def run(workspace) -> lv.Run:
    return checkpoint(workspace)


@pytest.mark.parametrize("space", ["raw", "unit"])
def test_a_runs_metrics_are_those_of_its_arrays(run, space):
    found, z, labels = collapse(run, "test", space), run["test"].features, run["test"].labels
    seen = z if space == "raw" else directions(z)
    expected = neural_collapse(ClassMoments(3, 6).update(seen, labels), run.head.weight)
    assert {n: v for n, v in found.metrics.items() if n != "nc4"} == pytest.approx(vars(expected))
    assert list(found.metrics) == list(METRICS)
    assert found.classes == list(run.classes)
    for c in range(3):
        np.testing.assert_allclose(found.means[c], seen[labels == c].mean(axis=0, dtype=np.float64), rtol=1e-6)
        assert found.norms[c] == pytest.approx(np.linalg.norm(z[labels == c], axis=1).mean(), rel=1e-6)
    for name, (low, high) in found.intervals.items():
        assert low <= found.metrics[name] <= high


def test_nc4_is_against_the_means_of_the_training_data(workspace):
    z = {"train": np.eye(2, dtype=np.float32)[[0, 0, 1, 1]] * 4, "test": np.float32([[3, 0], [0, 3], [1, 3], [3, 1]])}
    labels = {"train": np.array([0, 0, 1, 1]), "test": np.array([0, 1, 0, 1])}
    # The network says 0 unless the second feature is larger by 3: the nearest training mean only sometimes.
    head = lv.Head(np.eye(2), np.array([1.5, -1.5]))
    run = lv.Run.from_arrays(z, labels=labels, head=head, workspace=workspace)
    predicted, nearest = run["test"].read("prediction"), np.array([0, 1, 1, 0])
    found = collapse(run, "test")
    assert found.metrics["nc4"] == np.mean(predicted != nearest) > 0
    assert found.intervals["nc4"][0] < found.metrics["nc4"] < found.intervals["nc4"][1]


def test_what_was_computed_is_read_again(run, monkeypatch):
    first = collapse(run, "train", "unit")
    monkeypatch.setattr("latentviz.evaluation.collapse._computed", None)
    again = collapse(run, "train", "unit")
    assert again.metrics == first.metrics
    assert again.intervals == first.intervals
    np.testing.assert_array_equal(again.means, first.means)
    with pytest.raises(TypeError):
        collapse(run, "train", "raw")


def test_sets_without_labels_or_with_one_class(workspace, run):
    with pytest.raises(DataError, match='"far" has no labels of the model\'s classes'):
        collapse(run, "far")
    z = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    head = lv.Head(np.eye(3, 6), np.zeros(3))
    one = lv.Run.from_arrays({"test": z}, labels={"test": np.zeros(5, int)}, head=head, workspace=workspace, name="one")
    with pytest.raises(DataError, match="1 classes have samples"):
        collapse(one, "test")


def test_a_class_with_a_single_sample(workspace):
    z = np.float32([[1, 0], [1.2, 0], [0, 1], [-1, -1.1], [-1, -0.9]])
    labels = np.array([0, 0, 1, 2, 2])
    head = lv.Head(np.array([[1, 0], [0, 1], [-1, -1]]), np.zeros(3))
    run = lv.Run.from_arrays({"test": z}, labels={"test": labels}, head=head, workspace=workspace)
    found = collapse(run, "test")
    assert found.counts.tolist() == [2, 1, 2]
    assert all(np.isfinite(value) for value in found.metrics.values())


def test_features_without_a_head(workspace):
    z = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    labels, logits = np.arange(30) % 3, np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    run = lv.Run.from_arrays({"test": z}, {"test": logits}, {"test": labels}, workspace=workspace)
    found = collapse(run, "test")
    assert np.isnan(found.metrics["nc3"])
    assert "nc3" not in found.intervals
    assert np.isnan(aligned(run, found)).all()


def test_over_epochs_of_a_family(workspace):
    runs = family(workspace)
    table = over_epochs(runs, "train", "raw")
    assert len(table) == len(runs) * len(METRICS)
    nc1 = table[table["metric"] == "nc1"].pivot_table(index="epoch", columns=["head", "seed"], values="value")
    assert (nc1.diff().dropna() < 0).all().all()  # it was made to collapse
    assert over_epochs(runs, "far", "raw").empty


def test_angles_of_sets_to_the_means(run):
    table = angles(run, collapse(run, "train")).set_index("set")
    assert list(table.index) == ["train", "test", "far"]
    assert (table["low"] < table["angle"]).all()
    assert table["angle"]["far"] > table["angle"]["train"]


def test_real_features_agree_with_the_definition(cifar_run):
    """The published ResNet-20 on 10,000 images, in float64 with the pseudo-inverse."""
    image_set, head = cifar_run["jpeg"], cifar_run.head
    z, labels = image_set.features.astype(np.float64), image_set.labels
    mean = np.stack([z[labels == c].mean(axis=0) for c in range(10)])
    centre = mean.mean(axis=0)
    within = (z - mean[labels]).T @ (z - mean[labels]) / len(z)
    between = (mean - centre).T @ (mean - centre) / 10
    found = collapse(cifar_run, "jpeg").metrics
    assert found["nc1"] == pytest.approx(
        np.trace(within @ np.linalg.pinv(between, rcond=1e-10, hermitian=True)) / 10, rel=1e-8
    )
    w, m = head.weight.astype(np.float64), mean - centre
    assert found["nc3"] == pytest.approx(np.sum((w / np.linalg.norm(w) - m / np.linalg.norm(m)) ** 2), rel=1e-8)
    unit = m / np.linalg.norm(m, axis=1)[:, None]
    off = ~np.eye(10, dtype=bool)
    assert found["nc2_equiangular_means"] == pytest.approx(np.abs(unit @ unit.T + 1 / 9)[off].mean(), rel=1e-8)
    nearest = ((z[:, None] - mean[None]) ** 2).sum(axis=2).argmin(axis=1)
    assert found["nc4"] == np.mean(nearest != image_set.read("prediction"))
