"""Accuracy, confusion and class balance."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics

from latentviz import ModelSpec, Run, extract, folder
from latentviz.evaluation import accuracy
from latentviz.evaluation.accuracy import rescaled_chips, warnings
from latentviz.progress import silent
from latentviz.workspace.manifest import write
from tests.paired import paired_run
from tests.versions import clean_run

CLASSES = ["cat", "dog", "emu"]


def one_hot(predictions: list[int]) -> np.ndarray:
    return np.eye(3, dtype=np.float32)[predictions] * 5


@pytest.fixture
def run():
    """Four of five right in the fit set, two of four in the test set, and another class."""
    predictions = {"train": [0, 0, 1, 2, 1], "test": [1, 1, 1, 0], "fox": [2, 2, 0]}
    return Run.from_arrays(
        {name: np.ones((len(p), 2), np.float32) for name, p in predictions.items()},
        {name: one_hot(p) for name, p in predictions.items()},
        {"train": np.array([0, 0, 1, 2, 2]), "test": np.array([0, 0, 1, -1])},
        classes=CLASSES,
    )


@given(st.integers(1, 5000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_interval_is_wilsons(counts):
    correct, total = counts
    expected = binomtest(correct, total).proportion_ci(method="wilson")
    assert accuracy.wilson_interval(correct, total) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_no_samples_say_nothing():
    assert accuracy.wilson_interval(0, 0) == (0, 1)


def test_sets_table(run):
    table = accuracy.sets_table(run).set_index("set")
    assert table["role"].to_dict() == {"train": "fit", "test": "ind", "fox": "ood"}
    assert table["samples"].tolist() == table["listed"].tolist() == [5, 4, 3]
    assert table["skipped"].tolist() == [0, 0, 0]
    assert table["labelled"].tolist() == [5, 3, 0]
    assert table["accuracy"][["train", "test"]].tolist() == pytest.approx([4 / 5, 1 / 3])
    assert table.loc["train", ["low", "high"]].tolist() == pytest.approx(accuracy.wilson_interval(4, 5))
    assert table.loc["fox", ["accuracy", "low", "high"]].isna().all()
    # Samples without a class are no class.
    assert table["classes"].to_dict() == {"train": 3, "test": 2, "fox": 0}


def test_class_balance(run):
    table = accuracy.class_balance(run)
    train = table[table["set"] == "train"]
    assert train["class_name"].tolist() == CLASSES
    assert train["samples"].tolist() == [2, 1, 2]
    assert table.groupby("set")["share"].sum().tolist() == pytest.approx([1, 1, 1])


def test_unknown_classes_come_last():
    run = Run.from_arrays(
        {"test": np.ones((3, 2), np.float32)},
        {"test": one_hot([0, 1, 2])},
        {"test": np.array([2, -1, 0])},
        classes=CLASSES,
    )
    assert accuracy.class_balance(run)["class_name"].tolist() == ["cat", "emu", ""]


@settings(max_examples=25)  # every example writes a run
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40))
def test_confusion_matrix_is_sklearns(pairs):
    truth, predicted = (list(values) for values in zip(*pairs, strict=True))
    features = {"test": np.ones((len(pairs), 2), np.float32)}
    run = Run.from_arrays(features, {"test": one_hot(predicted)}, {"test": np.array(truth)}, classes=CLASSES)
    matrix = accuracy.confusion_matrix(run["test"])
    np.testing.assert_array_equal(matrix, metrics.confusion_matrix(truth, predicted, labels=range(3)))
    assert accuracy.sets_table(run)["accuracy"][0] == pytest.approx(metrics.accuracy_score(truth, predicted))


def test_samples_without_a_label_are_in_no_confusion(run):
    assert accuracy.confusion_matrix(run["test"]).tolist() == [[0, 2, 0], [0, 1, 0], [0, 0, 0]]
    assert accuracy.confusion_matrix(run["fox"]).sum() == 0


def test_predicted_as_names_all_classes_of_the_model(run):
    table = accuracy.predicted_as(run["fox"])
    assert table.columns.tolist() == CLASSES
    assert table.index.tolist() == ["(no class)"]
    assert table.to_numpy().tolist() == [[1, 0, 2]]
    assert accuracy.predicted_as(run["train"]).loc["emu"].to_dict() == {"cat": 0, "dog": 1, "emu": 1}


def test_predicted_as_keeps_the_order_of_the_model():
    run = Run.from_arrays(
        {"test": np.ones((4, 2), np.float32)},
        {"test": one_hot([0, 1, 2, 2])},
        {"test": np.array([0, 1, 2, -1])},
        classes=["emu", "cat", "dog"],
    )
    table = accuracy.predicted_as(run["test"])
    assert table.columns.tolist() == ["emu", "cat", "dog"]
    assert table.index.tolist() == ["emu", "cat", "dog", "(no class)"]
    assert table.to_numpy().tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]]


def test_a_class_that_the_source_spells_otherwise_is_the_models(checkpoint, make_folder, tmp_path, workspace):
    images = make_folder(tmp_path / "images", {"Fire truck": 3, "cat": 2, "dog": 1})
    spec = ModelSpec(architecture="resnet20", checkpoint=checkpoint)
    classes = ["fire_truck", "dog", "cat"]
    run = extract(spec, {"test": folder(images, "ind")}, workspace=workspace, classes=classes, progress=silent)
    table = accuracy.predicted_as(run["test"])
    assert table.index.tolist() == classes
    assert table.sum(axis=1).tolist() == [3, 1, 2]
    assert accuracy.class_balance(run)["class_name"].tolist() == classes


def test_most_confused(run):
    expected = pd.DataFrame({"label": ["emu"], "prediction": ["dog"], "samples": [1], "share": [0.5]})
    pd.testing.assert_frame_equal(accuracy.most_confused(run["train"]), expected)
    assert accuracy.most_confused(run["fox"]).empty


def test_most_confused_starts_with_the_most_frequent():
    truth, predicted = [0] * 6 + [1] * 6, [1] * 2 + [2] * 3 + [0] + [0] * 5 + [1]
    features = {"test": np.ones((12, 2), np.float32)}
    run = Run.from_arrays(features, {"test": one_hot(predicted)}, {"test": np.array(truth)}, classes=CLASSES)
    table = accuracy.most_confused(run["test"], limit=2)
    assert table["samples"].tolist() == [5, 3]
    assert table["prediction"].tolist() == ["cat", "emu"]
    assert table["share"].tolist() == pytest.approx([5 / 6, 1 / 2])


def matrix(counts: list[list[int]]) -> np.ndarray:
    return np.array(counts)


def test_two_swapped_classes_are_found():
    swapped = matrix([[2, 90, 0], [95, 1, 4], [0, 0, 100]])
    sentence = accuracy.shuffled_classes(swapped, tuple(CLASSES))
    assert "cat → dog, dog → cat" in sentence
    assert "35% of the samples are correct, but 98% would be" in sentence


@pytest.mark.parametrize(
    "counts",
    [
        [[98, 2, 0], [0, 99, 1], [0, 0, 100]],  # good
        [[50, 30, 20], [45, 40, 15], [30, 30, 40]],  # bad, but in order
        [[34, 33, 33], [33, 33, 34], [33, 34, 33]],  # chance
        [[100, 0, 0], [100, 0, 0], [100, 0, 0]],  # always the same answer
        [[45, 46, 9], [46, 45, 9], [5, 5, 90]],  # two classes that cannot be told apart
        [[0, 0, 0], [0, 0, 0], [0, 0, 0]],  # nothing
    ],
)
def test_a_bad_classifier_is_not_called_shuffled(counts):
    assert accuracy.shuffled_classes(matrix(counts), tuple(CLASSES)) == ""


def test_warnings_look_at_sets_with_the_models_own_classes():
    swapped = one_hot([1] * 20 + [0] * 20)
    labels = np.array([0] * 20 + [1] * 20)
    features = np.ones((40, 2), np.float32)

    def warnings(role: str) -> list[str]:
        return accuracy.warnings(
            Run.from_arrays({"a": features}, {"a": swapped}, {"a": labels}, roles={"a": role}, classes=CLASSES)
        )

    assert len(warnings("ind")) == 1
    assert warnings("shifted") == []


def test_radar_chips_that_were_resized_are_told(workspace):
    run = paired_run(workspace)
    assert rescaled_chips(run) == ""  # not known to be resized
    about = run.manifest.model_copy(update={"preprocessing": {"resize": [64, 64]}})
    write(run.folder / "manifest.json", about)
    said = warnings(run.reopened())
    assert len(said) == 1
    assert said[0].startswith("The radar chips of simulated, measured are resized as wholes (64×64).")
    write(run.folder / "manifest.json", about.model_copy(update={"preprocessing": {"crop": 64}}))
    assert warnings(run.reopened()) == []


def test_pictures_without_a_pose_may_be_resized(workspace):
    run = clean_run(workspace)
    write(run.folder / "manifest.json", run.manifest.model_copy(update={"preprocessing": {"resize": 32}}))
    assert rescaled_chips(run.reopened()) == ""
